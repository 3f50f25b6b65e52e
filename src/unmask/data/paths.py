"""Where the files are that a table names.

Tables travel: the same `train/real/1.jpg` may be meant from the table's folder, from a folder below
it (the 140k set has its tables two wrappers above the pictures) or above it, may start with a slash
that means the set's own root, or be parted by backslashes. The first way in which a file is found
holds for the whole table.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from unmask.data.dataset import some
from unmask.data.listing import is_hidden
from unmask.errors import DataError

_PROBES: Final = 20
"""Paths of a table that are tried."""
_BASES: Final = 200
"""Folders that are tried, level by level."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to understand a path."""

    base: str
    """Ends with the separator."""
    turned: bool = False
    """Backslashes part names."""
    rooted: bool = False
    """A first slash means the base."""

    def path(self, written: str) -> str:
        """The path of a file, which need not exist."""
        if self.turned:
            written = written.replace("\\", "/")
        if self.rooted:
            written = written.lstrip("/")
        return written if written.startswith("/") else self.base + written.removeprefix("./")


class PathFinder:
    """Turns what a table writes into paths of files.

    Raises:
        DataError: None of the files is there, or one lies outside of the archive.
    """

    def __init__(self, table: Path, written: Sequence[str], inside: Path | None = None) -> None:
        self._inside = os.path.join(inside.absolute(), "") if inside else ""  # noqa: PTH118
        probes = [path for path in written[:: max(1, len(written) // _PROBES)] if path.strip()]
        self._way = self._choose(table, probes)

    def find(self, written: str) -> str:
        """The path of a file, which need not exist."""
        path = self._way.path(written)
        if not self._is_allowed(path):
            message = f"the table in the archive names {written!r}, which lies outside of it"
            raise DataError(message)
        return path

    def _is_allowed(self, path: str) -> bool:
        """Unpacked archives hold no links, so that the spelling of a path tells where it leads."""
        return not self._inside or os.path.abspath(path).startswith(self._inside)  # noqa: PTH100

    def _choose(self, table: Path, probes: Sequence[str]) -> _Way:
        for base in islice(_bases(table.parent, self._inside), _BASES):
            prefix = str(base / "_")[:-1]
            for turned, rooted in ((False, False), (False, True), (True, False), (True, True)):
                way = _Way(prefix, turned, rooted)
                paths = [way.path(probe) for probe in probes]
                if any(self._is_allowed(path) and _is_file(path) for path in paths):
                    return way
        if probes:
            message = (
                f"none of the files that {str(table)!r} names is there ({some(probes)}); paths are "
                "relative to the table's folder"
            )
            raise DataError(message)
        return _Way(str(table.parent / "_")[:-1])


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except ValueError:  # a NUL in the name
        return False


def _bases(folder: Path, inside: str) -> Iterator[Path]:
    yield folder
    level = _folders_of(folder)
    yield from level
    if not inside:
        yield folder.resolve().parent
    while level:
        level = [below for parent in level for below in _folders_of(parent)][:_BASES]
        yield from level


def _folders_of(folder: Path) -> list[Path]:
    try:
        return sorted(
            entry
            for entry in folder.iterdir()
            if not is_hidden(entry.name) and not entry.is_symlink() and entry.is_dir()
        )
    except OSError:
        return []
