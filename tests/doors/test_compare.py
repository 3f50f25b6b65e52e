"""`unmask compare` on a few pictures."""

import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data


@pytest.fixture
def faces(tmp_path):
    """Two real pictures and two blurred ones called fake, in a table."""
    face = data.astronaut()[:256, 96:352]
    rows = ["path,label"]
    for number in range(4):
        label = "fake" if number % 2 else "real"
        pixels = cv2.GaussianBlur(face, (0, 0), 3) if number % 2 else face
        pixels = np.ascontiguousarray(pixels[:, ::-1]) if number > 1 else pixels
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{label}")
    table = tmp_path / "faces.csv"
    table.write_text("\n".join(rows))
    return table


@pytest.fixture
def copy(tmp_path):
    """The bundled model under another name."""
    from unmask.models.card import read_card
    from unmask.models.library import open_model

    folder = tmp_path / "copy"
    shutil.copytree(open_model().path, folder)
    read_card(folder).model_copy(update={"name": "copy"}).write(folder)
    return folder


def test_two_models_side_by_side(unmask, faces, copy, tmp_path):
    from unmask.models.library import open_model

    name = open_model().card.name
    result = unmask("compare", name, copy, "--data", faces, "--out", "out")
    assert result.exit_code == 0, result.output
    assert f"{name} against copy: AUC +0.0000" in result.stdout
    assert "crops/s" in result.stdout
    summary = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [row["name"] for row in summary["models"]] == [name, "copy"]
    assert summary["pairs"][0]["auc"]["p"] == 1.0
    assert (tmp_path / "out" / "comparison.html").is_file()


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("models", "complaint"),
    [
        (["copy"], "at least two models"),  # one is no comparison
        (["copy", "copy"], "named twice"),
        (["copy", "nothing"], "no model"),
    ],
)
def test_mistakes_are_wrong_usage(unmask, faces, tmp_path, models, complaint):
    result = unmask("compare", *models, "--data", faces, "--out", "out")
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not list(tmp_path.glob("out/*"))


def test_earlier_evaluations_need_no_data(unmask, faces, copy, tmp_path):
    for name, model in (("one", "unmask-mobilenetv2"), ("two", copy)):
        unmask("evaluate", "--model", model, "--data", faces, "--out", name)
    result = unmask("compare", "one", "two", "--out", "out")
    assert result.exit_code == 0, result.output
    assert "against copy: AUC +0.0000" in result.stdout
    table = (tmp_path / "out" / "comparison.md").read_text()
    assert "| copy |" in table
    assert "4 of 4 samples" in table
    mixed = unmask("compare", "one", copy, "--out", "out")
    assert mixed.exit_code == 2
    assert "measured on --data" in mixed.stderr
