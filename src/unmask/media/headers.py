"""What a picture's file says beside its pixels: format, size, JPEG tables, which metadata."""

from dataclasses import dataclass
from typing import Final

from PIL import Image, JpegImagePlugin

from unmask.media.chunks import read_texts

_SAMPLINGS: Final = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_XMP_KEYS: Final = frozenset({"xmp", "XML:com.adobe.xmp"})


@dataclass(frozen=True, slots=True)
class JpegCoding:
    """How a JPEG was encoded: what its encoder and quality leave behind."""

    tables: tuple[tuple[int, ...], ...]
    """Quantisation tables, each of 64 steps from low to high frequencies along the rows."""
    sampling: str
    """Resolution of the colour channels, such as `4:2:0`; `other` where it is none of the usual."""
    progressive: bool


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's file says beside its pixels."""

    format: str
    """As `media.sources.sniff` names it."""
    mode: str
    """Pillow's name of the kind of pixels, such as `RGB`, `L` or `P`."""
    width_px: int
    """As stored, before the EXIF orientation is applied."""
    height_px: int
    coding: JpegCoding | None = None
    """None where the file is no JPEG."""
    exif: bool = False
    xmp: bool = False
    icc: bool = False
    comment: bool = False
    """Text of another kind: a JPEG comment, text chunks of a PNG."""


def read_header(image: Image.Image, data: bytes) -> Header:
    """The header of an opened picture (`media.images.open_image`); nothing is decoded.

    Args:
        image: The opened picture.
        data: The content of its file, whose PNG texts the opened picture has no longer.
    """
    info = image.info
    kind = (image.format or "").lower()
    texts = [text for text in read_texts(data)[0] if text.keyword not in _XMP_KEYS]
    return Header(
        format={"heif": "heic", "mpo": "jpeg"}.get(kind, kind),
        mode=image.mode,
        width_px=image.width,
        height_px=image.height,
        coding=_read_coding(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else None,
        exif=bool(info.get("exif")),
        xmp=bool(_XMP_KEYS & info.keys()),
        icc=bool(info.get("icc_profile")),
        comment=bool(info.get("comment")) or bool(texts),
    )


def _read_coding(image: JpegImagePlugin.JpegImageFile) -> JpegCoding:
    tables = tuple(tuple(image.quantization[key]) for key in sorted(image.quantization))
    sampling = _SAMPLINGS.get(JpegImagePlugin.get_sampling(image), "other")
    return JpegCoding(tables, sampling, bool(image.info.get("progressive")))
