"""Which inputs were taken already: a set of digests that memory need not hold."""

import sqlite3
from collections.abc import Iterable
from enum import Enum

_CACHE_KIB = 64 * 1024


class Novelty(Enum):
    """What is known of a digest."""

    NEW = "new"
    DONE = "done"
    REPEATED = "repeated"


class Seen:
    """A set of digests, of any size, in a private file that goes away with the process.

    It takes 64 MiB of memory at most; the file lies where SQLite keeps temporary ones
    (`SQLITE_TMPDIR` says where) and takes some 40 bytes for each digest.
    """

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        for setting in (f"cache_size = -{_CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
            self._base.execute(f"PRAGMA {setting}")
        self._base.execute(
            "CREATE TABLE seen (digest BLOB PRIMARY KEY, named INTEGER) WITHOUT ROWID"
        )
        self._base.execute("BEGIN")

    def take(self, digest: bytes) -> Novelty:
        """Say whether one is new, was done before, or was taken before; it is taken now."""
        if self._base.execute("INSERT OR IGNORE INTO seen VALUES (?, 1)", (digest,)).rowcount:
            return Novelty.NEW
        first = "UPDATE seen SET named = 1 WHERE digest = ? AND named = 0"
        return Novelty.DONE if self._base.execute(first, (digest,)).rowcount else Novelty.REPEATED

    def add_done(self, digests: Iterable[bytes]) -> int:
        """Note what was done before; how many of them were not known."""
        before = self._base.total_changes
        rows = ((digest,) for digest in digests)
        self._base.executemany("INSERT OR IGNORE INTO seen VALUES (?, 0)", rows)
        return self._base.total_changes - before

    def close(self) -> None:
        """Forget all."""
        self._base.close()
