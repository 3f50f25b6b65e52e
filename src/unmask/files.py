"""Files that are written whole or not at all, whatever happens meanwhile."""

import os
import sys
from pathlib import Path

from unmask.errors import UsageError


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
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have the disk know what lies in a folder, so that what was moved there stays."""
    if sys.platform == "win32":  # folders cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
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
    if not os.access(out, os.W_OK):
        message = f"cannot write to the folder {out}: Permission denied"
        raise UsageError(message)
    return found
