"""Pictures on which an imported network is compared with the one it was made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from unmask.errors import MediaError, UsageError
from unmask.media.faces import CropGeometry, MtcnnFinder, crop_face
from unmask.media.images import read_image
from unmask.media.sources import walk
from unmask.records import Pixels

MAX_CHECKED: Final = 256
"""Most pictures of a folder that are compared."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The folder to check on, cut."""

    sources: tuple[str, ...] = ()
    crops: tuple[Pixels, ...] = ()
    """Each (1, S, S, 3)."""
    left_out: tuple[str, ...] = ()


def draw_samples(size_px: int) -> Pixels:
    """Drawn pictures (4, S, S, 3) to compare on: noise, a ramp, stripes, and a disc."""
    rows, columns = np.mgrid[:size_px, :size_px]
    noise = np.random.default_rng(0).integers(0, 256, (size_px, size_px, 3))
    ramp = np.stack([rows, columns, rows + columns], -1) * 127 // size_px
    stripes = np.stack([(columns // width % 2) * 255 for width in (4, 7, 16)], -1)
    away = np.hypot(rows - size_px / 2, columns - size_px / 2)
    disc = np.where(away[..., None] < size_px / 3, (220, 170, 140), (40, 60, 90))
    return np.stack([noise, ramp, stripes, disc]).astype(np.uint8)


def cut_pictures(folder: Path | None, geometry: CropGeometry) -> Pictures:
    """The largest face of every picture of a folder; a picture without a face is taken whole."""
    if folder is None:
        return Pictures()
    if not folder.is_dir():
        message = f"the pictures to check on must be a folder, got {str(folder)!r}"
        raise UsageError(message)
    finder = MtcnnFinder()
    found: list[str] = []
    crops: list[Pixels] = []
    left_out: list[str] = []
    for source in walk([folder], recursive=True):
        if len(found) == MAX_CHECKED:
            left_out.append(f"all after the first {MAX_CHECKED}")
            break
        try:
            pixels = read_image(source)
        except MediaError as error:
            left_out.append(str(error))
            continue
        faces = finder.find(pixels)
        crop = crop_face(pixels, faces[0], geometry).pixels if faces else _squeeze(pixels, geometry)
        found.append(source)
        crops.append(crop[None])
    if not found:
        message = f"{folder} holds no picture that can be read"
        raise UsageError(message)
    return Pictures(tuple(found), tuple(crops), tuple(left_out))


def _squeeze(pixels: Pixels, geometry: CropGeometry) -> Pixels:
    side = (geometry.size_px, geometry.size_px)
    return np.asarray(cv2.resize(pixels, side, interpolation=cv2.INTER_AREA), np.uint8)
