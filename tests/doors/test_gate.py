"""`unmask gate` on a few pictures."""

import json
import shutil

import pytest
from PIL import Image
from skimage import data

from unmask.models.card import read_card
from unmask.models.library import open_model


@pytest.fixture
def faces(tmp_path):
    """Four cuts of a face, two called real and two fake."""
    for label, numbers in (("real", (0, 1)), ("fake", (2, 3))):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for number in numbers:
            picture = Image.fromarray(data.astronaut()[:256, 96 + number : 352 + number])
            picture.save(tmp_path / "faces" / label / f"{number}.png")
    return tmp_path / "faces"


@pytest.fixture
def strict(tmp_path):
    """The bundled model with thresholds at which all it scores is fake."""
    folder = tmp_path / "strict"
    shutil.copytree(open_model().path, folder)
    card = read_card(folder)
    low = card.policies["balanced"].model_copy(update={"threshold": 0.0, "real_below": 0.0})
    card.model_copy(update={"policies": {**card.policies, "balanced": low}}).write(folder)
    return folder


def test_the_status_says_whether_the_budget_is_kept(unmask, faces, strict, tmp_path):
    name = open_model().card.name
    same = unmask("gate", name, name, "--data", faces, "--out", "same")
    assert same.exit_code == 0, same.output
    assert "every budget is kept" in same.stdout
    worse = unmask("gate", name, strict, "--data", faces, "--out", "worse")
    assert worse.exit_code == 1, worse.output
    assert "past the budget: flipped verdicts" in worse.stdout
    summary = json.loads((tmp_path / "worse" / "gate.json").read_text())
    assert summary["exceeded"][0]["limit"] == 0.05
    allowed = unmask(
        *("gate", name, strict, "--data", faces, "--out", "worse"),
        *("--max-flips", "1", "--max-new-false-alarms", "1"),
    )
    assert allowed.exit_code == 0, allowed.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("unmask-mobilenetv2", "nothing", "--data", "faces", "--out", "o"), "no model"),
        (("unmask-mobilenetv2",), "Missing argument"),
        (("a", "b", "--data", "faces", "--out", "o", "--max-flips", "1.5"), "must lie in [0, 1]"),
        (("a", "b", "--data", "faces", "--out", "o", "--max-auc-loss", "nan"), "must lie in"),
    ],
)
@pytest.mark.usefixtures("faces")
def test_wrong_usage(unmask, arguments, complaint):
    result = unmask("gate", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
