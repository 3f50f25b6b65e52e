"""The web server around the service: one socket, one event loop, a graceful end."""

import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from unmask.errors import UsageError
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


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections; port 0 lets the system choose.

    Raises:
        UsageError: The address is taken, foreign or unknown.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"cannot listen on {host}, port {port}: {reason}; choose with --host and --port"
        raise UsageError(message) from error


def describe_address(listening: socket.socket) -> str:
    """The URL of a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
