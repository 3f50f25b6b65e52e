"""`unmask calibrate` on a few pictures."""

import json

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage import data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two people in thirty lights each; what they are called is what the model already thinks."""
    from unmask.detection.detector import Detector

    with get_sample_data("grace_hopper.jpg") as stream:
        hopper = Image.open(stream).convert("RGB").crop((100, 40, 430, 370))
    people = [Image.fromarray(data.astronaut()).crop((96, 0, 352, 256)), hopper]
    pictures = [np.asarray(person.resize((224, 224))) for person in people]
    detector = Detector()
    pictures.sort(key=lambda pixels: detector.detect(np.array(pixels)).score.logit)
    folder = tmp_path_factory.mktemp("ours")
    for name, pixels in zip(("real", "fake"), pictures, strict=True):
        (folder / name).mkdir()
        for number, gain in enumerate(np.linspace(0.8, 1.0, 30)):
            picture = Image.fromarray((pixels * gain).astype(np.uint8))
            picture.save(folder / name / f"{number}.png")
    return folder


def test_a_model_of_ones_own(unmask, folder, tmp_path):
    out = tmp_path / "mine"
    result = unmask("calibrate", "unmask-mobilenetv2", "--data", folder, "--out", out)
    assert result.exit_code == 0, result.output
    assert "30 reals and 30 fakes, split all" in result.stdout
    assert "only 30 reals" in result.stderr
    card = json.loads((out / "card.json").read_text())
    assert card["name"] == "mine"
    fake = unmask("detect", "--model", out, folder / "fake" / "29.png", "--format", "jsonl")
    real = unmask("detect", "--model", out, folder / "real" / "29.png", "--format", "jsonl")
    assert json.loads(fake.stdout)["verdict"] == "fake"
    assert json.loads(real.stdout)["verdict"] == "real"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nothing", "--data", "ours", "--out", "x"), "no model"),  # no such model
        (("unmask-mobilenetv2", "--data", "nowhere", "--out", "x"), "does not exist"),
        (("unmask-mobilenetv2", "--data", "{data}", "--out", "{data}"), "other files"),
        (("unmask-mobilenetv2", "--data", "{data}", "--out", "x", "--split", "val"), "no splits"),
    ],
)
def test_mistakes_are_wrong_usage(unmask, folder, arguments, complaint):
    given = [argument.format(data=folder) for argument in arguments]
    result = unmask("calibrate", *given)
    assert result.exit_code == 2
    assert complaint in result.stderr
