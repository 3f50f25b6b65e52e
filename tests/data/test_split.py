"""Splits are stratified, seeded and never part a group."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.data.manifest import Manifest, Sample
from unmask.data.split import cut_validation, fold_numbers
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
    cut = cut_validation(data, 0.1, 42)
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
