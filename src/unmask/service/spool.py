"""Uploads on disk: in a folder that only this user may enter, deleted with their request or job.

The folder goes when the service ends. Where the service was killed, the next one to start in the
same place removes it: a folder that no process holds locked is nobody's.
"""

import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from unmask.errors import UsageError
from unmask.media.sources import NamedFile
from unmask.service.problems import ProblemError

PREFIX: Final = "unmask-uploads-"
_YOUNG_S: Final = 60.0
"""A folder this young may belong to a service that has not locked it yet."""
_LONGEST_NAME: Final = 255
UNNAMED: Final = "upload"
"""Stands for the name of a file that was sent without one."""


class Spool:
    """Where uploads lie while they are worked on.

    Args:
        parent: The folder in which the private one is made; the system's temporary one if None.
        max_bytes: Largest file.
        total_bytes: Space for all files together.

    Raises:
        UsageError: There is no such folder, or it may not be written to.
    """

    def __init__(self, parent: Path | None, *, max_bytes: int, total_bytes: int) -> None:
        place = Path(tempfile.gettempdir()) if parent is None else parent
        try:
            _sweep(place)
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))  # for this user alone
        except OSError as error:
            message = f"uploads cannot be kept in {place}: {error.strerror}; name another folder"
            raise UsageError(message) from error
        self._lock = _lock(self.folder)
        self._max_bytes, self._total_bytes = max_bytes, total_bytes
        self.used_bytes = 0

    def open(self, name: str) -> "Upload":
        """Begin a file that its client calls by this name."""
        return Upload(self, self.folder / secrets.token_hex(8), tidy_name(name))

    def reserve(self, count: int, file_bytes: int) -> None:
        """Account for bytes before they are written.

        Raises:
            ProblemError: 413 where the file, 503 where all files together become too large.
        """
        if file_bytes > self._max_bytes:
            detail = (
                f"the file is larger than the {self._max_bytes} bytes that are taken; send a "
                "smaller one"
            )
            raise ProblemError(413, "too_large", detail)
        if self.used_bytes + count > self._total_bytes:
            detail = "the space for uploads is used up; send the request again later"
            raise ProblemError(503, "spool_full", detail, retry_after_s=5)
        self.used_bytes += count

    def release(self, count: int) -> None:
        """Account for bytes that are deleted."""
        self.used_bytes -= count

    def close(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Upload:
    """One file while it is written and worked on; a context manager that deletes it on exit."""

    def __init__(self, spool: Spool, path: Path, name: str) -> None:
        self._spool = spool
        self._file = path.open("xb")
        self.source: Final = NamedFile(path, name)
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            ProblemError: As `Spool.reserve`.
        """
        self._spool.reserve(len(data), self.size_bytes + len(data))
        self.size_bytes += len(data)
        self._file.write(data)

    def finish(self) -> None:
        """Say that all of it is written."""
        self._file.close()

    def delete(self) -> None:
        """Remove it; can be called twice."""
        self._file.close()
        self.source.path.unlink(missing_ok=True)
        self._spool.release(self.size_bytes)
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.delete()


def tidy_name(name: str) -> str:
    """A client's name of a file: its last part, printable and of a bounded length."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in last
    )
    return printable[:_LONGEST_NAME] or UNNAMED


def _lock(folder: Path) -> int | None:
    """Hold a folder for the life of this process; None where the system has no such locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _sweep(place: Path) -> None:
    """Remove this user's folders of services that were killed."""
    if sys.platform == "win32":
        return
    for folder in place.glob(f"{PREFIX}*"):
        status = folder.lstat()
        old = time.time() - status.st_mtime > _YOUNG_S
        if not (old and status.st_uid == os.getuid() and folder.is_dir()) or folder.is_symlink():
            continue
        try:
            handle = _lock(folder)
        except OSError:  # held: its service runs
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)
