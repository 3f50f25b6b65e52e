"""The card refuses what is missing, unknown or impossible, and says where."""

import json

import pytest

from unmask.errors import ModelError
from unmask.models.card import CARD_NAME, MAX_CARD_BYTES, read_card
from unmask.models.library import open_model


@pytest.fixture
def plain():
    """A true card as plain values."""
    return open_model().card.model_dump(mode="json")


def write(folder, card):
    (folder / CARD_NAME).write_text(card if isinstance(card, str) else json.dumps(card))


def test_a_card_survives_writing_and_reading(tmp_path):
    card = open_model().card
    card.write(tmp_path)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("mystery",), 1, "mystery: Extra inputs"),  # unknown key
        (("format",), 2, "format:"),  # a later format
        (("name",), "../evil", "name:"),  # a name that is a path
        (("crop", "size_px"), -1, "crop.size_px"),  # impossible size
        (("crop", "margin"), "wide", "crop.margin"),  # wrong type
        (("weights", "sha256"), "abc", "weights.sha256"),  # no hash
        (("weights", "file"), "../model.onnx", "must lie beside the card"),  # outside the folder
        (("weights", "file"), "/etc/passwd", "must lie beside the card"),  # absolute
        (("weights", "file"), "C:\\model.onnx", "must lie beside the card"),  # absolute elsewhere
        (("weights", "beside"), [{"file": "../x.bin", "sha256": "0" * 64}], "beside the card"),
        (("weights", "beside"), [{"file": "model.onnx", "sha256": "0" * 64}], "must differ"),
        (("weights", "beside"), [{"file": "card.json", "sha256": "0" * 64}], "must differ"),
        (("calibration", "slope"), 0, "calibration.slope"),  # everything the same
        (("policies", "balanced", "threshold"), 1.5, "threshold"),  # no probability
        (("policies", "balanced", "real_below"), 1.0, "must not exceed"),  # band upside down
        (("policies",), {}, "must contain 'balanced'"),  # no default policy
    ],
)
def test_impossible_entries_are_refused_by_name(tmp_path, plain, path, value, complaint):
    part = plain
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    write(tmp_path, plain)
    with pytest.raises(ModelError, match=complaint):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Invalid JSON"),  # empty
        ("{", "Invalid JSON"),  # cut off
        ("[]", "card"),  # no object
        ('{"calibration": {"slope": NaN}}', "error"),  # not a number
        (" " * (MAX_CARD_BYTES + 1), "larger than"),  # a bomb
    ],
)
def test_broken_cards_are_refused(tmp_path, text, complaint):
    write(tmp_path, text)
    with pytest.raises(ModelError, match=complaint):
        read_card(tmp_path)


def test_a_folder_without_a_card_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"it has no card\.json"):
        read_card(tmp_path)


def test_binary_rubbish_is_no_card(tmp_path):
    (tmp_path / CARD_NAME).write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ModelError, match="cannot be read"):
        read_card(tmp_path)
