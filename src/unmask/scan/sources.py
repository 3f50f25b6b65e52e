"""What is to be answered: inputs from folders, lists, tables, tar files and stores, one at a time.

Nothing is held but what is read next: a listing of a billion inputs takes no more memory than one
of ten. The order is that of the folder, list or archive.
"""

import codecs
import os
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, product
from pathlib import Path
from typing import Any, Final

from unmask.data.listing import TABLE_EXTENSIONS, extension_of
from unmask.data.paths import PathFinder
from unmask.data.tables import stream_paths
from unmask.errors import MediaError, UsageError
from unmask.media.sources import MEDIA_EXTENSIONS, StoredFile, describe
from unmask.records import Failure
from unmask.scan.stores import exists, fetch, is_address, is_folder, open_binary, walk_store

LIST_EXTENSIONS: Final = frozenset({".txt", ".lst", ".list"})
TAR_EXTENSION: Final = ".tar"
MEMBER_MARK: Final = "::"
"""Stands between a tar file and its member in an input's name."""
_PACKED: Final = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_BRACES: Final = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")
_PROBED_ROWS: Final = 1000
"""Rows of a table by which its way to write paths is understood."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input: its name, and where its content lies."""

    name: str
    """What the column `source` says: unique, stable, the path where it is a file."""
    place: str = ""
    """The path or address that holds the content; empty where it is the name."""
    start: int | None = None
    """Of a tar member: its first byte."""
    size: int | None = None
    """Bytes, where they are known."""
    failure: Failure | None = None
    """Why it cannot be answered, where that is known already."""

    def open(self) -> str | StoredFile:
        """What a detector takes."""
        if self.failure is not None:
            return StoredFile(self.name, partial(_fail, self.failure))
        place = self.place or self.name
        if self.start is None and not is_address(place):
            return place
        return StoredFile(self.name, partial(fetch, place, self.start, self.size))


def _fail(failure: Failure) -> bytes:
    raise MediaError(failure.message, code=failure.code)


class Listing:
    """All inputs of some sources; iterate it, then read what it `skipped`.

    A source is a folder, with all below it; a list (`.txt`, one path or address a line); a table
    (CSV or Parquet) with a column of paths; a tar file; a picture or clip; or the address of one
    of these. `{000..099}` in its name stands for each of these numbers.

    Raises:
        UsageError: A source is not there, or is a compressed tar file.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self.sources = tuple(chain.from_iterable(map(expand_braces, sources)))
        self.skipped: Counter[str] = Counter()
        """What was passed over, by extension or reason; filled while iterating."""
        for source in self.sources:
            if source.lower().endswith(_PACKED):
                message = (
                    f"{source} is a compressed tar file, whose members cannot be read one by one; "
                    "unpack it, or pack it without compression (pictures gain nothing by it)"
                )
                raise UsageError(message)
            if not exists(source):
                message = f"there is no {describe(source)}; give folders, lists, tables, tar files"
                raise UsageError(message)

    def __iter__(self) -> Iterator[Item]:
        self.skipped.clear()
        for source in self.sources:
            yield from self._list_source(source)

    def _list_source(self, source: str) -> Iterator[Item]:
        extension = extension_of(source)
        readers: dict[str, Callable[[str], Iterator[Item]]] = {
            TAR_EXTENSION: self._list_tar,
            **dict.fromkeys(LIST_EXTENSIONS, self._list_lines),
            **dict.fromkeys(TABLE_EXTENSIONS, self._list_table),
        }
        if is_folder(source):
            walk = self._walk_store if is_address(source) else self._walk_folder
            yield from walk(source)
        elif extension in readers:
            yield from readers[extension](source)
        else:
            yield Item(source)

    def _walk_folder(self, root: str) -> Iterator[Item]:
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        else:
                            yield from self._take(entry.path)
            except OSError as error:
                reason = f"{describe(folder)} cannot be listed: {error.strerror or error}"
                yield Item(folder, failure=Failure("unreadable", reason))

    def _walk_store(self, root: str) -> Iterator[Item]:
        for address, size in walk_store(root):
            yield from self._take(address, size)

    def _take(self, place: str, size: int | None = None) -> Iterator[Item]:
        extension = extension_of(place)
        if extension in MEDIA_EXTENSIONS:
            yield Item(place, size=size)
        elif extension == TAR_EXTENSION:
            yield from self._list_tar(place)
        else:
            self.skipped[extension or "no extension"] += 1

    def _list_tar(self, place: str) -> Iterator[Item]:
        """The members of a tar file with known extensions; what is broken in it is an input too."""
        try:
            with open_binary(place) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
                for member in _members(archive):
                    yield from self._take_member(place, member)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            reason = f"{describe(place)} is no intact tar file: {error}; fetch it again"
            yield Item(place, failure=Failure("corrupt", reason))

    def _take_member(self, place: str, member: tarfile.TarInfo) -> Iterator[Item]:
        extension = extension_of(member.name)
        if member.isdir():
            return
        if not member.isreg() or member.issparse():
            self.skipped["link or other odd member of a tar file"] += 1
        elif extension in MEDIA_EXTENSIONS:
            name = f"{place}{MEMBER_MARK}{member.name}"
            yield Item(name, place, member.offset_data, member.size)
        else:
            self.skipped[extension or "no extension"] += 1

    def _list_lines(self, place: str) -> Iterator[Item]:
        with open_binary(place) as stream:
            for line in stream:
                name = os.fsdecode(line.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n"))
                if name.strip():
                    yield Item(name)

    def _list_table(self, place: str) -> Iterator[Item]:
        with open_binary(place) as stream:
            rows = stream_paths(place, stream, self.skipped)
            first = list(islice(rows, _PROBED_ROWS))
            complete = _choose_way(place, first)
            for written in chain(first, rows):
                yield Item(complete(written))


def _members(archive: Any) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        archive.members.clear()  # it would keep them all
        yield member


def _choose_way(table: str, written: list[str]) -> Callable[[str], str]:
    """How the paths of a table become addresses or paths that can be opened."""
    if is_address(table):
        parent = table.rpartition("/")[0]
        return lambda path: path if is_address(path) else f"{parent}/{path.removeprefix('./')}"
    paths = [path for path in written if not is_address(path)]
    finder = PathFinder(Path(table), paths) if paths else None
    return lambda path: path if is_address(path) or finder is None else finder.find(path)


def expand_braces(source: str) -> Iterator[str]:
    """The names that `{first..last}` in a name stands for, numbers filled up to the first's width.

    >>> list(expand_braces("shard-{08..10}.tar"))
    ['shard-08.tar', 'shard-09.tar', 'shard-10.tar']
    """
    parts: list[Any] = _BRACES.split(source)
    texts, firsts, lasts = parts[0::3], parts[1::3], parts[2::3]
    ranges = [
        [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
        for first, last in zip(firsts, lasts, strict=True)
    ]
    for numbers in product(*ranges):
        yield texts[0] + "".join(
            number + text for number, text in zip(numbers, texts[1:], strict=True)
        )
