"""Stratified, group-aware, seeded splits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from unmask.data.manifest import LABEL_NAMES, Manifest
from unmask.errors import DataError

SPLIT_RANKS: Final = {"train": 1, "val": 2, "test": 3}
"""Of samples that are kept together the split of the highest rank keeps its own."""


def fold_numbers(manifest: Manifest, folds: int, seed: int) -> Sequence[int]:
    """Which of the folds each sample belongs to: stratified by label, groups kept together.

    Raises:
        DataError: a class has fewer groups than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # a second that listings do not need

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


def complete_splits(
    manifest: Manifest, *, val_share: float, test_share: float, seed: int
) -> Manifest:
    """Cut what is missing: val from train, or val and test from data without any split.

    Splits that are there stay. Shares are of the samples that are cut.

    Raises:
        DataError: A class has too few independent samples to be in every split.
    """
    splits = {sample.split for sample in manifest}
    if splits == {""}:
        return cut_shares(manifest, {"val": val_share, "test": test_share}, seed)
    if "train" not in splits or "val" in splits or not val_share:
        return manifest
    cut = iter(cut_shares(manifest.select("train"), {"val": val_share}, seed))
    return manifest.with_splits(
        next(cut).split if sample.split == "train" else sample.split for sample in manifest
    )


def find_leaks(manifest: Manifest) -> list[int]:
    """The numbers of the samples of train and val that share a group with a split to be kept clean.

    Test is kept clean of train and val, and val of train.
    """
    highest: dict[str, int] = defaultdict(int)
    for sample in manifest:
        if sample.group:
            rank = SPLIT_RANKS.get(sample.split, 0)
            highest[sample.group] = max(highest[sample.group], rank)
    return [
        number
        for number, sample in enumerate(manifest)
        if sample.group and 0 < SPLIT_RANKS.get(sample.split, 0) < highest[sample.group]
    ]


def cut_shares(manifest: Manifest, shares: Mapping[str, float], seed: int) -> Manifest:
    """Give every sample one of these splits or `train`: stratified, in whole groups.

    Strata are the data sets of each label. Large groups are dealt first, each to the split that
    comes nearest to its shares by it (least chi-square); samples on their own then fill the shares
    exactly. The outcome depends on the seed and on the paths'
    order, not on the order of the table. A plain loop: scikit-learn's grouped splitters take
    minutes for 100,000 groups.

    Raises:
        DataError: Shares leave nothing for train, or a class has too few independent samples.
    """
    wanted = {split: share for split, share in shares.items() if share}
    rest = 1 - sum(wanted.values())
    if rest <= 0 or any(share < 0 for share in wanted.values()):
        message = f"shares must be 0 or more and leave something for train, got {dict(shares)}"
        raise DataError(message)
    deal = _Deal(manifest, {"train": rest, **wanted})
    order = np.random.default_rng(seed).permutation(len(deal.groups))
    deal.give_out([deal.groups[number] for number in order])
    deal.fill_empty()
    return manifest.with_splits(deal.splits(len(manifest)))


class _Deal:
    """Groups dealt to splits; a group is the numbers of its samples."""

    def __init__(self, manifest: Manifest, shares: Mapping[str, float]) -> None:
        samples = manifest.samples
        by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number in sorted(range(len(samples)), key=lambda number: samples[number].path):
            group = samples[number].group
            by_name[("group", group) if group else ("alone", str(number))].append(number)
        self.groups = list(by_name.values())
        strata = sorted({(sample.label, sample.dataset) for sample in samples})
        numbers = {stratum: number for number, stratum in enumerate(strata)}
        self._strata = [numbers[sample.label, sample.dataset] for sample in samples]
        self._label_of = [label for label, _ in strata]
        self._shares = shares
        self._totals = np.bincount(self._strata, minlength=len(strata)).astype(float)
        self._have = {split: np.zeros(len(strata)) for split in shares}
        self._dealt: dict[str, list[list[int]]] = {split: [] for split in shares}

    def _count(self, group: Sequence[int]) -> npt.NDArray[np.float64]:
        numbers = [self._strata[n] for n in group]
        return np.bincount(numbers, minlength=len(self._label_of)).astype(float)

    def _give(self, group: list[int], split: str) -> None:
        self._dealt[split].append(group)
        self._have[split] += self._count(group)

    def give_out(self, groups: Iterable[list[int]]) -> None:
        """Deal all groups, the large ones first."""
        by_size = sorted(groups, key=len, reverse=True)
        alone: dict[int, list[list[int]]] = {stratum: [] for stratum in range(len(self._label_of))}
        for group in by_size:
            if len(group) == 1:
                alone[self._strata[group[0]]].append(group)
                continue
            count = self._count(group)

            def cost(split: str, count: npt.NDArray[np.float64] = count) -> float:
                expected = self._shares[split] * np.maximum(self._totals, 1)
                over = self._have[split] - expected
                return float(np.sum(((over + count) ** 2 - over**2) / expected))

            self._give(group, min(self._shares, key=cost))
        for stratum, singles in alone.items():
            self._fill(stratum, singles)

    def _fill(self, stratum: int, singles: list[list[int]]) -> None:
        """Deal samples on their own so that the shares come out; train takes what remains."""
        at = 0
        for split in [split for split in self._shares if split != "train"]:
            wanted = self._shares[split] * self._totals[stratum]
            lacking = round(wanted - self._have[split][stratum])
            for group in singles[at : at + max(lacking, 0)]:
                self._give(group, split)
                at += 1
        for group in singles[at:]:
            self._give(group, "train")

    def fill_empty(self) -> None:
        """Move the smallest group into each split that lacks a class; more cannot be done.

        Raises:
            DataError: A class has too few groups that can be moved.
        """
        for label, name in LABEL_NAMES.items():
            for split in self._shares:
                if self._by_label(self._have[split])[label]:
                    continue
                holders = {other: self._spare(other, label) for other in self._shares}
                donor = max(holders, key=lambda other: len(holders[other]))
                if not holders[donor]:
                    available = sum(len(self._holding(other, label)) for other in self._shares)
                    message = (
                        f"{len(self._shares)} splits ({', '.join(self._shares)}) need at least as "
                        f"many independent {name} samples, got {available} that groups of both "
                        "classes may tie together; use more data, fewer splits or smaller groups"
                    )
                    raise DataError(message)
                group = min(holders[donor], key=len)
                self._dealt[donor].remove(group)
                self._have[donor] -= self._count(group)
                self._give(group, split)

    def _spare(self, split: str, label: int) -> list[list[int]]:
        """The groups with a class that a split can give away and still hold what it held."""
        return [group for group in self._holding(split, label) if not self._is_last(group, split)]

    def _is_last(self, group: Sequence[int], split: str) -> bool:
        """Whether a split would lack a label without this group."""
        own, have = self._by_label(self._count(group)), self._by_label(self._have[split])
        return bool(np.any((own > 0) & (own == have)))

    def _by_label(self, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        by_label = np.zeros(len(LABEL_NAMES))
        np.add.at(by_label, self._label_of, counts)
        return by_label

    def _holding(self, split: str, label: int) -> list[list[int]]:
        return [
            group
            for group in self._dealt[split]
            if any(self._label_of[self._strata[n]] == label for n in group)
        ]

    def splits(self, count: int) -> list[str]:
        """The split of each sample, in the table's order."""
        splits = [""] * count
        for split, groups in self._dealt.items():
            for group in groups:
                for number in group:
                    splits[number] = split
        return splits
