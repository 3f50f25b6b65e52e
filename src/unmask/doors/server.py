"""The web server around the service: one socket, one event loop, a graceful end."""

import signal
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from unmask.service.desk import Desk


class Server(uvicorn.Server):
    """Tells the desk of a signal at once, before the open connections are waited for."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # would hold addresses and paths
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=max(1, round(desk.settings.grace_s)),
            )
        )
        self._desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn)
        """The first signal lets requests end, a second Ctrl-C does not wait.

        The signal is not raised again at the end: a service that was told to stop has not failed.
        """
        self._desk.refuse_new()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
