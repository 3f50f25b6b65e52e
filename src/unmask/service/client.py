"""The client of the service: needs nothing that the core installation lacks.

>>> client = Client("http://127.0.0.1:8000")
>>> client.detect("photo.jpg").verdict  # doctest: +SKIP
'real'
"""

import http.client
import json
import os
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from unmask.errors import ServiceError, UsageError
from unmask.service.wire import Job, JobStatus, Models, Report, Results

Source = str | os.PathLike[str] | bytes

RETRIED: Final = frozenset({429, 503})
"""The service is busy or just starting again: the same request may do better later."""
_CHUNK_BYTES: Final = 256 * 1024
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 60.0
_POLL_S: Final = 0.5
_UNNAMED: Final = "upload"
_IN_NAMES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""How a file's name is written in a form. Source: HTML, section "Multipart form data"."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request is."""

    stage: Literal["sending", "answering"]
    """Bytes are sent, then files are answered."""
    done: int
    total: int


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True, slots=True)
class _Form:
    """Files as a multipart body that is read from disk while it is sent."""

    field: str
    files: Sequence[tuple[str, Source]]
    """(name, source)"""
    boundary: str
    watch: Watch | None

    @property
    def length(self) -> int:
        """Of the body, in bytes."""
        framing = len(self._end()) + sum(len(self._head(name)) + 2 for name, _ in self.files)
        return framing + sum(_measure(source) for _, source in self.files)

    def __iter__(self) -> Iterator[bytes]:
        sent, total = 0, self.length
        for part in self._parts():
            yield part
            sent += len(part)
            if self.watch:
                self.watch(Progress("sending", sent, total))

    def _parts(self) -> Iterator[bytes]:
        for name, source in self.files:
            yield self._head(name)
            if isinstance(source, bytes):
                yield source
            else:
                with Path(source).open("rb") as file:
                    while part := file.read(_CHUNK_BYTES):
                        yield part
            yield b"\r\n"
        yield self._end()

    def _head(self, name: str) -> bytes:
        return (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="{self.field}"; '
            f'filename="{name.translate(_IN_NAMES)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()

    def _end(self) -> bytes:
        return f"--{self.boundary}--\r\n".encode()


class Client:
    """Asks a service; may be used from several threads.

    Args:
        url: Where the service is.
        api_key: Where it wants one.
        timeout_s: For one answer; a little more than the service gives itself.
        retries: How often a request is sent again that the service was too busy for or that did
            not reach it. The service's `Retry-After` is kept to.

    Raises:
        UsageError: The URL is none.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 150.0,
        retries: int = 5,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"url must be like http://127.0.0.1:8000, got {url!r}"
            raise UsageError(message)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_s, self._retries = timeout_s, retries

    def detect(
        self, source: Source, *, name: str | None = None, watch: Watch | None = None
    ) -> Report:
        """Answer one file or its content.

        Args:
            source: A path, or encoded bytes.
            name: What the report calls the file; by default the last part of its path.
            watch: Called while the file is sent.

        Raises:
            ServiceError: The file could not be answered, or the service not be asked.
            OSError: The file cannot be read.
        """
        form = _Form("file", [(name or _name(source), source)], _boundary(), watch)
        return Report.model_validate_json(self._ask("POST", "/v1/detect", form))

    def detect_all(self, sources: Iterable[Source], *, watch: Watch | None = None) -> list[Report]:
        """Answer many files as one job, in their order; one that cannot be answered has an error.

        Args:
            sources: Paths, or encoded bytes.
            watch: Called while the files are sent and as they are answered.

        Raises:
            ServiceError: The service refused the job or could not be asked.
            OSError: A file cannot be read.
        """
        job = self.submit(sources, watch=watch)
        try:
            return list(self.wait(job.id, watch=watch).reports)
        finally:
            with suppress(ServiceError):  # the service forgets it by itself
                self.delete(job.id)

    def submit(self, sources: Iterable[Source], *, watch: Watch | None = None) -> Job:
        """Hand in many files; `job`, `wait` and `delete` take the `id` of what is returned."""
        files = [(_name(source), source) for source in sources]
        form = _Form("files", files, _boundary(), watch)
        return Job.model_validate_json(self._ask("POST", "/v1/batch", form))

    def job(self, job_id: str) -> Job:
        """How far a job is."""
        return Job.model_validate_json(self._ask("GET", f"/v1/jobs/{job_id}"))

    def wait(self, job_id: str, *, watch: Watch | None = None) -> Results:
        """Wait for the end of a job and fetch its results."""
        answered = -1
        while True:
            job = self.job(job_id)
            if watch and job.answered != answered:
                answered = job.answered
                watch(Progress("answering", answered, job.files))
            if job.status is JobStatus.DONE:
                return Results.model_validate_json(self._ask("GET", f"/v1/jobs/{job_id}/results"))
            time.sleep(_POLL_S)

    def delete(self, job_id: str) -> None:
        """Cancel a job, or forget its results."""
        self._ask("DELETE", f"/v1/jobs/{job_id}")

    def models(self) -> Models:
        """Which model answers, and which others there are."""
        return Models.model_validate_json(self._ask("GET", "/v1/models"))

    def ready(self) -> bool:
        """Whether the service can be reached and takes requests."""
        try:
            return self._send("GET", "/ready", None).status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def _ask(self, method: str, path: str, form: _Form | None = None) -> bytes:
        """Send a request until it is answered or hope is lost."""
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                answer = self._send(method, path, form)
            except (ConnectionError, http.client.BadStatusLine) as error:
                if last:
                    raise self._unreachable(error) from error
                time.sleep(_choose_wait(attempt, None))
                continue
            except (TimeoutError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
            if answer.status < http.client.BAD_REQUEST:
                return answer.body
            if last or answer.status not in RETRIED:
                raise _refused(answer)
            time.sleep(_choose_wait(attempt, answer.headers.get("Retry-After")))
        raise AssertionError  # the last attempt returns or raises

    def _send(self, method: str, path: str, form: _Form | None) -> _Answer:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        headers = dict(self._headers)
        if form is not None:
            headers["Content-Type"] = f"multipart/form-data; boundary={form.boundary}"
            headers["Content-Length"] = str(form.length)
        try:
            _connect(connection)
            try:
                connection.request(method, self._prefix + path, form, headers)
            except (BrokenPipeError, ConnectionResetError):
                if form is None:
                    raise
                # The service may have refused before all was sent; its answer is read all the same.
            response = connection.getresponse()
            return _Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def _unreachable(self, error: Exception) -> ServiceError:
        port = f":{self._port}" if self._port else ""
        reason = str(error) or type(error).__name__
        message = f"no answer from {self._host}{port}: {reason}; is unmask serve running there?"
        return ServiceError(message, code="unreachable")


def _connect(connection: http.client.HTTPConnection) -> None:
    """Raise a ConnectionError for whatever keeps from connecting: names, routes, certificates."""
    try:
        connection.connect()
    except OSError as error:
        raise ConnectionError(str(error)) from error


def _boundary() -> str:
    return secrets.token_hex(16)


def _name(source: Source) -> str:
    return _UNNAMED if isinstance(source, bytes) else Path(source).name


def _measure(source: Source) -> int:
    return len(source) if isinstance(source, bytes) else Path(source).stat().st_size


def _choose_wait(attempt: int, retry_after: str | None) -> float:
    """What the service asks for, else twice as long each time; spread, so that clients part."""
    wait_s = _FIRST_WAIT_S * 2.0**attempt
    if retry_after and retry_after.isdecimal():
        wait_s = float(retry_after)
    return min(wait_s, _LONGEST_WAIT_S) * random.uniform(1.0, 1.25)


def _refused(answer: _Answer) -> ServiceError:
    try:
        problem: Any = json.loads(answer.body)
        message, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):  # not our service, or something before it
        message, code = f"the service answered with status {answer.status}", "http"
    return ServiceError(
        message, code=code, status=answer.status, request_id=answer.headers.get("X-Request-ID")
    )
