"""Results as Parquet: files of some thousand rows each, a row for each input.

The columns are the fields of `Report.to_dict`, in its order, and nested as they are there: a query
reaches into them (`faces[1].score`), they are typed, and a row read back equals the line that
`unmask detect --format jsonl` prints.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from unmask.records import Report

_FACE: Final = pa.struct(
    {
        "box_xyxy": pa.list_(pa.float64()),
        "score": pa.float64(),
        "face_confidence": pa.float64(),
        "time_s": pa.float64(),
        "person": pa.int32(),
        "unlike": pa.float64(),
        "doubts": pa.list_(pa.string()),
    }
)
_POINT: Final = pa.struct({"time_s": pa.float64(), "score": pa.float64()})
_PERSON: Final = pa.struct(
    {
        "person": pa.int32(),
        "score": pa.float64(),
        "timeline": pa.list_(_POINT),
        "doubts": pa.list_(pa.string()),
    }
)
SCHEMA: Final = pa.schema(
    {
        "source": pa.string(),
        "kind": pa.string(),
        "verdict": pa.string(),
        "score": pa.float64(),
        "faces": pa.list_(_FACE),
        "people": pa.list_(_PERSON),
        "model": pa.struct(dict.fromkeys(("name", "version", "sha256"), pa.string())),
        "policy": pa.string(),
        "threshold": pa.float64(),
        "reasons": pa.list_(pa.string()),
        "versions": pa.struct(dict.fromkeys(("unmask", "engine", "faces", "python"), pa.string())),
        "warnings": pa.list_(pa.string()),
        "error": pa.struct({"code": pa.string(), "message": pa.string()}),
        "seconds": pa.float64(),
    }
)
_ROWS_READ: Final = 8192


def spell(text: str) -> str:
    r"""Text as Parquet can hold it: bytes of a file name that are no text become `\udcXX`.

    >>> spell("caf\udce9.jpg")
    'caf\\udce9.jpg'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def to_row(report: Report) -> dict[str, Any]:
    """A report as a row of a part."""
    row: dict[str, Any] = _spell_all(report.to_dict())
    return row


def _spell_all(value: Any) -> Any:
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, list):
        return [_spell_all(part) for part in value]
    if isinstance(value, dict):
        return {key: _spell_all(part) for key, part in value.items()}
    return value


def write_part(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows and make sure that the disk has them."""
    table = pa.Table.from_pylist(rows, SCHEMA)
    with path.open("wb") as stream:
        pq.write_table(table, stream, compression="zstd")
        stream.flush()
        os.fsync(stream.fileno())


def read_columns(parts: Iterable[Path], columns: list[str]) -> Iterator[pa.RecordBatch]:
    """These columns of all parts, some thousand rows at a time."""
    for part in parts:
        with pq.ParquetFile(part) as file:
            yield from file.iter_batches(_ROWS_READ, columns=columns)
