"""By which a file and a picture can be known again: SHA-256 of the bytes, DCT hash of the look."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from unmask.inspection.jpeg import cosine_basis
from unmask.records import Pixels

_PACKAGE: Final = Path(__file__).parents[1]
_CODE_SUFFIXES: Final = frozenset({".py", ".html", ".css"})
_SIDE_PX: Final = 32
_LOW: Final = 8


def hash_source(source: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(source).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def hash_tool() -> str:
    """The SHA-256 over the names and bytes of this package's own code and templates."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        if path.suffix in _CODE_SUFFIXES:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


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
