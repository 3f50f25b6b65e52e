"""Small pictures side by side with what was said of them: PNG bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from matplotlib.figure import Figure

from unmask.records import Pixels
from unmask.reporting.plots import encode_png, plain
from unmask.reporting.wording import VERDICT_COLOURS, VERDICT_WORDS, percent

COLUMNS: Final = 4
TILE_PX: Final = 192
_BLANK: Final = 232


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A picture and what was said of it."""

    pixels: Pixels | None
    """(H, W, 3); None where it could not be read again."""
    name: str
    truth: str
    """`real` or `fake`."""
    verdict: str
    """A name of `unmask.reporting.wording.VERDICT_WORDS`."""
    score: float | None = None
    right: bool | None = None
    """None where nothing was called."""


def draw_grid(tiles: Sequence[Tile], title: str) -> bytes:
    """Pictures in rows of four; the frame has the verdict's colour, the words say it too."""
    rows = max(1, -(-len(tiles) // COLUMNS))
    figure = Figure(figsize=(1.95 * COLUMNS, 2.4 * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    all_axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, tile in zip(all_axes, tiles, strict=False):
        _draw_tile(axes, tile)
    for axes in all_axes[len(tiles) :]:
        axes.set_axis_off()
    return encode_png(figure)


def fit_square(pixels: Pixels, side_px: int = TILE_PX) -> Pixels:
    """A picture of shape (H, W, 3) shrunk into a square (S, S, 3), the rest light grey."""
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square: Pixels = np.full((side_px, side_px, 3), _BLANK, np.uint8)
    top, left = (side_px - size[1]) // 2, (side_px - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = cv2.resize(pixels, size, interpolation=how)
    return square


def _draw_tile(axes: Any, tile: Tile) -> None:
    blank = np.full((TILE_PX, TILE_PX, 3), _BLANK, np.uint8)
    axes.imshow(blank if tile.pixels is None else fit_square(tile.pixels))
    axes.set_xticks([])
    axes.set_yticks([])
    colour = VERDICT_COLOURS[tile.verdict]
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=4)
    mark = {True: "right", False: "WRONG", None: "not judged"}[tile.right]
    if tile.verdict == "uncertain":
        mark = f"counts as {mark}"
    said = VERDICT_WORDS[tile.verdict].upper()
    score = "" if tile.score is None else f", {percent(tile.score)} fake"
    axes.set_title(f"{said}{score}", fontsize=9, fontweight="bold")
    axes.set_xlabel(
        f"is {tile.truth}: {mark}\n{plain(tile.name, 26)}", fontsize=8, parse_math=False
    )
