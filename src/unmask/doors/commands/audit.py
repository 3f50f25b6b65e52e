"""`unmask data audit`: what is wrong with a data set."""

from pathlib import Path
from typing import Annotated, Final

import typer

from unmask.doors.commands.data import PathArgument, PositiveOption, show_looking
from unmask.errors import DataError

AUDIT_HELP: Final = """Say what is wrong with a data set before a model is believed on it.

What format, size, JPEG tables, metadata, colours and spectrum reach without a look at a face; \
copies and look-alikes inside and across splits, classes and sources; label conflicts; broken \
pictures; faces that are too small, blurred, dark, bright, turned away, several or none. Findings \
are no failure: the exit status is 0 unless --strict is given.

\b
Examples:
  unmask data audit faces/ --html audit.html
  unmask data audit train/ --against benchmark/ --json audit.json
  unmask data audit faces.csv --fix clean.csv --faces all
"""

_FACES_HELP: Final = "How many files are searched for faces, drawn by chance."


def _read_faces(text: str) -> str:
    if text in {"all", "none"} or (text.isascii() and text.isdigit()):
        return text
    message = f"must be a number, all or none, got {text!r}"
    raise typer.BadParameter(message)


def _out_option(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar="FILE", help=what, show_default=False
    )
    return option


def audit(
    path: PathArgument,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="D2",
            help="Another data set, whose pictures this one must not hold.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[Path | None, _out_option("--html", "Write a page with plots.")] = None,
    json: Annotated[Path | None, _out_option("--json", "Write all figures.")] = None,
    fix: Annotated[
        Path | None,
        _out_option(
            "--fix", "Write a clean CSV table, and beside it FILE.removed.csv with every reason."
        ),
    ] = None,
    faces: Annotated[
        str, typer.Option("--faces", metavar="N|all|none", callback=_read_faces, help=_FACES_HELP)
    ] = "1000",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of what is drawn.")] = 42,
    positive: PositiveOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with status 1 where a finding is serious.")
    ] = False,
) -> None:
    """Read, audit, write, print."""
    _check_files({"--html": html, "--json": json, "--fix": fix}, [path, against])
    from unmask.data.cleaning import REMOVAL_COLUMNS
    from unmask.data.dataset import Dataset
    from unmask.data.reading import read_data
    from unmask.evaluation import audit as verb
    from unmask.evaluation.results import write_json
    from unmask.evaluation.shortcuts import describe_features
    from unmask.reporting.audit import audit_page, print_audit
    from unmask.reporting.outputs import write_page
    from unmask.reporting.tables import write_csv

    def read(place: Path) -> Dataset:
        return read_data(place, positive=positive, val_share=0, verify="names", one_class=True)

    dataset = read(path)
    typer.echo(dataset.describe())
    plan = verb.AuditPlan(
        against=read(against) if against else None,
        faces={"all": None, "none": 0}.get(faces, int(faces) if faces.isdigit() else None),
        seed=seed,
        watch=show_looking,
    )
    found = verb.audit(dataset, plan)
    print_audit(found.summary)
    if html:
        page = audit_page(found.summary, found.plots, describe_features())
        write_page(html, page)
    if json:
        write_json(json, found.summary)
    if fix:
        if not len(found.clean):
            message = "--fix: nothing would be left of the data; no table was written"
            raise DataError(message)
        found.clean.relative_to(fix.parent).write_csv(fix)
        removed = fix.with_name(f"{fix.name}.removed.csv")
        write_csv(removed, REMOVAL_COLUMNS, (removal.row() for removal in found.removals))
        typer.echo(f"{len(found.clean)} samples: {fix}; {len(found.removals)} left out: {removed}")
    for out in (html, json):
        if out:
            typer.echo(f"written: {out}")
    if strict and any(finding["level"] == "serious" for finding in found.summary["findings"]):
        raise typer.Exit(1)


def _check_files(files: dict[str, Path | None], inputs: list[Path | None]) -> None:
    """Refuse, before any work is done, what cannot be written or would destroy the data's table."""
    from unmask.reporting.outputs import check_file

    given = [str(place) for place in inputs if place]
    for option, file in files.items():
        if file is not None:
            check_file(file, given, option)
