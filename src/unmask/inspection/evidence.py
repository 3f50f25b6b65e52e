"""An inspection as files: a page, a PDF, and the JSON that `verify` reads."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from unmask.errors import UsageError, find_missing_extra
from unmask.inspection.record import Inspection
from unmask.reporting.inspection import inspection_page
from unmask.reporting.outputs import check_file, write_page

KINDS: Final = ("html", "pdf", "json")

Targets = Mapping[str, Path | None]
"""Where to write, by `html`, `pdf` and `json`; None where not."""


def check_targets(targets: Targets, source: str | Path) -> None:
    """Refuse early what cannot be written, names one file twice or would destroy the input.

    Raises:
        UsageError: it does.
        MissingExtraError: a PDF is asked for and its writer is not installed.
    """
    named = [path for path in targets.values() if path is not None]
    if len({path.absolute() for path in named}) < len(named):
        message = f"--html, --pdf and --json must name different files, got {named[0]} twice"
        raise UsageError(message)
    for option, path in targets.items():
        if path is not None:
            check_file(path, [str(source)], f"--{option}")
    if targets.get("pdf"):
        _check_pdf()


def render_evidence(inspection: Inspection, kind: str) -> str | bytes:
    """An inspection as `html`, `pdf` or `json`.

    Raises:
        MissingExtraError: a PDF is asked for and its writer is not installed.
    """
    summary = inspection.to_dict()
    if kind == "html":
        return inspection_page(summary, inspection.report, inspection.pictures())
    if kind == "json":
        return json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
    _check_pdf()
    from unmask.reporting.inspection_pdf import inspection_pdf

    return inspection_pdf(summary, inspection.pictures())


def write_evidence(inspection: Inspection, targets: Targets) -> Iterator[Path]:
    """Write the files that are asked for; gives each when it is there."""
    for kind in KINDS:
        if path := targets.get(kind):
            write_page(path, render_evidence(inspection, kind))
            yield path


def _check_pdf() -> None:
    try:
        import reportlab  # noqa: F401
    except ImportError as error:
        raise (find_missing_extra("a PDF", error) or error) from error
