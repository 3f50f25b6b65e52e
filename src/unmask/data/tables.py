"""Tables as other programs write them, CSV in its dialects and Parquet, read as text.

Commas, semicolons, tabs or bars, whichever make the header's names known; UTF-8 with or without a
byte order mark, or UTF-16 with one; any line ends.
"""

import codecs
import csv
import importlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

from unmask.data.dataset import LeftOut, some
from unmask.data.listing import extension_of
from unmask.errors import DataError, MissingExtraError

PATH_COLUMNS: Final = (
    "path",
    "file",
    "file_name",
    "filename",
    "file_path",
    "filepath",
    "image_path",
)
LABEL_COLUMNS: Final = ("label_str", "label_name", "label", "class")

_DELIMITERS: Final = (",", ";", "\t", "|")
_PARQUET: Final = frozenset({".parquet", ".pq"})
_MAX_FIELD: Final = 2**24
"""Characters in one field; the csv module's own limit of 2 ** 17 is too low for stray columns."""
_SHOWN: Final = 80
"""Characters of a broken row that are repeated."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text."""

    path: Path
    header: tuple[str, ...]
    """Column names in lower case."""
    rows: tuple[tuple[str, ...], ...]
    left_out: tuple[LeftOut, ...] = ()
    """Rows that do not fit the header."""

    def column(self, names: Sequence[str]) -> int | None:
        """The number of the first of these columns that is there."""
        return next((self.header.index(name) for name in names if name in self.header), None)

    def values(self, number: int) -> Counter[str]:
        """The distinct values of a column, without surrounding blanks, and how often they occur."""
        return Counter(row[number].strip() for row in self.rows)


def load_table(path: Path) -> Table:
    """Read a CSV or Parquet file as text.

    Raises:
        DataError: It is no such file, is empty, or lacks a column for path or label.
        MissingExtraError: It is Parquet and pyarrow is not installed.
    """
    table = _load_parquet(path) if extension_of(path.name) in _PARQUET else _load_csv(path)
    for meaning, names in (("path", PATH_COLUMNS), ("label", LABEL_COLUMNS)):
        if table.column(names) is None:
            message = (
                f"the table {str(path)!r} has no column for the {meaning}: expected one of "
                f"{', '.join(names)}, got {some(table.header)}"
            )
            raise DataError(message)
    return table


def stream_paths(name: str, stream: IO[bytes], skipped: Counter[str]) -> Iterator[str]:
    """The paths that a CSV or Parquet table names, row by row; the table is not held.

    Args:
        name: The table's, by whose extension it is told which it is.
        stream: Its content.
        skipped: Counts the rows that do not fit the header or have no path.

    Raises:
        DataError: It is no such file, is empty, or lacks a column of paths.
        MissingExtraError: It is Parquet and pyarrow is not installed.
    """
    parquet = extension_of(name) in _PARQUET
    for path in (_stream_parquet if parquet else _stream_csv)(name, stream, skipped):
        if path.strip():
            yield path
        else:
            skipped["row without a path"] += 1


def _stream_csv(name: str, stream: IO[bytes], skipped: Counter[str]) -> Iterator[str]:
    marked = stream.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    stream.seek(0)
    encoding, errors = ("utf-16", "strict") if marked else ("utf-8-sig", "surrogateescape")
    csv.field_size_limit(_MAX_FIELD)
    with io.TextIOWrapper(stream, encoding, errors, newline="") as text:
        try:
            first = next((line for line in text if line.strip()), "")
            delimiter = _choose_delimiter(first)
            rows = csv.reader(chain([first], text), delimiter=delimiter)
            header = [field.strip().lower() for field in next(rows, [])]
            number = header.index(_choose_path_column(name, header))
            for row in rows:
                if len(row) == len(header):
                    yield row[number]
                elif row:
                    skipped[f"row with {len(row)} fields instead of {len(header)}"] += 1
        except (csv.Error, UnicodeDecodeError) as error:
            message = f"the table {name!r} is no CSV file: {error}"
            raise DataError(message) from error


def _stream_parquet(name: str, stream: IO[bytes], _: Counter[str]) -> Iterator[str]:
    parquet, errors = _import_parquet(name)
    try:
        file = parquet.ParquetFile(stream)
        columns = {column.strip().lower(): column for column in file.schema_arrow.names}
        column = columns[_choose_path_column(name, list(columns))]
        for batch in file.iter_batches(columns=[column]):
            for path in batch.column(0).to_pylist():
                yield "" if path is None else str(path)
    except (OSError, errors) as error:
        message = f"the table {name!r} is no readable Parquet file: {error}"
        raise DataError(message) from error


def _choose_path_column(name: str, header: Sequence[str]) -> str:
    column = next((column for column in PATH_COLUMNS if column in header), None)
    if column is None:
        message = (
            f"the table {name!r} has no column for the path: expected one of "
            f"{', '.join(PATH_COLUMNS)}, got {some(header)}"
        )
        raise DataError(message)
    return column


def _load_csv(path: Path) -> Table:
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"the table {str(path)!r} cannot be read: {error.strerror or error}"
        raise DataError(message) from error
    text = _decode(data, path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = _choose_delimiter(first)
    csv.field_size_limit(_MAX_FIELD)
    try:
        lines = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row
        ]
    except csv.Error as error:
        message = f"the table {str(path)!r} is no CSV file: {error}"
        raise DataError(message) from error
    if not lines:
        message = f"the table {str(path)!r} is empty; expected a header with path and label"
        raise DataError(message)
    header = tuple(name.strip().lower() for name in lines[0])
    rows = tuple(tuple(row) for row in lines[1:] if len(row) == len(header))
    odd = tuple(
        LeftOut(
            delimiter.join(row)[:_SHOWN], f"row with {len(row)} fields instead of {len(header)}"
        )
        for row in lines[1:]
        if len(row) != len(header)
    )
    return Table(path, header, rows, odd)


def _decode(data: bytes, path: Path) -> str:
    """UTF-8 with or without its mark, UTF-16 with its mark; stray bytes stay file name bytes."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            message = f"the table {str(path)!r} starts like UTF-16 and is not: {error}"
            raise DataError(message) from error
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


def _choose_delimiter(header: str) -> str:
    def known(delimiter: str) -> int:
        names = {name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter))}
        return sum(not names.isdisjoint(each) for each in (PATH_COLUMNS, LABEL_COLUMNS))

    return max(_DELIMITERS, key=known) if header else ","


def _import_parquet(name: str) -> tuple[Any, Any]:
    """The module that reads Parquet, and what it raises."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
        errors = importlib.import_module("pyarrow").ArrowException
    except ImportError as error:
        feature = f"reading {name} (Parquet)"
        raise MissingExtraError(feature, "parquet") from error
    return parquet, errors


def _load_parquet(path: Path) -> Table:
    parquet, errors = _import_parquet(path.name)
    try:
        schema = parquet.read_schema(path)
        kinds = {name: str(kind) for name, kind in zip(schema.names, schema.types, strict=True)}
        flat = [name for name, kind in kinds.items() if not kind.startswith(("struct", "list"))]
        columns = parquet.read_table(path, columns=flat).to_pydict()
    except (OSError, errors) as error:
        message = f"the table {str(path)!r} is no readable Parquet file: {error}"
        raise DataError(message) from error
    texts = [["" if value is None else str(value) for value in columns[name]] for name in flat]
    header = tuple(name.strip().lower() for name in flat)
    return Table(path, header, tuple(zip(*texts, strict=True)))
