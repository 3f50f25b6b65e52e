"""Which files there are, and what each of them is.

A file is told by its first bytes, never by its name: a text renamed to `.jpg` is `unsupported`.
Names matter only where a folder is searched: opening every file of a folder would be slow.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unmask.errors import MediaError
from unmask.records import Kind

FilePath = str | os.PathLike[str]

_IMAGE_NAMES: Final = "avif bmp dib gif heic heif hif jfif jpe jpeg jpg mpo png tif tiff webp"
_VIDEO_NAMES: Final = (
    "3g2 3gp asf avi f4v flv m2ts m4v mkv mov mp4 mpeg mpg mts ogg ogv qt ts vob webm wmv"
)
IMAGE_EXTENSIONS: Final = frozenset(f".{name}" for name in _IMAGE_NAMES.split())
VIDEO_EXTENSIONS: Final = frozenset(f".{name}" for name in _VIDEO_NAMES.split())
MEDIA_EXTENSIONS: Final = IMAGE_EXTENSIONS | VIDEO_EXTENSIONS
"""Lower-case extensions by which the files of a folder are chosen."""

HEAD_BYTES: Final = 1024
"""How much of a file is read to tell what it is: five packets of a transport stream fit."""

_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"FLV\x01", "flv"),
    (0, b"OggS", "ogg"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"\x00\x00\x01\xba", "mpegps"),
    (0, b"ID3", "audio"),
    (0, b"fLaC", "audio"),
    (4, b"moov", "mp4"),  # QuickTime files from before `ftyp`
    (4, b"mdat", "mp4"),
    (4, b"wide", "mp4"),
    (4, b"pnot", "mp4"),
)
_TIFF_MAGIC: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_RIFF_FORMS: Final = {b"WEBP": "webp", b"AVI ": "avi", b"WAVE": "audio"}
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_RAW_BRANDS: Final = frozenset({b"crx "})  # Canon CR3, a camera's raw format in an MP4 coat
_BMP_HEADER_BYTES: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_TS_SYNC: Final = 0x47

IMAGE_FORMATS: Final = frozenset({"jpeg", "png", "webp", "avif", "heic", "tiff", "bmp", "gif"})
"""Formats that are pictures; of animated ones (GIF, WebP, AVIF sequences) the first is read."""
VIDEO_FORMATS: Final = frozenset(
    {"mp4", "matroska", "avi", "mpegts", "mpegps", "flv", "ogg", "asf"}
)


@dataclass(frozen=True, slots=True)
class NamedFile(os.PathLike[str]):
    """A file that goes by another name than its path, in reports and in messages."""

    path: Path
    name: str

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies in an archive or a store, and is fetched when it is its turn."""

    name: str
    fetch: Callable[[], bytes]
    """Gives the content, or raises a `MediaError`."""

    def __str__(self) -> str:
        return self.name


def sniff(head: bytes) -> str | None:
    """Name the format from a file's first bytes: one of the formats above, `audio`, or None."""
    for offset, magic, name in _MAGIC:
        if head.startswith(magic, offset):
            return name
    if head[:4] in _TIFF_MAGIC:
        return None if head[8:10] == b"CR" else "tiff"  # Canon CR2 starts like a TIFF
    if head[:4] == b"RIFF":
        return _RIFF_FORMS.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return "bmp"
    return "mpegts" if _is_transport_stream(head) else None


def _sniff_brands(head: bytes) -> str | None:
    """Tell pictures from clips among the files that start with an ISO `ftyp` box."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if brands[0] in _RAW_BRANDS:
        return None
    if brands[0] in _AVIF_BRANDS:
        return "avif"
    if brands[0] in _HEIC_BRANDS:  # mif1 and msf1 leave open which codec is inside
        return "avif" if _AVIF_BRANDS.intersection(brands) else "heic"
    return "mp4"


def _is_transport_stream(head: bytes) -> bool:
    """See the sync byte in three packets on end, plain (188 bytes) or Blu-ray's (4 + 188)."""
    for start, step in ((0, 188), (4, 192)):
        places = range(start, start + 3 * step, step)
        if all(at < len(head) and head[at] == _TS_SYNC for at in places):
            return True
    return False


def kind_of(source: FilePath | bytes) -> Kind:
    """Tell whether a file (or its content) is a picture or a clip.

    Raises:
        MediaError: `missing`, `empty`, `unreadable`, `unsupported`, or `no_video` for sound alone.
    """
    return Kind.IMAGE if format_of(source) in IMAGE_FORMATS else Kind.VIDEO


def format_of(source: FilePath | bytes) -> str:
    """Name the format of a file (or its content), one of IMAGE_FORMATS or VIDEO_FORMATS.

    Raises:
        MediaError: As `kind_of`.
    """
    head = _read_head(source)
    name = sniff(head)
    if name == "audio":
        message = f"{describe(source)} holds sound without pictures; give a picture or a clip"
        raise MediaError(message, code="no_video")
    if name is None:
        known = ", ".join(sorted(IMAGE_FORMATS)) + "; " + ", ".join(sorted(VIDEO_FORMATS))
        message = (
            f"{describe(source)} is in none of the formats that are opened ({known}); "
            f"it starts with {head[:12]!r}; convert it to one of them"
        )
        raise MediaError(message, code="unsupported")
    return name


def _read_head(source: FilePath | bytes) -> bytes:
    if isinstance(source, bytes):
        if not source:
            message = "the bytes given are empty; give the content of a picture or clip"
            raise MediaError(message, code="empty")
        return source[:HEAD_BYTES]
    check_file(source)
    try:
        with Path(source).open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise unreadable(source, error) from error


def check_file(source: FilePath) -> int:
    """Make sure that a path is a regular file with content, without opening it; return its bytes.

    Opening first would hang on a pipe and disturb a device.

    Raises:
        MediaError: `missing`, `empty` or `unreadable`.
    """
    try:
        status = Path(source).stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"{describe(source)} does not exist; check the path"
        raise MediaError(message, code="missing") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(source, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise _folder_error(source)
    if not stat.S_ISREG(status.st_mode):
        message = f"{describe(source)} is a pipe, socket or device; give a regular file"
        raise MediaError(message, code="unreadable")
    if status.st_size == 0:
        message = f"{describe(source)} has zero bytes; give the whole file"
        raise MediaError(message, code="empty")
    return status.st_size


def _folder_error(source: FilePath) -> MediaError:
    try:
        with os.scandir(source) as entries:
            holds_media = any(_extension(entry.name) in MEDIA_EXTENSIONS for entry in entries)
    except OSError as error:
        return unreadable(source, error)
    if holds_media:
        message = f"{describe(source)} is a folder; give its files, or let `walk` find them"
        return MediaError(message, code="unreadable")
    message = f"the folder {describe(source)} holds no picture or clip of its own"
    return MediaError(message, code="empty")


def unreadable(source: FilePath, error: Exception) -> MediaError:
    """Build the answer for a file that the operating system refuses."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    message = f"{describe(source)} cannot be read: {reason}; check its permissions"
    return MediaError(message, code="unreadable")


def describe(source: FilePath | bytes) -> str:
    """Name a source in a message: printable whatever its name holds."""
    return f"{len(source)} bytes in memory" if isinstance(source, bytes) else repr(str(source))


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a Path per entry is 20 times slower)


@dataclass
class Walk:
    """The sources below some paths, found while iterating; see `walk`."""

    paths: tuple[str, ...]
    recursive: bool = False
    skipped: Counter[str] = field(default_factory=Counter)
    """What the folders hold and was passed over, by extension or reason; filled while iterating."""

    def __iter__(self) -> Iterator[str]:
        self.skipped.clear()
        for path in self.paths:
            if os.path.isdir(path):  # noqa: PTH112 (the path stays as it was given)
                yield from self._walk_folder(path)
            else:
                yield path

    def _walk_folder(self, root: str) -> Iterator[str]:
        found = False
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
            except OSError:
                found = True
                yield folder  # its answer is the error
                continue
            below: list[str] = []
            for entry in entries:
                source = os.path.join(folder, entry.name)  # noqa: PTH118 (keeps a leading "./")
                if self._is_folder(entry):
                    below.append(source)
                elif self._is_media(entry):
                    found = True
                    yield source
            waiting.extend(reversed(below))
        if not found:
            yield root  # a folder named outright is answered too: empty

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        """Say whether to go down into an entry; links to folders are not followed: loops."""
        return self.recursive and entry.is_dir(follow_symlinks=False)

    def _is_media(self, entry: os.DirEntry[str]) -> bool:
        try:
            mode = entry.stat().st_mode
        except OSError:  # a dangling link: named like media, it is answered
            mode = stat.S_IFREG
        extension = _extension(entry.name)
        if stat.S_ISDIR(mode):
            self.skipped["link to a folder" if self.recursive else "folder"] += 1
        elif not stat.S_ISREG(mode):
            self.skipped["pipe, socket or device"] += 1
        elif extension not in MEDIA_EXTENSIONS:
            self.skipped[extension or "no extension"] += 1
        else:
            return True
        return False


def walk(paths: Iterable[str | Path], *, recursive: bool = False) -> Walk:
    """List the sources below some paths, in order: iterate it, then read its `skipped`.

    A path that is no folder is yielded as given, even a missing one: it has an answer, an error. A
    folder yields its files with a known extension (case does not matter, links to files are
    followed, nothing is deduplicated) sorted by name, and with `recursive` then its sub-folders; a
    folder that cannot be listed, or one named outright that holds no media, is yielded itself.
    """
    return Walk(tuple(os.fspath(path) for path in paths), recursive)
