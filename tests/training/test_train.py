"""From a folder of pictures to a model that detects, and to folds that never saw their part."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from unmask.data.reading import read_data
from unmask.detection.detector import Detector
from unmask.doors.cli import app
from unmask.errors import DataError
from unmask.models.library import open_model
from unmask.training.publish import About
from unmask.training.settings import load_settings
from unmask.training.train import train

QUICK = (
    "input_px=64",
    "batch_size=8",
    "precision=fp32",
    "device=cpu",
    "workers=0",
    "val_share=0.3",
    "phases=[{epochs = 6, learning_rate = 2e-3, schedule = 'onecycle'}]",
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:.*tensorboard.*",
    "ignore:.*`isinstance.treespec, LeafSpec.*",
)


def command(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def options(*changes):
    return [part for change in (*QUICK, *changes) for part in ("--set", change)]


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "boards"
    result = command("train", "--data", faces, "--out", out, "--model", "resnet10t", *options())
    assert result.exit_code == 0, result.output
    assert "36" in result.output
    return out


def test_the_run_folder_has_everything(run):
    names = {path.name for path in run.iterdir()}
    assert {"settings.json", "manifest.csv", "history.png", "logs", "model"} <= names
    card = open_model(run).card
    assert card.name == "boards"
    assert (card.training.epochs, card.training.pretrained) == (6, "no")
    assert card.training.samples == next(d for d in card.data if d.split == "train").real * 2
    assert card.training.images_per_s > 0


def test_the_splits_are_written_as_used(run, faces):
    with (run / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    assert len(rows) == len({row["path"] for row in rows}) <= 72
    test = read_data(run / "manifest.csv").manifest.select("test")
    assert {sample.label for sample in test} == {0, 1}
    assert all(str(faces) in sample.path for sample in test)


def test_the_model_tells_the_kinds_apart(run, faces):
    detector = Detector(run)
    logits = {
        kind: [detector.detect(path).score.logit for path in sorted((faces / kind).iterdir())[:8]]
        for kind in ("real", "fake")
    }
    assert np.mean(logits["fake"]) > np.mean(logits["real"])


def test_a_run_is_not_overwritten(run, faces):
    again = command("train", "--data", faces, "--out", run, "--model", "resnet10t", *options())
    assert again.exit_code == 2
    assert "holds a run already" in again.stderr


def test_a_finished_run_resumes_to_itself(run, faces):
    before = open_model(run).card.weights.sha256
    arguments = ("--out", run, "--model", "resnet10t", *options(), "--resume")
    assert command("train", "--data", faces, *arguments).exit_code == 0
    assert open_model(run).card.weights.sha256 == before


def test_too_few_faces_are_refused(faces, tmp_path):
    settings = load_settings(None, [*QUICK, "val_share=0.05"], model="resnet10t")
    with pytest.raises(DataError, match="training needs at least 10"):
        train(read_data(faces).manifest, settings, tmp_path / "run", about=About("x", "1"))


def test_weights_that_cannot_be_fetched_are_a_clear_line(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    arguments = ("--out", tmp_path / "run", "--model", "resnet10t", "--pretrained", "yes")
    result = command("train", "--data", faces, *arguments, *options())
    assert result.exit_code == 2
    assert "could not be fetched" in result.stderr


def test_cross_validation(faces, tmp_path):
    out = tmp_path / "cv"
    arguments = ("--folds", 2, "--model", "resnet10t", "--epochs", 2, *options())
    result = command("crossval", "--data", faces, "--out", out, *arguments)
    assert result.exit_code == 0, result.output
    summary = json.loads((out / "crossval.json").read_text())
    assert len(summary["folds"]) == 2
    low, high = sorted(fold["auc"] for fold in summary["folds"])
    assert low <= summary["mean"]["auc"] <= high
    assert summary["deviation"]["auc"] == pytest.approx((high - low) / 2**0.5)
    with (out / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["path"] for row in rows}) == len(rows) == 72  # every sample is held out once
    assert {row["fold"] for row in rows} == {"1", "2"}
    for part in (*summary["folds"], summary["pooled"]):
        assert set(part["classes"]) == {"real", "fake", "macro", "weighted"}
        assert part["ci"]["auc"][0] <= part["auc"] <= part["ci"]["auc"][1]
    assert summary["pooled"]["n"] == 72
    parts = ("fold-1", "fold-2")
    assert {
        *("roc.png", "crossval.html", "confusion-pooled.png"),
        *(f"{kind}-{part}.png" for kind in ("confusion", "history") for part in parts),
    } <= {path.name for path in out.iterdir()}
    assert "By class, pooled" in (out / "crossval.html").read_text()
    assert "± " in result.output


def test_the_trained_network_can_be_finished_before_it_is_exported(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / run.name)

    def halve(network):
        last = [layer for layer in network.head.modules() if isinstance(layer, nn.Linear)][-1]
        with torch.no_grad():
            last.weight.mul_(0.5)
            last.bias.mul_(0.5)

    folder = train(
        read_data(copy / "manifest.csv").manifest,
        load_settings(str(copy / "settings.json")),
        copy,
        about=About(name="halved", version="1"),
        resume=True,
        finish=halve,
    )
    crops = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    before, after = (Detector(each).run_network(crops).logit for each in (run / "model", folder))
    assert after == pytest.approx(before / 2, abs=0.05)
    assert np.abs(before).max() > 0.2
