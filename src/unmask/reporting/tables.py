"""Tables for programs: CSV that neither a spreadsheet nor a strange file name can break."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "'")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table by RFC 4180; None is an empty cell.

    Text is written as `guard_cell` has it.
    """
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows([guard_cell(value) for value in row] for row in rows)


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table that `write_csv` wrote, by column; what was guarded is as it was."""
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield {name: value.removeprefix("'") for name, value in row.items()}


def guard_cell(value: Any) -> Any:
    """A value as it may stand in a table that a spreadsheet opens.

    Text that would be taken for a formula gets an apostrophe in front, bytes that are no valid text
    are spelled out.
    """
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
