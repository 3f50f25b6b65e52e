"""What a JPEG file's tables and coefficients say of its past.

* **Quality**: the quantisation tables are compared with those that the Independent JPEG Group's
  library makes for each quality (ITU-T T.81, annex K, scaled). Equal ones name the quality; other
  ones are those of a camera or of a program with tables of its own, and the nearest is named.
* **Compressed before**: coefficients that were rounded twice, first to the steps of one table and
  then to those of another, fall into some values more often than into their neighbours. The
  histograms of the luminance are compared with those that one and two compressions would leave.
  What the picture was before is estimated from itself, shifted by half a block (Fridrich & Lukáš
  2003, "Estimation of primary quantization matrix in double compressed JPEG images").
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, JpegImagePlugin

from unmask.media.images import DECODER_ERRORS
from unmask.records import Pixels

FloatArray = npt.NDArray[np.float64]

_LUMINANCE: Final = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).ravel()
"""Table K.1 of ITU-T T.81, row by row."""
_SUBSAMPLING: Final = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_BLOCK: Final = 8
_LOOKED_AT_PX: Final = 1024
"""Side of the middle part whose coefficients are looked at."""
_MODES: Final = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0))
"""Rows and columns of the low frequencies: high ones are nearly all 0."""
_BINS: Final = 24
_FIRST_QUALITIES: Final = range(40, 99)
_LEAST_BLOCKS: Final = 400
_MOST_MISFIT: Final = 0.6
"""Share of the misfit of one compression that two may have to be named. Measured on 320 pictures of
192 and 400 px: 0.99 at least where there was one; at most 0.5 where one of quality 50 to 75 came
before one of 75 to 95. One of 90 before 95, and one finer than the last, leave too little."""
_NEARLY_SAME: Final = 2
"""Qualities this close to the last one cannot be told from it."""


@dataclass(frozen=True, slots=True)
class JpegFacts:
    """What the tables and coefficients of a JPEG file say."""

    quality: int | None
    """The nearest quality of the IJG's library; None for tables of another kind."""
    standard_tables: bool
    """Whether the luminance table is exactly that quality's."""
    tables: tuple[tuple[int, ...], ...]
    """Each with 64 steps, row by row."""
    subsampling: str
    progressive: bool
    compressed_before: int | None
    """The quality of an earlier compression that left traces; None where none was found."""

    def describe(self) -> tuple[str, ...]:
        """The facts in words."""
        words = []
        if self.quality is not None:
            kind = "standard tables of" if self.standard_tables else "tables of its own, near"
            words.append(f"JPEG with {kind} quality {self.quality}, chroma {self.subsampling}")
        if self.compressed_before is not None:
            words.append(
                "the coefficients look as if the picture had been compressed before, at about "
                f"quality {self.compressed_before}; most shared pictures have been"
            )
        return tuple(words)

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values."""
        tables = [list(table) for table in self.tables]
        return {**asdict(self), "tables": tables, "in_words": list(self.describe())}


def read_jpeg(image: Image.Image) -> JpegFacts | None:
    """The facts of an opened JPEG picture whose pixels are not decoded yet; None for another."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or not image.quantization:
        return None
    tables = tuple(tuple(table) for _, table in sorted(image.quantization.items()))
    steps = np.array(tables[0])
    quality, exact = estimate_quality(steps)
    return JpegFacts(
        quality=quality,
        standard_tables=exact,
        tables=tables,
        subsampling=_SUBSAMPLING.get(JpegImagePlugin.get_sampling(image), "of another kind"),
        progressive=bool(image.info.get("progressive")),
        compressed_before=_find_first(image, steps.reshape(_BLOCK, _BLOCK), quality),
    )


def standard_steps(quality: int) -> npt.NDArray[np.int64]:
    """The 64 luminance steps of the IJG's library for a quality from 1 to 100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((_LUMINANCE * scale + 50) // 100, 1, 255), np.int64)


def estimate_quality(steps: npt.NDArray[np.int64]) -> tuple[int, bool]:
    """The quality whose luminance table is nearest to 64 steps, and whether it is the same."""
    misfits = [np.abs(standard_steps(quality) - steps).sum() for quality in range(1, 101)]
    best = int(np.argmin(misfits))
    return best + 1, bool(misfits[best] == 0)


def _find_first(image: Image.Image, steps: FloatArray, last: int) -> int | None:
    try:
        luminance = _decode_luminance(image)
    except DECODER_ERRORS:
        return None
    if luminance.size < _LEAST_BLOCKS * _BLOCK * _BLOCK:
        return None
    return find_first_quality(luminance, steps.astype(np.float64), last)


def _decode_luminance(image: Image.Image) -> Pixels:
    """The middle of the luminance plane as it was coded, begun at a block's corner."""
    width, height = image.size
    left, top = (max(0, (side - _LOOKED_AT_PX) // 2) // _BLOCK * _BLOCK for side in (width, height))
    box = (left, top, min(width, left + _LOOKED_AT_PX), min(height, top + _LOOKED_AT_PX))
    if image.mode not in {"L", "RGB", "YCbCr"}:
        return np.empty((0, 0), np.uint8)
    image.draft("YCbCr" if image.mode == "RGB" else image.mode, image.size)
    return np.asarray(image.crop(box).getchannel(0))


def find_first_quality(luminance: Pixels, steps: FloatArray, last: int) -> int | None:
    """The quality of an earlier compression of a luminance plane (H, W), None where none shows.

    Args:
        luminance: begun at a corner of the 8 by 8 blocks that it was coded in.
        steps: (8, 8), of the last compression.
        last: its quality; earlier ones close to it leave no trace.
    """
    seen = _coefficients(luminance)
    before = _coefficients(luminance[_BLOCK // 2 :, _BLOCK // 2 :])
    observed = _histograms(np.rint(seen / _pick(steps)))
    once = _misfit(observed, _histograms(np.rint(before / _pick(steps))))
    misfits: dict[int, float] = {}
    for quality in _FIRST_QUALITIES:
        first = _pick(standard_steps(quality).reshape(_BLOCK, _BLOCK).astype(np.float64))
        twice = np.rint(np.rint(before / first) * first / _pick(steps))
        if abs(quality - last) > _NEARLY_SAME:
            misfits[quality] = _misfit(observed, _histograms(twice))
    best = min(misfits, key=lambda quality: misfits[quality])
    return best if misfits[best] < _MOST_MISFIT * once else None


def _pick(table: FloatArray) -> FloatArray:
    return np.array([table[row, column] for row, column in _MODES])


def _coefficients(luminance: Pixels) -> FloatArray:
    """The low frequencies (B, M) of all whole blocks, by the cosine transform of ITU-T T.81."""
    rows, columns = (side // _BLOCK for side in luminance.shape)
    cut = luminance[: rows * _BLOCK, : columns * _BLOCK].astype(np.float64) - 128
    grid = cut.reshape(rows, _BLOCK, columns, _BLOCK).transpose(0, 2, 1, 3)
    blocks = grid.reshape(-1, _BLOCK, _BLOCK)
    inside = (blocks.min(axis=(1, 2)) > -128) & (blocks.max(axis=(1, 2)) < 127)  # not clipped
    basis = cosine_basis(_BLOCK)
    turned = np.asarray(basis @ blocks[inside] @ basis.T)
    return np.stack([turned[:, row, column] for row, column in _MODES], axis=1)


def cosine_basis(size: int) -> FloatArray:
    """The orthonormal matrix (N, N) of the discrete cosine transform (DCT-II)."""
    places, frequencies = np.arange(size), np.arange(size)[:, None]
    basis = np.cos(np.pi * (2 * places + 1) * frequencies / (2 * size)) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis, np.float64)


def _histograms(values: FloatArray) -> FloatArray:
    """Shares (M, 2 * bins + 1) of each whole number near 0, for each frequency."""
    clipped = np.clip(values, -_BINS - 1, _BINS + 1).astype(np.int64) + _BINS + 1
    width = 2 * _BINS + 3
    counts = [np.bincount(column, minlength=width)[1:-1] for column in clipped.T]
    return np.stack(counts) / max(1, len(values))


def _misfit(observed: FloatArray, expected: FloatArray) -> float:
    """The sum over frequencies of the squared Hellinger distance."""
    return float(((np.sqrt(observed) - np.sqrt(expected)) ** 2).sum())
