"""The texts of PNG files: whole, bounded, and out of the way of the decoder."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from unmask.media.chunks import MAX_TEXT_BYTES, MAX_TEXTS, SIGNATURE, drop_text, read_texts
from unmask.media.images import read_image


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def picture(*chunks):
    """A PNG file with these chunks after its header."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 200, 30)).save(buffer, "PNG")
    data = buffer.getvalue()
    cut = len(SIGNATURE) + 25
    return data[:cut] + b"".join(chunks) + data[cut:]


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        (b"tEXt", b"key\0plain", "plain"),
        (b"tEXt", b"key\0caf\xe9", "café"),  # Latin-1
        (b"zTXt", b"key\0\0" + zlib.compress(b"packed"), "packed"),
        (b"iTXt", b"key\0\0\0de\0Wort\0" + "Schlüssel".encode(), "Schlüssel"),
        (b"iTXt", b"key\0\1\0\0\0" + zlib.compress("日本".encode()), "日本"),
        (b"tEXt", b"key\0", ""),  # empty
        (b"iTXt", b"key\0\0", ""),  # cut off
    ],
)
def test_texts_are_read(kind, content, text):
    texts, warnings = read_texts(picture(chunk(kind, content)))
    assert [(found.keyword, found.text) for found in texts] == [("key", text)]
    assert not warnings


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (chunk(b"tEXt", b"no separator"), "no keyword"),
        (chunk(b"zTXt", b"key\0\0not packed"), "broken"),
        (chunk(b"tEXt", b"k\0" + b"x" * (MAX_TEXT_BYTES + 5)), "cut"),
        (chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(300 * 2**20), 9)), "cut"),  # a bomb
    ],
)
def test_broken_and_huge_texts_are_warnings(content, warning):
    data = picture(content)
    texts, warnings = read_texts(data)
    assert warning in warnings[0]
    assert all(len(found.text) <= MAX_TEXT_BYTES for found in texts)
    assert read_image(data).shape == (8, 8, 3)


def test_texts_are_counted():
    texts, warnings = read_texts(picture(*[chunk(b"tEXt", b"k\0v")] * 200))
    assert len(texts) == MAX_TEXTS
    assert "more than" in warnings[0]


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG", SIGNATURE, SIGNATURE + b"\xff" * 40, b"GIF89a" + b"\0" * 40]
)
def test_what_is_no_png_has_no_texts(data):
    assert read_texts(data) == ((), ())
    assert drop_text(data) == data


def test_a_file_without_texts_stays_itself_and_others_keep_their_pixels():
    plain = picture()
    assert drop_text(plain) == plain
    with_texts = picture(chunk(b"tEXt", b"a\0b"), chunk(b"gAMA", b"\0\0\xb1\x8f"))
    without = drop_text(with_texts)
    assert b"tEXt" not in without
    assert b"gAMA" in without
    assert np.array_equal(read_image(without), read_image(plain))


def test_xmp_stays_since_the_orientation_may_stand_there():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=info)
    assert b"xmpmeta" in drop_text(buffer.getvalue())
