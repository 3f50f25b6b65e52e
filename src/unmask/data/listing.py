"""What lies below a folder, found by names alone: 140,000 files in about a second."""

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from unmask.media.sources import MEDIA_EXTENSIONS

TABLE_EXTENSIONS: Final = frozenset({".csv", ".tsv", ".parquet", ".pq"})
_SYSTEM_NAMES: Final = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder below the root."""

    parts: tuple[str, ...]
    """Its path below the root, in names."""
    files: tuple[str, ...]
    """The names of its pictures and clips, sorted."""
    tables: tuple[str, ...]
    """The names of its tables, sorted."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All folders below a root, sorted, the root first."""

    root: str
    folders: tuple[Folder, ...]
    passed_over: Counter[str] = field(default_factory=Counter)
    """Files and links that are no media, by extension or reason; hidden ones are not counted."""

    def path(self, folder: Folder, name: str) -> str:
        """The path of a file, as the root was given."""
        return os.path.join(self.root, *folder.parts, name)  # noqa: PTH118 (keeps it as given)

    def with_media(self) -> tuple[Folder, ...]:
        """The folders that hold pictures or clips themselves."""
        return tuple(folder for folder in self.folders if folder.files)


def extension_of(name: str) -> str:
    """The extension of a file name, in lower case with its dot."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a Path per file is 20 times slower)


def is_hidden(name: str) -> bool:
    """Say whether a name belongs to the system and not to the data."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def list_folder(root: str) -> Listing:
    """List a folder and all below it; links to files are followed, links to folders are not."""
    folders: list[Folder] = []
    passed_over: Counter[str] = Counter()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        folder, below = _list_one(root, parts, passed_over)
        folders.append(folder)
        waiting.extend((*parts, name) for name in sorted(below, reverse=True))
    return Listing(root, tuple(folders), passed_over)


def _list_one(
    root: str, parts: tuple[str, ...], passed_over: Counter[str]
) -> tuple[Folder, list[str]]:
    below: list[str] = []
    files: list[str] = []
    tables: list[str] = []
    try:
        with os.scandir(os.path.join(root, *parts)) as listing:  # noqa: PTH118
            for entry in listing:
                name = entry.name
                if is_hidden(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    below.append(name)
                    continue
                extension = extension_of(name)
                if not entry.is_file():
                    passed_over[_odd_kind(entry)] += 1
                elif extension in MEDIA_EXTENSIONS:
                    files.append(name)
                elif extension in TABLE_EXTENSIONS:
                    tables.append(name)
                else:
                    passed_over[extension or "no extension"] += 1
    except OSError:
        passed_over["folder that cannot be read"] += 1
    return Folder(parts, tuple(sorted(files)), tuple(sorted(tables))), below


def _odd_kind(entry: os.DirEntry[str]) -> str:
    if not entry.is_symlink():
        return "pipe, socket or device"
    return "link to a folder" if entry.is_dir() else "dangling link"
