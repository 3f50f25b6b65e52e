"""The chunks of a PNG file: its texts, and the file without them.

Texts hold what picture generators write of themselves, megabytes at times. They are read here and
not by Pillow, which refuses a whole picture over one long text.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MAX_TEXT_BYTES: Final = 2**20
"""Most of one text that is unpacked and kept."""
MAX_TEXTS: Final = 64
XMP_KEYWORD: Final = b"XML:com.adobe.xmp"
_TEXT_KINDS: Final = (b"tEXt", b"zTXt", b"iTXt")
_MAX_CHUNKS: Final = 200_000
"""Chunks gone through; a picture of 100 megapixels in the usual chunks of 8 KiB has 50,000."""
_FRAME: Final = 12
"""Bytes of a chunk besides its content: length, kind and checksum."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its keyword."""

    keyword: str
    text: str
    cut: bool = False
    """Whether it is longer than what was kept."""


def read_texts(data: bytes) -> tuple[tuple[Text, ...], tuple[str, ...]]:
    """The texts of a PNG file, at most `MAX_TEXTS`, and warnings about broken ones."""
    texts: list[Text] = []
    warnings: list[str] = []
    for kind, start, end in _chunks(data):
        if kind not in _TEXT_KINDS:
            continue
        if len(texts) == MAX_TEXTS:
            warnings.append(f"the file holds more than {MAX_TEXTS} texts; the others were not read")
            break
        try:
            texts.append(_read_text(kind, data[start:end]))
        except (ValueError, zlib.error) as error:
            warnings.append(f"a text chunk is broken: {error}")
    warnings += [
        f"the text {text.keyword!r} is longer than {MAX_TEXT_BYTES} bytes: cut"
        for text in texts
        if text.cut
    ]
    return tuple(texts), tuple(warnings)


def drop_text(data: bytes) -> bytes:
    """A PNG file without its texts, but for XMP, in which the orientation may stand."""
    kept: list[bytes] = []
    begun = len(SIGNATURE)
    for kind, start, end in _chunks(data):
        if kind in _TEXT_KINDS and not _is_plain_xmp(data, start, end):
            kept.append(data[begun : start - 8])
            begun = end + 4
    if not kept:
        return data
    return b"".join([SIGNATURE, *kept, data[begun:]])


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each whole chunk."""
    place = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS if data.startswith(SIGNATURE) else 0):
        if place + _FRAME > len(data):
            return
        (length,) = struct.unpack_from(">I", data, place)
        start, end = place + 8, place + 8 + length
        if end + 4 > len(data):
            return
        yield data[place + 4 : start], start, end
        place = end + 4


def _is_plain_xmp(data: bytes, start: int, end: int) -> bool:
    """Uncompressed XMP of a size that Pillow reads."""
    head = XMP_KEYWORD + b"\0\0"
    return end - start <= MAX_TEXT_BYTES and data.startswith(head, start)


def _read_text(kind: bytes, content: bytes) -> Text:
    keyword, separator, rest = content.partition(b"\0")
    if not separator:
        message = "it has no keyword"
        raise ValueError(message)
    packed = kind == b"zTXt"
    encoding = "latin-1"
    if packed:
        rest = rest[1:]
    elif kind == b"iTXt":
        encoding = "utf-8"
        packed = rest[:1] == b"\1"
        parts = rest[2:].split(b"\0", 2)
        rest = parts[2] if len(parts) > 2 else b""
    if packed:
        rest = zlib.decompressobj().decompress(rest, MAX_TEXT_BYTES + 1)
    text = rest[:MAX_TEXT_BYTES].decode(encoding, "replace")
    return Text(keyword.decode("latin-1")[:80], text, len(rest) > MAX_TEXT_BYTES)
