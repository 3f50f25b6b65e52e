"""Cheap facts of every file of a data set: what a model could learn without looking at a face.

Each picture is read and decoded once; of a clip the middle frame stands for it. The facts of a file
take about 500 bytes, so that a million of them fit into memory.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from unmask.data.dataset import LeftOut
from unmask.data.duplicates import perceptual_hash
from unmask.data.grouping import map_files
from unmask.errors import MediaError
from unmask.media.headers import Header, JpegCoding, read_header
from unmask.media.images import open_image, read_bytes, to_srgb
from unmask.media.sources import check_file, format_of, kind_of
from unmask.media.video import sample_frames
from unmask.records import Kind, Pixels

RINGS: Final = 16
"""Rings of equal width of the spectrum, from the mean up to half a cycle per pixel."""
SPECTRUM_SIDE_PX: Final = 256
"""Largest square, from the picture's centre, whose spectrum is taken; nothing is resampled."""
COLOUR_NAMES: Final = (
    *(f"mean {channel}" for channel in ("red", "green", "blue")),
    *(f"spread {channel}" for channel in ("red", "green", "blue")),
    "mean saturation",
    "spread saturation",
    *(f"brightness, {percent} %" for percent in (5, 50, 95)),
    "black pixels",
    "white pixels",
)
THUMBNAIL_SIDE_PX: Final = 16
_STATISTICS_SIDE_PX: Final = 256
"""Colours are measured on about so many rows and columns of a larger picture."""
_CONTENT_BYTES: Final = 16
_TINY: Final = 1e-6
_FACTS: Final = np.dtype(
    [
        ("content", f"V{_CONTENT_BYTES}"),
        ("look", np.uint64),
        ("size_bytes", np.int64),
        ("width_px", np.int32),
        ("height_px", np.int32),
        ("format", np.int16),
        ("coding", np.int32),
        ("exif", np.bool_),
        ("xmp", np.bool_),
        ("icc", np.bool_),
        ("comment", np.bool_),
        ("brightness", np.float32),
        ("colour", np.float32, (len(COLOUR_NAMES),)),
        ("spectrum", np.float32, (RINGS,)),
        ("thumbnail", np.uint8, (THUMBNAIL_SIDE_PX**2,)),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class FileFacts:
    """The facts of one file."""

    content: bytes
    """Hash of the file's bytes (BLAKE2b, 128 bits)."""
    look: np.uint64
    """Perceptual hash."""
    size_bytes: int
    header: Header
    colour: npt.NDArray[np.float32]
    """One number for each of `COLOUR_NAMES`, levels and shares in [0, 1]."""
    spectrum: npt.NDArray[np.float32]
    """(RINGS,) see `ring_spectrum`."""
    thumbnail: npt.NDArray[np.uint8]
    """(THUMBNAIL_SIDE_PX ** 2,) grey, by which look-alikes are confirmed."""


@dataclass(frozen=True, slots=True, eq=False)
class FactTable:
    """The facts of N files, as columns."""

    rows: npt.NDArray[Any]
    """(N,) of `_FACTS`; zeros where a file is broken."""
    formats: tuple[str, ...]
    """What the numbers in `format` mean: format and kind of pixels, such as `jpeg RGB`."""
    codings: tuple[JpegCoding | None, ...]
    """What the numbers in `coding` mean; None stands for what is no JPEG."""
    broken: dict[int, LeftOut]
    """By place: what could not be decoded, and why."""

    @property
    def good(self) -> npt.NDArray[np.intp]:
        """The places of the files that could be decoded."""
        return np.array([at for at in range(len(self.rows)) if at not in self.broken], np.intp)


def collect_facts(
    paths: Sequence[str], watch: Callable[[Sequence[str]], Iterable[str]] = iter
) -> FactTable:
    """Look at every file once, in several threads.

    Args:
        paths: Pictures and clips.
        watch: Passes on the paths one after the other, for a progress bar.
    """
    rows = np.zeros(len(paths), _FACTS)
    formats: dict[str, int] = {}
    codings: dict[JpegCoding | None, int] = {None: 0}
    broken: dict[int, LeftOut] = {}
    for at, found in enumerate(map_files(_examine, watch(paths))):
        if isinstance(found, LeftOut):
            broken[at] = found
            continue
        header = found.header
        rows[at] = (
            np.void(found.content),
            found.look,
            found.size_bytes,
            header.width_px,
            header.height_px,
            formats.setdefault(f"{header.format} {header.mode}".strip(), len(formats)),
            codings.setdefault(header.coding, len(codings)),
            header.exif,
            header.xmp,
            header.icc,
            header.comment,
            float(found.colour[:3] @ _LUMA),
            found.colour,
            found.spectrum,
            found.thumbnail,
        )
    return FactTable(rows, tuple(formats), tuple(codings), broken)


def examine_file(path: str) -> FileFacts:
    """Read, decode and measure one file.

    Raises:
        MediaError: it cannot be read or decoded.
    """
    if kind_of(path) is Kind.IMAGE:
        data = read_bytes(path)
        with open_image(data) as image:
            header = read_header(image, data)
            pixels = to_srgb(image)
        digest, size = hashlib.blake2b(data, digest_size=_CONTENT_BYTES).digest(), len(data)
    else:
        pixels, size = middle_frame(path), check_file(path)
        height, width = pixels.shape[:2]
        header = Header(format_of(path), "clip", width, height)
        digest = _digest_file(path)
    return FileFacts(
        content=digest,
        look=perceptual_hash(pixels),
        size_bytes=size,
        header=header,
        colour=colour_statistics(pixels),
        spectrum=ring_spectrum(pixels),
        thumbnail=_shrink(pixels),
    )


def middle_frame(path: str) -> Pixels:
    """The frame in the middle of a clip.

    Raises:
        MediaError: the clip cannot be decoded.
    """
    with sample_frames(path, frames=1) as frames:
        first = next(iter(frames), None)
    if first is None:
        message = f"{path!r} holds no frame"
        raise MediaError(message, code="empty")
    return first.pixels


def colour_statistics(pixels: Pixels) -> npt.NDArray[np.float32]:
    """What `COLOUR_NAMES` says of a picture of shape (H, W, 3)."""
    step = max(1, min(pixels.shape[:2]) // _STATISTICS_SIDE_PX)
    seen = pixels[::step, ::step].reshape(-1, 3)
    means, spreads = cv2.meanStdDev(seen[None])
    low, high = seen.min(axis=1), seen.max(axis=1)
    saturation = (high - low) / np.maximum(high, 1)
    luma = seen @ _LUMA
    values = [
        *means.ravel() / 255,
        *spreads.ravel() / 255,
        saturation.mean(),
        saturation.std(),
        *np.percentile(luma, (5, 50, 95)) / 255,
        np.mean(high <= 4),
        np.mean(low >= 251),
    ]
    return np.array(values, np.float32)


def ring_spectrum(pixels: Pixels) -> npt.NDArray[np.float32]:
    """The shape of the spectrum: decimal logarithm of each ring's mean power, their mean taken off.

    Of the grey central square under a Hann window, so that every frequency is one of the file's own
    pixels; rings that a small picture leaves empty have the value of the mean.

    Source: R. Durall, M. Keuper and J. Keuper, "Watch your Up-Convolution", CVPR 2020, arXiv
    2003.01826 (azimuthal integration).
    """
    height, width = pixels.shape[:2]
    side = min(height, width, SPECTRUM_SIDE_PX)
    top, left = (height - side) // 2, (width - side) // 2
    grey = pixels[top : top + side, left : left + side].astype(np.float32) @ _LUMA
    numbers, sizes, window = _rings(side)
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2
    sums = np.bincount(numbers, power.ravel(), minlength=RINGS + 1)[:RINGS]
    full = sizes > 0
    logs = np.log10(sums[full] / sizes[full] + _TINY)
    shape = np.zeros(RINGS, np.float32)
    shape[full] = logs - logs.mean()
    return shape


def _shrink(pixels: Pixels) -> npt.NDArray[np.uint8]:
    side = (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX)
    small = cv2.resize(pixels, side, interpolation=cv2.INTER_AREA)
    grey: npt.NDArray[np.uint8] = np.rint(small.astype(np.float32) @ _LUMA).astype(np.uint8)
    return grey.ravel()


_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue (ITU-R BT.601)."""


@lru_cache(maxsize=64)
def _rings(
    side: int,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Ring of each frequency (RINGS for the corners beyond), sizes of the rings, the window."""
    across = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    numbers = np.minimum(np.floor(across * 2 * RINGS), RINGS).astype(np.intp).ravel()
    sizes = np.bincount(numbers, minlength=RINGS + 1)[:RINGS]
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    return numbers, sizes, np.outer(window, window)


def jpeg_quality(coding: JpegCoding) -> int:
    """The quality in [1, 100] at which libjpeg's tables come nearest to a coding's first one.

    From the mean step: libjpeg scales a base table of mean 57.6 by 50 / quality below 50 and by
    2 - quality / 50 above it (jcparam.c, `jpeg_quality_scaling`).
    """
    mean = sum(coding.tables[0]) / len(coding.tables[0]) if coding.tables else 1.0
    scale = mean / _BASE_MEAN
    quality = 100 - 50 * scale if scale <= 1 else 50 / scale
    return min(100, max(1, round(quality)))


_BASE_MEAN: Final = 57.625
"""Mean of the luminance table of ITU-T T.81, annex K.1."""


def _examine(path: str) -> FileFacts | LeftOut:
    try:
        return examine_file(path)
    except MediaError as error:
        return LeftOut(path, error.code)


def _digest_file(path: str) -> bytes:
    with Path(path).open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=_CONTENT_BYTES))
    return digest.digest()
