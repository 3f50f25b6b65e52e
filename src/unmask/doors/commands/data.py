"""`unmask data`: what a data set holds, and how it is split."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unmask.errors import UsageError

DATA_HELP: Final = """Look at data sets and split them.

D is a folder in any usual layout (real and fake, with or without train, valid and test, also \
wrapped), a CSV or Parquet table (columns path and label, optionally split and group), or a zip of \
either.
"""
SHOW_HELP: Final = """Print what is in a data set: counts per split and class, and what is wrong.

\b
Examples:
  unmask data show rvf10k/
  unmask data show archive.zip
  unmask data show labels.csv --positive real
"""
SPLIT_HELP: Final = """Write a table with a split for every sample: stratified, seeded, in groups.

Splits that the data have are kept (--fresh cuts anew); what lies in one group stays on one side. \
The table is data for every other command.

\b
Examples:
  unmask data split faces/ --out manifest.csv
  unmask data split frames/ --out manifest.csv --group-by prefix:_ --val 0.15 --test 0.15
  unmask data split people.csv --out manifest.csv --group-by column:identity
  unmask data split rvf10k/ --out manifest.csv --drop-leaks
"""

data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=DATA_HELP)

PathArgument = Annotated[
    Path, typer.Argument(metavar="D", help="Folder, table or zip.", show_default=False)
]


class Positive(StrEnum):
    """What a label 1 means."""

    REAL = "real"
    FAKE = "fake"


PositiveOption = Annotated[
    Positive | None,
    typer.Option(
        "--positive",
        help="What the number 1 stands for, where labels are 0 and 1.",
        show_default=False,
    ),
]


def _check_share(value: float) -> float:
    if not 0.0 <= value < 1.0:  # also refuses NaN
        message = f"must lie in [0, 1), got {value}"
        raise typer.BadParameter(message)
    return value


def _share_option(name: str) -> Any:
    return typer.Option(name, metavar="SHARE", callback=_check_share, help=f"Share of {name[2:]}.")


@data.command(help=SHOW_HELP, no_args_is_help=True)
def show(
    path: PathArgument,
    positive: PositiveOption = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Go by names alone: broken files and copies stay unseen.")
    ] = False,
) -> None:
    """Read the data set and print its table."""
    from unmask.data.reading import read_data

    dataset = read_data(path, positive=positive, verify="names" if fast else "headers")
    typer.echo(dataset.describe())


@data.command(help=SPLIT_HELP, no_args_is_help=True)
def split(
    path: PathArgument,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The CSV table to write; an existing one is replaced.",
            show_default=False,
        ),
    ],
    val: Annotated[float, _share_option("--val")] = 0.1,
    test: Annotated[float, _share_option("--test")] = 0.1,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the cut.")] = 42,
    group_by: Annotated[
        str,
        typer.Option(
            "--group-by",
            metavar="near-duplicates|none|prefix:TEXT|column[:NAME]",
            help="What stays together: pictures that look alike (and what the data group), "
            "nothing, files whose names agree up to TEXT, or what the data group (by column NAME).",
        ),
    ] = "near-duplicates",
    positive: PositiveOption = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the splits that the data have.")
    ] = False,
    drop_leaks: Annotated[
        bool,
        typer.Option(
            "--drop-leaks",
            help="Leave out of train and val what shares a group with the data's own test or val.",
        ),
    ] = False,
) -> None:
    """Read, group, cut, write."""
    from unmask.data.checks import note_shared_groups
    from unmask.data.grouping import group_samples, leave_out_leaks
    from unmask.data.reading import read_data
    from unmask.data.rows import GROUP_COLUMN
    from unmask.data.split import complete_splits

    if not out.parent.is_dir():
        message = f"--out: the folder {str(out.parent)!r} does not exist"
        raise UsageError(message)
    column = group_by.removeprefix("column:") if group_by.startswith("column:") else GROUP_COLUMN
    found = read_data(path, positive=positive, val_share=0, group_column=column)
    dataset = group_samples(found, group_by, show_looking)
    if fresh:
        dataset = dataset.with_manifest(dataset.manifest.without_splits())
    if drop_leaks:
        dataset = leave_out_leaks(dataset)
    whole = dataset.manifest
    manifest = complete_splits(whole, val_share=val, test_share=test, seed=seed)
    dataset = dataset.with_manifest(manifest, *note_shared_groups(manifest))
    if {sample.split for sample in found.manifest} >= {"train", "val", "test"} and not fresh:
        dataset = dataset.with_manifest(
            manifest, "the data's own splits are kept; --fresh cuts anew"
        )
    manifest.relative_to(out.parent).write_csv(out)
    typer.echo(dataset.describe())
    typer.echo(f"written: {out}")


def show_looking(paths: Sequence[str]) -> Iterable[str]:
    """A bar on standard error while files are looked at, where somebody sees it."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(paths, "looking", console=console, disable=not console.is_terminal, transient=True)
