"""Sample media that the package makes itself, so that a first visitor has something to ask."""

from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from unmask.errors import UsageError
from unmask.media.images import read_image
from unmask.media.video import ClipWriter
from unmask.records import Pixels

_PORTRAIT: Final = ("mpl-data", "sample_data", "grace_hopper.jpg")
"""Grace Hopper, 1984, a work of the US Navy in the public domain; matplotlib's wheel carries it."""
_CLIP_FPS: Final = 12
_CLIP_SECONDS: Final = 4
_CLIP_SIZE_PX: Final = 320


def make_samples(folder: Path) -> list[Path]:
    """Write a portrait, a picture without a face and a clip into a folder; returns their paths.

    Files of these names that are there already are left as they are.

    Raises:
        UsageError: there is a file where the folder should be.
    """
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is a file; name a folder for the sample media"
        raise UsageError(message)
    folder.mkdir(parents=True, exist_ok=True)
    portrait = read_image(files("matplotlib").joinpath(*_PORTRAIT).read_bytes())
    paths = [folder / "portrait.jpg", folder / "landscape.png", folder / "clip.mp4"]
    if not paths[0].exists():
        Image.fromarray(portrait).save(paths[0], quality=92)
    if not paths[1].exists():
        _draw_landscape().save(paths[1])
    if paths[2].exists():
        return paths
    with ClipWriter(paths[2], fps=_CLIP_FPS) as clip:
        for number in range(_CLIP_FPS * _CLIP_SECONDS):
            clip.append(_pan(portrait, number / (_CLIP_FPS * _CLIP_SECONDS - 1)))
    return paths


def _draw_landscape() -> Image.Image:
    """Hills under a sky, 480 x 320."""
    rows = np.linspace(0, 1, 320)[:, None]
    sky = np.array([90, 140, 215]) * (1 - rows) + np.array([225, 225, 235]) * rows
    image = Image.fromarray(np.repeat(sky[:, None, :], 480, axis=1).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((-150, 210, 330, 560), fill=(96, 140, 78))
    draw.ellipse((180, 190, 720, 600), fill=(74, 118, 62))
    draw.rectangle((372, 150, 380, 215), fill=(88, 62, 44))
    draw.ellipse((346, 96, 406, 166), fill=(46, 92, 48))
    return image


def _pan(portrait: Pixels, share: float) -> Pixels:
    """A window that moves over the portrait and closes in on the face."""
    height, width = portrait.shape[:2]
    side = round(width * (1 - 0.25 * share))
    left, top = round((width - side) * share), round((height - side) * 0.3 * share)
    window = Image.fromarray(portrait[top : top + side, left : left + side])
    return np.asarray(window.resize((_CLIP_SIZE_PX, _CLIP_SIZE_PX), Image.Resampling.LANCZOS))
