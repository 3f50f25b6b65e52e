"""Tests of unmask.media.images."""

import importlib.util
import io
import os
import struct
import threading
import tracemalloc
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from unmask.errors import MediaError
from unmask.media.images import BACKGROUND, encode_jpeg, read_image

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


def _save(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _quarters(mode: str = "RGB") -> Image.Image:
    """A 48 x 32 picture: red, green over blue, grey."""
    image = Image.new("RGB", (48, 32), RED)
    image.paste(GREEN, (24, 0, 48, 16))
    image.paste(BLUE, (0, 16, 24, 32))
    image.paste(GREY, (24, 16, 48, 32))
    return image.quantize(4) if mode == "P" else image.convert(mode)


def _corners(pixels) -> list[tuple[int, ...]]:
    """Colours in the middle of the four quarters: upper left, upper right, lower left, lower."""
    height, width = pixels.shape[:2]
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [tuple(int(value) for value in pixels[place]) for place in places]


def _near(pixels, expected, tolerance) -> bool:
    difference = np.abs(np.array(_corners(pixels), int) - np.array(expected, int))
    return int(difference.max()) <= tolerance


@pytest.mark.parametrize(
    ("image_format", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}, 4),
        ("JPEG", {"quality": 95, "progressive": True}, 6),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 90}, 12),
        ("AVIF", {"quality": 95}, 10),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_deflate"}, 0),
        ("TIFF", {"big_tiff": True}, 0),
        ("BMP", {}, 0),
        ("GIF", {}, 0),
    ],
)
def test_formats_give_the_colours_that_were_saved(tmp_path, image_format, options, tolerance):
    path = tmp_path / "picture.dat"  # the name does not count
    path.write_bytes(_save(_quarters(), image_format, **options))
    for source in (path, str(path), path.read_bytes()):
        pixels = read_image(source)
        assert pixels.shape == (32, 48, 3)
        assert pixels.dtype == np.uint8
        assert pixels.flags.c_contiguous
        assert pixels.flags.writeable
        assert _near(pixels, [RED, GREEN, BLUE, GREY], tolerance)


def _grey16() -> Image.Image:
    values = np.zeros((32, 48), np.uint16)
    values[:16, 24:] = 65535
    values[16:, :24] = 32896  # 128 * 257
    values[16:, 24:] = 257
    return Image.fromarray(values)


def _deep(dtype, white) -> Image.Image:
    fractions = np.zeros((32, 48))
    fractions[:16, 24:] = 1
    fractions[16:, :24] = 128 / 255
    fractions[16:, 24:] = 1 / 255
    return Image.fromarray((fractions * white).astype(dtype))


GREYS = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (1, 1, 1)]


@pytest.mark.parametrize(
    ("image", "image_format", "expected", "tolerance"),
    [
        (_grey16(), "PNG", GREYS, 0),  # scaled, not clipped
        (_grey16(), "TIFF", GREYS, 0),
        (_deep(np.int32, 255), "TIFF", GREYS, 1),  # 32-bit files that hold 8-bit values
        (_deep(np.int32, 65535), "TIFF", GREYS, 1),
        (_deep(np.int32, 2**31 - 1), "TIFF", GREYS, 1),
        (_deep(np.float32, 1), "TIFF", GREYS, 0),
        (_deep(np.float32, 255), "TIFF", GREYS, 0),
        (_deep(np.float32, 1e6), "TIFF", GREYS, 0),
        (_quarters("L"), "PNG", [(76,) * 3, (150,) * 3, (29,) * 3, (128,) * 3], 1),
        (_quarters("L"), "JPEG", [(76,) * 3, (150,) * 3, (29,) * 3, (128,) * 3], 3),
        (_quarters("P"), "PNG", [RED, GREEN, BLUE, GREY], 3),
        (_quarters("P"), "BMP", [RED, GREEN, BLUE, GREY], 3),
        (_quarters("CMYK"), "TIFF", [RED, GREEN, BLUE, GREY], 1),
        (_quarters("CMYK"), "JPEG", [RED, GREEN, BLUE, GREY], 6),  # Adobe's inverted CMYK
        (_quarters("YCbCr"), "TIFF", [RED, GREEN, BLUE, GREY], 3),
        (_quarters("RGBX"), "TIFF", [RED, GREEN, BLUE, GREY], 0),
        (_quarters("RGBA"), "PNG", [RED, GREEN, BLUE, GREY], 0),  # opaque
        (Image.new("1", (48, 32), 1), "PNG", [(255,) * 3] * 4, 0),
        (Image.new("1", (48, 32), 1), "TIFF", [(255,) * 3] * 4, 0),
        (Image.new("LAB", (48, 32), (255, 128, 128)), "TIFF", [(255,) * 3] * 4, 3),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_modes_become_rgb(image, image_format, expected, tolerance):
    assert _near(read_image(_save(image, image_format)), expected, tolerance)


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),  # less than a strip
        (7, 64),  # one strip
        (5, 65),  # one and a row
        (301, 200),  # several
    ],
)
def test_every_row_arrives(tmp_path, size):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels)


def test_white_is_zero_is_honoured():
    data = bytearray(_save(_grey16(), "TIFF"))
    tag = data.index(struct.pack("<HHI", 262, 3, 1))  # PhotometricInterpretation, one short
    data[tag + 8] = 0
    assert _near(read_image(bytes(data)), [(255 - r, 255 - g, 255 - b) for r, g, b in GREYS], 0)


def _half_alpha(mode: str) -> Image.Image:
    colour = (200, 200, 200, 0) if mode == "RGBA" else (200, 0)
    image = Image.new(mode, (48, 32), colour)
    image.paste(tuple([200] * (len(colour) - 1) + [255]), (24, 0, 48, 32))
    return image


@pytest.mark.parametrize(
    ("mode", "image_format", "options"),
    [
        ("RGBA", "PNG", {}),
        ("LA", "PNG", {}),
        ("RGBA", "WEBP", {"lossless": True, "exact": True}),
        ("RGBA", "TIFF", {}),
        ("RGBA", "AVIF", {"quality": 100}),
    ],
)
def test_transparency_is_laid_on_grey(mode, image_format, options):
    pixels = read_image(_save(_half_alpha(mode), image_format, **options))
    assert _near(pixels, [BACKGROUND, (200,) * 3] * 2, 3)


def test_half_opacity_mixes():
    pixels = read_image(_save(Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "PNG"))
    assert _near(pixels, [(192, 64, 64)] * 4, 1)


@pytest.mark.parametrize(
    ("image", "transparency"),
    [
        (Image.new("RGB", (4, 4), RED), RED),
        (Image.new("L", (4, 4), 77), 77),
        (Image.new("RGB", (4, 4), RED).quantize(1), 0),
        (Image.new("RGB", (4, 4), RED).quantize(1), b"\x00"),  # opacity per palette entry
    ],
)
def test_a_transparent_colour_is_laid_on_grey(image, transparency):
    pixels = read_image(_save(image, "PNG", transparency=transparency))
    assert _corners(pixels) == [BACKGROUND] * 4


def test_a_transparent_16_bit_grey_is_laid_on_grey():
    data = bytearray(_save(Image.fromarray(np.full((4, 4), 5000, np.uint16)), "PNG"))
    body = b"tRNS" + struct.pack(">H", 5000)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    at = data.index(b"IDAT") - 4
    assert _corners(read_image(bytes(data[:at] + chunk + data[at:]))) == [BACKGROUND] * 4


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "corners"),
    [  # what a viewer shows of red, green over blue, grey; Source: EXIF 2.32, tag 274
        (1, [RED, GREEN, BLUE, GREY]),
        (2, [GREEN, RED, GREY, BLUE]),
        (3, [GREY, BLUE, GREEN, RED]),
        (4, [BLUE, GREY, RED, GREEN]),
        (5, [RED, BLUE, GREEN, GREY]),
        (6, [BLUE, RED, GREY, GREEN]),
        (7, [GREY, GREEN, BLUE, RED]),
        (8, [GREEN, GREY, RED, BLUE]),
        (0, [RED, GREEN, BLUE, GREY]),  # not one of the eight: taken as upright
    ],
)
def test_orientation_is_applied(image_format, orientation, corners):
    if image_format == "AVIF" and orientation == 0:
        pytest.skip("AVIF turns by its own boxes and cannot hold this value")
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = read_image(_save(_quarters(), image_format, exif=exif, quality=95))
    assert pixels.shape == ((48, 32, 3) if orientation in {5, 6, 7, 8} else (32, 48, 3))
    assert _near(pixels, corners, 12)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\x00\x00garbage",
        b"Exif\x00\x00II*\x00\xff\xff\xff\xff",  # points behind its end
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x02\x00\x04\x00\x00\x00abc\x00",
    ],
)
def test_a_broken_exif_block_does_not_harm(exif):
    assert _near(read_image(_save(_quarters(), "JPEG", quality=95, exif=exif)), _plain(), 12)


def _plain():
    return [RED, GREEN, BLUE, GREY]


def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _swapped_profile() -> bytes:
    """An sRGB profile whose red and green primaries have changed places."""
    profile = _srgb_profile()
    swap = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    count = struct.unpack(">I", profile[128:132])[0]
    table = bytearray(profile[132 : 132 + 12 * count])
    for at in range(0, len(table), 12):
        name = bytes(table[at : at + 4])
        table[at : at + 4] = swap.get(name, name)
    return profile[:132] + bytes(table) + profile[132 + 12 * count :]


@pytest.mark.parametrize(
    ("profile", "expected", "tolerance"),
    [
        (_srgb_profile(), _plain(), 0),  # not one pixel changes
        (_swapped_profile(), [GREEN, RED, BLUE, GREY], 2),
        (b"no profile at all", _plain(), 0),
        (_srgb_profile()[:300], _plain(), 0),
    ],
    ids=["srgb", "other", "garbage", "truncated"],
)
@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_colour_profiles(mode, profile, expected, tolerance):
    data = _save(_quarters(mode), "PNG", icc_profile=profile)
    assert _near(read_image(data), expected, max(tolerance, 3 if mode == "P" else 0))


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "I;16"])
def test_a_profile_of_another_colour_space_is_passed_over(mode):
    image = _grey16() if mode == "I;16" else _quarters(mode)
    data = _save(image, "TIFF", icc_profile=_srgb_profile())
    assert np.array_equal(read_image(data), read_image(_save(image, "TIFF")))


def test_the_first_picture_of_an_animation_is_read():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    for image_format in ("GIF", "WEBP", "AVIF", "PNG", "TIFF"):
        data = _save(frames[0], image_format, save_all=True, append_images=frames[1:])
        assert _near(read_image(data), [RED] * 4, 6), image_format


def test_a_gif_frame_smaller_than_its_canvas_is_placed():
    data = bytearray(_save(Image.new("P", (8, 8), 1), "GIF"))
    data[6:10] = struct.pack("<HH", 16, 16)  # the canvas
    assert read_image(bytes(data)).shape == (16, 16, 3)


INTACT = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {"lossless": True},
    "AVIF": {},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
    "GIF": {},
}


def _noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (side, side, 3), np.uint8))


@pytest.mark.parametrize("image_format", INTACT)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_an_error(image_format, share):
    data = _save(_noise(), image_format, **INTACT[image_format])
    cut = data[: max(int(len(data) * share), 20)]
    with pytest.raises(MediaError) as caught:
        read_image(cut)
    assert caught.value.code == "corrupt"
    assert "give an intact copy" in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    image_format=st.sampled_from(sorted(INTACT)),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_broken_files_give_pixels_or_a_media_error(image_format, changes):
    data = bytearray(_save(_noise(16), image_format, **INTACT[image_format]))
    for place, value in changes:
        data[place % min(len(data), 200)] = value  # headers break parsers
    with suppress(MediaError):  # of whatever code, but nothing else
        assert read_image(bytes(data), max_pixels=10**6).ndim == 3


def _png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + struct.pack(">I", len(data) - 4)
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


@pytest.mark.parametrize(
    ("width", "height"),
    [(60_000, 60_000), (10_001, 10_000), (12_000, 9_000)],  # by Pillow, by us, past its warning
)
def test_a_huge_picture_is_refused_by_its_header(width, height):
    tracemalloc.start()
    with pytest.raises(MediaError) as caught:
        read_image(_png_header(width, height))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "too_large"
    assert peak < 5_000_000


def test_limits_can_be_set(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(_save(_quarters(), "PNG"))
    for limit in ({"max_pixels": 48 * 32 - 1}, {"max_bytes": 50}):
        with pytest.raises(MediaError) as caught:
            read_image(path, **limit)
        assert caught.value.code == "too_large"
    assert read_image(path, max_pixels=48 * 32).shape == (32, 48, 3)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"a text renamed to .jpg", "unsupported"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unsupported"),
        (b"\x1a\x45\xdf\xa3" + bytes(50), "unsupported"),  # a clip
        (b"\xff\xd8\xff", "corrupt"),
    ],
)
def test_what_is_no_picture_has_a_code(tmp_path, data, code):
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(MediaError) as caught:
        read_image(path)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "code"),
    [("none.jpg", "missing"), ("folder", "empty"), ("pipe.png", "unreadable")],
)
def test_missing_files_folders_and_pipes_have_a_code(tmp_path, name, code):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(MediaError) as caught:
        read_image(tmp_path / name)
    assert caught.value.code == code


def test_a_raw_file_in_a_tiff_coat_is_unsupported():
    for tag, value in ((50706, b"\x01\x04\x00\x00"), (254, 1)):  # DNGVersion, a thumbnail
        data = _save(_quarters(), "TIFF", tiffinfo={tag: value})
        with pytest.raises(MediaError) as caught:
            read_image(data)
        assert caught.value.code == "unsupported"


HEIC_HEAD = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


@pytest.mark.skipif(
    importlib.util.find_spec("pillow_heif") is not None, reason="the heic extra is installed"
)
def test_heic_without_its_extra_says_what_to_install():
    with pytest.raises(MediaError, match=r"unmask\[heic\]") as caught:
        read_image(HEIC_HEAD + bytes(100))
    assert caught.value.code == "unsupported"


def test_heic_with_its_extra_is_read():
    heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 6  # in HEIC the container turns the picture; EXIF only repeats what it was
    pixels = read_image(_save(_quarters(), "HEIF", exif=exif))
    assert _near(pixels, [RED, GREEN, BLUE, GREY], 20)


def test_encode_jpeg_round_trip():
    pixels = np.asarray(_quarters())
    data = encode_jpeg(pixels, quality=95)
    assert _near(read_image(data), _plain(), 8)
    assert len(encode_jpeg(pixels, quality=30)) < len(data)
    assert encode_jpeg(pixels[::-1])  # a view


def test_many_threads_read_odd_files_in_silence(recwarn):
    odd = _save(_quarters(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    answers = []

    def read():
        answers.extend(read_image(odd).shape for _ in range(20))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(32, 48, 3)] * 80
    assert not recwarn.list


def test_a_photograph_keeps_the_decoders_pixels(shared_data):
    path = next((shared_data / "rvf10k_valid_sample").rglob("*.jpg"))
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(read_image(path), expected)
