"""A process that answers inputs and writes their rows, until nobody listens to it any more.

A broken file may kill the native code that reads it. It then kills a worker, whose inputs are
known to the process that watches over it (`unmask.scan.crew`), and not the scan.
"""

import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from unmask.errors import UnmaskError
from unmask.media.sources import StoredFile
from unmask.records import Report
from unmask.scan.sources import Item

_FETCHERS: Final = 8
"""Contents that are fetched from a store at a time, ahead of their turn."""


@dataclass(frozen=True, slots=True)
class Work:
    """How a worker works."""

    settings: dict[str, Any]
    """The detector's."""
    scratch: str
    """The folder that parts are written to."""
    threads: int = 1
    part_rows: int = 4096
    """A part is closed when it has so many rows,"""
    part_s: float = 60.0
    """or is so old: what a kill may cost."""


@dataclass(frozen=True, slots=True)
class Batch:
    """To the worker: answer these."""

    items: list[Item]
    careful: bool = False
    """One by one, since one of them may have killed another worker."""


@dataclass(frozen=True, slots=True)
class Flush:
    """To the worker: write what is answered."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker: it can begin."""


@dataclass(frozen=True, slots=True)
class Answered:
    """From the worker: one more input, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class Written:
    """From the worker: a part with the next so many inputs."""

    path: str
    rows: int


@dataclass(frozen=True, slots=True)
class Refused:
    """From the worker: it cannot work, and no other will."""

    error: Exception


def serve(connection: Connection, work: Work) -> None:
    """Be a worker until the other end of the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who watches is told too, and ends this in order
    try:
        _Worker(connection, work).answer_all()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # whoever started it is gone
    except (UnmaskError, OSError) as error:
        connection.send(Refused(error))


class _Worker:
    def __init__(self, connection: Connection, work: Work) -> None:
        import cv2

        from unmask.detection.detector import Detector
        from unmask.media.limits import DecodeLimits

        cv2.setNumThreads(work.threads)
        self._connection = connection
        self._work = work
        self._detector = Detector(**work.settings, threads=work.threads, contained=DecodeLimits())
        self._rows: list[dict[str, Any]] = []
        self._begun_s = 0.0
        self._held: Batch | Flush | None = None
        """A message that came while another batch was being answered."""
        self._pool = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="unmask-fetch")
        connection.send(Ready())

    def answer_all(self) -> None:
        while True:
            message = self._held or self._connection.recv()
            self._held = None
            if isinstance(message, Flush):
                self._write()
            elif message.careful:
                for item in message.items:
                    self._take(self._detector.detect(item.open()))
            else:
                for report in self._detector.detect_all(self._open_items(message)):
                    self._take(report)

    def _open_items(self, batch: Batch) -> Iterator[str | StoredFile]:
        """Items of this batch and of those that came meanwhile, contents of stores on their way."""
        following: Batch | None = batch
        while following is not None:
            for item in following.items:
                source = item.open()
                if isinstance(source, StoredFile):
                    source = StoredFile(source.name, self._fetch_ahead(source))
                yield source
            following = self._poll()

    def _fetch_ahead(self, source: StoredFile) -> Any:
        fetched: Future[bytes] = self._pool.submit(source.fetch)
        return fetched.result

    def _poll(self) -> Batch | None:
        if not self._connection.poll():
            return None
        message = self._connection.recv()
        if isinstance(message, Batch) and not message.careful:
            return message
        self._held = message
        return None

    def _take(self, report: Report) -> None:
        from unmask.scan.parts import to_row

        if not self._rows:
            self._begun_s = time.monotonic()
        self._rows.append(to_row(report))
        self._connection.send(Answered())
        old = time.monotonic() - self._begun_s > self._work.part_s
        if old or len(self._rows) >= self._work.part_rows:
            self._write()

    def _write(self) -> None:
        from unmask.scan.parts import write_part

        if self._rows:
            path = Path(self._work.scratch) / f"{uuid.uuid4().hex}.parquet"
            write_part(self._rows, path)
            self._connection.send(Written(str(path), len(self._rows)))
            self._rows = []
