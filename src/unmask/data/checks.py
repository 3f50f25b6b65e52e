"""What makes a data set unusable, found before hours of work.

Broken files are left out and named. A set that lacks a class, or has the same file in both, is
refused.
"""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from unmask.data.dataset import EXAMPLES, Dataset, LeftOut, some
from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.errors import DataError
from unmask.media.sources import HEAD_BYTES, sniff

_READERS: Final = 4
"""Threads that wait for the disk."""
_BATCH: Final = 500
_OPEN: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting: a table may name a pipe."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What the first bytes of a file tell."""

    reason: str = ""
    """Why the file cannot be a sample; empty where it can."""
    mark: tuple[int, int] = (0, 0)
    """Size and hash of the first bytes: what differs in it is no copy."""


def check_files(dataset: Dataset) -> Dataset:
    """Leave out files whose first bytes are those of no picture or clip, and look for copies.

    Raises:
        DataError: The same file is in both classes.
    """
    samples = dataset.manifest.samples
    with ThreadPoolExecutor(_READERS) as pool:
        batches = [samples[at : at + _BATCH] for at in range(0, len(samples), _BATCH)]
        heads = list(chain.from_iterable(pool.map(_read_heads, batches)))
    broken = [
        LeftOut(sample.path, head.reason)
        for sample, head in zip(samples, heads, strict=True)
        if head.reason
    ]
    kept = [
        (sample, head.mark) for sample, head in zip(samples, heads, strict=True) if not head.reason
    ]
    notes = _check_copies(kept)
    checked = Dataset(
        dataset.root,
        dataset.layout,
        Manifest(tuple(sample for sample, _ in kept)) if broken else dataset.manifest,
        (*dataset.left_out, *broken),
        dataset.passed_over,
        dataset.notes,
    )
    return checked.with_manifest(checked.manifest, *notes)


def check_classes(dataset: Dataset, least: int = 2) -> None:
    """Make sure that both classes (or at least one) are there, in every split.

    Raises:
        DataError: A class is missing; the message has the counts.
    """
    counts = dataset.manifest.counts()
    splits = list(dict.fromkeys(sample.split for sample in dataset.manifest)) or [""]
    for split in splits:
        missing = [name for name in LABEL_NAMES.values() if not counts.get((split, name))]
        if len(LABEL_NAMES) - len(missing) >= least:
            continue
        where = f"the split {split!r} of {dataset.root!r}" if split else repr(dataset.root)
        there = ", ".join(f"{counts.get((split, name), 0)} {name}" for name in LABEL_NAMES.values())
        hints = [*dataset.notes[:EXAMPLES], *_say_left_out(dataset.left_out)]
        because = f" ({'; '.join(hints)})" if hints else ""
        message = (
            f"{where} has no {' and no '.join(missing)} samples: {there}{because}; "
            f"{'both classes are' if least > 1 else 'one class at least is'} needed"
        )
        raise DataError(message)


def groups_across_splits(manifest: Manifest) -> int:
    """How many groups lie in more than one split."""
    return len(_shared_groups(manifest))


def note_shared_groups(manifest: Manifest) -> list[str]:
    """Say how many groups lie in more than one split, if any."""
    shared = _shared_groups(manifest)
    if not shared:
        return []
    return [f"{len(shared)} groups lie in more than one split: {some(shared)}"]


def _shared_groups(manifest: Manifest) -> list[str]:
    splits: dict[str, set[str]] = defaultdict(set)
    for sample in manifest:
        if sample.group and sample.split:
            splits[sample.group].add(sample.split)
    return sorted(group for group, where in splits.items() if len(where) > 1)


def _say_left_out(left_out: Sequence[LeftOut]) -> list[str]:
    reasons = Counter(row.reason for row in left_out).most_common(EXAMPLES)
    return [f"left out: {number} {reason}" for reason, number in reasons]


def _read_heads(samples: Iterable[Sample]) -> list[_Head]:
    return [_read_head(sample.path) for sample in samples]


def _read_head(path: str) -> _Head:
    try:
        number = os.open(path, _OPEN)
    except FileNotFoundError:
        return _Head("missing")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return _Head(f"unreadable ({getattr(error, 'strerror', None) or error})")
    try:
        size = os.fstat(number).st_size
        head = os.read(number, HEAD_BYTES)
    except OSError as error:
        return _Head(f"unreadable ({error.strerror})")
    finally:
        os.close(number)
    if not head:
        return _Head("empty")
    kind = sniff(head)
    if kind is None or kind == "audio":
        return _Head("no picture or clip by its first bytes")
    return _Head(mark=(size, hash(head)))


def _check_copies(kept: Sequence[tuple[Sample, tuple[int, int]]]) -> list[str]:
    alike: dict[tuple[int, int], list[Sample]] = defaultdict(list)
    for sample, mark in kept:
        alike[mark].append(sample)
    both: list[str] = []
    leaks: list[str] = []
    for samples in alike.values():
        if len({(sample.label, sample.split) for sample in samples}) < 2:
            continue
        for copies in _same_content(samples):
            pair = " = ".join(sample.path for sample in copies[:2])
            if len({sample.label for sample in copies}) > 1:
                mixed = sorted(copies, key=lambda sample: -sample.label)
                both.append(f"{mixed[0].path} = {mixed[-1].path}")
            elif len({sample.split for sample in copies}) > 1:
                leaks.append(pair)
    if both:
        message = (
            f"{len(both)} files are in both classes, byte for byte: {some(both)}; delete them "
            "where they are wrong"
        )
        raise DataError(message)
    return [f"{len(leaks)} files are in more than one split: {some(leaks)}"] if leaks else []


def _same_content(samples: Iterable[Sample]) -> list[list[Sample]]:
    contents: dict[bytes, list[Sample]] = defaultdict(list)
    for sample in samples:
        try:
            with Path(sample.path).open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").digest()
        except OSError:  # it was there a moment ago; who opens it next says so
            continue
        contents[digest].append(sample)
    return [copies for copies in contents.values() if len(copies) > 1]
