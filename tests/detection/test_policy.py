"""From a score to a verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.detection.policy import Policy, calibrate, choose_policy
from unmask.errors import UsageError
from unmask.models.card import CalibrationCard
from unmask.models.library import open_model
from unmask.records import Verdict


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (0.0, Verdict.REAL),  # lowest
        (0.2999, Verdict.REAL),  # just below the band
        (0.3, Verdict.UNCERTAIN),  # the band's lower end belongs to it
        (0.6999, Verdict.UNCERTAIN),  # its upper end
        (0.7, Verdict.FAKE),  # at the threshold
        (1.0, Verdict.FAKE),  # highest
    ],
)
def test_decide(score, verdict):
    assert Policy("p", threshold=0.7, real_below=0.3).decide(score) is verdict


def test_threshold_by_hand_leaves_no_band():
    policy = choose_policy(open_model().card, "balanced", 0.8)
    assert (policy.name, policy.threshold, policy.real_below) == ("custom", 0.8, 0.8)


@pytest.mark.parametrize(
    ("name", "threshold", "complaint"),
    [
        ("balance", None, "did you mean 'balanced'"),  # a slip
        ("nonsense", None, "it has balanced, fpr_1, fpr_5"),  # unknown
        ("balanced", 1.5, r"threshold must lie in \[0, 1\]"),  # no probability
        ("balanced", float("nan"), r"threshold must lie in \[0, 1\]"),  # not a number
    ],
)
def test_wrong_choices_are_refused(name, threshold, complaint):
    with pytest.raises(UsageError, match=complaint):
        choose_policy(open_model().card, name, threshold)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.01, 10), st.floats(-10, 10))
def test_calibration_is_a_probability_and_keeps_order(first, second, slope, offset):
    card = CalibrationCard(slope=slope, offset=offset)
    low, high = sorted((first, second))
    assert 0 <= calibrate(low, card).probability <= calibrate(high, card).probability <= 1


def test_without_calibration_a_zero_logit_is_even_odds():
    assert calibrate(0.0, CalibrationCard()).probability == 0.5
