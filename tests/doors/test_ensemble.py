"""`unmask ensemble` of the bundled model and a twin."""

import json

import onnx
import pytest

from unmask.models.library import describe_files, open_model, write_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def twin(tmp_path_factory):
    """The bundled network in another file."""
    folder, scratch = open_model(), tmp_path_factory.mktemp("twin")
    model = onnx.load(folder.weights_path)
    model.doc_string = "a twin"
    onnx.save(model, scratch / "model.onnx")
    weights = describe_files([scratch / "model.onnx"], folder.card.weights.parameters)
    card = folder.card.model_copy(update={"name": "twin", "weights": weights})
    write_model(card, scratch / "model.onnx", scratch / "twin")
    return scratch / "twin"


def test_twins_together_answer_as_one(unmask, photo, twin, tmp_path):
    result = unmask("ensemble", open_model().card.name, twin, "--out", "both")
    assert result.exit_code == 0, result.output
    assert f"twin {open_model().card.version}: weight 0.5" in result.stdout
    assert open_model(tmp_path / "both").card.members[1].name == "twin"
    answers = []
    for model in (twin, "both"):
        found = unmask("detect", photo, "--model", model, "--format", "jsonl")
        assert found.exit_code == 0, found.output
        answers.append(json.loads(found.stdout))
    alone, both = answers
    assert both["verdict"] == alone["verdict"]
    assert both["score"] == pytest.approx(alone["score"], abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--out", "both"], "at least 2"),  # one member
        (["twin", "--out", "both", "--method", "median"], "median"),  # no such method
        (["twin", "--out", "both", "--method", "stacked"], "--data"),  # nothing to fit on
        (["twin", "--out", "."], "folder of its own"),
        (["none", "--out", "both"], "no model"),
        (["twin"], "--out"),  # forgotten
    ],
)
def test_mistakes_are_wrong_usage(unmask, photo, twin, tmp_path, arguments, complaint):
    given = [twin if argument == "twin" else argument for argument in arguments]
    result = unmask("ensemble", open_model().card.name, *given)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [photo.name]
