"""Around every request: its id, its log line, its metrics, and an answer if all else fails."""

import json
import secrets
import time
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unmask.service.logs import log, log_error
from unmask.service.metrics import Metrics
from unmask.service.problems import CLIENT_GONE, PROBLEM_TYPE, internal_problem

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The page with the documentation has an inline script, and loads nothing from elsewhere.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; frame-ancestors 'none'"
    ),
}
_UNMATCHED: Final = "(none)"
"""The route of what no route matches, whose path might say anything."""


class Recorder:
    """Middleware; the outermost, so that every answer passes it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        started_s = time.perf_counter()
        status = CLIENT_GONE

        async def send_recorded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            await self._app(scope, receive, send_recorded)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception as error:  # noqa: BLE001 (the outermost place)
            log_error("request_failed", error, request_id=request_id)
            if status == CLIENT_GONE:
                await _send_internal(send_recorded)
        finally:
            self._record(scope, request_id, status, time.perf_counter() - started_s)

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        path = getattr(route, "path", _UNMATCHED) or _UNMATCHED
        method = scope["method"] if route is not None else _UNMATCHED
        self._metrics.requests.labels(method, path, str(status)).inc()
        self._metrics.request_seconds.labels(path).observe(seconds)
        log(
            "request",
            request_id=request_id,
            method=method,
            route=path,
            status=status,
            seconds=round(seconds, 4),
        )


async def _send_internal(send: Send) -> None:
    body = json.dumps(internal_problem().body()).encode()
    headers = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
