"""Models are found by name or folder, and only with the weights that their card names."""

import shutil

import pytest

from unmask.errors import ModelError, UsageError
from unmask.models.card import hash_file
from unmask.models.library import list_models, open_model


@pytest.fixture
def model(tmp_path):
    """A copy of the bundled model that a test may spoil."""
    return shutil.copytree(open_model().path, tmp_path / "run" / "model")


def test_the_bundled_models_are_whole_and_small():
    assert list_models()
    for folder in list_models():
        assert hash_file(folder.weights_path) == folder.card.weights.sha256
        assert folder.weights_path.stat().st_size <= 40e6


def test_a_model_is_found_by_name_folder_card_and_run(model):
    card = open_model().card
    for name in (card.name, model, str(model), model / "card.json", model.parent):
        assert open_model(name).card == card


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda m: (m / "model.onnx").unlink(), "lacks the file"),  # missing
        (
            lambda m: (m / "model.onnx").write_bytes(b"x"),
            "is not the file that its card",
        ),  # swapped
        (lambda m: flip_a_bit(m / "model.onnx"), "is not the file that its card"),  # damaged
        (lambda m: (m / "card.json").unlink(), "no model folder"),  # no card
    ],
)
def test_spoilt_models_are_refused(model, spoil, complaint):
    spoil(model)
    with pytest.raises(ModelError, match=complaint):
        open_model(model)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_slip_in_the_name_gets_a_suggestion():
    name = open_model().card.name
    with pytest.raises(UsageError, match=f"did you mean '{name}'"):
        open_model(name[:-1])


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UsageError, match="bundled: "):
        open_model("qqqq")
