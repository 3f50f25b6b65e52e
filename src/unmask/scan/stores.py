"""Bytes from wherever an address leads: the file system, or a store through fsspec.

An address with `://` is a store's (`s3://`, `gs://`, `https://`, `file://`, ...); fsspec chooses
who opens it and takes credentials from the environment. Anything else is a path.
"""

import importlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from unmask.errors import MediaError, MissingExtraError, UsageError
from unmask.media.images import MAX_BYTES
from unmask.media.sources import describe, unreadable

_WAITS_S: Final = (0.5, 2.0)
"""Between the attempts at an object that a store does not give."""
_FINAL: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
"""Answers that no further attempt changes."""


def is_address(place: str) -> bool:
    """Say whether a place is a store's address and no path."""
    return "://" in place


def open_store(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path within it.

    Raises:
        UsageError: No store goes by that name, or what it needs is not installed.
        MissingExtraError: fsspec is not installed.
    """
    try:
        core: Any = importlib.import_module("fsspec.core")
    except ImportError as error:
        feature = f"reading {address}"
        raise MissingExtraError(feature, "scan") from error
    try:
        store, path = core.url_to_fs(address, use_listings_cache=False)
    except (ValueError, ImportError) as error:
        message = f"{address} cannot be opened: {error}"
        raise UsageError(message) from error
    return store, path


def open_binary(place: str) -> IO[bytes]:
    """Open a file, or an object of a store, to be read from anywhere."""
    if not is_address(place):
        return Path(place).open("rb")
    store, path = open_store(place)
    opened: IO[bytes] = store.open(path, "rb")
    return opened


def is_folder(place: str) -> bool:
    """Say whether a place is a folder, or what stands for one in a store."""
    if not is_address(place):
        return Path(place).is_dir()
    store, path = open_store(place)
    return bool(store.isdir(path))


def exists(place: str) -> bool:
    """Say whether there is anything at a place."""
    if not is_address(place):
        return Path(place).exists()
    store, path = open_store(place)
    return bool(store.exists(path))


def walk_store(address: str) -> Iterator[tuple[str, int | None]]:
    """The objects below an address and their sizes; one of a store's folders is held at a time."""
    store, path = open_store(address)
    for _, _, files in store.walk(path, detail=True, on_error="raise"):
        for entry in files.values():
            yield store.unstrip_protocol(entry["name"]), entry.get("size")


def fetch(place: str, start: int | None = None, size: int | None = None) -> bytes:
    """The content of a file or object, or `size` bytes of it from `start`.

    A store is asked again where it fails for reasons that may pass.

    Raises:
        MediaError: `missing`, `empty`, `unreadable`, `too_large`, or `corrupt` where a part of a
            file is asked for that it does not have.
    """
    for wait_s in (*_WAITS_S, None):
        try:
            data = _fetch_once(place, start, size)
            break
        except _FINAL as error:
            raise _explain(place, error) from error
        except MediaError:
            raise
        except Exception as error:
            if wait_s is None or not is_address(place):
                raise _explain(place, error) from error
            time.sleep(wait_s)
    if start is not None and len(data) != size:
        message = f"{describe(place)} ends early: {len(data)} of {size} bytes were there"
        raise MediaError(message, code="corrupt")
    if not data:
        message = f"{describe(place)} has zero bytes; give the whole file"
        raise MediaError(message, code="empty")
    return data


def _fetch_once(place: str, start: int | None, size: int | None) -> bytes:
    if not is_address(place):
        with Path(place).open("rb") as file:
            file.seek(start or 0)
            return file.read(_check_size(place, size))
    store, path = open_store(place)
    if size is None:
        size = store.size(path)
    _check_size(place, size)
    begin = start or 0
    data = store.cat_file(path, begin, begin + size) if start is not None else store.cat_file(path)
    return bytes(data)


def _check_size(place: str, size: int | None) -> int:
    if size is not None and size > MAX_BYTES:
        message = (
            f"{describe(place)} is too large: {size} bytes, expected at most {MAX_BYTES} from an "
            "archive or a store; copy it to a disk and give its path"
        )
        raise MediaError(message, code="too_large")
    return -1 if size is None else size


def _explain(place: str, error: Exception) -> MediaError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        message = f"{describe(place)} does not exist; check the address"
        return MediaError(message, code="missing")
    return unreadable(place, error)
