"""EXIF and XMP: what camera and programs wrote into a picture.

Both are whatever somebody put there, so that everything is bounded: number of entries, length of
texts, size of a packet. XMP is read without document types and entities.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from PIL import ExifTags, Image

from unmask.inspection.declarations import (
    Declaration,
    declare_source,
    find_generator,
    shorten,
    source_type,
)
from unmask.media.images import DECODER_ERRORS

MAX_XMP_BYTES: Final = 2**20
MAX_ENTRIES: Final = 64
MAX_ELEMENTS: Final = 20_000
_MAX_COMMENT_BYTES: Final = 2**20
_COUNT_BYTES: Final = 2
_ENTRY_BYTES: Final = 12
"""Of a directory in TIFF 6.0, whose form EXIF has."""
_EXIF_NAMES: Final = (
    "Make Model LensModel Software HostComputer DateTime DateTimeOriginal DateTimeDigitized "
    "ExposureTime FNumber ISOSpeedRatings FocalLength ImageDescription Artist Copyright "
    "UserComment Orientation CompositeImage"
)
_EXIF_SHOWN: Final = frozenset(_EXIF_NAMES.split())
"""Names of `PIL.ExifTags.TAGS` that say something of a picture's making."""
_XMP_NAMES: Final = (
    "CreatorTool CreateDate ModifyDate MetadataDate DigitalSourceType Credit Source creator "
    "softwareAgent AISystemUsed AISystemVersionUsed AIPromptInformation AIPromptWriterName "
    "DocumentID OriginalDocumentID"
)
_XMP_SHOWN: Final = frozenset(_XMP_NAMES.split())
"""Local names of XMP properties that do."""


def read_exif(image: Image.Image) -> tuple[dict[str, str], list[Declaration], list[str]]:
    """The telling EXIF entries, traces of generators among them, and warnings."""
    entries: dict[str, str] = {}
    found: list[Declaration] = []
    block = image.info.get("exif")
    warnings = ["the EXIF block is broken; what could be read is listed"] if _is_cut(block) else []
    try:
        exif = image.getexif()
        tags = {**dict(exif), **dict(exif.get_ifd(ExifTags.IFD.Exif))}
        located = bool(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except DECODER_ERRORS as error:
        return {}, [], [f"the EXIF block is broken: {shorten(str(error))}"]
    for number, value in list(tags.items())[: 4 * MAX_ENTRIES]:
        name = ExifTags.TAGS.get(number, "")
        if name not in _EXIF_SHOWN:
            continue
        text = _as_text(name, value)
        if len(text) > MAX_XMP_BYTES:
            warnings.append(f"EXIF {name} is {len(text)} characters long: cut")
        declaration = find_generator("EXIF", name, text)
        if declaration:
            found.append(declaration)
        entries[name] = shorten(text)
    if located:
        entries["GPSInfo"] = "present (the place is not repeated here)"
    return entries, found, warnings


def read_xmp(packet: bytes) -> tuple[dict[str, str], list[Declaration], list[str]]:
    """The telling XMP properties, declarations among them, and warnings."""
    if len(packet) > MAX_XMP_BYTES:
        return {}, [], [f"the XMP packet has {len(packet)} bytes, more than are read; passed over"]
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t"), forbid_dtd=True)
    except DefusedXmlException as error:
        return {}, [], [f"the XMP packet is hostile ({type(error).__name__}); passed over"]
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        return {}, [], [f"the XMP packet is broken: {shorten(str(error))}"]
    entries: dict[str, str] = {}
    found: list[Declaration] = []
    for name, value in _properties(root):
        if len(entries) >= MAX_ENTRIES:
            return entries, found, [f"the XMP packet has more than {MAX_ENTRIES} entries: cut"]
        entries.setdefault(name, shorten(value))
        term = source_type(value) if name == "DigitalSourceType" else ""
        if term:
            found.append(declare_source("XMP DigitalSourceType", term))
        elif name.startswith("AI"):
            says = "names an AI system"
            found.append(
                Declaration(f"XMP {name}", says, machine_made=True, excerpt=shorten(value))
            )
        else:
            found += filter(None, [find_generator("XMP", name, value)])
    return entries, list(dict.fromkeys(found)), []


def packet_of(image: Image.Image) -> bytes:
    """The XMP packet of an opened picture, empty without one."""
    packet: Any = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if not packet:
        tag = getattr(image, "tag_v2", {}).get(ExifTags.Base.XMLPacket, b"")
        packet = bytes(tag) if isinstance(tag, bytes | tuple) else b""
    return packet.encode("utf-8", "replace") if isinstance(packet, str) else bytes(packet)


def _is_cut(block: Any) -> bool:
    """Whether an EXIF block has no head, or ends before the entries that it announces."""
    if not isinstance(block, bytes):
        return False
    body = block.removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "big" if body[:2] == b"MM" else "little"
    if body[:4] not in {b"II*\0", b"MM\0*"}:
        return True
    start = int.from_bytes(body[4:8], order)
    count = int.from_bytes(body[start : start + _COUNT_BYTES], order)
    return start + _COUNT_BYTES + count * _ENTRY_BYTES > len(body)


def _as_text(name: str, value: Any) -> str:
    """An EXIF value in words; comments begin with eight bytes that name their encoding."""
    if not isinstance(value, bytes):
        return str(value)
    data: bytes = value[:_MAX_COMMENT_BYTES]
    if name == "UserComment" and data.startswith(b"UNICODE\0"):
        body = data[8:]
        big = body[:1] == b"\0"
        return body.decode("utf-16-be" if big else "utf-16-le", "replace").strip("\0 \ufeff")
    if name == "UserComment" and data[:8] in {b"ASCII\0\0\0", b"\0" * 8}:
        data = data[8:]
    return data.decode("utf-8", "replace").strip("\0 ")


def _properties(root: Element) -> Iterator[tuple[str, str]]:
    """The shown properties: attributes, elements with text, and lists."""
    for number, element in enumerate(root.iter()):
        if number >= MAX_ELEMENTS:
            return
        for name, value in element.attrib.items():
            if _local(name) in _XMP_SHOWN:
                yield _local(name), value
        if _local(element.tag) in _XMP_SHOWN:
            resource = next(
                (value for name, value in element.attrib.items() if _local(name) == "resource"), ""
            )
            texts = [element.text or "", *(item.text or "" for item in list(element.iter())[1:20])]
            value = "; ".join(text.strip() for text in texts if text.strip()) or resource
            if value:
                yield _local(element.tag), value


def _local(name: Any) -> str:
    return str(name).rpartition("}")[2]
