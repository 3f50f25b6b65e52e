"""Calibration and thresholds keep their promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.errors import DataError
from unmask.evaluation.calibration import choose_policies, fit_calibration


def overlapping(count=2000, seed=0):
    """Logits of a model that is right about as often as it says, times three: overconfident."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(0, 2, count)
    labels = (generator.random(count) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    return 3 * truth, labels


def test_overconfidence_is_taken_back():
    logits, labels = overlapping()
    card = fit_calibration(logits, labels, "here")
    assert card.slope == pytest.approx(1 / 3, rel=0.1)
    assert card.offset == pytest.approx(0, abs=0.15)


def test_swapped_labels_are_refused():
    logits, labels = overlapping()
    with pytest.raises(DataError, match="labels are swapped"):
        fit_calibration(-logits, labels, "here")


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros(50, np.int64),  # reals only
        np.ones(50, np.int64),  # fakes only
        np.r_[np.zeros(50), np.ones(9)].astype(np.int64),  # too few fakes
    ],
)
def test_too_few_samples_are_refused(labels):
    with pytest.raises(DataError, match="at least 10 samples"):
        choose_policies(np.linspace(0, 1, len(labels)), labels)


@given(st.integers(0, 1000))
def test_false_alarm_policies_hold_on_their_own_data(seed):
    generator = np.random.default_rng(seed)
    labels = np.r_[np.zeros(400), np.ones(400)].astype(np.int64)
    scores = np.round(np.clip(generator.normal(0.35 + 0.3 * labels, 0.2), 0, 1), 2)
    policies = choose_policies(scores, labels)
    reals = scores[labels == 0]
    assert np.mean(reals >= policies["fpr_1"].threshold) <= 0.01
    assert np.mean(reals >= policies["fpr_5"].threshold) <= 0.05
    for policy in policies.values():
        assert policy.real_below <= policy.threshold
        assert np.mean(scores[labels == 1] < policy.real_below) <= 0.01


def test_balanced_is_even_odds_where_everything_separates():
    labels = np.r_[np.zeros(20), np.ones(20)].astype(np.int64)
    scores = np.r_[np.full(20, 0.1), np.full(20, 0.9)]
    assert choose_policies(scores, labels)["balanced"].threshold == 0.5
