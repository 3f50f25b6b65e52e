"""Files that are written whole or not at all, whatever happens meanwhile."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from unmask.errors import UsageError

DRAFTS: Final = ".unmask-part-"
"""Beginning of the names of folders whose content has not been moved to its place yet."""


def write_whole(path: Path, content: str | bytes, draft: Path | None = None) -> None:
    """Write a file elsewhere and move it to its place once it lies on the disk.

    Whoever reads sees the earlier content or the new one; a process that is killed leaves the
    earlier one, and the draft.

    Args:
        path: its place.
        content: text is written as UTF-8.
        draft: where it is written first, on the same disk; a hidden file beside it where None.

    Raises:
        OSError: it cannot be written; the earlier content is as it was.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    draft = draft or path.with_name(f".{path.name[:100]}.{os.getpid()}.draft")
    try:
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a full disk says not where
        raise
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def is_draft(path: Path) -> bool:
    """Whether a file is what a process left that was killed in the middle of `write_whole`."""
    return path.name.startswith(".") and path.name.endswith(".draft")


def sync_folder(path: Path) -> None:
    """Have the disk know what lies in a folder, so that what was moved there stays."""
    if sys.platform == "win32":  # folders cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def open_drafts(parent: Path) -> Iterator[Path]:
    """A hidden folder on the same disk, to write in what is then moved to its place.

    It is removed at the end. What a killed process left is removed by the next one that opens
    drafts in the same place: a folder that no process holds locked is nobody's.

    Raises:
        OSError: it cannot be made.
    """
    with _locked(parent):
        _sweep(parent)
        drafts = Path(tempfile.mkdtemp(prefix=DRAFTS, dir=parent))
        held = _lock(drafts)
    try:
        yield drafts
    finally:
        shutil.rmtree(drafts, ignore_errors=True)
        if held is not None:
            os.close(held)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = _lock(folder, wait=True)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _lock(folder: Path, *, wait: bool = False) -> int | None:
    """Hold a folder until the handle is closed; None where the system has no such locks.

    Raises:
        BlockingIOError: another process holds it.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        os.close(handle)
        raise
    return handle


def _sweep(parent: Path) -> None:
    """Remove what killed processes left; on Windows nobody can tell, and nothing is removed."""
    if sys.platform == "win32":
        return
    for folder in parent.glob(f"{DRAFTS}*"):
        try:
            handle = _lock(folder)
        except OSError:  # held, or gone meanwhile
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def open_place(out: Path) -> set[str]:
    """Make a folder of results where it is missing; the names of what it holds.

    Raises:
        UsageError: it is a file, or cannot be made or written to.
    """
    if out.exists() and not out.is_dir():
        message = f"--out {out} is a file; name a folder"
        raise UsageError(message)
    try:
        out.mkdir(parents=True, exist_ok=True)
        found = {entry.name for entry in out.iterdir()}
    except OSError as error:
        message = f"--out {out} cannot be used: {error.strerror or error}"
        raise UsageError(message) from error
    check_writable(out)
    return found


def check_writable(folder: Path) -> None:
    """See that files can be made in a folder.

    Raises:
        UsageError: they cannot.
    """
    if not os.access(folder, os.W_OK):
        message = f"cannot write to the folder {folder}: Permission denied"
        raise UsageError(message)
