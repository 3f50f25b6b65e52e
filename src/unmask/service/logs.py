"""Structured logs: one JSON object per line, of what happened and never to whose picture.

No line holds a file's name or path, an address, a key, a query, a picture's content, or the message
of an unexpected error, which might hold any of these: of such an error the type and the places in
the code are written.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import IO, Any, Final

LOGGER: Final = logging.getLogger("unmask.service")
_FIELDS: Final = "unmask_fields"
_SERVER_LOGGERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write an event with its fields."""
    LOGGER.log(level, event, extra={_FIELDS: fields})


def log_error(event: str, error: BaseException, **fields: Any) -> None:
    """Write an unexpected error: its type and where it came from."""
    LOGGER.error(event, exc_info=error, extra={_FIELDS: fields})


class JsonFormatter(logging.Formatter):
    """Makes a line of a record."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        ours = record.name == LOGGER.name
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.msg if ours else "server",
        }
        if not ours and record.exc_info is None:
            line["message"] = record.getMessage()
        line.update(getattr(record, _FIELDS, {}))
        if record.exc_info and record.exc_info[1] is not None:
            line.update(_describe(record.exc_info[1]))
        return json.dumps(line)


def _describe(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.name}:{frame.lineno}" for frame in frames[-8:]]
    return {"error": type(error).__name__, "at": places}


def write_logs(stream: IO[str], level: str = "info") -> None:
    """Send our lines and those of the web server to a stream, as JSON, and to nothing else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    for name in (LOGGER.name, *_SERVER_LOGGERS):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level.upper() if name == LOGGER.name else logging.WARNING)
