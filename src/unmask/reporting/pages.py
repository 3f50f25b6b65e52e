"""Whole pages from templates: self-contained, without scripts, nothing loaded from anywhere."""

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from unmask.reporting.wording import printable

STYLES: Final = ("style.css", "results.css")


def render_page(template: str, **values: Any) -> str:
    """Fill a template that extends `results.html`; all text in it is escaped."""
    environment = _environment()
    style = "\n".join(_source(name) for name in STYLES)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    page: str = environment.get_template(template).render(
        style=style, style_hash=digest, written=written, **values
    )
    return page


def embed_png(png: bytes) -> str:
    """A picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unmask.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    return environment


def _source(name: str) -> str:
    environment = _environment()
    loader = environment.loader
    assert loader is not None  # set above
    return loader.get_source(environment, name)[0]
