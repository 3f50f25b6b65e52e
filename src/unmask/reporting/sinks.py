"""Where reports go, one at a time: a table for people, JSON Lines and CSV for programs.

A sink is a context manager with `append`; what it has written stays valid when the run stops early.

    with JsonLinesSink(sys.stdout) as sink:
        for report in detector.detect_all(sources):
            sink.append(report)
"""

import csv
import json
import time
from types import TracebackType
from typing import Any, Final, Protocol, Self, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unmask.errors import printable
from unmask.records import Report
from unmask.reporting.tables import guard_cell
from unmask.reporting.wording import (
    VERDICT_COLOURS,
    VERDICT_WORDS,
    note,
    report_percent,
    verdict_name,
    who,
)

CSV_COLUMNS: Final = (
    "source",
    "kind",
    "verdict",
    "score",
    "threshold",
    "policy",
    "face_count",
    "person_count",
    "reasons",
    "warnings",
    "error_code",
    "error_message",
    "model_name",
    "model_version",
    "model_sha256",
    "seconds",
    "faces",
    "people",
    "versions",
)


class Sink(Protocol):
    """Something that takes reports, one by one."""

    def __enter__(self) -> Self: ...

    def append(self, report: Report) -> None:
        """Write one report."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class JsonLinesSink:
    """One JSON object per line, flushed at once; the fields are those of `Report.to_dict`.

    Everything outside ASCII is escaped, so that a file name that is no valid text (Linux allows any
    bytes) survives: `os.fsencode(json.loads(line)["source"])` gives its bytes back.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def append(self, report: Report) -> None:
        """Write one line."""
        self._stream.write(json.dumps(report.to_dict(), allow_nan=False) + "\n")
        self._stream.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


class CsvSink:
    r"""Comma-separated values by RFC 4180 with a header line; the columns are `CSV_COLUMNS`.

    `reasons`, `warnings`, `faces`, `people` and `versions` hold JSON text with the same fields as
    in JSON Lines. What is not there (the score of a picture without a face) is an empty cell.

    Spreadsheets run a cell that begins with `=`, `+`, `-` or `@` as a formula, and a file may be
    named so. A text cell that begins with one of these, a tab, a carriage return or an apostrophe
    therefore gets one apostrophe in front; a program that needs the exact name drops one leading
    apostrophe, or reads JSON Lines. Bytes of a name that are no valid text are spelled `\udcXX`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writer = csv.writer(stream, lineterminator="\r\n")

    def __enter__(self) -> Self:
        self._writer.writerow(CSV_COLUMNS)
        self._stream.flush()
        return self

    def append(self, report: Report) -> None:
        """Write one row."""
        self._writer.writerow([_cell(value) for value in _csv_values(report)])
        self._stream.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


def _csv_values(report: Report) -> list[Any]:
    fields = report.to_dict()
    model, error = fields["model"], fields["error"] or {"code": None, "message": None}
    flat = {
        **fields,
        "face_count": len(report.faces),
        "person_count": len(report.people),
        "error_code": error["code"],
        "error_message": error["message"],
        "model_name": model["name"],
        "model_version": model["version"],
        "model_sha256": model["sha256"],
    }
    return [flat[column] for column in CSV_COLUMNS]


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value)
    return guard_cell(value)


class QuietPipeConsole(Console):
    """A console that reports a closed pipe to its caller instead of ending the program."""

    def on_broken_pipe(self) -> None:
        """Raise what Rich caught."""
        raise BrokenPipeError


class TableSink:
    """A table for people: a row as soon as its answer is there, a closing line with the counts.

    On a terminal the rows fit its width, long names folded, verdicts coloured; anywhere else they
    are plain lines, one per input, nothing cut.
    """

    def __init__(self, stream: TextIO) -> None:
        self.console = QuietPipeConsole(file=stream, highlight=False, soft_wrap=False)
        self._stream = stream
        self._counts = dict.fromkeys(VERDICT_WORDS, 0)
        self._started_s = 0.0

    def __enter__(self) -> Self:
        self._started_s = time.perf_counter()
        if self.console.is_terminal:
            heads = ("verdict", "score", "faces", "file", "why")
            self.console.print(_grid(*(Text(head, style="bold") for head in heads)))
        else:
            self._write_line("verdict", "score", "faces", "file", "why")
        return self

    def append(self, report: Report) -> None:
        """Write one row."""
        name = verdict_name(report)
        self._counts[name] += 1
        word, source, why = VERDICT_WORDS[name], printable(report.source), printable(note(report))
        if not self.console.is_terminal:
            self._write_line(word, report_percent(report), who(report), source, why)
            return
        verdict = Text(word.upper(), style=f"bold {VERDICT_COLOURS[name]}")
        score = Text(report_percent(report), justify="right")
        self.console.print(
            _grid(verdict, score, Text(who(report)), Text(source), Text(why, style="dim"))
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            return
        self.console.print(Text(self._summary(stopped=error is not None)), soft_wrap=True)

    def _write_line(self, verdict: str, score: str, faces: str, source: str, why: str) -> None:
        line = f"{verdict:<9}  {score:>5}  {faces:<9}  {source:<40}  {why}".rstrip()
        self._stream.write(line + "\n")
        self._stream.flush()

    def _summary(self, *, stopped: bool) -> str:
        total = sum(self._counts.values())
        seconds = time.perf_counter() - self._started_s
        counts = ", ".join(
            f"{count} {VERDICT_WORDS[name]}" for name, count in self._counts.items() if count
        )
        rate = f", {total / seconds:.1f} files/s" if seconds > 0 and total > 1 else ""
        files = "file" if total == 1 else "files"
        ending = "; stopped before the end" if stopped else ""
        grouped = f": {counts}" if counts else ""
        return f"{total} {files}{grouped}; {seconds:.1f} s{rate}{ending}"


def _grid(*cells: Text) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=9)
    table.add_column(width=5, justify="right")
    table.add_column(width=9)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    table.add_row(*cells)
    return table
