"""One visit: the files that a visitor brought, what was found out about them, and their end."""

import atexit
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from unmask.doors.app.work import Work
from unmask.inspection.inspect import Inspector
from unmask.inspection.moments import Finding
from unmask.media.sources import NamedFile
from unmask.service.spool import Spool, Upload

MAX_FILE_BYTES: Final = 200_000_000
MAX_VISIT_BYTES: Final = 1_000_000_000

VISIT_ENDS: Final = "unmask-visit-ends"
"""Name of the threads that close visits."""

Key = tuple[str, str, str, int]
"""A file, the model, the policy and the frames that it was inspected with."""


class Visit:
    """Files lie in a private folder that goes when the visit ends, or the server does.

    A server that was killed cannot delete; the next one does.
    """

    def __init__(self) -> None:
        self._spool: Final = Spool(None, max_bytes=MAX_FILE_BYTES, total_bytes=MAX_VISIT_BYTES)
        self._uploads: dict[str, Upload] = {}
        self.findings: dict[Key, Finding] = {}
        self.given_up: set[Key] = set()
        self.work: Work[Key] | None = None
        atexit.register(self.close)

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._spool.folder

    def take(self, token: str, name: str, data: bytes | memoryview) -> NamedFile:
        """Keep a file under a token; one that is there already stays as it is.

        Raises:
            ProblemError: the file, or all of the visit together, is too large.
        """
        if token not in self._uploads:
            upload = self._spool.open(name)
            try:
                upload.write(bytes(data))
            except BaseException:
                upload.delete()
                raise
            upload.finish()
            self._uploads[token] = upload
        return self._uploads[token].source

    def keep_only(self, tokens: Collection[str]) -> None:
        """Delete the files that the visitor took away again, and all that is known of them."""
        gone = [token for token in self._uploads if token not in tokens]
        if self.work is not None and any(key[0] in gone for key in self.work.keys):
            self._end_work()
        for token in gone:
            self._uploads.pop(token).delete()
        self.findings = {key: found for key, found in self.findings.items() if key[0] in tokens}
        self.given_up = {key for key in self.given_up if key[0] in tokens}

    def begin(
        self, files: Mapping[Key, NamedFile], inspector: Inspector, places: threading.Semaphore
    ) -> Work[Key]:
        """Inspect files; what is under way about the very same ones goes on."""
        if self.work is None or self.work.keys != tuple(files):
            self._end_work()
            left = {key: file for key, file in files.items() if key not in self.findings}
            self.work = Work(inspector, left, places)
        return self.work

    def gather(self) -> None:
        """Take over what the finished work found.

        Raises:
            Exception: what ended it before its time.
        """
        error = self.work.error if self.work else None
        self._end_work()
        if error is not None:
            raise error

    def give_up(self) -> None:
        """Cancel what is under way; what was found out until now stays."""
        keys = self.work.keys if self.work else ()
        self._end_work()
        self.given_up.update(key for key in keys if key not in self.findings)

    def forget_giving_up(self) -> None:
        """Let what was cancelled be asked again."""
        self.given_up.clear()

    def _end_work(self) -> None:
        if self.work is not None:
            self.work.cancel()
            self.findings.update(self.work.findings)
            self.work = None

    def end(self) -> None:
        """Close without making the caller wait, who may be the server's only loop."""
        threading.Thread(target=self.close, name=VISIT_ENDS).start()

    def close(self) -> None:
        """Give up what is under way and delete everything; can be called twice."""
        atexit.unregister(self.close)
        self._end_work()
        self._uploads.clear()
        self.findings.clear()
        self._spool.close()
