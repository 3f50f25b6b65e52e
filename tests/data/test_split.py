"""Splits are stratified, seeded and never part a group."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.data.manifest import Manifest, Sample
from unmask.data.split import complete_splits, cut_shares, find_leaks, fold_numbers
from unmask.errors import DataError


def table(count=200, group_size=1, split="train"):
    return Manifest(
        tuple(
            Sample(f"{number}.jpg", number // group_size % 2, split, f"g{number // group_size}")
            for number in range(count)
        )
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 6))
def test_groups_stay_together_and_every_sample_has_a_fold(seed, group_size, folds):
    data = table(120, group_size)
    numbers = fold_numbers(data, folds, seed)
    assert set(numbers) == set(range(folds))
    of_group = {}
    for sample, number in zip(data, numbers, strict=True):
        assert of_group.setdefault(sample.group, number) == number


def test_folds_are_stratified():
    data = table(200)
    numbers = fold_numbers(data, 5, 42)
    counts = Counter((number, s.label) for number, s in zip(numbers, data, strict=True))
    assert set(counts.values()) == {20}


def test_the_seed_decides():
    assert fold_numbers(table(), 5, 1) == fold_numbers(table(), 5, 1)
    assert fold_numbers(table(), 5, 1) != fold_numbers(table(), 5, 2)


def test_validation_is_cut_from_train_and_from_nothing_else():
    data = Manifest(table(100).samples + table(40, split="test").samples)
    cut = complete_splits(data, val_share=0.1, test_share=0, seed=42)
    assert len(cut.select("test")) == 40
    assert len(cut.select("val")) == 10
    assert len(cut.select("train")) == 90
    assert [s.path for s in cut] == [s.path for s in data]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (table(6), "at least 5 independent real samples, got 3"),  # fewer samples than folds
        (table(200, group_size=50), "independent real samples, got 2"),  # fewer groups than folds
    ],
)
def test_too_little_data_is_refused(data, complaint):
    with pytest.raises(DataError, match=complaint):
        fold_numbers(data, 5, 0)


def shares_of(manifest, label):
    counts = Counter(sample.split for sample in manifest if sample.label == label)
    return {split: number / counts.total() for split, number in counts.items()}


GROUPED = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 30)),  # label and group; group 0: on its own
    min_size=1,
    max_size=150,
)


@settings(max_examples=150, deadline=None)
@given(GROUPED, st.integers(0, 2**32 - 1), st.randoms())
def test_cutting_keeps_its_promises(rows, seed, random):
    data = Manifest(
        tuple(
            Sample(f"{number:04}.jpg", label, group=f"g{group}" if group else "")
            for number, (label, group) in enumerate(rows)
        )
    )
    independent = [len({s.group or s.path for s in data if s.label == label}) for label in (0, 1)]
    try:
        cut = cut_shares(data, {"val": 0.2, "test": 0.1}, seed)
    except DataError:
        # Groups with both classes may stand in each other's way, else three are enough.
        mixed = any(
            len({s.label for s in data if s.group == name}) > 1
            for name in {s.group for s in data} - {""}
        )
        assert min(independent) < 3 or mixed
        return
    of_group = {}
    for sample in cut:
        assert of_group.setdefault(sample.group or sample.path, sample.split) == sample.split
    present = {(sample.split, sample.label) for sample in cut}
    assert present == {(split, label) for split in ("train", "val", "test") for label in (0, 1)}
    assert [s.path for s in cut] == [s.path for s in data]  # order and samples stay
    shuffled = list(data.samples)
    random.shuffle(shuffled)
    again = cut_shares(Manifest(tuple(shuffled)), {"val": 0.2, "test": 0.1}, seed)
    assert {s.path: s.split for s in again} == {s.path: s.split for s in cut}


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        (table(1000, split=""), 0.001),  # every sample alone: exact
        (table(1000, group_size=5, split=""), 0.02),  # small groups: near
        (table(1000, group_size=50, split=""), 0.1),  # 20 large ones: within one of them
    ],
)
def test_shares_come_out_in_both_classes(data, tolerance):
    cut = cut_shares(data, {"val": 0.1, "test": 0.2}, 42)
    for label in (0, 1):
        shares = shares_of(cut, label)
        assert shares["val"] == pytest.approx(0.1, abs=tolerance)
        assert shares["test"] == pytest.approx(0.2, abs=tolerance)


def test_the_seed_decides_the_cut():
    cuts = [cut_shares(table(split=""), {"val": 0.1}, seed) for seed in (1, 1, 2)]
    assert cuts[0] == cuts[1] != cuts[2]


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ((), {"train", "val", "test"}),  # none: all are cut
        (("train", "test"), {"train", "val", "test"}),  # val from train
        (("train", "val", "test"), {"train", "val", "test"}),  # nothing to do
        (("test",), {"test"}),  # nothing to train on: stays
    ],
)
def test_what_is_missing_is_cut(splits, expected):
    parts = [table(100, split=split).samples for split in splits or ("",)]
    data = Manifest(tuple(sample for part in parts for sample in part))
    cut = complete_splits(data, val_share=0.1, test_share=0.1, seed=0)
    assert {sample.split for sample in cut} == expected
    assert len(cut.select("test")) in {100, 20, 10}
    for before, after in zip(data, cut, strict=True):
        assert after.split == before.split or before.split in {"", "train"}


@pytest.mark.parametrize(
    ("data", "shares", "complaint"),
    [
        (table(100, split=""), {"val": 0.5, "test": 0.5}, "leave something for train"),
        (table(100, split=""), {"val": -0.1}, "shares must be 0 or more"),
        (table(4, split=""), {"val": 0.1, "test": 0.1}, "independent real samples, got 2"),
        (table(200, 50, split=""), {"val": 0.1, "test": 0.1}, "independent real samples, got 2"),
        (Manifest(()), {"val": 0.1}, "independent real samples, got 0"),
    ],
)
def test_impossible_cuts_are_refused(data, shares, complaint):
    with pytest.raises(DataError, match=complaint):
        cut_shares(data, shares, 0)


@pytest.mark.parametrize(
    ("splits", "leaks"),
    [
        (("train", "train", "train"), []),  # together on one side
        (("train", "test", ""), [0]),  # what is in no split leaks nowhere
        (("train", "val", "test"), [0, 1]),  # test is kept clean of both
        (("val", "train", "train"), [1, 2]),  # and val of train
    ],
)
def test_leaks_are_what_stands_on_the_wrong_side_of_a_group(splits, leaks):
    group = [Sample(f"{n}.jpg", 0, split, "one") for n, split in enumerate(splits)]
    others = [Sample(f"{n}-alone.jpg", 1, split) for n, split in enumerate(("train", "test"))]
    assert find_leaks(Manifest((*group, *others))) == leaks


def test_sources_of_groups_alone_are_shared_out_too():
    clips = [
        Sample(f"clip-{n}.png", label, "", f"clip-{label}-{n // 40}", "clips")
        for label in (0, 1)
        for n in range(1200)
    ]
    stills = [
        Sample(f"{label}-{n}.jpg", label, "", "", "stills") for label in (0, 1) for n in range(900)
    ]
    cut = cut_shares(Manifest((*clips, *stills)), {"val": 0.1}, 3)
    counts = Counter((s.dataset, s.label) for s in cut.select("val"))
    assert {key: counts[key] for key in counts if key[0] == "stills"} == {
        ("stills", 0): 90,
        ("stills", 1): 90,
    }
    assert all(80 <= counts["clips", label] <= 160 for label in (0, 1))  # whole clips of 40
