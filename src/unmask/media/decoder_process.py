"""The process in which files are decoded for another one, until that one goes away.

    python -m unmask.media.decoder_process SOCKET SHELF MEMORY_BYTES

It hears JSON over a socket, lays pixels on a shelf that both see, and answers with JSON; see
`unmask.media.contained` for the other end. A file that it dies of is the other end's to report.
"""

import json
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final

import numpy as np

from unmask.errors import MediaError, UnmaskError
from unmask.media.images import read_image
from unmask.media.shelf import Shelf
from unmask.media.sources import NamedFile
from unmask.media.video import FrameStream, sample_frames
from unmask.records import Pixels

_BEAT_S: Final = 0.25
"""How often at most it says that it is still at it."""


class _DecoderProcess:
    def __init__(self, connection: Connection, shelf: Shelf, memory_bytes: int) -> None:
        self._connection = connection
        self._shelf = shelf
        self._memory_bytes = memory_bytes
        self._stream: FrameStream | None = None
        self._name = ""
        self._beaten_s = 0.0

    def serve(self) -> None:
        """Answer until the other end closes."""
        self._say({"ready": True})
        while True:
            request = json.loads(self._connection.recv_bytes())
            signal.alarm(request.pop("total_s"))  # where nobody is left who could end this
            try:
                self._say(self._answer(**request))
            except MediaError as error:
                self._say(self._explain(error))
            except MemoryError:
                self._say(self._too_large())
            except UnmaskError as error:
                self._say({"error": "usage", "message": str(error)})
            except Exception as error:  # noqa: BLE001 (the other end says what it makes of it)
                self._say({"error": "internal", "message": f"{type(error).__name__}: {error}"})
            signal.alarm(0)

    def _answer(self, verb: str, **arguments: Any) -> dict[str, Any]:
        if verb == "next":
            return self._next()
        self._close()
        if verb == "close":
            return {}
        source = self._open(arguments.pop("source"), arguments.pop("name"))
        if verb == "ask":
            said = resolve_name(arguments["function"])(source, **arguments["arguments"])
            return {"said": said}
        if verb == "image":
            return self._give(read_image(source, **arguments))
        self._stream = sample_frames(source, beat=self._beat, **arguments)
        return {"wanted": self._stream.wanted}

    def _open(self, source: str | int, name: str) -> NamedFile | bytes:
        """A path, or the length of a content that lies on the shelf."""
        self._name = name
        if isinstance(source, str):
            return NamedFile(Path(source), name)
        content = bytearray(source)
        self._shelf.take(memoryview(content))
        return bytes(content)

    def _next(self) -> dict[str, Any]:
        assert self._stream is not None
        frame = next(self._stream, None)
        warnings = list(self._stream.warnings)
        if frame is None:
            self._close()
            return {"warnings": warnings}
        facts = {"index": frame.index, "time_s": frame.time_s, "warnings": warnings}
        return {**facts, **self._give(frame.pixels)}

    def _give(self, pixels: Pixels) -> dict[str, Any]:
        self._shelf.put(np.ascontiguousarray(pixels).data.cast("B"))
        return {"size": list(pixels.shape[:2])}

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beaten_s > _BEAT_S:
            self._beaten_s = now
            self._say({"beat": True})

    def _explain(self, error: MediaError) -> dict[str, Any]:
        causes = _causes(error)
        if any(isinstance(cause, MemoryError) for cause in causes):
            return self._too_large()
        return {"error": error.code, "message": str(error)}

    def _too_large(self) -> dict[str, Any]:
        self._close()
        message = (
            f"{self._name!r} is too large: decoding it takes more than "
            f"{self._memory_bytes / 1e9:.1f} GB of memory; give a smaller one or an intact copy"
        )
        return {"error": "too_large", "message": message}

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _say(self, message: dict[str, Any]) -> None:
        self._connection.send_bytes(json.dumps(message).encode())


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _bound_memory(limit_bytes: int) -> None:
    """Let allocations beyond a limit fail; systems that cannot do that are left as they are."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Of addresses (RLIMIT_AS) a thread reserves up to 136 MB that it never uses.
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def main(socket: str, shelf: str, memory_bytes: str) -> None:
    """Serve the process at the other end of a socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other end is told too, and closes
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _bound_memory(int(memory_bytes))
    process = _DecoderProcess(Connection(int(socket)), Shelf(int(shelf)), int(memory_bytes))
    try:
        process.serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
