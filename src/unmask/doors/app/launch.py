"""Streamlit as a program of ours: the same as `streamlit run` on the page."""

from pathlib import Path
from typing import Final

from streamlit.web.cli import main

PAGE: Final = Path(__file__).with_name("page.py")


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
    main(["run", str(PAGE), *arguments], prog_name="streamlit", standalone_mode=False)
