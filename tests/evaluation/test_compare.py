"""Several models on the same samples."""

import csv
import json
import shutil

import pytest

from unmask.data.manifest import Manifest
from unmask.errors import DataError, UsageError
from unmask.evaluation.compare import compare
from unmask.evaluation.contenders import ComparisonPlan
from unmask.models.card import read_card
from unmask.models.library import open_model


@pytest.fixture(scope="module")
def wider(tmp_path_factory):
    """The bundled model with another crop, so that it answers otherwise."""
    folder = tmp_path_factory.mktemp("models") / "wider"
    shutil.copytree(open_model().path, folder)
    card = read_card(folder)
    crop = card.crop.model_copy(update={"margin": 2.2, "whole_frame_from": 1.0})
    card.model_copy(update={"name": "wider", "crop": crop}).write(folder)
    return folder


@pytest.fixture(scope="module")
def found(faces, wider):
    models = {"bundled": open_model(), "wider": open_model(wider)}
    return compare(models, faces, ComparisonPlan(seed=1, data={"source": "made"}))


def test_every_model_has_figures_and_costs_on_the_same_samples(found, faces):
    summary = found.summary
    assert [row["name"] for row in summary["models"]] == ["bundled", "wider"]
    assert summary["n"] == len(faces)
    assert summary["n_common"] == len(faces) - 2
    for row in summary["models"]:
        assert row["n"] == row["n_scored"] == summary["n_common"]
        assert row["n_scored_alone"] >= summary["n_common"]
        assert row["ci"]["auc"][0] <= row["auc"] <= row["ci"]["auc"][1]
        assert row["cost"]["multiply_adds"] > 1e6
        assert row["cost"]["crops_per_s"] > 0
        assert row["cost"]["images_per_s"] > 0


def test_pairs_have_paired_differences(found):
    (pair,) = found.summary["pairs"]
    one, two = found.summary["models"]
    for key in ("auc", "accuracy"):
        assert pair[key]["difference"] == pytest.approx(one[key] - two[key])
        assert pair[key]["p_corrected"] == pair[key]["p"]  # one pair: nothing to correct
        assert 0 <= pair[key]["p"] <= 1
        low, high = pair[key]["ci"]
        assert low <= high


def test_the_folder_holds_everything(found, tmp_path):
    found.write(tmp_path / "out")
    found.write(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("comparison.json", "comparison.html", "comparison.md", "scores.csv"),
        *("roc.png", "pr.png", "det.png", "cost.png"),
    }
    json.loads((tmp_path / "out" / "comparison.json").read_text())
    with (tmp_path / "out" / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["path", "label", "bundled", "wider"]
    assert rows[-1]["bundled"] == ""  # the broken file


def test_one_model_is_no_comparison(faces):
    with pytest.raises(UsageError, match="at least two"):
        compare({"bundled": open_model()}, faces)


def test_too_few_of_a_class_are_no_comparison(faces, wider):
    models = {"bundled": open_model(), "wider": open_model(wider)}
    reals = Manifest(tuple(sample for sample in faces if sample.label == 0))
    with pytest.raises(DataError, match="0 fake"):
        compare(models, reals)
    one_is_broken = Manifest((*faces.samples[:2], faces.samples[6], faces.samples[-1]))
    with pytest.raises(DataError, match="every model scored, got 2 real and 1 fake"):
        compare(models, one_is_broken)
