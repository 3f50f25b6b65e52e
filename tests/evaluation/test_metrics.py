"""Metrics: known values, the mathematics' own laws, intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as skm

from unmask.errors import DataError
from unmask.evaluation.metrics import (
    METRICS,
    ONE_SIDED,
    Scored,
    measure,
    measure_intervals,
    number_groups,
    resample,
)


def scored(labels, scores, threshold=0.5):
    return Scored(np.array(labels, np.int64), np.array(scores, np.float64), threshold)


@st.composite
def mixed(draw):
    """Samples of both classes with distinct or equal scores."""
    scores = draw(
        arrays(np.float64, st.integers(4, 40), elements=st.integers(0, 50).map(lambda n: n / 50))
    )
    labels = draw(arrays(np.int64, len(scores), elements=st.integers(0, 1)))
    labels[0], labels[1] = 0, 1
    return scored(labels, scores)


@pytest.mark.parametrize(
    ("labels", "scores", "name", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "auc", 1.0),  # perfect
        ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], "auc", 0.0),  # upside down
        ([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5], "auc", 0.5),  # says nothing
        ([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], "accuracy", 0.5),  # one wrong on either side
        ([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], "eer", 0.5),  # both errors at one half
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "eer", 0.0),  # perfect
        ([0, 1], [0.5, 0.5], "accuracy", 0.5),  # a score at the threshold counts as fake
        ([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0], "ece", 0.0),  # certain and right
        ([0, 0, 0, 1], [1.0, 1.0, 1.0, 1.0], "ece", 0.75),  # certain and wrong
        ([0, 1, 1, 1], [0.9, 0.1, 0.6, 0.7], "precision", 2 / 3),  # one false alarm of three
        ([0, 1, 1, 1], [0.9, 0.1, 0.6, 0.7], "recall", 2 / 3),  # one of three missed
        ([0, 0, 1, 1], [0.1, 0.2, 0.15, 0.9], "tpr_at_fpr_1", 0.5),  # no false alarm allowed
        ([0, 1], [0.0, 1.0], "brier", 0.0),  # perfect
        ([0, 1], [0.5, 0.5], "log_loss", np.log(2)),  # a coin
        ([0, 0, 0, 1], [0.9, 0.1, 0.6, 0.7], "false_alarm_rate", 2 / 3),  # two of three
        ([0, 1], [0.1, 0.2], "precision", 0.0),  # nothing was called fake
    ],
)
def test_known_values(labels, scores, name, expected):
    assert measure(scored(labels, scores))[name] == pytest.approx(expected)


@given(mixed())
def test_auc_does_not_change_under_monotone_maps(data):
    squeezed = scored(data.labels, data.scores**3 * 0.5)
    assert measure(squeezed)["auc"] == pytest.approx(measure(data)["auc"])


@given(mixed())
def test_eer_is_symmetric_under_swapping_the_classes(data):
    swapped = scored(1 - data.labels, 1 - data.scores)
    assert measure(swapped)["eer"] == pytest.approx(measure(data)["eer"])


@given(mixed())
def test_every_metric_is_finite_and_independent_of_order(data):
    order = np.random.default_rng(0).permutation(len(data.labels))
    forward, shuffled = measure(data), measure(data.take(order))
    assert all(np.isfinite(value) for value in forward.values())
    assert forward == pytest.approx(shuffled)


@settings(max_examples=10, deadline=None)
@given(mixed())
def test_intervals_are_ordered_and_repeatable(data):
    first = measure_intervals(data, resamples=30, seed=3)
    assert all(low <= high for low, high in first.values())
    assert first == measure_intervals(data, resamples=30, seed=3)


def test_groups_are_resampled_together():
    # Ten groups of fifty identical samples know as little as ten samples.
    generator = np.random.default_rng(0)
    labels = np.tile([0, 1], 10).repeat(50)
    scores = np.clip(labels * 0.3 + generator.normal(0.35, 0.3, 20).repeat(50), 0, 1)
    groups = [f"clip-{number}" for number in range(20) for _ in range(50)]
    data = scored(labels, scores)
    alone = measure_intervals(data, resamples=200)["auc"]
    grouped = measure_intervals(data, groups=groups, resamples=200)["auc"]
    assert grouped[1] - grouped[0] > 3 * (alone[1] - alone[0])


@pytest.mark.parametrize(
    ("labels", "scores", "complaint"),
    [
        ([1, 1], [0.1, 0.9], "both classes"),  # only fakes
        ([0, 0], [0.1, 0.9], "both classes"),  # only reals
    ],
)
def test_one_class_is_refused(labels, scores, complaint):
    with pytest.raises(DataError, match=complaint):
        measure(scored(labels, scores))


def test_missing_scores_are_refused():
    with pytest.raises(DataError, match="finite"):
        scored([0, 1], [0.1, np.nan])


@given(mixed())
def test_figures_are_those_of_scikit_learn(data):
    labels, scores = data.labels, data.scores
    called = scores >= data.threshold
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    assert measure(data) == pytest.approx(
        {
            **measure(data),  # eer, tpr_at_fpr_1 and ece have no counterpart
            "accuracy": skm.accuracy_score(labels, called),
            "auc": skm.roc_auc_score(labels, scores),
            "ap": skm.average_precision_score(labels, scores),
            "precision": skm.precision_score(labels, called, zero_division=0.0),
            "recall": skm.recall_score(labels, called, zero_division=0.0),
            "f1": skm.f1_score(labels, called, zero_division=0.0),
            "false_alarm_rate": 1 - skm.recall_score(labels, called, pos_label=0),
            "log_loss": skm.log_loss(labels, clipped, labels=[0, 1]),
            "brier": skm.brier_score_loss(labels, scores),
        }
    )


@settings(max_examples=25, deadline=None)
@given(mixed(), st.integers(1, 5))
def test_resamples_are_worth_what_copies_of_the_samples_are(data, members):
    groups = [f"clip-{number // members}" for number in range(len(data.labels))]
    groups[0], groups[1] = "first", "second"
    drawn = resample(data, groups=groups, seed=5, resamples=4)
    generator = np.random.default_rng(5)
    rows = [
        np.flatnonzero(number_groups(len(groups), groups) == n) for n in range(len(set(groups)))
    ]
    for place in range(4):
        while True:
            picks = generator.integers(0, len(rows), len(rows))
            copies = data.take(np.concatenate([rows[pick] for pick in picks]))
            if 0 < copies.labels.sum() < len(copies.labels):
                break
        expected = measure(copies)
        assert {name: drawn[name][place] for name in METRICS} == pytest.approx(expected)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_the_figures_that_need_no_other(label):
    data = scored([label] * 20, np.linspace(0, 1, 20))
    figures = {name: METRICS[name] for name in ONE_SIDED[label]}
    values = measure(data, figures)
    ends = measure_intervals(data, figures=figures)
    assert values["accuracy"] == 0.5
    assert all(ends[name][0] < values[name] < ends[name][1] for name in figures)


def test_one_group_has_no_interval():
    with pytest.raises(DataError, match="two independent groups"):
        measure_intervals(scored([0, 1, 1], [0.1, 0.9, 0.7]), groups=["clip"] * 3)


def test_the_same_seed_pairs_two_detectors():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    scores = np.clip(labels * 0.3 + generator.normal(0.35, 0.2, 200), 0, 1)
    first, second = scored(labels, scores), scored(labels, scores**2)
    assert np.allclose(resample(first, seed=1)["auc"], resample(second, seed=1)["auc"])
