"""Where the web doors listen."""

import socket

from unmask.errors import UsageError


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
