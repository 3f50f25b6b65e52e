"""Where files say they are from; nothing that they hold is a crash."""

import hashlib
import struct
import time
import zlib
from contextlib import suppress

import imagehash
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from skimage import data

from unmask.detection.detector import Detector
from unmask.errors import MediaError
from unmask.inspection.container import read_container
from unmask.inspection.credentials import CredentialState
from unmask.inspection.fingerprints import hash_tool, perceptual_hash
from unmask.inspection.provenance import Provenance, trace
from unmask.media.images import encode_jpeg
from unmask.media.limits import DecodeLimits

from .test_declarations import WEB_UI
from .test_metadata import BOMB, TRAINED, packet


@pytest.fixture
def portrait():
    return Image.fromarray(data.astronaut()[:128, :128])


def test_a_plain_photograph_says_nothing_of_its_making(photo):
    found = trace(photo)
    assert found.media_format == "jpeg"
    assert found.sha256 == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert found.size_bytes == photo.stat().st_size
    assert found.jpeg.quality == 92
    assert found.declarations == ()
    assert found.warnings == ()
    assert found.credentials.state in {CredentialState.ABSENT, CredentialState.NOT_CHECKED}


def test_it_is_the_same_where_the_detector_decodes(tmp_path, portrait, clip):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", WEB_UI, zip=True)
    portrait.save(tmp_path / "a.png", pnginfo=info)
    portrait.save(tmp_path / "a.jpg", quality=70)
    apart = Detector(contained=DecodeLimits())
    for path in (tmp_path / "a.png", tmp_path / "a.jpg", clip):
        assert Provenance.ask(apart, path) == trace(path)
    apart.close()


def test_a_file_that_vanished_has_an_error(tmp_path):
    with pytest.raises(MediaError) as caught:
        Provenance.ask(Detector(), tmp_path / "gone.jpg")
    assert caught.value.code == "missing"


def test_texts_and_xmp_of_a_png_are_read(tmp_path, portrait):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", WEB_UI, zip=True)
    info.add_itxt(
        "XML:com.adobe.xmp", packet(f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"').decode()
    )
    portrait.save(tmp_path / "a.png", pnginfo=info)
    found = trace(tmp_path / "a.png")
    assert {row.where for row in found.declarations} == {
        "PNG text parameters",
        "XMP DigitalSourceType",
    }
    assert "Negative prompt" in found.texts["parameters"]
    assert found.xmp["DigitalSourceType"] == TRAINED


def make_bomb(portrait, path):
    portrait.save(path, "JPEG", xmp=BOMB.encode())


def make_long_text(portrait, path):
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "x" * (40 * 2**20), zip=True)
    portrait.save(path, "PNG", pnginfo=info)


def make_broken_exif(portrait, path):
    portrait.save(path, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 300)


def make_wild_chunk(portrait, path):
    portrait.save(path, "PNG")
    content = path.read_bytes()
    text = b"key-without-separator"
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text
    chunk += struct.pack(">I", zlib.crc32(b"tEXt" + text))
    path.write_bytes(content[:33] + chunk * 1000 + content[33:])


def make_false_credentials(portrait, path):
    portrait.save(path, "JPEG")
    content = path.read_bytes()
    box = b"JP\0\x01\0\0\0\x01\0\0\0\x40jumb\0\0\0\x20jumdc2pa" + b"\xff" * 40
    segment = b"\xff\xeb" + struct.pack(">H", len(box) + 2) + box
    path.write_bytes(content[:2] + segment + content[2:])


@pytest.mark.parametrize(
    ("make", "warning"),
    [
        (make_bomb, "hostile"),
        (make_long_text, "cut"),
        (make_wild_chunk, "no keyword"),
        (make_broken_exif, None),  # libraries differ in what they can still read
        (make_false_credentials, None),
    ],
)
def test_hostile_metadata_are_warnings(tmp_path, portrait, make, warning):
    path = tmp_path / "hostile"
    make(portrait, path)
    started = time.perf_counter()
    found = trace(path)
    assert time.perf_counter() - started < 10
    assert warning is None or any(warning in text for text in found.warnings)
    assert found.sha256
    assert found.declarations == ()
    assert len(repr(found.to_dict())) < 200_000


def test_a_truncated_picture_keeps_what_was_found(tmp_path, photo):
    path = tmp_path / "half.jpg"
    path.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    assert trace(path).sha256


@pytest.mark.parametrize("content", [b"", b"this is no picture"])
def test_what_is_no_picture_is_an_error(tmp_path, content):
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError):
        trace(path)


def test_the_container_of_a_clip_is_read(clip):
    found = trace(clip)
    assert found.media_format == "mp4"
    assert "mp4" in found.container["format"]
    video = found.container["streams"][0]
    assert video["kind"] == "video"
    assert video["codec"] in {"h264", "mpeg4"}
    assert (video["width_px"], video["height_px"], video["fps"]) == (256, 256, 10.0)
    assert found.jpeg is None


def test_tags_of_a_container_are_bounded(tmp_path, clip):
    import av

    path = tmp_path / "tagged.mkv"
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        target.metadata.update({f"tag{n}": "y" * 5000 for n in range(50)})
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet_ in source.demux(video=0):
            if packet_.dts is not None:
                packet_.stream = stream
                target.mux(packet_)
    facts, _ = read_container(path)
    assert len(facts["tags"]) <= 24
    assert all(len(value) <= 300 for value in facts["tags"].values())


def test_the_tool_has_one_hash_of_its_own():
    assert hash_tool() == hash_tool()
    assert len(hash_tool()) == 64


@pytest.mark.parametrize("name", ["astronaut", "coffee", "cat", "rocket"])
def test_the_perceptual_hash_is_imagehashs(name):
    pixels = getattr(data, name)()
    assert perceptual_hash(pixels) == str(imagehash.phash(Image.fromarray(pixels)))


def test_recompression_hardly_changes_the_perceptual_hash():
    from unmask.media.images import read_image

    pixels = data.astronaut()
    again = read_image(encode_jpeg(pixels, 40))
    bits = int(perceptual_hash(pixels), 16) ^ int(perceptual_hash(again), 16)
    assert bits.bit_count() <= 4


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_files_with_wrong_bytes_are_read_or_refused(tmp_path, portrait, file_format):
    options = {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x04\0\0\0Abc\0\0\0\0\0"}
    if file_format in {"JPEG", "WEBP"}:
        options["xmp"] = packet(f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"')
    path = tmp_path / "wrong"
    portrait.resize((48, 48)).save(path, file_format, **({} if file_format == "TIFF" else options))
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(whole)
        for place in generator.integers(4, len(whole), generator.integers(1, 12)):
            content[place] = generator.integers(256)
        path.write_bytes(content[: generator.integers(len(whole) // 2, len(whole) + 1)])
        with suppress(MediaError):  # its first bytes say no more what it is
            assert trace(path).sha256
