"""Makes files that attack a reader of pictures and clips: seeded, some thousand of them.

    python tests/hostile/corpus.py --out FOLDER --count 2000

Every file's name begins with the attack: `cut` (truncated), `flip` (bits), `size` (headers that lie
about it), `bomb` (little data that grows), `poly` (two formats in one), `name` (another extension),
`start` (a signature and nothing behind it), `meta` (metadata that attack), `rate` (absurd clips),
`odd` (unusual, but intact).
"""

import argparse
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image
from skimage import data

STILLS = {
    "jpg": {"format": "JPEG", "quality": 90},
    "jpeg": {"format": "JPEG", "progressive": True},
    "png": {"format": "PNG"},
    "webp": {"format": "WEBP", "quality": 80},
    "lossless.webp": {"format": "WEBP", "lossless": True},
    "avif": {"format": "AVIF", "quality": 60},
    "tif": {"format": "TIFF"},
    "lzw.tif": {"format": "TIFF", "compression": "tiff_lzw"},
    "deflate.tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    "bmp": {"format": "BMP"},
    "gif": {"format": "GIF"},
}
CLIPS = {
    "mp4": ("mp4", "libx264"),
    "mov": ("mov", "mpeg4"),
    "mkv": ("matroska", "libx264"),
    "webm": ("webm", "libvpx"),
    "avi": ("avi", "mpeg4"),
    "ts": ("mpegts", "mpeg2video"),
    "mpg": ("mpeg", "mpeg1video"),
    "flv": ("flv", "flv"),
    "wmv": ("asf", "wmv2"),
}
SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    b"II*\x00",
    b"MM\x00*",
    b"BM" + bytes(12) + b"\x28\x00\x00\x00",
    b"\x00\x00\x00\x18ftypavif",
    b"\x00\x00\x00\x18ftypheic",
    b"\x00\x00\x00\x18ftypisom",
    b"\x1a\x45\xdf\xa3",
    b"RIFF\xff\xff\xff\xffAVI LIST",
    b"FLV\x01",
    b"OggS",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    b"\x00\x00\x01\xba",
    b"G" + bytes(187),
    b"ID3",
    b"PK\x03\x04",
    b"%PDF-1.7",
    b"%!PS-Adobe-3.0 EPSF-3.0",
    b"SIMPLE  =                    T",
)
EXTREMES = (0, 1, 65_535, 0x7FFFFFFF, 0xFFFFFFFF)

File = tuple[str, bytes]
"""Name and content."""


def make_corpus(count: int = 2000, seed: int = 0) -> Iterator[File]:
    """The files, about `count` of them: the special ones once, then cuts and flips in turn."""
    chance = np.random.default_rng(seed)
    intact = {**make_stills(), **make_clips()}
    special: list[File] = []
    for maker in (lie_about_size, blow_up, join, rename, begin, hide_in_metadata, rush, deviate):
        special += maker(intact)
    yield from special
    damage: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (cut, flip)
    for number in range(max(0, count - len(special))):
        name, content = list(intact.items())[number % len(intact)]
        damaged = damage[number // len(intact) % 2]
        yield f"{damaged.__name__}-{number:05}.{name}", damaged(content, chance)


def cut(content: bytes, chance: np.random.Generator) -> bytes:
    """The beginning only; half of the cuts fall within the first kilobyte."""
    end = len(content) if chance.random() < 0.5 else min(1024, len(content))
    return content[: int(chance.integers(1, end))]


def flip(content: bytes, chance: np.random.Generator) -> bytes:
    """One to a hundred bits turned over, in the header or anywhere."""
    changed = bytearray(content)
    end = len(content) if chance.random() < 0.5 else min(512, len(content))
    for _ in range(int(chance.integers(1, 101))):
        changed[int(chance.integers(end))] ^= 1 << int(chance.integers(8))
    return bytes(changed)


def make_stills() -> dict[str, bytes]:
    """A small portrait in every format."""
    face = Image.fromarray(data.astronaut()[:256, 96:352]).resize((96, 96))
    return {name: encode(face, **options) for name, options in STILLS.items()}


def encode(image: Image.Image, **options: object) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def make_clips() -> dict[str, bytes]:
    """Half a second of the portrait in every container."""
    return {name: encode_clip(*made) for name, made in CLIPS.items()}


def encode_clip(
    container: str, codec: str, rate: Fraction = Fraction(25), size: tuple[int, int] = (96, 96)
) -> bytes:
    """A clip of twelve frames as the bytes of a file."""
    face = Image.fromarray(data.astronaut()[:256, 96:352]).resize(size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        with av.open(str(path), "w", format=container) as output:
            stream = output.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for number in range(12):
                pixels = np.roll(np.asarray(face), number, axis=1)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
            output.mux(stream.encode(None))
        return path.read_bytes()


def lie_about_size(intact: dict[str, bytes]) -> Iterator[File]:
    """Width and height in the header that the data do not have, checksums made right again."""
    for number, (width, height) in enumerate((w, h) for w in EXTREMES for h in EXTREMES):
        png = bytearray(intact["png"])
        png[16:24] = struct.pack(">II", width, height)
        png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
        yield f"size-{number:02}.png", bytes(png)
        bmp = bytearray(intact["bmp"])
        bmp[18:26] = struct.pack("<II", width, height)
        yield f"size-{number:02}.bmp", bytes(bmp)
        short = (width & 0xFFFF, height & 0xFFFF)
        gif = bytearray(intact["gif"])
        gif[6:10] = struct.pack("<HH", *short)
        yield f"size-{number:02}.gif", bytes(gif)
        jpeg = bytearray(intact["jpg"])
        frame = jpeg.index(b"\xff\xc0")
        jpeg[frame + 5 : frame + 9] = struct.pack(">HH", *short[::-1])
        yield f"size-{number:02}.jpg", bytes(jpeg)
        avif = bytearray(intact["avif"])
        extent = avif.index(b"ispe")
        avif[extent + 8 : extent + 16] = struct.pack(">II", width, height)
        yield f"size-{number:02}.avif", bytes(avif)
        clip = bytearray(intact["mp4"])
        entry = clip.index(b"avc1")
        clip[entry + 28 : entry + 32] = struct.pack(">HH", *short)
        yield f"size-{number:02}.mp4", bytes(clip)


def blow_up(_: dict[str, bytes]) -> Iterator[File]:
    """A few kilobytes that decode to very much."""
    for side in (12_000, 40_000):  # above the limit
        yield f"bomb-{side}.png", png_of_nothing(side)
    yield "bomb-largest.png", png_of_nothing(9_900)  # just below the limit
    flat = Image.new("RGB", (16_383, 6_000))
    yield "bomb-flat.webp", encode(flat, format="WEBP", quality=1, method=0)
    grey = Image.new("1", (30_000, 30_000))
    yield "bomb-fax.tif", encode(grey, format="TIFF", compression="group4")
    yield "bomb-text.png", png_with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10**8)))
    yield (
        "bomb-itext.png",
        png_with_chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress(bytes(10**8))),
    )
    yield "bomb-icc.png", png_with_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(10**8)))
    frames = [Image.new("L", (2000, 2000), level) for level in range(2)] * 40
    yield (
        "bomb-frames.gif",
        encode(frames[0], format="GIF", save_all=True, append_images=frames[1:], duration=10),
    )


def png_of_nothing(side: int) -> bytes:
    """A black PNG of one bit per pixel, made without its pixels ever lying in memory."""
    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 1 + (side % 8 > 0))
    body = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with_chunk(kind: bytes, body: bytes) -> bytes:
    """A small PNG with a chunk before its pixels."""
    plain = encode(Image.new("RGB", (8, 8)), format="PNG")
    return plain[:33] + chunk(kind, body) + plain[33:]


def join(intact: dict[str, bytes]) -> Iterator[File]:
    """Files that are two things at once."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("../../outside.txt"), "x")
    for name, content in intact.items():
        yield f"poly-zip.{name}", content + packed.getvalue()
        yield f"poly-page.{name}", b"<!doctype html><script>alert(1)</script>" + content
        yield f"poly-pdf.{name}", b"%PDF-1.4\n" + content
        yield f"poly-twice.{name}", content + content


def rename(intact: dict[str, bytes]) -> Iterator[File]:
    """Every format under others' extensions."""
    names = list(intact)
    for step in (1, 3, 7):
        for number, name in enumerate(names):
            other = names[(number + step) % len(names)]
            yield f"name-{name.replace('.', '_')}.{other}", intact[name]
    for other in ("jpg", "png", "mp4", "tif"):
        yield f"name-text.{other}", b"This is no picture.\n" * 50
        yield f"name-eps.{other}", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"
        yield f"name-svg.{other}", b"<svg xmlns='http://www.w3.org/2000/svg' width='9'/>"
        yield f"name-list.{other}", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
        yield f"name-concat.{other}", b"ffconcat version 1.0\nfile /etc/passwd\n"


def begin(_: dict[str, bytes]) -> Iterator[File]:
    """Signatures followed by nothing, zeros and noise; files without any content."""
    noise = np.random.default_rng(1).bytes(5000)
    for number, signature in enumerate(SIGNATURES):
        for kind, rest in (("bare", b""), ("zeros", bytes(5000)), ("noise", noise)):
            extension = ("jpg", "png", "mp4")[number % 3]
            yield f"start-{number:02}-{kind}.{extension}", signature + rest
    for extension in ("jpg", "png", "mp4", "gif"):
        yield f"start-empty.{extension}", b""
        yield f"start-byte.{extension}", b"\xff"


def hide_in_metadata(intact: dict[str, bytes]) -> Iterator[File]:
    """EXIF that runs in circles or has no end, XMP whose entities grow."""
    loop = (
        b"Exif\0\0II*\0\x08\0\0\0"
        + b"\x01\0"
        + struct.pack("<HHII", 0x8769, 4, 1, 8)
        + b"\x08\0\0\0"
    )
    many = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 0x10E, 2, 2**31, 8) * 4000
    far = b"Exif\0\0MM\0*" + struct.pack(">I", 2**32 - 1)
    turned = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x112, 3, 1, 77) + bytes(4)
    laughs = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(12)
    )
    xmp = (
        f"<?xml version='1.0'?><!DOCTYPE x [{laughs}]><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
        "&l11;</x:xmpmeta>"
    ).encode()
    outside = (
        b"<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>&f;</x:xmpmeta>"
    )
    blocks = {
        "loop": loop,
        "many": many,
        "far": far,
        "turned": turned,
        "laughs": b"http://ns.adobe.com/xap/1.0/\0" + xmp,
        "outside": b"http://ns.adobe.com/xap/1.0/\0" + outside,
    }
    for name, block in blocks.items():
        body = block[:65_500]
        part = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        yield f"meta-{name}.jpg", intact["jpg"][:2] + part + intact["jpg"][2:]
        yield f"meta-{name}-many.jpg", intact["jpg"][:2] + part * 50 + intact["jpg"][2:]
        yield f"meta-{name}.png", png_with_chunk(b"eXIf", block.removeprefix(b"Exif\0\0"))


def rush(_: dict[str, bytes]) -> Iterator[File]:
    """Clips of absurd frame rates and shapes."""
    for number, rate in enumerate((Fraction(1, 100_000), Fraction(60_000), Fraction(1, 7))):
        yield f"rate-{number}.mkv", encode_clip("matroska", "libx264", rate)
    for width, height in ((16, 4096), (4096, 16), (16, 16)):
        yield f"rate-{width}x{height}.mp4", encode_clip("mp4", "libx264", size=(width, height))


def deviate(_: dict[str, bytes]) -> Iterator[File]:
    """Unusual modes that are no fault."""
    face = Image.fromarray(data.astronaut()[:256, 96:352])
    deep = Image.fromarray(np.asarray(face.convert("L")).astype(np.uint16) * 257)
    yield "odd-deep.png", encode(deep, format="PNG")
    yield "odd-cmyk.jpg", encode(face.convert("CMYK"), format="JPEG")
    yield "odd-lab.tif", encode(face.convert("LAB"), format="TIFF")
    yield "odd-float.tif", encode(face.convert("F"), format="TIFF")
    yield "odd-bilevel.png", encode(face.convert("1"), format="PNG")
    yield "odd-palette.gif", encode(face.quantize(4), format="GIF", transparency=0)
    yield "odd-clear.png", encode(face.convert("LA"), format="PNG")
    yield "odd-narrow.png", encode(face.resize((1, 2000)), format="PNG")
    yield "odd-dot.jpg", encode(face.resize((1, 1)), format="JPEG")


def main() -> None:
    """Write the corpus into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, content in make_corpus(arguments.count, arguments.seed):
        (arguments.out / name).write_bytes(content)


if __name__ == "__main__":
    main()
