"""From predictions to the figures of metrics.json."""

import json

import numpy as np
import pytest

from unmask.data.manifest import Manifest
from unmask.detection.policy import Policy
from unmask.errors import DataError, MediaError
from unmask.evaluation.evaluate import (
    counting_threshold,
    describe_metrics,
    predict,
    predict_changed,
    summarise,
    summarise_datasets,
)
from unmask.evaluation.metrics import METRICS
from unmask.media.perturb import PERTURBATIONS
from unmask.models.library import open_model

KEYS = {
    *("n", "n_scored", "coverage", "accuracy", "auc", "ap", "eer", "precision", "recall", "f1"),
    *("tpr_at_fpr_1", "log_loss", "brier", "ece", "ci"),
}
MIXED = [(0, 0.1), (0, 0.4), (0, 0.6), (1, 0.2), (1, 0.45), (1, 0.9), (1, None)]


def test_counts_and_what_uncertain_is_worth(make_predictions, failed):
    summary = summarise([*make_predictions(MIXED), failed], 0.5)
    assert set(summary) >= KEYS
    assert (summary["n"], summary["n_scored"]) == (8, 6)
    assert summary["coverage"] == pytest.approx(4 / 6)  # 0.4 and 0.45 are undecided
    assert summary["accuracy"] == pytest.approx(3 / 6)  # 0.1, 0.4, 0.9
    assert summary["accuracy_decided"] == pytest.approx(2 / 4)  # 0.1, 0.9
    assert summary["confusion"] == {
        "real": {"real": 2, "fake": 1, "not_scored": 0},
        "fake": {"real": 2, "fake": 1, "not_scored": 2},
    }
    assert summary["verdicts"] == {"fake": 2, "real": 2, "uncertain": 2, "no_face": 1, "error": 1}
    assert summary["classes"]["fake"]["support"] == 3
    assert summary["level"] == "frame"
    assert set(summary["ci"]) == set(METRICS)
    json.dumps(summary, allow_nan=False)


@pytest.mark.parametrize(
    ("pairs", "present"),
    [
        ([(0, 0.1), (0, 0.9), (0, 0.2)], {"accuracy", "false_alarm_rate"}),  # reals alone
        ([(1, 0.1), (1, 0.9), (1, 0.8)], {"accuracy", "recall"}),  # fakes alone
    ],
)
def test_one_class_gives_what_can_be_had_and_says_why_not_the_rest(
    make_predictions, pairs, present
):
    summary = summarise(make_predictions(pairs), 0.5)
    assert {name for name in METRICS if summary[name] is not None} == present
    assert {name for name in METRICS if summary["ci"][name] is not None} == present
    assert set(summary["reasons"]) == set(METRICS) - present | {"classes"}
    assert "both classes" in summary["reasons"]["auc"]
    assert {card.name for card in describe_metrics(summary, "data")} == present


def test_one_group_has_figures_without_intervals(make_predictions):
    summary = summarise(make_predictions(MIXED[:6], groups=["clip"] * 6), 0.5)
    assert summary["auc"] is not None
    assert set(summary["ci"].values()) == {None}
    assert "two independent groups" in summary["reasons"]["ci"]
    assert describe_metrics(summary, "data") == ()


@pytest.mark.parametrize("pairs", [[], [(0, None), (1, None)]])
def test_nothing_scored_is_an_error(make_predictions, pairs):
    with pytest.raises(DataError, match="nothing to measure"):
        summarise(make_predictions(pairs), 0.5)


def test_data_sets_side_by_side(make_predictions):
    pairs = [(0, 0.1), (0, 0.4), (1, 0.3), (1, 0.9), (1, 0.2), (0, None)]
    names = ["camera", "camera", "gan", "gan", "camera", "void"]
    table = summarise_datasets(make_predictions(pairs, datasets=names), 0.5)
    assert table["camera"]["auc"] == 0.5  # 0.2 beats 0.1, not 0.4
    assert table["camera"]["false_alarm_rate"] == 0.0
    assert table["gan"] == {
        **{"n": 2, "n_scored": 2, "real": 0, "fake": 2, "accuracy": 0.5, "recall": 0.5},
        **{"false_alarm_rate": None, "auc": None, "auc_against_all": 0.75},
    }
    assert (table["void"]["n"], table["void"]["n_scored"], table["void"]["auc"]) == (1, 0, None)
    assert summarise_datasets(make_predictions(pairs), 0.5) == {}


@pytest.mark.parametrize(
    ("policy", "score"),
    [
        (Policy("balanced", 0.5, 0.1), 0.5),  # its own threshold
        (Policy("strict", 0.9, 0.1), 0.5),  # uncertain up to 0.9: balanced decides within
        (Policy("low", 0.3, 0.1), 0.3),  # fake from 0.3 on, whatever balanced says
        (Policy("high", 0.9, 0.7), 0.7),  # real up to 0.7
    ],
)
def test_uncertain_counts_by_the_balanced_threshold(policy, score):
    card = open_model().card
    balanced = card.policies["balanced"].model_copy(update={"threshold": 0.5})
    card = card.model_copy(update={"policies": {"balanced": balanced}})
    assert counting_threshold(card, policy) == score


def test_every_sample_is_answered_in_order(detector, faces):
    seen = []

    def observe(reports):
        for report in reports:
            seen.append(report.source)
            yield report

    found = list(predict(detector, faces, observe))
    assert [p.sample for p in found] == list(faces)
    assert seen == [sample.path for sample in faces]
    assert [p.verdict_name for p in found[-2:]] == ["no_face", "error"]
    assert found[-1].error.code == "corrupt"
    assert all(p.score is not None for p in found[:-2])


def test_an_empty_change_changes_nothing(detector, faces):
    plain = list(predict(detector, faces))
    same = list(predict_changed(detector, faces, lambda pixels, _: pixels))
    assert [p.sample for p in same] == list(faces)
    assert [p.verdict for p in same] == [p.verdict for p in plain]
    assert [p.score for p in same[:-2]] == pytest.approx([p.score for p in plain[:-2]], abs=0.02)
    assert same[-1].error.code == "corrupt"


@pytest.mark.parametrize("broken", [(0,), (1, 2), (0, 1, 2, 3), (3,)])
def test_failed_changes_keep_their_place(detector, faces, broken):
    manifest = Manifest(faces.samples[:4])
    places = iter(range(4))

    def change(pixels, _):
        if next(places) in broken:
            message = "too long"
            raise MediaError(message, code="too_large")
        return pixels

    found = list(predict_changed(detector, manifest, change))
    assert [p.sample for p in found] == list(manifest)
    assert tuple(n for n, p in enumerate(found) if p.error) == broken


def test_the_chance_of_a_change_is_the_seeds(detector, faces):
    drawn = []

    def change(pixels, generator):
        drawn.append(generator.integers(1000))
        return PERTURBATIONS["noise_5"](pixels, generator)

    manifest = Manifest(faces.samples[:3])
    for seed in (1, 1, 2):
        list(predict_changed(detector, manifest, change, seed=seed))
    first, second, other = np.reshape(drawn, (3, 3)).tolist()
    assert first == second != other
    assert len(set(first)) > 1
