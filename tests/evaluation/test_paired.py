"""Paired tests: known values, the definition by all pairs, and what must not change them."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unmask.errors import DataError
from unmask.evaluation.paired import (
    compare_accuracies,
    compare_aucs,
    correct_holm,
    delong_covariance,
)

SCORES = st.integers(0, 12).map(lambda number: number / 12)  # with many ties


@st.composite
def two_detectors(draw):
    """Labels (N,) and scores (2, N), at least two samples of each class."""
    size = draw(st.integers(6, 30))
    labels = draw(arrays(np.int64, size, elements=st.integers(0, 1)))
    labels[:4] = [0, 0, 1, 1]
    return labels, draw(arrays(np.float64, (2, size), elements=SCORES))


def by_definition(labels, scores):
    """DeLong et al. 1988, equations 3 to 7, over all pairs of a fake and a real."""
    parts_fake, parts_real, aucs = [], [], []
    for row in scores:
        fake, real = row[labels == 1], row[labels == 0]
        wins = (fake[:, None] > real[None]) + 0.5 * (fake[:, None] == real[None])
        aucs.append(wins.mean())
        parts_fake.append(wins.mean(axis=1))
        parts_real.append(wins.mean(axis=0))
    covariance = np.cov(parts_fake) / (labels == 1).sum() + np.cov(parts_real) / (labels == 0).sum()
    return np.array(aucs), covariance


@given(two_detectors())
def test_the_fast_way_is_the_definition(case):
    labels, scores = case
    aucs, covariance = delong_covariance(labels, scores)
    expected_aucs, expected = by_definition(labels, scores)
    assert np.allclose(aucs, expected_aucs)
    assert np.allclose(covariance, expected)


def test_known_values():
    # Ten cases worked by hand from the definition: fakes score 4 9 7 8 6, reals 1 5 2 3 7.
    labels = np.array([1] * 5 + [0] * 5)
    scores = np.array([[4, 9, 7, 8, 6, 1, 5, 2, 3, 7.0]])
    aucs, covariance = delong_covariance(labels, scores)
    # Shares of reals below each fake: 3/5, 1, 4.5/5, 1, 4/5; of fakes above each real: 1, 4/5, 1,
    # 1, 2.5/5. Their mean is 0.86, their variances are 0.028 and 0.048.
    assert aucs[0] == pytest.approx(0.86)
    assert covariance[0, 0] == pytest.approx(0.028 / 5 + 0.048 / 5)


@given(two_detectors())
def test_only_ranks_matter(case):
    labels, (first, second) = case
    plain = compare_aucs(labels, first, second)
    bent = compare_aucs(labels, np.exp(3 * first), np.sqrt(second) - 7)
    assert (bent.difference, bent.p) == pytest.approx((plain.difference, plain.p))


@given(two_detectors(), st.randoms(use_true_random=False))
def test_order_does_not_matter(case, random):
    labels, scores = case
    order = list(range(len(labels)))
    random.shuffle(order)
    plain = compare_aucs(labels, *scores)
    shuffled = compare_aucs(labels[order], *scores[:, order])
    assert (shuffled.difference, shuffled.p) == pytest.approx((plain.difference, plain.p))


@given(two_detectors())
def test_swapping_the_detectors_turns_the_sign(case):
    labels, (first, second) = case
    one, two = compare_aucs(labels, first, second), compare_aucs(labels, second, first)
    assert one.difference == pytest.approx(-two.difference)
    assert one.z == pytest.approx(-two.z)
    assert one.p == pytest.approx(two.p)
    assert 0 <= one.p <= 1


@given(two_detectors())
def test_a_detector_equals_itself(case):
    labels, (first, _) = case
    same = compare_aucs(labels, first, first)
    assert (same.difference, same.p) == (0.0, 1.0)


def test_certain_differences_without_spread():
    labels = np.array([0, 0, 1, 1])
    perfect, upside_down = np.array([0, 0, 1, 1.0]), np.array([1, 1, 0, 0.0])
    assert compare_aucs(labels, perfect, upside_down).p == 0.0


def test_chances_are_honest_where_nothing_differs():
    # Two detectors of equal quality: a true p-value lies below 0.05 one time in twenty.
    generator = np.random.default_rng(1)
    labels = np.tile([0, 1], 60)
    small = sum(
        compare_aucs(labels, *(labels + generator.normal(0, 1.2, (2, 120)))).p < 0.05
        for _ in range(1500)
    )
    assert 0.035 < small / 1500 < 0.065


@pytest.mark.parametrize("labels", [[0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]])
def test_too_few_of_a_class_are_refused(labels):
    with pytest.raises(DataError, match="at least two samples of each class"):
        compare_aucs(np.array(labels), np.arange(4.0), np.arange(4.0))


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),  # they never differ
        (5, 5, 1.0),  # they differ evenly
        (1, 0, 1.0),  # one sample says nothing
        (6, 0, 2 / 64),  # six heads of six, two-sided
        (8, 1, 20 / 512),  # (1 + 9) * 2 / 2^9
    ],
)
def test_mcnemar(only_first, only_second, p):
    first = np.array([True] * only_first + [False] * only_second + [True, False])
    second = np.array([False] * only_first + [True] * only_second + [True, False])
    found = compare_accuracies(first, second)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.p == pytest.approx(p)
    assert compare_accuracies(second, first).p == pytest.approx(p)


@pytest.mark.parametrize(
    ("chances", "corrected"),
    [
        ([], []),  # nothing to correct
        ([0.03], [0.03]),  # one test stays
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # the middle one pulls the last along
        ([0.5, 0.9], [1.0, 1.0]),  # never above one
        ([0.02, 0.02], [0.04, 0.04]),  # equal ones
    ],
)
def test_holm(chances, corrected):
    assert correct_holm(chances) == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_lowers(chances):
    corrected = correct_holm(chances)
    assert all(after >= before for before, after in zip(chances, corrected, strict=True))
    assume(len(set(chances)) == len(chances))
    order = np.argsort(chances)
    assert np.all(np.diff(np.array(corrected)[order]) >= 0)
