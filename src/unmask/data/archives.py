"""Zip files of data, unpacked once into a cache folder.

Pictures and clips are opened by path everywhere (clips need seeking), so an archive is unpacked and
not read in place; its content's hash names the folder, so that the next call finds it. An archive
is a stranger's: no member may lead out of the folder, links and everything that is no picture, clip
or table stay packed, and what unpacks to far more than a set of pictures could is refused.
"""

import contextlib
import errno
import hashlib
import json
import lzma
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from unmask.data.dataset import LeftOut, some
from unmask.data.listing import TABLE_EXTENSIONS, extension_of, is_hidden
from unmask.errors import DataError
from unmask.media.sources import MEDIA_EXTENSIONS

_FACTS: Final = ".unpacked.json"
_CHUNK: Final = 2**20
_ENCRYPTED: Final = 0x1
"""Bit of the general purpose flags. Source: PKWARE APPNOTE.TXT 6.3.10, section 4.4.4."""
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # a way of packing that Python does not know
    OSError,
)
_DIRECTORY_BROKEN: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,  # a version of the format that is yet to come
    struct.error,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold."""

    files: int = 2_000_000
    """Fourteen times the 140k set."""
    total_bytes: int = 2**40
    """DFDC, the largest public set of clips, has 0.5 TB."""
    ratio: int = 100
    """Unpacked against packed: pictures and clips hardly shrink, plain bitmaps at most so far."""
    free_bytes: int = 2**30
    """What must remain free on the disk."""
    small_bytes: int = 2**26
    """Below this size the ratio does not matter."""


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An archive's content on disk."""

    folder: Path
    left_out: tuple[LeftOut, ...]
    """Members that are broken."""
    passed_over: Counter[str]
    """Members that stay packed, by extension or reason."""


def cache_folder() -> Path:
    """Where unpacked archives are kept: `UNMASK_CACHE`, or `unmask` in the user's cache folder."""
    own = os.environ.get("UNMASK_CACHE")
    if own:
        return Path(own)
    user = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(user) if user else Path.home() / ".cache") / "unmask"


def unpack(archive: Path, cache: Path | None = None, *, limits: Limits = LIMITS) -> Unpacked:
    """Unpack the pictures, clips and tables of a zip file, or find them from an earlier call.

    Raises:
        DataError: It is no zip file, is encrypted, leads outside, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members, passed_over = _choose(archive, file.infolist())
            _check_sizes(archive, members, limits)
            folder = (cache or cache_folder()) / "data" / _fingerprint(members)
            left_out = _read_facts(folder)
            if left_out is None:
                left_out = _unpack_beside(file, members, folder, limits)
    except _DIRECTORY_BROKEN as error:
        message = f"{str(archive)!r} is no intact zip file: {error}; fetch it again"
        raise DataError(message) from error
    except OSError as error:
        message = f"{str(archive)!r} cannot be unpacked: {error.strerror or error}"
        raise DataError(message) from error
    return Unpacked(folder, left_out, passed_over)


def _choose(
    archive: Path, infos: list[zipfile.ZipInfo]
) -> tuple[dict[str, zipfile.ZipInfo], Counter[str]]:
    """The members to unpack by their path in the folder."""
    members: dict[str, zipfile.ZipInfo] = {}
    passed_over: Counter[str] = Counter()
    for info in infos:
        name = info.filename.replace("\\", "/")
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or ":" in name.split("/", 1)[0]:
            message = f"{str(archive)!r} holds {name!r}, which leads out of it; it is not unpacked"
            raise DataError(message)
        if not name or name.endswith("/") or any(is_hidden(part) for part in path.parts):
            continue
        extension = extension_of(path.name)
        if stat.S_ISLNK(info.external_attr >> 16):
            passed_over["link"] += 1
        elif extension not in MEDIA_EXTENSIONS | TABLE_EXTENSIONS:
            passed_over[extension or "no extension"] += 1
        elif members.setdefault(str(path), info) is not info:
            passed_over["second file of a name"] += 1
    return members, passed_over


def _check_sizes(archive: Path, members: dict[str, zipfile.ZipInfo], limits: Limits) -> None:
    locked = [name for name, info in members.items() if info.flag_bits & _ENCRYPTED]
    if locked:
        message = f"{str(archive)!r} is encrypted ({some(locked)}); unpack it with its password"
        raise DataError(message)
    total = sum(info.file_size for info in members.values())
    packed = archive.stat().st_size
    for what, number, most in (
        ("files", len(members), limits.files),
        ("bytes unpacked", total, limits.total_bytes),
        ("bytes unpacked", total, max(limits.ratio * packed, limits.small_bytes)),
    ):
        if number > most:
            message = (
                f"{str(archive)!r} holds {number} {what} in {packed} bytes, expected at most "
                f"{most}; it is not unpacked; if you trust it, unpack it and give the folder"
            )
            raise DataError(message)


def _fingerprint(members: dict[str, zipfile.ZipInfo]) -> str:
    rows = sorted(f"{name}\t{info.file_size}\t{info.CRC}" for name, info in members.items())
    digest = hashlib.sha256("\n".join(rows).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def _read_facts(folder: Path) -> tuple[LeftOut, ...] | None:
    facts = folder / _FACTS
    if not facts.is_file():
        return None
    return tuple(LeftOut(**row) for row in json.loads(facts.read_text(encoding="utf-8")))


def _unpack_beside(
    file: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path, limits: Limits
) -> tuple[LeftOut, ...]:
    """Unpack next to the folder and rename at the end, so that it is whole or not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    needed = sum(info.file_size for info in members.values()) + limits.free_bytes
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        message = (
            f"unpacking needs {needed} bytes in {str(folder.parent)!r}, {free} are free; make room "
            "or set UNMASK_CACHE to a folder on another disk"
        )
        raise DataError(message)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as name:
        partial = Path(name) / "data"
        partial.mkdir()
        left_out = tuple(
            LeftOut(path, f"broken in the archive ({reason})")
            for path, info in members.items()
            if (reason := _unpack_one(file, info, partial / path))
        )
        rows = [{"path": row.path, "reason": row.reason} for row in left_out]
        (partial / _FACTS).write_text(json.dumps(rows), encoding="utf-8")
        try:
            partial.rename(folder)
        except OSError:
            if _read_facts(folder) is None:  # not simply another process that was faster
                raise
    return left_out


def _unpack_one(file: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> str:
    """Write one member; a reason where it is broken. Never more bytes than it declares."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with file.open(info) as source, path.open("xb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
    except _BROKEN as error:
        with contextlib.suppress(OSError):  # its parent may be a file
            path.unlink()
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        return str(error) or type(error).__name__
    return ""
