"""Whole pages from templates: self-contained, without scripts, nothing loaded from anywhere."""

import base64
import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from unmask.errors import printable

STYLES: Final = ("style.css", "results.css")


def render_page(template: str, **values: Any) -> str:
    """Fill a template that extends `results.html`; all text in it is escaped."""
    style = "\n".join(read_template(name) for name in STYLES)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    page: str = (
        load_environment()
        .get_template(template)
        .render(style=style, style_hash=digest, written=written, **values)
    )
    return page


def embed_png(png: bytes) -> str:
    """A picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def arrange_plots(
    plots: Mapping[str, bytes], captions: Mapping[str, str], wide: Collection[str]
) -> list[dict[str, Any]]:
    """What `plots.html` shows of PNG by name: those with a caption, in the captions' order."""
    return [
        {"uri": embed_png(plots[name]), "caption": caption, "wide": name in wide}
        for name, caption in captions.items()
        if name in plots
    ]


@cache
def load_environment() -> Any:
    """The templates of this room; Jinja is loaded by the first page, not by every command."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("unmask.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    return environment


def read_template(name: str) -> str:
    """The text of a template file as it is."""
    text: str = load_environment().loader.get_source(load_environment(), name)[0]
    return text
