"""Streamlit as a program of ours: the same as `streamlit run` on the page."""

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from streamlit.web.cli import main

from unmask.doors.app.visit import VISIT_ENDS

_PATIENCE_S: Final = 10.0
PAGE: Final = Path(__file__).with_name("page.py")
_ENTRY: Final = PAGE.with_name("entry.py")


def run_page(host: str, port: int, *, headless: bool) -> None:
    """Serve the page until a signal; what does not depend on options is in `.streamlit`."""
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": str(headless).lower(),
        "logger.level": "warning",
        "logger.hideWelcomeMessage": "true",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    for number in (signal.SIGINT, signal.SIGTERM):  # the server closes all, then raises it again
        signal.signal(number, _end)
    with suppress(_Ended):
        main(["run", str(_ENTRY), *arguments], prog_name="streamlit", standalone_mode=False)
    _leave()


class _Ended(SystemExit):
    """A signal came."""


def _end(*_: Any) -> NoReturn:
    raise _Ended


def _leave() -> None:
    """End the process once visits have ended and their files are gone.

    The interpreter's own end would stop threads of Streamlit in the middle of a network's native
    code, which ends in an abort.
    """
    for thread in threading.enumerate():
        if thread.name == VISIT_ENDS:
            thread.join(_PATIENCE_S)
    atexit._run_exitfuncs()  # noqa: SLF001 (what the interpreter would run now)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
