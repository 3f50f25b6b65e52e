"""What must stay on one side of a split: near-duplicates, files of one clip or person."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import PurePath
from typing import Final, TypeVar

import numpy as np

from unmask.data.dataset import Dataset, LeftOut, some
from unmask.data.duplicates import linked_groups, near_groups, perceptual_hash
from unmask.data.manifest import Manifest
from unmask.data.split import find_leaks
from unmask.errors import DataError, MediaError, UsageError
from unmask.media.images import read_image
from unmask.media.sources import kind_of
from unmask.media.video import sample_frames
from unmask.records import Kind

T = TypeVar("T")
_AHEAD: Final = 64
"""Files decoded at a time."""


def group_samples(
    dataset: Dataset, way: str, watch: Callable[[Sequence[str]], Iterable[str]] = iter
) -> Dataset:
    """Keep samples together in one of these ways, on top of none but those it names.

        near-duplicates  pictures that look alike, and what the data group themselves
        none             nothing
        prefix:TEXT      files whose names agree up to the first TEXT
        column           what the data group themselves: a column, clips, folders of people

    Args:
        dataset: Whose samples are meant.
        way: One of the above.
        watch: Passes on the paths that are decoded one after the other, for a progress bar.

    Raises:
        UsageError: The way is none of these.
        DataError: Looking for near-duplicates, no file could be decoded.
    """
    name, _, detail = way.partition(":")
    if way == "near-duplicates":
        paths = [sample.path for sample in dataset.manifest]
        manifest, left_out = _group_near_duplicates(
            dataset.manifest, list(hash_files(watch(paths)))
        )
        dataset = replace(dataset, left_out=(*dataset.left_out, *left_out))
    elif way == "none":
        manifest = dataset.manifest.with_groups([""] * len(dataset.manifest))
    elif name == "prefix" and detail:
        manifest = dataset.manifest.with_groups(
            PurePath(sample.path).name.partition(detail)[0] for sample in dataset.manifest
        )
    elif name == "column":
        manifest = dataset.manifest
    else:
        message = (
            f"groups are near-duplicates, none, prefix:TEXT, column or column:NAME, got {way!r}"
        )
        raise UsageError(message)
    return dataset.with_manifest(manifest, describe_groups(manifest))


def hash_files(paths: Iterable[str]) -> Iterator[np.uint64 | LeftOut]:
    """The perceptual hash of each picture, of a clip that of its middle frame, in order."""
    return map_files(_hash_file, paths)


def map_files(work: Callable[[str], T], paths: Iterable[str]) -> Iterator[T]:
    """What `work` makes of each file, in order, a few files at a time in several threads."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        remaining = iter(paths)
        while batch := list(islice(remaining, _AHEAD)):
            yield from pool.map(work, batch)


def _group_near_duplicates(
    manifest: Manifest, hashes: Sequence[np.uint64 | LeftOut]
) -> tuple[Manifest, tuple[LeftOut, ...]]:
    """The samples that could be decoded, with their groups, and what was left out."""
    pairs = list(zip(manifest.samples, hashes, strict=True))
    kept = Manifest(tuple(sample for sample, value in pairs if not isinstance(value, LeftOut)))
    left_out = tuple(value for value in hashes if isinstance(value, LeftOut))
    if not kept.samples:
        message = (
            f"none of {len(manifest)} files could be decoded: {some(r.path for r in left_out)}"
        )
        raise DataError(message)
    good = [value for value in hashes if not isinstance(value, LeftOut)]
    return join_groups(kept, [int(number) for number in near_groups(good)]), left_out


def join_groups(manifest: Manifest, numbers: Sequence[int]) -> Manifest:
    """Keep together what the manifest groups and what shares a number, transitively.

    Where the numbers join nothing, names of groups stay; joined ones are called after their first.
    """
    names = [sample.group or f"\0{at}" for at, sample in enumerate(manifest)]
    known = np.unique(names, return_inverse=True)[1]
    parts = [int(part) for part in linked_groups(known, np.asarray(numbers, dtype=np.intp))]
    sizes = Counter(parts)
    called: dict[int, str] = {}
    for part, sample in zip(parts, manifest, strict=True):
        called[part] = called.get(part) or sample.group
    return manifest.with_groups(
        called[part] or (f"near-duplicates {part}" if sizes[part] > 1 else "") for part in parts
    )


def leave_out_leaks(dataset: Dataset) -> Dataset:
    """Leave out of train and val what is kept together with a sample of test, or of val."""
    leaks = set(find_leaks(dataset.manifest))
    samples = list(enumerate(dataset.manifest))
    gone = [LeftOut(s.path, f"leak from {s.split}") for number, s in samples if number in leaks]
    kept = Manifest(tuple(sample for number, sample in samples if number not in leaks))
    return replace(dataset, manifest=kept, left_out=(*dataset.left_out, *gone))


def describe_groups(manifest: Manifest) -> str:
    """How many groups of several samples there are, and how large the largest is."""
    sizes = Counter(sample.group for sample in manifest if sample.group)
    several = [size for size in sizes.values() if size > 1]
    if not several:
        return "no samples have to be kept together"
    return (
        f"{sum(several)} samples are kept together in {len(several)} groups, "
        f"the largest of {max(several)}"
    )


def _hash_file(path: str) -> np.uint64 | LeftOut:
    try:
        if kind_of(path) is Kind.IMAGE:
            return perceptual_hash(read_image(path))
        with sample_frames(path, frames=1) as frames:
            return perceptual_hash(next(iter(frames)).pixels)
    except MediaError as error:
        return LeftOut(path, error.code)
    except StopIteration:
        return LeftOut(path, "empty")
