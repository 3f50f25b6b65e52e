"""A data set as it was found: its table of samples, and what was seen on the way."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from unmask.data.manifest import LABEL_NAMES, SPLITS, Manifest
from unmask.errors import printable

EXAMPLES: Final = 3
"""How many files a message names."""
KINDS: Final = 8
"""How many reasons it names."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is no sample, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """What `read_data` found."""

    root: str
    """The path as given."""
    layout: str
    """How it was understood, in words."""
    manifest: Manifest
    left_out: tuple[LeftOut, ...] = ()
    """Broken, missing and repeated files."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """What was no picture or clip, by extension or reason."""
    notes: tuple[str, ...] = ()
    """What was decided on the way, a sentence each."""

    @property
    def name(self) -> str:
        """A short name for tables and cards: the last part of the path."""
        return Path(self.root).resolve().stem or str(self.root)

    def with_manifest(self, manifest: Manifest, *notes: str) -> "Dataset":
        """The same data set with other samples and further notes."""
        return replace(self, manifest=manifest, notes=(*self.notes, *notes))

    def describe(self) -> str:
        """The data set as text for people: counts per split, label and source, then the notes."""
        blocks = [f"{printable(self.root)}: {printable(self.layout)}", _split_table(self.manifest)]
        if len({sample.dataset for sample in self.manifest}) > 1:
            blocks.append(_source_table(self.manifest))
        blocks.extend(printable(note) for note in self.notes)
        if self.left_out:
            blocks.append(_describe_left_out(self.left_out))
        if self.passed_over:
            kinds = sorted(self.passed_over.items(), key=lambda item: (-item[1], item[0]))
            listed = ", ".join(f"{number} {printable(kind)}" for kind, number in kinds[:KINDS])
            blocks.append(f"passed over {self.passed_over.total()}: {listed}")
        return "\n".join(blocks)


def some(items: Iterable[str], total: int | None = None) -> str:
    """The first of some names for a message: `'a', 'b' and 7 more`."""
    names = list(items)
    total = len(names) if total is None else total
    shown = ", ".join(repr(name) for name in names[:EXAMPLES])
    return f"{shown} and {total - EXAMPLES} more" if total > EXAMPLES else shown


def align(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines: the first column to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _table(first: str, counts: Mapping[tuple[str, str], int], names: Mapping[str, str]) -> str:
    rows = [[first, *LABEL_NAMES.values(), "total"]]
    for name, shown in names.items():
        numbers = [counts.get((name, label), 0) for label in LABEL_NAMES.values()]
        rows.append([shown, *(str(number) for number in (*numbers, sum(numbers)))])
    if len(names) > 1:
        columns = list(zip(*(row[1:] for row in rows[1:]), strict=True))
        rows.append(["total", *(str(sum(map(int, column))) for column in columns)])
    return align(rows)


def _split_table(manifest: Manifest) -> str:
    counts = manifest.counts()
    present = {split for split, _ in counts}
    without = "no split" if present - {""} else "all"
    names: dict[str, str] = {split: split for split in SPLITS if split in present}
    if "" in present or not present:
        names[""] = without
    return _table("split", counts, names)


def _source_table(manifest: Manifest) -> str:
    counts = Counter((sample.dataset, LABEL_NAMES[sample.label]) for sample in manifest)
    names = sorted({sample.dataset for sample in manifest})
    return _table("source", counts, {name: printable(name) or "not named" for name in names})


def _describe_left_out(left_out: Sequence[LeftOut]) -> str:
    reasons = Counter(row.reason for row in left_out)
    lines = [f"left out {len(left_out)}:"]
    for reason, number in reasons.most_common(KINDS):
        paths = [row.path for row in left_out if row.reason == reason][:EXAMPLES]
        lines.append(f"  {number} {printable(reason)}: {some(paths, number)}")
    return "\n".join(lines)
