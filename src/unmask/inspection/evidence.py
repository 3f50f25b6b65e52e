"""An inspection as files: a page, a PDF, and the JSON that `verify` reads."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from unmask.errors import UsageError, find_missing_extra
from unmask.inspection.record import Inspection
from unmask.reporting.inspection import inspection_page
from unmask.reporting.outputs import check_file, write_page

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
        try:
            import reportlab  # noqa: F401
        except ImportError as error:
            raise (find_missing_extra("--pdf", error) or error) from error


def write_evidence(inspection: Inspection, targets: Targets) -> Iterator[Path]:
    """Write the files that are asked for; gives each when it is there."""
    summary = inspection.to_dict()
    views = inspection.pictures() if targets.get("html") or targets.get("pdf") else ()
    if path := targets.get("html"):
        write_page(path, inspection_page(summary, inspection.report, views))
        yield path
    if path := targets.get("pdf"):
        from unmask.reporting.inspection_pdf import inspection_pdf

        write_page(path, inspection_pdf(summary, views))
        yield path
    if path := targets.get("json"):
        write_page(path, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
        yield path
