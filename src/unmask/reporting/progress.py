"""A progress bar beside the answers, only where somebody sees it."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from unmask.errors import UnmaskError
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


_LINE_EVERY_S: Final = 60.0
_SMOOTHING_S: Final = 120.0
"""The rate that remaining time is told from is that of so many latest seconds."""


class RateColumn(ProgressColumn):
    """Inputs per second."""

    def render(self, task: Task) -> Text:
        """What stands in the column."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class ScanProgress:
    """How far a long run is: a bar on a terminal, else a line a minute on standard error.

    Args:
        count: Asked once, beside the work, for the number of inputs in all.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self._console = Console(stderr=True)
        self._count = count
        self._total: int | None = None
        self._next_line_s = time.monotonic() + _LINE_EVERY_S
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(
            *columns,
            console=self._console,
            transient=True,
            speed_estimate_period=_SMOOTHING_S,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("scanning", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        Thread(target=self._count_all, name="unmask-count", daemon=True).start()
        return self

    def update(self, done: int, answered: int, seconds: float) -> None:
        """Show that so many are done, of which so many were answered in so many seconds."""
        self._bar.update(self._task, completed=done, total=self._total)
        now_s = time.monotonic()
        if self._bar.disable and now_s >= self._next_line_s:
            self._next_line_s = now_s + _LINE_EVERY_S
            self._console.print(
                describe_progress(done, self._total, answered, seconds), soft_wrap=True
            )

    def _count_all(self) -> None:
        with suppress(UnmaskError, OSError):  # the work itself meets and reports it
            self._total = self._count()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()


def describe_progress(done: int, total: int | None, answered: int, seconds: float) -> str:
    """A line for a log: how many of how many, how fast, how long still.

    >>> describe_progress(1500, 4500, 1000, 100.0)
    '1,500 of 4,500, 10.0/s, about 5 min left'
    """
    rate = answered / seconds if seconds > 0 else 0.0
    parts = [f"{done:,}" if total is None else f"{done:,} of {total:,}", f"{rate:.1f}/s"]
    if total is not None and rate > 0:
        minutes = max(0, total - done) / rate / 60
        left = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
        parts.append(f"about {left} left")
    return ", ".join(parts)
