"""Decoding in processes of its own: a file that breaks a decoder costs one answer, no more.

A process is started where none is idle, answers one file at a time and is used again; one that
dies, says nothing for too long or has served enough is replaced. What it decodes comes over memory
that both see, all else as JSON: nothing that a decoder may have been made to say is executed.

Pools of the libraries (`concurrent.futures`, loky, pebble) are made for a result for each task: the
first two lose all tasks when a worker dies, none hands over frames as they are decoded, of which
the next says that there is progress, and all bring results through a pipe, which takes three times
as long for a photograph.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pkgutil import resolve_name
from typing import Any, Final, Protocol

import numpy as np

from unmask.errors import MediaError, UnmaskError, UsageError
from unmask.media.images import MAX_BYTES, read_bytes, read_image
from unmask.media.limits import DecodeLimits
from unmask.media.shelf import Shelf
from unmask.media.sources import FilePath, describe, kind_of
from unmask.media.video import FrameStream, sample_frames
from unmask.records import Frame, Pixels

Source = FilePath | bytes

_START_S: Final = 30.0
"""How long a process may take before it can begin; a busy machine needs some seconds."""
_STARTS: Final = 3
"""Processes in a row that may die before they can begin."""
_MESSAGE_BYTES: Final = 2**20


class Reader(Protocol):
    """What turns files into pixels."""

    def read_image(self, source: Source, *, max_pixels: int) -> Pixels:
        """As `unmask.media.images.read_image`."""
        ...

    def sample_frames(
        self,
        source: Source,
        *,
        frames: int,
        fps: float | None,
        max_pixels: int,
        max_duration_s: float,
    ) -> FrameStream:
        """As `unmask.media.video.sample_frames`."""
        ...

    def ask(self, function: str, source: FilePath, **arguments: Any) -> dict[str, Any]:
        """What a function, `module:name`, says of a file: plain JSON values."""
        ...

    def close(self) -> None:
        """Free what is idle; can be called twice."""
        ...


class _Here:
    """Decodes in this process."""

    read_image = staticmethod(read_image)
    sample_frames = staticmethod(sample_frames)

    def ask(self, function: str, source: FilePath, **arguments: Any) -> dict[str, Any]:
        """What a function says of a file."""
        said: dict[str, Any] = resolve_name(function)(source, **arguments)
        return said

    def close(self) -> None:
        """There is nothing to free."""


def open_reader(limits: DecodeLimits | None) -> Reader:
    """What decodes within limits in processes of its own, or in this process where there are none.

    On Windows it is always this process.
    """
    return _Here() if limits is None or sys.platform == "win32" else ContainedReader(limits)


class ContainedReader:
    """Decodes in processes of its own; may be used from several threads.

    Raises:
        MediaError: as the functions of the same names, and `crashed` where the process died,
            `timeout` where it took too long, `too_large` where it took too much memory.
        UnmaskError: a process cannot be started.
    """

    def __init__(self, limits: DecodeLimits = DecodeLimits()) -> None:  # noqa: B008 (immutable)
        self._limits = limits
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._end = weakref.finalize(self, _end_all, self._idle)

    def read_image(self, source: Source, *, max_pixels: int) -> Pixels:
        """As `unmask.media.images.read_image`."""
        child = self._borrow()
        try:
            answer = child.begin("image", source, max_pixels=max_pixels)
            pixels = child.fetch(answer, max_pixels)
        finally:
            self._give_back(child)
        return pixels

    def sample_frames(
        self,
        source: Source,
        *,
        frames: int,
        fps: float | None,
        max_pixels: int,
        max_duration_s: float,
    ) -> FrameStream:
        """As `unmask.media.video.sample_frames`."""
        child = self._borrow()
        try:
            answer = child.begin(
                "clip",
                source,
                frames=frames,
                fps=fps,
                max_pixels=max_pixels,
                max_duration_s=max_duration_s,
            )
        except BaseException:
            self._give_back(child)
            raise
        clip = _Clip(self, child, "" if isinstance(source, bytes) else str(source), max_pixels)
        return FrameStream(clip, clip.frames(), answer["wanted"])

    def ask(self, function: str, source: FilePath, **arguments: Any) -> dict[str, Any]:
        """What a function, `module:name`, says of a file there: at most a megabyte of JSON."""
        child = self._borrow()
        try:
            answer = child.begin("ask", source, function=function, arguments=arguments)
        finally:
            self._give_back(child)
        said: dict[str, Any] = answer["said"]
        return said

    def close(self) -> None:
        """End the processes that are idle; can be called twice."""
        with self._lock:
            _end_all(self._idle)

    def _borrow(self) -> "_Child":
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
                child.end()
        for _ in range(_STARTS - 1):
            with suppress(_StillbornError):
                return _Child(self._limits)
        return _Child(self._limits)

    def _give_back(self, child: "_Child") -> None:
        if not child.is_free() or child.served >= self._limits.files:
            child.end()
            return
        with self._lock:
            self._idle.append(child)


class _StillbornError(UnmaskError):
    """A process ended before it could begin."""

    code = "internal"


class _Clip:
    """A clip that is open in another process, in the place of its decoder."""

    def __init__(
        self, reader: ContainedReader, child: "_Child", name: str, max_pixels: int
    ) -> None:
        self._reader = reader
        self._child: _Child | None = child
        self._name = name
        self._max_pixels = max_pixels
        self.warnings: tuple[str, ...] = ()

    def frames(self) -> Iterator[Frame]:
        while self._child is not None:
            answer = self._child.ask({"verb": "next"})
            self.warnings = tuple(answer["warnings"])
            if "size" not in answer:
                return
            pixels = self._child.fetch(answer, self._max_pixels)
            yield Frame(pixels, self._name, answer["index"], answer["time_s"])

    def close(self) -> None:
        if self._child is None:
            return
        child, self._child = self._child, None
        try:
            if child.is_free():
                child.ask({"verb": "close"})
        finally:
            self._reader._give_back(child)  # noqa: SLF001 (two halves of one thing)


class _Child:
    """A process that decodes, seen from the one that asks."""

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._shelf = Shelf()
        self._busy = True
        self._name = ""
        self._spent_s = 0.0
        self.served = 0
        ours, theirs = socket.socketpair()
        handles = (theirs.fileno(), self._shelf.handle)
        arguments = [str(number) for number in (*handles, limits.memory_bytes)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "unmask.media.decoder_process", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libtiff and others comment on every broken file
                pass_fds=handles,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._connection = Connection(ours.detach())
        self._await_start()

    def _await_start(self) -> None:
        try:
            if self._connection.poll(_START_S):
                self._connection.recv_bytes(_MESSAGE_BYTES)
                self._busy = False
                return
        except (EOFError, OSError):
            pass
        self.end()
        message = (
            "the process that decodes could not be started: it ended with status "
            f"{self._process.returncode} before it could begin; is there enough memory?"
        )
        raise _StillbornError(message)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def is_free(self) -> bool:
        """Whether it has answered all it was asked."""
        return not self._busy and self.is_alive()

    def begin(self, verb: str, source: Source, **arguments: Any) -> dict[str, Any]:
        """Ask about a file that was not asked about before."""
        kind_of(source)  # what is refused unopened needs nobody else
        self._name = describe(source)
        self._spent_s = 0.0
        self.served += 1
        where: str | int = len(source) if isinstance(source, bytes) else os.fspath(source)
        if isinstance(source, bytes):
            self._shelf.put(memoryview(read_bytes(source, MAX_BYTES)))
        name = "" if isinstance(source, bytes) else str(source)
        return self.ask({"verb": verb, "source": where, "name": name, **arguments})

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request, waited for within the limits.

        Raises:
            MediaError: what the file is, or did to the process.
        """
        left_s = max(1.0, self._limits.total_s - self._spent_s)
        content = json.dumps({**request, "total_s": int(left_s + 1)}).encode()
        started = time.monotonic()
        self._busy = True
        try:
            self._connection.send_bytes(content)
            answer = self._hear(started + self._limits.total_s - self._spent_s)
        except (EOFError, OSError, ValueError) as error:
            raise self._crashed() from error
        self._busy = False
        self._spent_s += time.monotonic() - started
        if "error" in answer:
            raise _to_error(answer)
        return answer

    def _hear(self, ends_s: float) -> dict[str, Any]:
        while True:
            wait_s = min(self._limits.progress_s, ends_s - time.monotonic())
            if not self._connection.poll(max(0.0, wait_s)):
                raise self._timed_out(ends_s)
            answer: dict[str, Any] = json.loads(self._connection.recv_bytes(_MESSAGE_BYTES))
            if "beat" not in answer:
                return answer
            if time.monotonic() > ends_s:
                raise self._timed_out(ends_s)

    def fetch(self, answer: dict[str, Any], max_pixels: int) -> Pixels:
        """The pixels that an answer speaks of."""
        height, width = answer["size"]
        if not 0 < height * width <= max_pixels:
            raise self._crashed()
        pixels = np.empty((height, width, 3), np.uint8)
        self._shelf.take(pixels.data.cast("B"))
        self._shelf.shrink()
        return pixels

    def end(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        if self._busy:
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._process.kill()
        self._process.wait()
        self._shelf.close()

    def _timed_out(self, ends_s: float) -> MediaError:
        self._process.kill()
        late = time.monotonic() >= ends_s
        reason = f"decoding it takes more than {self._limits.total_s:g} s"
        if not late:
            reason = f"its decoder has said nothing for {self._limits.progress_s:g} s"
        message = f"{self._name} was given up: {reason}; give a shorter one or an intact copy"
        return MediaError(message, code="timeout")

    def _crashed(self) -> MediaError:
        self._process.kill()
        status = self._process.wait()
        message = (
            f"what decodes {self._name} died of it (exit status {status}); give an intact copy"
        )
        return MediaError(message, code="crashed")


def _to_error(answer: dict[str, Any]) -> UnmaskError | RuntimeError:
    code, message = answer["error"], answer["message"]
    if code == "usage":
        return UsageError(message)
    return RuntimeError(message) if code == "internal" else MediaError(message, code=code)


def _end_all(children: list[_Child]) -> None:
    while children:
        children.pop().end()
