"""A progress bar beside the answers, only where somebody sees it."""

from collections.abc import Callable, Generator, Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from unmask.records import Report
from unmask.reporting.sinks import Sink, TableSink


def choose_console(sink: Sink, out: Path | None) -> Console | None:
    """Where the bar goes: below a table on the same terminal, else to standard error, else nowhere.

    Lines for programs that go to a terminal stand alone: a bar would be drawn across them.
    """
    if isinstance(sink, TableSink) and sink.console.is_terminal:
        return sink.console
    if out is None and Console().is_terminal:
        return None
    errors = Console(stderr=True)
    return errors if errors.is_terminal else None


def watch(
    reports: Iterable[Report], console: Console | None, count: Callable[[], int]
) -> Generator[Report]:
    """Pass the reports on with a bar on the console; `count` is asked only where there is one.

    Closing it closes the source of the reports too, so that no work is done ahead for nobody.
    """
    try:
        yield from _with_bar(reports, console, count)
    finally:
        if isinstance(reports, Generator):
            reports.close()


def _with_bar(
    reports: Iterable[Report], console: Console | None, count: Callable[[], int]
) -> Generator[Report]:
    if console is None:
        yield from reports
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("looking for files", total=None)
        progress.update(task, total=count(), description="detecting")
        for report in reports:
            yield report
            progress.advance(task)
