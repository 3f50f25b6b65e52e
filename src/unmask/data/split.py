"""Stratified, group-aware, seeded splits."""

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from unmask.data.manifest import Manifest
from unmask.errors import DataError


def fold_numbers(manifest: Manifest, folds: int, seed: int) -> Sequence[int]:
    """Which of the folds each sample belongs to: stratified by label, groups kept together.

    Raises:
        DataError: a class has fewer groups than there are folds.
    """
    labels = np.array([sample.label for sample in manifest])
    names = [sample.group or f"\0{number}" for number, sample in enumerate(manifest)]
    groups = np.unique(names, return_inverse=True)[1]
    for label, name in ((0, "real"), (1, "fake")):
        available = len(np.unique(groups[labels == label]))
        if available < folds:
            message = (
                f"{folds} folds need at least {folds} independent {name} samples, got {available}; "
                "use fewer folds or more data"
            )
            raise DataError(message)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    numbers = np.empty(len(labels), dtype=int)
    for number, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
        numbers[held_out] = number
    return [int(number) for number in numbers]


def cut_validation(manifest: Manifest, share: float, seed: int) -> Manifest:
    """Move about this share of the train samples into `val`; everything else stays as it is."""
    train = manifest.select("train")
    folds = max(2, round(1 / share))
    numbers = iter(fold_numbers(train, folds, seed))
    splits = [
        ("val" if next(numbers) == 0 else "train") if sample.split == "train" else sample.split
        for sample in manifest
    ]
    return manifest.with_splits(splits)
