"""From a path to a data set: folders in any usual layout, tables, zip files."""

import os
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from unmask.data.archives import unpack
from unmask.data.checks import check_classes, check_files, note_shared_groups
from unmask.data.dataset import Dataset
from unmask.data.layouts import forget_lone_split, read_layout
from unmask.data.listing import TABLE_EXTENSIONS, Folder, Listing, extension_of, list_folder
from unmask.data.manifest import LABEL_NAMES
from unmask.data.naming import read_name
from unmask.data.rows import GROUP_COLUMN, Rules, has_words, read_tables
from unmask.data.split import complete_splits
from unmask.data.tables import Table, load_table
from unmask.errors import DataError, UsageError

VAL_SHARE: Final = 0.1
SEED: Final = 42
MANIFEST_STEM: Final = "manifest"
"""A table of this name is the data of its folder."""

Verify = Literal["headers", "names"]
"""`headers` opens every file for its first bytes; `names` opens none."""


def read_data(
    path: str | Path,
    *,
    positive: str | None = None,
    val_share: float = VAL_SHARE,
    seed: int = SEED,
    verify: Verify = "headers",
    group_column: str = GROUP_COLUMN,
    one_class: bool = False,
) -> Dataset:
    """Read a data set, whatever form it has; `describe()` of the result says what was understood.

    Broken files are left out and listed. Data with train but without val get one cut from train,
    in whole groups; where there is a val but no test, it is the test. Data without splits have
    none afterwards either, and a train that is too small to cut stays whole: `complete_splits` cuts
    them, or says why it cannot be.

    Args:
        path: A folder (see `layouts`), a CSV or Parquet table (see `rows`), a zip of either.
        positive: What numbers as labels mean by 1, `real` or `fake`.
        val_share: Share of train that becomes val where there is none; 0 leaves train whole.
        seed: Of that cut.
        verify: Whether files are opened, which finds broken ones and copies in both classes.
        group_column: Column of a table by which samples are kept together.
        one_class: Whether data of one class alone will do.

    Raises:
        DataError: Nothing says which samples are fake, or a class (or any sample) is missing.
        MissingExtraError: A Parquet table without pyarrow.
        UsageError: `positive` is neither `real` nor `fake`.
    """
    if positive is not None and positive not in LABEL_NAMES.values():
        message = f"positive must be real or fake, got {positive!r}"
        raise UsageError(message)
    dataset = _read(Path(path), Rules(positive, group_column))
    if verify == "headers":
        dataset = check_files(dataset)
    dataset = forget_lone_split(dataset)
    check_classes(dataset, least=1 if one_class else 2)
    splits = {sample.split for sample in dataset.manifest}
    if "train" in splits and "val" not in splits and val_share > 0:
        dataset = _cut_val(dataset, val_share, seed)
    return dataset.with_manifest(dataset.manifest, *note_shared_groups(dataset.manifest))


def _cut_val(dataset: Dataset, share: float, seed: int) -> Dataset:
    try:
        manifest = complete_splits(dataset.manifest, val_share=share, test_share=0, seed=seed)
    except DataError as error:  # who only wants to look, or the test, needs no val
        return dataset.with_manifest(dataset.manifest, f"no validation is cut from train: {error}")
    note = f"validation is cut from train: {100 * share:g} %, seed {seed}"
    return dataset.with_manifest(manifest, note)


def _read(path: Path, rules: Rules) -> Dataset:
    if path.is_dir():
        return _read_folder(path, rules)
    if not path.exists():
        message = f"{str(path)!r} does not exist; give a folder, a CSV or Parquet table, or a zip"
        raise DataError(message)
    if extension_of(path.name) in TABLE_EXTENSIONS:
        return read_tables(str(path), [(load_table(path), "")], rules)
    if extension_of(path.name) == ".zip" or zipfile.is_zipfile(path):
        unpacked = unpack(path)
        dataset = _read_folder(unpacked.folder, replace(rules, inside=unpacked.folder))
        return replace(
            dataset,
            root=str(path),
            layout=f"zip file, {dataset.layout}",
            left_out=(*unpacked.left_out, *dataset.left_out),
            passed_over=unpacked.passed_over + dataset.passed_over,
        )
    message = (
        f"{str(path)!r} is no data set: expected a folder, a table "
        f"({', '.join(sorted(TABLE_EXTENSIONS))}) or a zip file; unpack other archives first"
    )
    raise DataError(message)


def _read_folder(path: Path, rules: Rules) -> Dataset:
    listing = list_folder(str(path))
    tables = _find_tables(listing)
    spelled = all(has_words(table) for table, _ in tables)
    if not tables and rules.group_column != GROUP_COLUMN:
        message = (
            f"{str(path)!r} has no table whose column {rules.group_column!r} could be read; give "
            "the table, or group by something else"
        )
        raise UsageError(message)
    if not tables:
        return read_layout(listing, rules.positive)
    if not (spelled or rules.positive):
        try:
            dataset = read_layout(listing)
        except DataError:
            return read_tables(str(path), tables, rules)  # its error asks for `positive`
        names = ", ".join(table.path.name for table, _ in tables)
        return dataset.with_manifest(
            dataset.manifest, f"the labels in {names} are numbers and were not used: folders decide"
        )
    dataset = read_tables(str(path), tables, rules)
    return replace(dataset, passed_over=listing.passed_over + _strangers(listing, dataset))


def _strangers(listing: Listing, dataset: Dataset) -> Counter[str]:
    """How many files of a folder its tables do not name."""
    named = {os.path.normpath(sample.path) for sample in dataset.manifest}
    named.update(os.path.normpath(row.path) for row in dataset.left_out)
    strangers = sum(
        os.path.normpath(listing.path(folder, name)) not in named
        for folder in listing.with_media()
        for name in folder.files
    )
    return +Counter({"picture or clip that no table names": strangers})


def _find_tables(listing: Listing) -> list[tuple[Table, str]]:
    """The tables that describe a folder, each with the split that its name says."""
    for folder in _wrappers(listing):
        paths = [Path(listing.path(folder, name)) for name in folder.tables]
        own = [path for path in paths if path.stem.lower() == MANIFEST_STEM]
        if own:
            return [(load_table(own[0]), "")]
        splits = [(path, read_name(path.stem).split) for path in paths]
        found: list[tuple[Table, str]] = []
        for path, split in splits:
            if split and extension_of(path.name) == ".csv":
                try:
                    found.append((load_table(path), split))
                except DataError:  # no such columns: a table of something else
                    listing.passed_over[f"table {path.name} without path and label"] += 1
        if found:
            return found
    return []


def _wrappers(listing: Listing) -> list[Folder]:
    """The root, and what lies below it as long as there is only one way down."""
    by_parent: dict[tuple[str, ...], list[Folder]] = {}
    for folder in listing.folders[1:]:
        by_parent.setdefault(folder.parts[:-1], []).append(folder)
    chain = [listing.folders[0]]
    while len(below := by_parent.get(chain[-1].parts, [])) == 1 and not chain[-1].files:
        chain.append(below[0])
    return chain
