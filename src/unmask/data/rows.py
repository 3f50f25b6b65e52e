"""What the rows of a table say about files: which label, split, group and source.

Columns, in any case and order, others are ignored:

    path     path, file, file_name, filename, file_path, filepath, image_path
    label    label_str, label_name, label, class: the first with words, else the first
    split    split
    group    group, or the one that the caller names
    source   dataset, method, generator

Numbers as labels are refused unless the caller says what 1 stands for: in some public sets it is
real, in some fake.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from unmask.data.dataset import Dataset, LeftOut, some
from unmask.data.layouts import label_of_parts
from unmask.data.listing import extension_of
from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.data.naming import label_of, split_of
from unmask.data.paths import PathFinder
from unmask.data.tables import LABEL_COLUMNS, PATH_COLUMNS, Table
from unmask.errors import DataError
from unmask.media.sources import VIDEO_EXTENSIONS

SPLIT_COLUMN: Final = "split"
GROUP_COLUMN: Final = "group"
SOURCE_COLUMNS: Final = ("dataset", "method", "generator")
_NUMBERS: Final = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


@dataclass(frozen=True, slots=True)
class Rules:
    """How tables are to be understood."""

    positive: str | None = None
    """What a number 1 stands for, `real` or `fake`."""
    group_column: str = GROUP_COLUMN
    inside: Path | None = None
    """Where all paths must stay: the folder of an unpacked archive."""


def has_words(table: Table) -> bool:
    """Say whether a label column spells its labels out."""
    values = table.values(_choose_label_column(table))
    return any(label_of(value) is not None for value in values)


def read_tables(root: str, tables: Sequence[tuple[Table, str]], rules: Rules) -> Dataset:
    """Turn tables into samples.

    Args:
        root: The path as the user gave it.
        tables: Each with the split of its rows that name none, `train` for `train.csv`.
        rules: How they are to be understood.

    Raises:
        DataError: Labels are numbers without `positive`, or no known words; a split is unknown; no
            file is where a table says; a file has two labels.
    """
    samples: dict[str, Sample] = {}
    left_out: list[LeftOut] = []
    notes: list[str] = []
    for table, split in tables:
        left_out.extend(table.left_out)
        reader = _Reader(table, split, rules)
        for row in table.rows:
            sample = reader.read(row)
            if isinstance(sample, LeftOut):
                left_out.append(sample)
            elif samples.setdefault(sample.path, sample) is not sample:
                left_out.append(_check_repeated(samples[sample.path], sample))
        notes.extend(reader.compare_with_folders())
    names = ", ".join(table.path.name for table, _ in tables)
    label = tables[0][0].header[_choose_label_column(tables[0][0])]
    layout = f"labels from column {label} of {names}"
    return Dataset(
        root, layout, Manifest(tuple(samples.values())), tuple(left_out), notes=tuple(notes)
    )


def _check_repeated(earlier: Sample, later: Sample) -> LeftOut:
    if earlier.label != later.label:
        message = f"a table has {later.path!r} as real and as fake; keep one of the rows"
        raise DataError(message)
    if earlier.split != later.split:
        message = (
            f"a table has {later.path!r} in the splits {earlier.split!r} and {later.split!r}; "
            "keep one of the rows"
        )
        raise DataError(message)
    return LeftOut(later.path, "row that repeats a file")


class _Reader:
    """Reads the rows of one table."""

    def __init__(self, table: Table, split: str, rules: Rules) -> None:
        self._table = table
        self._split = split
        self._rules = rules
        self._path_at = _need(table, PATH_COLUMNS)
        self._label_at = _choose_label_column(table)
        self._split_at = table.column((SPLIT_COLUMN,))
        self._source_at = table.column(SOURCE_COLUMNS)
        self._group_at = _find_group(table, rules.group_column)
        self._labels = _read_labels(table, self._label_at, rules.positive)
        self._splits = _read_splits(table, self._split_at)
        written = [row[self._path_at] for row in table.rows]
        self._finder = PathFinder(table.path, written, rules.inside)
        self._told = 0
        self._against: list[str] = []

    def read(self, row: tuple[str, ...]) -> Sample | LeftOut:
        """One row as a sample, or why it is none."""
        written = row[self._path_at]
        label = self._labels[row[self._label_at].strip()]
        if not written.strip() or label is None:
            return LeftOut(written, "row without a path or label")
        said = _label_of_folders(written.replace("\\", "/").rpartition("/")[0])
        self._told += said is not None
        if said is not None and said != label:
            self._against.append(written)
        path = self._finder.find(written)
        group = self._cell(row, self._group_at)
        if not group and extension_of(path) in VIDEO_EXTENSIONS:
            group = written  # the frames of a clip stay together
        split = self._splits[self._cell(row, self._split_at)] or self._split
        return Sample(path, label, split, group, self._cell(row, self._source_at))

    def _cell(self, row: tuple[str, ...], at: int | None) -> str:
        return "" if at is None else row[at].strip()

    def compare_with_folders(self) -> list[str]:
        """Notice labels that are the other way round than the folders in the paths."""
        if not self._against:
            return []
        count, examples = len(self._against), some(self._against)
        if 2 * count > self._told:
            hint = "turn --positive round" if self._rules.positive else "correct the table"
            message = (
                f"the labels of {str(self._table.path)!r} contradict the folders of {count} of "
                f"{self._told} files ({examples}); {hint}"
            )
            raise DataError(message)
        return [f"{count} labels of the table differ from the files' folders: {examples}"]


@lru_cache(maxsize=4096)
def _label_of_folders(folder: str) -> int | None:
    return label_of_parts(folder.split("/"))


def _need(table: Table, names: Sequence[str]) -> int:
    """The number of a column that `load_table` has made sure of."""
    return next(table.header.index(name) for name in names if name in table.header)


def _find_group(table: Table, name: str) -> int | None:
    number = table.column((name.strip().lower(),))
    if number is None and name != GROUP_COLUMN:
        message = (
            f"the table {str(table.path)!r} has no column {name!r} to group by; its columns are "
            f"{', '.join(table.header)}"
        )
        raise DataError(message)
    return number


def _choose_label_column(table: Table) -> int:
    there = [table.header.index(name) for name in LABEL_COLUMNS if name in table.header]
    for number in there:
        values = [value for value in table.values(number) if value]
        if values and all(label_of(value) is not None for value in values):
            return number
    return there[0]


def _read_labels(table: Table, number: int, positive: str | None) -> dict[str, int | None]:
    """What each value of the label column means; an empty one means nothing."""
    values = table.values(number)
    column = f"the column {table.header[number]!r} of {str(table.path)!r}"
    labels: dict[str, int | None] = {value: label_of(value) for value in values}
    digits = {value: _NUMBERS[value.lower()] for value in values if value.lower() in _NUMBERS}
    unknown = [value for value in values if value and labels[value] is None and value not in digits]
    if unknown:
        counted = some(_counted(unknown, values))
        message = f"{column} holds {counted}; expected real and fake, or 0 and 1 with --positive"
        raise DataError(message)
    if digits and positive is None:
        message = (
            f"{column} holds numbers ({some(_counted(digits, values))}), which do not say which "
            "is fake (some sets of faces have 1 for real, some for fake); say what 1 stands for "
            "with --positive real or --positive fake"
        )
        raise DataError(message)
    one = int(positive == LABEL_NAMES[1])
    return labels | {value: one if digit else 1 - one for value, digit in digits.items()}


def _counted(names: Iterable[str], counts: Counter[str]) -> list[str]:
    return [f"{name} ({counts[name]} times)" for name in sorted(names)]


def _read_splits(table: Table, number: int | None) -> dict[str, str]:
    values = Counter({"": 0}) if number is None else table.values(number)
    splits = {value: split_of(value) for value in values}
    unknown = [value for value, split in splits.items() if value and not split]
    if unknown:
        message = (
            f"the column 'split' of {str(table.path)!r} holds {some(_counted(unknown, values))}; "
            "expected train, val, test or nothing"
        )
        raise DataError(message)
    return splits
