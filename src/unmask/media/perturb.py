"""What happens to pictures on their way: recompression, resizing, blur, noise, social media.

Each change takes a whole decoded picture of shape (H, W, 3) and gives one of the same shape; it is
meant to stand between decoding and the search for faces, where a platform or a messenger would
stand. Strengths are in pixels and levels of that picture, not of the face in it.
"""

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, cast

import cv2
import numpy as np
from PIL import Image

from unmask.errors import MediaError
from unmask.media.images import encode_jpeg, read_image
from unmask.records import Pixels

Perturbation = Callable[[Pixels, np.random.Generator], Pixels]
"""Pixels and a source of chance in, pixels of the same shape out."""

WEBP_LONGEST_PX: Final = 16383
"""Longest side that the format holds (RFC 9649, section 2.7)."""
SOCIAL_SCALE: Final = 0.75
SOCIAL_QUALITY: Final = 60
_LEVELS: Final = 255


def recompress_jpeg(pixels: Pixels, _: np.random.Generator, *, quality: int) -> Pixels:
    """Encode as JPEG (chroma at half the resolution, as is usual) and decode again."""
    return read_image(encode_jpeg(pixels, quality))


def recompress_webp(pixels: Pixels, _: np.random.Generator, *, quality: int) -> Pixels:
    """Encode as lossy WebP and decode again.

    Raises:
        MediaError: `too_large`, where a side is longer than the format holds.
    """
    if max(pixels.shape[:2]) > WEBP_LONGEST_PX:
        message = (
            f"a WebP picture is at most {WEBP_LONGEST_PX} pixels long, "
            f"got {pixels.shape[1]} x {pixels.shape[0]}"
        )
        raise MediaError(message, code="too_large")
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "WEBP", quality=quality)
    return read_image(buffer.getvalue())


def resize_and_back(pixels: Pixels, _: np.random.Generator, *, scale: float) -> Pixels:
    """Shrink both sides (averaging areas) and enlarge to the old size (bicubic)."""
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cast("Pixels", cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def blur(pixels: Pixels, _: np.random.Generator, *, sigma_px: float) -> Pixels:
    """Gaussian blur."""
    return cast("Pixels", cv2.GaussianBlur(pixels, (0, 0), sigma_px))


def add_noise(pixels: Pixels, generator: np.random.Generator, *, sigma: float) -> Pixels:
    """Add Gaussian noise, independent for each pixel and channel, in levels of 255."""
    noise = generator.standard_normal(pixels.shape, dtype=np.float32) * np.float32(sigma)
    return np.clip(np.rint(pixels + noise), 0, _LEVELS).astype(np.uint8)


def post_on_social_media(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """Down to three quarters and back, then JPEG of quality 60."""
    resized = resize_and_back(pixels, generator, scale=SOCIAL_SCALE)
    return recompress_jpeg(resized, generator, quality=SOCIAL_QUALITY)


PERTURBATIONS: Final[Mapping[str, Perturbation]] = {
    **{f"jpeg_{q}": partial(recompress_jpeg, quality=q) for q in (90, 70, 50, 30)},
    "webp_50": partial(recompress_webp, quality=50),
    **{f"resize_{scale}": partial(resize_and_back, scale=scale) for scale in (0.75, 0.5, 0.25)},
    **{f"blur_{sigma}": partial(blur, sigma_px=sigma) for sigma in (1, 2)},
    **{f"noise_{sigma}": partial(add_noise, sigma=sigma) for sigma in (5, 10)},
    "social": post_on_social_media,
}
"""The grid of robustness, by name."""
