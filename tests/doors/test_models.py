import json
import shutil


def test_models_lists_the_bundled_one(unmask):
    result = unmask("models")
    assert result.exit_code == 0
    assert "SHA-256" in result.stdout
    assert "policy" in result.stdout


def test_a_model_of_ones_own_is_shown(unmask, tmp_path):
    bundled = json.loads(unmask("models", "--format", "json").stdout)[0]
    shutil.copytree(bundled["path"], tmp_path / "mine")
    shown = json.loads(unmask("models", "mine", "--format", "json").stdout)
    assert [card["path"] for card in shown] == ["mine"]
    assert shown[0]["weights"] == bundled["weights"]


def test_what_is_no_model_is_refused(unmask):
    result = unmask("models", "nowhere")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_models_as_json(unmask):
    cards = json.loads(unmask("models", "--format", "json").stdout)
    assert cards
    assert {"name", "version", "weights", "metrics", "data", "licence", "path"} <= set(cards[0])
