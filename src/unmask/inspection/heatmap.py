"""Where in a face the evidence lies, without gradients and without torch.

Two ways, by one rule:

* **Class activation** (Zhou et al. 2016, arXiv 1512.04150), where the network's logit is a linear
  function of the mean of its maps. Then each cell of the maps adds a known amount to the logit, and
  the amounts of all cells add up to it, but for the constant. Whether this holds is not believed of
  the graph but tried: on the very crop, and on a blank one, the sum must give the logit.
* **Occlusion** (Zeiler & Fergus 2014, arXiv 1311.2901) for every other network: a square of the
  crop is blurred away at each place of a grid, and what the logit loses is the evidence there.

Both are in logits: above 0 speaks for fake, below 0 for real.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from unmask.models.engine import LOGIT_TOLERANCE, EngineOutputs, FloatArray
from unmask.models.head import read_head
from unmask.models.library import ModelFolder
from unmask.records import Pixels

CLASS_ACTIVATION: Final = "class activation"
OCCLUSION: Final = "occlusion"
OCCLUSION_CELLS: Final = 8
"""Cells of the grid along each side; a hidden square is two cells wide."""
_BATCH: Final = 16
_BLUR_SHARE: Final = 1 / 16
"""Sigma of the blur that hides, in sides of the crop: no detail of a face survives it."""
_STRONGEST_ALPHA: Final = 0.62
_FAKE_RGB: Final = (213, 94, 0)
_REAL_RGB: Final = (0, 114, 178)

Network = Callable[[Pixels], EngineOutputs]


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """What each place of a crop adds to the logit."""

    method: str
    """`CLASS_ACTIVATION` or `OCCLUSION`."""
    grid: FloatArray
    """(h, w), in logits; above 0 for fake."""

    def to_dict(self) -> dict[str, Any]:
        """The map as plain JSON values."""
        rows = [[round(float(value), 4) for value in row] for row in self.grid]
        return {"method": self.method, "grid": rows}


class Explainer:
    """Makes the heat maps of one model's crops.

    Args:
        folder: the model.
        network: runs crops (N, S, S, 3).
    """

    def __init__(self, folder: ModelFolder, network: Network) -> None:
        self._network = network
        size = folder.card.crop.size_px
        self._blank = np.full((1, size, size, 3), 128, np.uint8)
        self._head = read_head(folder.weights_path)

    def explain(self, pixels: Pixels) -> HeatMap:
        """The heat map of a crop (S, S, 3)."""
        outputs = self._network(np.concatenate([pixels[None], self._blank]))
        activation = self._activate(outputs)
        if activation is not None:
            return HeatMap(CLASS_ACTIVATION, activation)
        return HeatMap(OCCLUSION, self._occlude(pixels, float(outputs.logit[0])))

    def _activate(self, outputs: EngineOutputs) -> FloatArray | None:
        """The cells' shares of the logit; None where they do not add up to it."""
        maps = outputs.maps
        if self._head is None or maps.shape[1] != len(self._head):
            return None
        cells = np.einsum("c,nchw->nhw", self._head, maps) / (maps.shape[2] * maps.shape[3])
        sums = cells.sum(axis=(1, 2))
        if abs(float(np.diff(sums - outputs.logit)[0])) > LOGIT_TOLERANCE:
            return None
        return np.asarray(cells[0], np.float32)

    def _occlude(self, pixels: Pixels, logit: float) -> FloatArray:
        hidden = list(_hide_squares(pixels))
        lost = [
            logit - self._network(np.stack(hidden[start : start + _BATCH])).logit
            for start in range(0, len(hidden), _BATCH)
        ]
        grid = np.concatenate(lost).reshape(OCCLUSION_CELLS, OCCLUSION_CELLS)
        return np.asarray(grid, np.float32)


def hide(pixels: Pixels) -> Pixels:
    """A crop (S, S, 3) with nothing but its coarse light and colour left."""
    sigma = pixels.shape[0] * _BLUR_SHARE
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def _hide_squares(pixels: Pixels) -> list[Pixels]:
    side = pixels.shape[0]
    blurred, cell = hide(pixels), side / OCCLUSION_CELLS
    crops = []
    for row in range(OCCLUSION_CELLS):
        for column in range(OCCLUSION_CELLS):
            top, left = (max(0, round((index - 0.5) * cell)) for index in (row, column))
            bottom, right = (round((index + 1.5) * cell) for index in (row, column))
            crop = pixels.copy()
            crop[top:bottom, left:right] = blurred[top:bottom, left:right]
            crops.append(crop)
    return crops


def draw_heat(pixels: Pixels, heat: HeatMap) -> Pixels:
    """A crop (S, S, 3) in grey with its heat map laid on it: orange for fake, blue for real.

    The strongest cell of the map has the full colour; cells near 0 stay grey.
    """
    side = pixels.shape[0]
    grid = cv2.resize(heat.grid, (side, side), interpolation=cv2.INTER_CUBIC)
    strongest = max(float(np.abs(heat.grid).max()), 1e-6)
    alpha = np.clip(np.abs(grid) / strongest, 0, 1)[..., None] * _STRONGEST_ALPHA
    colour = np.where(grid[..., None] > 0, _FAKE_RGB, _REAL_RGB).astype(np.float32)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.asarray(np.rint(grey * (1 - alpha) + colour * alpha), np.uint8)


def describe_heat(heat: HeatMap) -> str:
    """Where the strongest evidence for fake and for real lies, in words."""
    rows, columns = heat.grid.shape
    parts = []
    for word, best in (("fake", heat.grid.argmax()), ("real", heat.grid.argmin())):
        value = float(heat.grid.flat[best])
        if (value > 0) == (word == "fake") and value:
            row, column = divmod(int(best), columns)
            place = _name_place((row + 0.5) / rows, (column + 0.5) / columns)
            parts.append(f"most for {word} at the {place} ({value:+.2f} of the logit)")
    return "; ".join(parts)


def _name_place(down: float, across: float) -> str:
    vertical = ("top", "middle", "bottom")[min(2, int(down * 3))]
    horizontal = ("left", "centre", "right")[min(2, int(across * 3))]
    if (vertical, horizontal) == ("middle", "centre"):
        return "centre"
    return f"{vertical} {horizontal}"
