"""Jobs: many files in one request, answered in turn, their results kept for a while.

Files of jobs are handed on one for each worker at a time, and the jobs take turns, so that neither
a large job holds up a small one nor jobs hold up single requests for longer than a file takes.
Everything here happens in one event loop.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from unmask.records import Report
from unmask.service.logs import log, log_error
from unmask.service.problems import ProblemError
from unmask.service.settings import ServiceSettings
from unmask.service.spool import Upload
from unmask.service.wire import JobStatus

Answer = Callable[[Upload], Awaitable[Report]]

_ID_BYTES = 16
"""Nobody guesses a job's number: 128 random bits."""


@dataclass(slots=True, eq=False)
class Job:
    """Files and what became of them."""

    uploads: list[Upload]
    owner: str
    keep_results_s: float
    id: str = field(default_factory=lambda: secrets.token_urlsafe(_ID_BYTES))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    done_at: datetime | None = None
    begun: int = 0
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)
    under_way: set[asyncio.Task[Report]] = field(default_factory=set)

    @property
    def status(self) -> JobStatus:
        """How far it is."""
        if self.done_at is not None:
            return JobStatus.DONE
        return JobStatus.RUNNING if self.begun else JobStatus.QUEUED

    def to_dict(self) -> dict[str, Any]:
        """The job as plain JSON values."""
        expires_at = self.done_at and self.done_at + timedelta(seconds=self.keep_results_s)
        return {
            "id": self.id,
            "status": self.status.value,
            "files": len(self.uploads),
            "answered": len(self.reports),
            "created_at": self.created_at.isoformat(),
            "expires_at": expires_at.isoformat() if expires_at else None,
        }

    def results(self) -> dict[str, Any]:
        """The answers as plain JSON values, in the order of the files.

        Raises:
            ProblemError: 409 where the job is not done.
        """
        if self.status is not JobStatus.DONE:
            detail = f"{len(self.reports)} of {len(self.uploads)} files are answered; ask later"
            raise ProblemError(409, "not_done", detail, retry_after_s=1)
        reports = [self.reports[number] for number in sorted(self.reports)]
        return {"job": self.to_dict(), "reports": reports}

    def discard(self) -> None:
        """Stop what is under way and delete files and reports."""
        self.begun = len(self.uploads)
        for task in self.under_way:
            task.cancel()
        for upload in self.uploads:
            upload.delete()
        self.reports.clear()


class Jobs:
    """The jobs of one service.

    Args:
        answer: Answers one file.
        settings: How many jobs and for how long.
    """

    def __init__(self, answer: Answer, settings: ServiceSettings) -> None:
        self._answer = answer
        self._settings = settings
        self._jobs: dict[str, Job] = {}
        self._turns: asyncio.Queue[Job] = asyncio.Queue()
        self._feeders: list[asyncio.Task[None]] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def start(self) -> None:
        """Begin to work on jobs in the running event loop."""
        self._feeders = [asyncio.create_task(self._feed()) for _ in range(self._settings.workers)]

    async def close(self) -> None:
        """Discard every job."""
        for feeder in self._feeders:
            feeder.cancel()
        await asyncio.gather(*self._feeders, return_exceptions=True)
        for job in self._jobs.values():
            job.discard()
        self._jobs.clear()

    def check_room(self) -> None:
        """Make sure that one more job may come.

        Raises:
            ProblemError: 429 where it may not.
        """
        if len(self._jobs) >= self._settings.jobs:
            detail = (
                f"{len(self._jobs)} jobs are known, which is all that are kept; fetch the results "
                "of finished ones and delete them, or come back later"
            )
            raise ProblemError(429, "too_many_jobs", detail, retry_after_s=10)

    def add(self, uploads: list[Upload], owner: str) -> Job:
        """Take files, which are the job's from now on.

        Raises:
            ProblemError: 429 where there is no room for one more job.
        """
        self.check_room()
        job = Job(uploads, owner, self._settings.keep_results_s)
        self._jobs[job.id] = job
        self._turns.put_nowait(job)
        return job

    def find(self, job_id: str, owner: str) -> Job:
        """The job of this number, where it belongs to this owner.

        Raises:
            ProblemError: 404 where there is none.
        """
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            detail = "there is no such job; it was never there, was deleted, or its time is over"
            raise ProblemError(404, "no_such_job", detail)
        return job

    def delete(self, job: Job) -> None:
        """Stop a job where it still runs and delete its files and results."""
        self._jobs.pop(job.id, None)
        job.discard()

    async def _feed(self) -> None:
        while True:
            job = await self._turns.get()
            number, job.begun = job.begun, job.begun + 1
            if job.begun < len(job.uploads):
                self._turns.put_nowait(job)
            if number < len(job.uploads):  # a discarded one has begun all
                await self._answer_one(job, number)

    async def _answer_one(self, job: Job, number: int) -> None:
        upload = job.uploads[number]
        task = asyncio.ensure_future(self._answer(upload))
        job.under_way.add(task)
        try:
            await asyncio.wait({task})
        finally:  # also where the service is closed meanwhile
            task.cancel()
            job.under_way.discard(task)
            upload.delete()
        if task.cancelled() or job.id not in self._jobs:
            return
        if (error := task.exception()) is not None:
            log_error("job_failed", error)
            self.delete(job)
            return
        job.reports[number] = task.result().to_dict()
        if len(job.reports) == len(job.uploads):
            self._conclude(job)

    def _conclude(self, job: Job) -> None:
        job.done_at = datetime.now(UTC)
        seconds = (job.done_at - job.created_at).total_seconds()
        log("job_done", files=len(job.uploads), seconds=round(seconds, 3))
        asyncio.get_running_loop().call_later(job.keep_results_s, self.delete, job)
