"""`unmask evaluate` on a few pictures."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data


@pytest.fixture
def faces(tmp_path):
    """Three real pictures and three blurred, mirrored ones called fake."""
    face = data.astronaut()[:256, 96:352]
    for name in ("real", "fake"):
        (tmp_path / "faces" / name).mkdir(parents=True)
    for number, gain in enumerate((1.0, 0.9, 0.8)):
        real = (face * gain).astype(np.uint8)
        fake = cv2.GaussianBlur(np.ascontiguousarray(real[:, ::-1]), (0, 0), 3)
        Image.fromarray(real).save(tmp_path / "faces" / "real" / f"{number}.png")
        Image.fromarray(fake).save(tmp_path / "faces" / "fake" / f"{number}.png")
    return tmp_path / "faces"


def test_a_folder_becomes_figures_plots_and_a_page(unmask, faces, tmp_path):
    result = unmask("evaluate", "--data", faces, "--out", "out")
    assert result.exit_code == 0, result.output
    assert "ROC-AUC" in result.stdout
    assert "6 samples" in result.stdout
    assert "out/report.html" in result.stdout
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["n"], metrics["n_scored"], metrics["seed"]) == (6, 6, 42)
    assert metrics["data"]["split"] == "all"
    assert metrics["robustness"] is None
    with (tmp_path / "out" / "predictions.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 6
    assert {"report.html", "roc.png", "samples.png"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_robustness_adds_the_grid(unmask, faces, tmp_path):
    from unmask.media.perturb import PERTURBATIONS

    result = unmask("evaluate", "--data", faces, "--out", "out", "--robustness", "--seed", 1)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "out" / "metrics.json").read_text())["robustness"]["rows"]
    assert [row["name"] for row in rows] == ["unchanged", *PERTURBATIONS]
    assert "jpeg_30" in result.stdout
    assert (tmp_path / "out" / "robustness.png").is_file()


def test_one_class_alone_is_measured_when_asked_for(unmask, faces, tmp_path):
    shutil.rmtree(faces / "fake")
    assert "both classes are needed" in unmask("evaluate", "--data", faces, "--out", "out").stderr
    result = unmask("evaluate", "--data", faces, "--out", "out", "--one-class")
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["n_scored"] == 3
    assert metrics["auc"] is None
    assert "needs both classes" in metrics["reasons"]["auc"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--data", "nowhere", "--out", "out"], "nowhere"),  # no such data
        (["--data", "faces", "--out", "faces"], "no result of unmask evaluate"),  # the data
        (["--data", "faces", "--out", "out", "--split", "test"], "no splits"),
        (["--data", "faces", "--out", "out", "--policy", "balancd"], "balanced"),  # a slip
        (["--data", "faces", "--out", "out", "--model", "none"], "no model"),
        (["--data", "faces"], "--out"),  # forgotten
        (["--data", "faces", "--out", "out", "--device", "cuda"], "cannot compute on cuda"),
    ],
)
def test_mistakes_are_wrong_usage(unmask, faces, tmp_path, arguments, complaint):
    result = unmask("evaluate", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(list(faces.rglob("*.png"))) == 6
    assert not list(tmp_path.glob("out/*"))
