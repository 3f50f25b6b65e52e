"""What an update costs, and when that is too much."""

import json

import numpy as np
import pytest
from PIL import Image

from unmask.data.manifest import Manifest, Sample
from unmask.detection.detector import Detector
from unmask.errors import UsageError
from unmask.evaluation.evaluate import Prediction
from unmask.evaluation.gate import Budget, GatePlan, gate
from unmask.evaluation.gate_groups import find_groupings
from unmask.media.perturb import PERTURBATIONS
from unmask.models.card import read_card
from unmask.models.library import open_model
from unmask.records import Kind, Verdict


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """The bundled model with thresholds at which all it scores is fake."""
    import shutil

    folder = tmp_path_factory.mktemp("strict") / "model"
    shutil.copytree(open_model().path, folder)
    card = read_card(folder)
    low = card.policies["balanced"].model_copy(update={"threshold": 0.0, "real_below": 0.0})
    policies = {**card.policies, "balanced": low}
    card.model_copy(update={"name": "strict", "policies": policies}).write(folder)
    return Detector(folder)


def test_a_model_in_its_own_place_flips_nothing(detector, faces):
    found = gate(detector, detector, faces)
    (row,) = found.summary["conditions"]
    assert found.passed
    assert row["flips"]["count"] == row["better"] == row["worse"] == row["lost"] == 0
    assert row["auc"]["difference"] == 0
    assert row["p"] == 1


@pytest.fixture(scope="module")
def worse(detector, strict, faces):
    conditions = {"jpeg_50": PERTURBATIONS["jpeg_50"]}
    return gate(detector, strict, faces, GatePlan(conditions=conditions))


def test_new_false_alarms_exceed_the_budget(worse):
    unchanged, changed = worse.summary["conditions"]
    alarms = unchanged["new_false_alarms"]
    assert not worse.passed
    assert alarms["count"] > 0
    assert alarms["ci"][0] < alarms["share"] == alarms["count"] / 7 < alarms["ci"][1]
    assert unchanged["new_misses"]["count"] == 0
    assert unchanged["auc"]["difference"] == 0  # the scores are the same
    assert changed["name"] == "jpeg_50"
    assert changed["n"] == 14
    named = {(row["condition"], row["budget"]) for row in worse.summary["exceeded"]}
    assert ("unchanged", "new_false_alarms") in named
    assert all(budget != "auc_loss" for _, budget in named)


def test_groups_add_up(worse):
    by = {}
    for row in worse.summary["groups"]:
        by.setdefault(row["by"], []).append(row)
    assert {"label", "data set"} <= set(by)
    total = worse.summary["conditions"][0]["flips"]["count"]
    assert sum(row["flips"]["count"] for row in by["label"]) == total
    assert sum(map(sum, (row.values() for row in worse.summary["verdicts"].values()))) == 14


def test_a_budget_can_allow_it(detector, strict, faces):
    assert gate(detector, strict, faces, GatePlan(budget=Budget(1, 1, 1, 1))).passed


def test_one_class_has_no_auc_but_flips(detector, strict, faces):
    reals = Manifest(tuple(sample for sample in faces if sample.label == 0))
    (row,) = gate(detector, strict, reals).summary["conditions"]
    assert row["auc"]["difference"] is None
    assert "two samples of each class" in row["auc"]["reason"]
    assert row["new_misses"]["share"] is None


def test_the_folder_is_written_and_kept(worse, tmp_path):
    worse.write(tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "gate.json").read_text())
    assert summary["made_by"] == "unmask gate"
    lines = (tmp_path / "out" / "flips.csv").read_text().splitlines()
    assert len(lines) == 1 + sum(row["flips"]["count"] for row in summary["conditions"])
    assert "Past the budget" in (tmp_path / "out" / "gate.html").read_text()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="no result of unmask gate"):
        worse.write(tmp_path / "out")


def test_pictures_are_grouped_by_size_and_brightness(tmp_path):
    predictions = []
    for name, side, level in (("a", 100, 20), ("b", 300, 20), ("c", 100, 200), ("gone", 0, 0)):
        path = tmp_path / f"{name}.png"
        if side:
            Image.fromarray(np.full((side, side, 3), level, np.uint8)).save(path)
        predictions.append(Prediction(Sample(str(path), 0), Verdict.REAL, 0.1, Kind.IMAGE))
    predictions.append(Prediction(Sample("clip.mp4", 0), Verdict.REAL, 0.1, Kind.VIDEO))
    assert find_groupings(predictions) == {
        "kind": {"image": [0, 1, 2, 3], "video": [4]},
        "shorter side": {"below 256 px": [0, 2], "below 512 px": [1]},
        "brightness": {"bright": [2], "dark": [0, 1]},
    }
