"""What a picture's file says beside its pixels."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from unmask.media.headers import JpegCoding, read_header
from unmask.media.images import open_image


def header_of(image_format, mode="RGB", **options):
    data = io.BytesIO()
    Image.new(mode, (48, 32), 128 if mode == "L" else (128, 90, 60)).save(
        data, image_format, **options
    )
    with open_image(data.getvalue()) as image:
        return read_header(image, data.getvalue())


def exif():
    tags = Image.Exif()
    tags[271] = "Maker"
    return tags


def text():
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", "a prompt")
    return chunks


@pytest.mark.parametrize(
    ("image_format", "options", "expected"),
    [
        ("PNG", {}, {"format": "png", "coding": None, "exif": False, "comment": False}),
        ("PNG", {"pnginfo": text()}, {"comment": True}),
        ("JPEG", {"exif": exif()}, {"format": "jpeg", "exif": True}),
        ("JPEG", {"comment": b"made by hand"}, {"comment": True, "exif": False}),
        ("JPEG", {"icc_profile": b"profile"}, {"icc": True}),
        ("JPEG", {"xmp": b"<x/>"}, {"xmp": True}),
        ("WEBP", {"exif": exif()}, {"format": "webp", "exif": True, "coding": None}),
    ],
)
def test_metadata(image_format, options, expected):
    header = header_of(image_format, **options)
    assert {name: getattr(header, name) for name in expected} == expected
    assert (header.width_px, header.height_px) == (48, 32)


def test_coding_of_a_jpeg():
    plain = header_of("JPEG", quality=75, subsampling=0).coding
    other = header_of("JPEG", quality=75, subsampling=2, progressive=True).coding
    assert isinstance(plain, JpegCoding)
    assert (plain.sampling, plain.progressive) == ("4:4:4", False)
    assert (other.sampling, other.progressive) == ("4:2:0", True)
    assert plain.tables == other.tables
    assert [len(table) for table in plain.tables] == [64, 64]
    assert header_of("JPEG", quality=40).coding.tables != plain.tables
    assert len(header_of("JPEG", mode="L").coding.tables) == 1
    assert np.all(np.array(plain.tables) > 0)
