"""Which files of one or more data sets are copies of one another, and where that matters."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from unmask.data.duplicates import close_pairs, join_pairs, linked_groups
from unmask.data.facts import FactTable

SAME_LIKENESS: Final = 0.95
"""Least correlation of two thumbnails of one picture.

On RVF10K's 10,000 aligned faces the pairs within 4 bits of a perceptual hash that were seen to be
one face correlate by 0.95 and more, those of a real and a fake face, which cannot be, by at most
0.93: hashes alone call one pair in six alike that is not.
"""
LISTED: Final = 100_000
"""Pairs that are named; more are only counted."""
_AT_ONCE: Final = 100_000

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class CopyPair:
    """Two files of different parts that show the same."""

    one: int
    two: int
    """Places in the table, the smaller first."""
    bits: int
    """Bits in which the perceptual hashes differ."""
    likeness: float
    """Correlation of the thumbnails, at most 1."""
    exact: bool
    """Byte for byte."""


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """What shows the same among N files."""

    contents: Indices
    """(N,) files of one number are the same byte for byte; broken ones have a number each."""
    groups: Indices
    """(N,) files of one number show the same, transitively."""
    crossing: tuple[CopyPair, ...]
    """Pairs of files of different parts, the most alike first; copies within a part count once."""
    crossing_count: int
    """How many there are, named or not."""


def find_copies(table: FactTable, parts: Indices) -> Copies:
    """Find copies, byte for byte and by look.

    Looks are alike where perceptual hashes differ in few bits and the thumbnails correlate: aligned
    faces share so much that the hash alone also pairs strangers.

    Args:
        table: The facts of N files.
        parts: (N,) numbers of what should be apart: splits, classes, data sets.
    """
    good = table.good
    contents = np.arange(len(table.rows))
    numbers = np.unique(table.rows["content"][good], return_inverse=True)[1]
    contents[good] = len(table.rows) + numbers
    kept = good[np.unique(np.stack([numbers, parts[good]]), axis=1, return_index=True)[1]]
    pairs = _Pairs(table.rows, kept, parts, contents)
    groups = pairs.connect()
    found = sorted(pairs.crossing, key=lambda pair: (-pair.exact, -pair.likeness, pair.one))
    return Copies(
        contents=contents,
        groups=linked_groups(_renumber(contents), _renumber(groups)),
        crossing=tuple(found),
        crossing_count=pairs.crossing_count,
    )


class _Pairs:
    """Goes once through the pairs of alike hashes and keeps what is confirmed."""

    def __init__(
        self, rows: npt.NDArray[Any], kept: Indices, parts: Indices, contents: Indices
    ) -> None:
        self._rows = rows
        self._kept = kept
        self._parts = parts
        self._contents = contents
        self._groups: Indices = np.arange(len(rows))
        self.crossing: list[CopyPair] = []
        self.crossing_count = 0

    def connect(self) -> Indices:
        """(N,) the group of each file."""
        for block in close_pairs(np.ascontiguousarray(self._rows["look"][self._kept])):
            for start in range(0, len(block), _AT_ONCE):
                self._take(self._kept[block[start : start + _AT_ONCE]])
        return self._groups

    def _take(self, pairs: Indices) -> None:
        across = self._parts[pairs[:, 0]] != self._parts[pairs[:, 1]]
        apart = self._groups[pairs[:, 0]] != self._groups[pairs[:, 1]]
        pairs = pairs[across | apart]
        likeness = self._compare(pairs)
        same = likeness >= SAME_LIKENESS
        pairs, likeness = pairs[same], likeness[same]
        if len(pairs):
            ones, twos = self._groups[pairs].T
            self._groups = join_pairs(ones, twos, len(self._rows))[self._groups]
        self._note(pairs, likeness)

    def _compare(self, pairs: Indices) -> npt.NDArray[np.float64]:
        ones, twos = (self._rows["thumbnail"][column].astype(np.float64) for column in pairs.T)
        ones -= ones.mean(axis=1, keepdims=True)
        twos -= twos.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.sum(ones**2, axis=1) * np.sum(twos**2, axis=1))
        equal = np.all(ones == twos, axis=1)
        return np.where(equal, 1.0, np.sum(ones * twos, axis=1) / np.maximum(spread, 1e-9))

    def _note(self, pairs: Indices, likeness: npt.NDArray[np.float64]) -> None:
        across = self._parts[pairs[:, 0]] != self._parts[pairs[:, 1]]
        self.crossing_count += int(across.sum())
        room = max(0, LISTED - len(self.crossing))
        looks = self._rows["look"]
        for (one, two), value in zip(pairs[across][:room], likeness[across][:room], strict=True):
            first, second = sorted((int(one), int(two)))
            self.crossing.append(
                CopyPair(
                    one=first,
                    two=second,
                    bits=int(np.bitwise_count(looks[one] ^ looks[two])),
                    likeness=round(float(value), 4),
                    exact=bool(self._contents[one] == self._contents[two]),
                )
            )


def _renumber(numbers: Indices) -> Indices:
    return np.unique(numbers, return_inverse=True)[1].astype(np.intp)
