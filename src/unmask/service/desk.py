"""The desk: lets requests in, has their files answered, knows the jobs.

One detector answers everybody: files of several requests share its calls of the network.
"""

import asyncio
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from unmask.detection.batching import Batcher
from unmask.detection.detector import Detector, Prepared
from unmask.records import Failure, Report
from unmask.service.jobs import Jobs
from unmask.service.keys import KeyRing
from unmask.service.logs import log, log_error
from unmask.service.metrics import Metrics
from unmask.service.problems import INTERNAL_DETAIL, STATUS_OF, ProblemError
from unmask.service.settings import ServiceSettings
from unmask.service.spool import Spool, Upload

_MEMORY: Final = 0.1
"""Weight of the latest file in the mean time that a file takes."""
_LONGEST_RETRY_S: Final = 60


class Desk:
    """What the doors of the service call; all but the answering happens in one event loop.

    Args:
        detector: Answers.
        settings: How much is taken at a time.
        keys: Who may ask.

    Raises:
        UsageError: There is no place for uploads.
    """

    def __init__(
        self, detector: Detector, settings: ServiceSettings, keys: KeyRing | None = None
    ) -> None:
        self.detector = detector
        self.settings = settings
        self.keys = keys or KeyRing(None)
        self.spool = Spool(
            settings.spool, max_bytes=settings.max_bytes, total_bytes=settings.spool_bytes
        )
        self.jobs = Jobs(self.answer, settings)
        self.metrics = Metrics()
        self.metrics.jobs.set_function(lambda: len(self.jobs))
        self.metrics.under_way.set_function(lambda: self._under_way)
        self.metrics.spool_bytes.set_function(lambda: self.spool.used_bytes)
        self._batcher = Batcher(detector, settings.workers, self.metrics.batch_files.observe)
        self._under_way = 0
        self._file_s = 0.0
        self._stopping = False

    async def start(self) -> None:
        """Begin to work."""
        self.jobs.start()

    def refuse_new(self) -> None:
        """Let no further request in; those under way go on."""
        self._stopping = True

    async def close(self) -> None:
        """Drop what is left and delete every upload."""
        self.refuse_new()
        await self.jobs.close()
        await asyncio.to_thread(self._batcher.close)
        self.spool.close()

    def check_ready(self) -> None:
        """Make sure that the service takes requests.

        Raises:
            ProblemError: 503 where it is about to end.
        """
        if self._stopping:
            detail = "the service is about to end; ask again when it is back"
            raise ProblemError(503, "stopping", detail, retry_after_s=5)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Let a request in for the time of the block.

        Raises:
            ProblemError: 503 where the service is about to end, 429 where too many are under way.
        """
        self.check_ready()
        if self._under_way >= self.settings.queue:
            detail = f"{self._under_way} requests are under way, which is all that are taken"
            raise ProblemError(429, "busy", detail, retry_after_s=self._retry_after_s())
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def answer(self, upload: Upload) -> Report:
        """Answer one file within the time limit; a failure is in the report.

        A caller that is cancelled stops the work.
        """
        stop = threading.Event()
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                report = await asyncio.wrap_future(self._batcher.submit(upload.source, stop))
        except TimeoutError:
            report = self._fail(upload, "timeout", self._timeout_message(upload))
        except Exception as error:  # noqa: BLE001 (whatever it is, others' requests go on)
            log_error("answer_failed", error)
            report = self._fail(upload, "internal", INTERNAL_DETAIL)
        finally:
            stop.set()
        if report.error is not None and report.error.code not in STATUS_OF:
            log("file_failed", code=report.error.code, error=report.error.message.split(":")[0])
            report = self._fail(upload, "internal", INTERNAL_DETAIL)
        self._file_s += _MEMORY * (report.seconds - self._file_s)
        self.metrics.count_report(report)
        return report

    def _fail(self, upload: Upload, code: str, message: str) -> Report:
        failed = Prepared(str(upload.source), None, error=Failure(code, message))
        return self.detector.finish([failed])[0]

    def _timeout_message(self, upload: Upload) -> str:
        return (
            f"{str(upload.source)!r} was not answered within {self.settings.timeout_s:g} s; "
            "send a smaller or shorter one, or ask when there is less to do"
        )

    def _retry_after_s(self) -> int:
        """When about half of what is under way will be done."""
        seconds = self._file_s * self._under_way / self.settings.workers / 2
        return min(max(1, math.ceil(seconds)), _LONGEST_RETRY_S)
