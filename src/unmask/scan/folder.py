"""The folder of a scan: what is done, with which settings, by one process at a time.

    scan.json           how the scan was begun; a start with other settings is refused
    parts/*.parquet     the results; a part is there whole or not at all, and says what is done
    unfinished/         what is being written; emptied at every start
    summary.json        counts, once all inputs were taken
    errors.csv          the inputs that could not be answered

A part is written elsewhere and synced to the disk, then renamed to its place by the one process
that holds the lock: killed at whatever moment, each input is in one part or in none.
"""

import csv
import io
import json
import os
import shutil
import socket
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from unmask.errors import UsageError
from unmask.files import open_place, sync_folder, write_whole
from unmask.records import Verdict
from unmask.reporting.tables import guard_cell
from unmask.scan.parts import read_columns, spell
from unmask.scan.seen import Novelty, Seen
from unmask.scan.shards import Shard, digest_name
from unmask.scan.sources import Item

MADE_BY: Final = "unmask scan"
_LOCK: Final = ".lock"
_SETTINGS: Final = "scan.json"
_PARTS: Final = "parts"
_UNFINISHED: Final = "unfinished"
_SUMMARY: Final = "summary.json"
_ERRORS: Final = "errors.csv"
_OURS: Final = frozenset({_LOCK, _SETTINGS, _PARTS, _UNFINISHED, _SUMMARY, _ERRORS})
_NEW_SETTINGS: Final = f"{_SETTINGS}.new"
_BEFORE_SETTINGS: Final = frozenset({_LOCK, _UNFINISHED, _NEW_SETTINGS})
"""What a start that was killed at once may leave."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What all parts of a scan hold."""

    rows: int
    verdicts: dict[str, int]
    errors: dict[str, int]
    """How many inputs could not be answered, by code."""
    kinds: dict[str, int]


@dataclass(eq=False)
class ScanFolder:
    """An opened scan folder; make it with `open_folder`."""

    path: Path
    shard: Shard
    seen: Seen = field(default_factory=Seen)
    done: int = 0
    """Inputs that parts hold."""
    repeated: int = 0
    """Inputs that were named a second time."""
    _next: int = 1

    @property
    def scratch(self) -> Path:
        """Where parts are written before they are committed."""
        return self.path / _UNFINISHED

    def parts(self) -> list[Path]:
        """All parts, the oldest first."""
        return sorted((self.path / _PARTS).glob("*.parquet"))

    def choose(self, items: Iterable[Item]) -> Iterator[Item]:
        """The inputs of this shard that no part holds, each once."""
        for item in items:
            digest = digest_name(spell(item.name))
            if not self.shard.holds(digest):
                continue
            novelty = self.seen.take(digest)
            if novelty is Novelty.NEW:
                yield item
            self.repeated += novelty is Novelty.REPEATED

    def commit(self, part: Path, rows: int) -> None:
        """Make a part, which lies in `scratch`, one of the results."""
        part.replace(self.path / _PARTS / f"part-{self._next:07}.parquet")
        sync_folder(self.path / _PARTS)
        self._next += 1
        self.done += rows

    def conclude(self, facts: dict[str, Any]) -> Tally:
        """Write the summary and the list of errors, from what the parts hold."""
        tally = self._write_errors()
        summary = {
            "made_by": MADE_BY,
            "inputs": tally.rows,
            "verdicts": tally.verdicts,
            "errors": tally.errors,
            "kinds": tally.kinds,
            **facts,
        }
        write_whole(self.path / _SUMMARY, _spell_json(summary), self.scratch / _SUMMARY)
        return tally

    def _write_errors(self) -> Tally:
        verdicts = Counter({name: 0 for name in (*(v.value for v in Verdict), "error")})
        errors: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        target = self.path / _ERRORS
        draft = self.scratch / _ERRORS
        with draft.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("source", "code", "message"))
            for batch in read_columns(self.parts(), ["source", "kind", "verdict", "error"]):
                verdicts.update(batch.column("verdict").to_pylist())
                kinds.update(kind or "unknown" for kind in batch.column("kind").to_pylist())
                for row in batch.filter(batch.column("error").is_valid()).to_pylist():
                    errors[row["error"]["code"]] += 1
                    cells = (row["source"], *row["error"].values())
                    writer.writerow([guard_cell(cell) for cell in cells])
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
        return Tally(verdicts.total(), dict(verdicts), dict(errors), dict(kinds))

    def _read_done(self) -> None:
        for batch in read_columns(self.parts(), ["source"]):
            names = batch.column("source").to_pylist()
            self.done += self.seen.add_done(map(digest_name, names))
        numbers = [int(part.stem.rpartition("-")[2]) for part in self.parts()]
        self._next = max(numbers, default=0) + 1


@contextmanager
def open_folder(path: Path, settings: dict[str, Any], shard: Shard) -> Iterator[ScanFolder]:
    """Begin a scan in a folder or go on with one; nobody else may until the block ends.

    Args:
        path: The folder; made where it is missing.
        settings: What the answers depend on, as plain JSON values.
        shard: Which inputs are answered there.

    Raises:
        UsageError: It holds something else, a scan with other settings, or a scan that is running.
    """
    _check_foreign(path)
    with _Lock(path / _LOCK):
        _check_settings(path / _SETTINGS, settings)
        for name in (_SUMMARY, _ERRORS):
            (path / name).unlink(missing_ok=True)
        shutil.rmtree(path / _UNFINISHED, ignore_errors=True)
        (path / _UNFINISHED).mkdir(exist_ok=True)
        (path / _PARTS).mkdir(exist_ok=True)
        folder = ScanFolder(path, shard)
        try:
            folder._read_done()  # noqa: SLF001 (half of making one)
            yield folder
        finally:
            folder.seen.close()
            shutil.rmtree(path / _UNFINISHED, ignore_errors=True)


def _check_foreign(path: Path) -> None:
    found = open_place(path)
    strange = sorted(found - _OURS - _BEFORE_SETTINGS)
    if strange or (found - _BEFORE_SETTINGS and _SETTINGS not in found):
        what = f"such as {strange[0]!r}" if strange else f"without {_SETTINGS}"
        message = (
            f"--out {path} holds files that are no scan, {what}; name a new or empty folder, or "
            "one with a scan to go on with"
        )
        raise UsageError(message)


def _check_settings(path: Path, settings: dict[str, Any]) -> None:
    wanted = json.loads(json.dumps({"made_by": MADE_BY, **settings}))
    if not path.exists():
        write_whole(path, _spell_json(wanted), path.with_name(_NEW_SETTINGS))
        return
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {error}; name another folder"
        raise UsageError(message) from error
    differ = [key for key in {**wanted, **begun} if wanted.get(key) != begun.get(key)]
    if differ:
        stated = "; ".join(f"{key}: {begun.get(key)} then, {wanted.get(key)} now" for key in differ)
        message = (
            f"the scan in {path.parent} was begun with other settings ({stated}); go on with the "
            "same ones, or name another folder"
        )
        raise UsageError(message)


def _spell_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


class _Lock:
    """Held by one process at a time; the system frees it when that process ends, however."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._stream: io.TextIOWrapper = self._path.open("a+", encoding="utf-8")
        try:
            self._acquire()
        except OSError as error:
            self._stream.seek(0)
            holder = self._stream.read(200).strip() or "another process"
            self._stream.close()
            message = (
                f"a scan is writing to {self._path.parent} already ({holder}); wait for it, or "
                "name another folder"
            )
            raise UsageError(message) from error
        self._stream.truncate(0)
        self._stream.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._stream.flush()
        return self

    def _acquire(self) -> None:
        if sys.platform == "win32":
            import msvcrt

            self._stream.seek(0)
            msvcrt.locking(self._stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __exit__(self, *_: object) -> None:
        self._stream.close()
