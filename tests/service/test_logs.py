"""Lines of JSON that say nothing of whose picture."""

import io
import json
import logging

import pytest

from unmask.service.logs import LOGGER, log, log_error, write_logs

LOGGERS = (LOGGER.name, "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")


@pytest.fixture
def stream():
    stream = io.StringIO()
    before = {
        name: (logging.getLogger(name).handlers, logging.getLogger(name).level) for name in LOGGERS
    }
    write_logs(stream)
    yield stream
    for name, (handlers, level) in before.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = handlers, True
        logger.setLevel(level)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_a_line(stream):
    log("request", status=200, route="/v1/detect")
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "info", "event": "request", "status": 200, "route": "/v1/detect"}


def fail():
    message = "cannot open /home/me/secret.jpg"
    raise ValueError(message)


def test_an_error_says_where_but_not_what(stream):
    try:
        fail()
    except ValueError as error:
        log_error("request_failed", error, request_id="ab")
    (line,) = lines(stream)
    assert line["error"] == "ValueError"
    assert line["at"][-1].startswith("fail:")
    assert "secret" not in stream.getvalue()


def test_the_web_servers_lines_are_json_too(stream):
    logging.getLogger("uvicorn.error").warning("Invalid %s", "request")
    try:
        fail()
    except ValueError:
        logging.getLogger("uvicorn.error").exception("a message with secret things")
    first, second = lines(stream)
    assert (first["event"], first["message"]) == ("server", "Invalid request")
    assert second["error"] == "ValueError"
    assert "secret" not in stream.getvalue()
