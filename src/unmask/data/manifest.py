"""The table of samples: which file, which label, which split, which group.

A manifest is the one form in which data sets travel inside the package; as a file it is a CSV with
the columns `path`, `label`, `split`, `group` and `dataset`.
"""

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unmask.errors import DataError
from unmask.files import write_whole

LABEL_NAMES: Final = {0: "real", 1: "fake"}
SPLITS: Final = ("train", "val", "test")
_LABELS: Final = {name: label for label, name in LABEL_NAMES.items()}
COLUMNS: Final = ("path", "label", "split", "group", "dataset")


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of a data set."""

    path: str
    label: int
    """1 fake, 0 real."""
    split: str = ""
    """`train`, `val`, `test`, or empty where the data do not say."""
    group: str = ""
    """What must stay on one side of a split: clip, identity, near-duplicates; empty: on its own."""
    dataset: str = ""

    def __post_init__(self) -> None:
        if self.label not in LABEL_NAMES:
            message = f"label must be 0 (real) or 1 (fake), got {self.label!r} for {self.path}"
            raise DataError(message)
        if self.split and self.split not in SPLITS:
            message = f"split must be one of {SPLITS} or empty, got {self.split!r} for {self.path}"
            raise DataError(message)


@dataclass(frozen=True, slots=True)
class Manifest:
    """An ordered table of samples."""

    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def select(self, split: str) -> "Manifest":
        """The samples of one split."""
        return Manifest(tuple(sample for sample in self.samples if sample.split == split))

    def counts(self) -> dict[tuple[str, str], int]:
        """How many samples there are per (split, label name)."""
        counts = Counter((sample.split, LABEL_NAMES[sample.label]) for sample in self.samples)
        return dict(sorted(counts.items()))

    def with_splits(self, splits: Iterable[str]) -> "Manifest":
        """The same samples with these splits, in order."""
        pairs = zip(self.samples, splits, strict=True)
        return Manifest(tuple(replace(sample, split=split) for sample, split in pairs))

    def without_splits(self) -> "Manifest":
        """The same samples as one set."""
        return self.with_splits([""] * len(self.samples))

    def with_groups(self, groups: Iterable[str]) -> "Manifest":
        """The same samples with these groups, in order."""
        pairs = zip(self.samples, groups, strict=True)
        return Manifest(tuple(replace(sample, group=group) for sample, group in pairs))

    def sha256(self) -> str:
        """A hash of names, labels and splits that does not depend on order or on the folder."""
        rows = sorted(f"{Path(s.path).name}\t{s.label}\t{s.split}" for s in self.samples)
        return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()

    def write_csv(self, path: Path) -> None:
        """Write the table as CSV; `read_csv` gives it back as it was."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows(
            (s.path, LABEL_NAMES[s.label], s.split, s.group, s.dataset) for s in self.samples
        )
        write_whole(path, text.getvalue())

    @classmethod
    def read_csv(cls, path: Path) -> "Manifest":
        """Read what `write_csv` wrote, paths as they stand there; `read_data` takes other tables.

        Raises:
            DataError: the columns are others, or a row is none of ours.
        """
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
            rows = [tuple(row) for row in csv.reader(stream)]
        if not rows or rows[0] != COLUMNS:
            found = rows[0] if rows else ()
            message = f"{str(path)!r} must start with the columns {COLUMNS}, got {found}"
            raise DataError(message)
        samples: list[Sample] = []
        for number, row in enumerate(rows[1:], start=2):
            if len(row) != len(COLUMNS) or row[1] not in _LABELS:
                message = f"row {number} of {str(path)!r} must be {COLUMNS} in words, got {row}"
                raise DataError(message)
            samples.append(Sample(row[0], _LABELS[row[1]], *row[2:]))
        return cls(tuple(samples))

    def rooted(self, folder: Path) -> "Manifest":
        """The same samples with relative paths joined to a folder, such as that of their table."""
        return Manifest(tuple(replace(s, path=str(folder / s.path)) for s in self.samples))

    def relative_to(self, folder: Path) -> "Manifest":
        """The same samples for a table in this folder: paths relative where they lie below it."""
        top = os.path.join(folder.resolve(), "")  # noqa: PTH118 (140,000 Paths take seconds)

        def shorten(path: str) -> str:
            full = os.path.abspath(path)  # noqa: PTH100
            return full.removeprefix(top)

        return Manifest(tuple(replace(s, path=shorten(s.path)) for s in self.samples))
