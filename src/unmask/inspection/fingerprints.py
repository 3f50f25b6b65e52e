"""By which a file and a picture can be known again: SHA-256 of the bytes, DCT hash of the look."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from unmask.inspection.jpeg import cosine_basis
from unmask.records import Pixels

_SIDE_PX: Final = 32
_LOW: Final = 8


def hash_source(source: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(source).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def perceptual_hash(pixels: Pixels) -> str:
    """The 64-bit DCT hash of a picture (H, W, 3) in hexadecimal, as `imagehash.phash` makes it.

    Nearly equal pictures differ in a few bits, whatever their size or compression.
    """
    grey = Image.fromarray(pixels).convert("L")
    small = np.asarray(grey.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS), np.float64)
    basis = cosine_basis(_SIDE_PX)
    basis[0] *= np.sqrt(2)  # the transform there is not orthonormal
    low = (basis @ small @ basis.T)[:_LOW, :_LOW]
    bits = "".join("1" if bit else "0" for bit in (low > np.median(low)).ravel())
    return f"{int(bits, 2):016x}"
