"""Face crops made strange: turned over, or with something over nose and mouth.

To describe what training faces look like is not enough for these: most of such a crop looks like
one of them. So a model is also shown them made of its training faces, and where they lie (outlier
exposure: Hendrycks, Mazeika and Dietterich 2019, arXiv 1812.04606).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import cv2
import numpy as np
import numpy.typing as npt

from unmask.records import Pixels

Chance = np.random.Generator
Maker = Callable[[Pixels, Chance], Pixels]
_Plane = npt.NDArray[np.float32]


def turn_over(face: Pixels, chance: Chance) -> Pixels:
    """A crop (S, S, 3) upside down, half of them mirrored."""
    across = 1 if chance.random() < 0.5 else -1
    return np.ascontiguousarray(face[::-1, ::across])


def cover(face: Pixels, chance: Chance) -> Pixels:
    """A crop (S, S, 3) with something of any shape, colour and pattern over nose and mouth."""
    side = len(face)
    shape = _draw_shape(side, chance)
    stuff = _draw_stuff(side, chance)
    if chance.random() < 0.6:  # it hangs in the light of the picture
        light = cv2.GaussianBlur(face.mean(axis=2).astype(np.float32), (0, 0), side / 8)
        stuff *= np.clip(light / max(float(light.mean()), 1.0), 0.4, 1.6)[:, :, None]
    stuff += chance.normal(0, chance.uniform(0, 5), (side, side, 1)).astype(np.float32)
    return np.clip(face * (1 - shape) + stuff * shape, 0, 255).astype(np.uint8)


STRANGE: Final[Mapping[str, Maker]] = {"turned over": turn_over, "covered": cover}


def _draw_shape(side: int, chance: Chance) -> _Plane:
    """How much of each pixel is covered, (S, S, 1)."""
    x, wide = 0.5 + chance.uniform(-0.05, 0.05), chance.uniform(0.18, 0.3)
    top, bottom = chance.uniform(0.47, 0.62), chance.uniform(0.8, 0.98)
    left, right = (top + chance.uniform(-0.05, 0.05) for _ in range(2))
    middle, high = (top + bottom) / 2, (bottom - top) / 2
    nose = (x, top - chance.uniform(0, 0.06))
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    uneven = chance.uniform(0.9, 1.1, (24, 2))
    outlines: tuple[Any, ...] = (
        # a folded mask, a band, something round, a scarf
        [(x - wide, left), nose, (x + wide, right), (x + 0.8 * wide, middle + 0.08), (x, bottom),
         (x - 0.8 * wide, middle + 0.08)],
        [(x - wide, left), (x + wide, right), (x + wide * chance.uniform(0.6, 1.3), bottom),
         (x - wide * chance.uniform(0.6, 1.3), bottom)],
        np.stack([x + wide * np.cos(angles), middle + high * np.sin(angles)], axis=1) * uneven,
        [(-0.1, left), nose, (1.1, right), (1.1, 1.1), (-0.1, 1.1)],
    )  # fmt: skip
    outline = np.rint(np.array(outlines[int(chance.integers(len(outlines)))]) * side)
    shape = np.zeros((side, side), np.float32)
    cv2.fillPoly(shape, [outline.astype(np.int32)], (1.0,))
    soft = cv2.GaussianBlur(shape, (0, 0), float(chance.uniform(0.4, 1.5)))
    return cast("_Plane", soft[:, :, None])


def _draw_stuff(side: int, chance: Chance) -> _Plane:
    """What covers, as a whole picture (S, S, 3) of levels."""
    grey = float(chance.uniform(0, 255))
    colour = chance.integers(0, 256, 3) if chance.random() < 0.7 else np.full(3, grey)
    stuff = np.ones((side, side, 3), np.float32) * colour.astype(np.float32)
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    angle = chance.uniform(0, 2 * np.pi)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    stuff *= (1 + chance.uniform(0, 0.35) * along - chance.uniform(0, 0.5) * columns**2)[..., None]
    pattern = int(chance.integers(4))
    if pattern == 1:  # stripes
        stripes = np.sin(chance.uniform(20, 120) * along)
        stuff *= (1 + chance.uniform(0.03, 0.2) * stripes)[..., None]
    elif pattern == 2:  # folds and cloth
        noise = chance.normal(0, 1, (side, side)).astype(np.float32)
        folds = cv2.GaussianBlur(noise, (0, 0), float(chance.uniform(0.6, 6)))
        stuff *= (1 + chance.uniform(0.03, 0.2) * folds / folds.std())[..., None]
    elif pattern == 3:  # patches of other colours
        cells = chance.integers(0, 256, (*chance.integers(4, 40, 2), 3)).astype(np.float32)
        stuff = 0.5 * stuff + 0.5 * cv2.resize(cells, (side, side), interpolation=cv2.INTER_LINEAR)
    return stuff.astype(np.float32)
