import json


def test_models_lists_the_bundled_one(unmask):
    result = unmask("models")
    assert result.exit_code == 0
    assert "SHA-256" in result.stdout
    assert "policy" in result.stdout


def test_models_as_json(unmask):
    cards = json.loads(unmask("models", "--format", "json").stdout)
    assert cards
    assert {"name", "version", "weights", "metrics", "data", "licence", "path"} <= set(cards[0])
