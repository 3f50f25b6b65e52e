"""The page without a browser: what is asked and shown."""

import pytest
from streamlit.testing.v1 import AppTest

from unmask.doors.app import engine
from unmask.doors.app.launch import PAGE
from unmask.doors.app.settings import FRAMES_NAME, MODELS_NAME, POLICY_NAME


@pytest.fixture
def page(monkeypatch, tmp_path):
    """Run the page; the environment is that of a fresh start."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in (MODELS_NAME, POLICY_NAME):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(FRAMES_NAME, "4")
    return lambda: AppTest.from_file(str(PAGE), default_timeout=120).run()


def press(at, label):
    return next(button for button in at.button if button.label == label).click().run()


def pieces(at):
    return "\n".join(piece.proto.body for piece in at.get("html"))


def test_it_begins_with_what_can_be_asked(page):
    at = page()
    assert not at.exception
    assert at.title[0].value == "Is this face real?"
    assert at.radio[0].options == ["Pictures and clips", "Take a photo", "Live camera"]
    assert "Try a portrait" in [button.label for button in at.button]
    assert any("up to 200 MB" in text.value for text in at.markdown)


@pytest.mark.parametrize(
    ("label", "answer"),
    [
        ("Try a portrait", None),
        ("Try a picture without a face", "no face"),
    ],
)
def test_a_sample_is_answered(page, label, answer, portrait_verdict):
    at = press(page(), label)
    assert not at.exception
    assert f'class="unmask-word">{answer or portrait_verdict}' in pieces(at)


def test_a_clip_begins_at_its_most_suspicious_moment(page):
    at = press(page(), "Try a clip")
    slider = at.select_slider[0]
    assert 1 < len(slider.options) <= 4
    assert "scores of person 0" in pieces(at)
    first = at.button[[button.label[:5] for button in at.button].index("Go to")]
    first.click().run()
    assert not at.exception


def test_another_policy_answers_anew_and_a_sample_can_be_put_away(page):
    at = press(page(), "Try a portrait")
    policy = at.sidebar.selectbox[1]
    policy.set_value("fpr_1").run()
    assert "policy “fpr_1”" in pieces(at)
    press(at, "Put portrait.jpg away")
    assert 'class="unmask-word"' not in pieces(at)


@pytest.mark.parametrize(
    ("other", "policies", "head"),
    [
        ("unmask-mobilenetv2", ["balanced", "fpr_1", "fpr_5"], "unmask-mobilenetv2, fpr_5"),
        ("{second}", ["fpr_1", "fpr_5"], "second-opinion, fpr_5"),  # not the one that is in use
    ],
)
def test_another_model_or_policy_is_shown_beside(
    page, monkeypatch, second_model, other, policies, head
):
    monkeypatch.setenv(MODELS_NAME, str(second_model))
    engine.offer_models.clear()
    at = press(page(), "Try a portrait")
    assert at.sidebar.selectbox[0].options[0] == "second-opinion"
    at.sidebar.selectbox[2].set_value(other.format(second=second_model)).run()
    second = at.sidebar.selectbox[3]
    assert [text.partition(":")[0] for text in second.options] == policies
    second.set_value("fpr_5").run()
    assert not at.exception
    shown = pieces(at)
    assert "The same file, asked in two ways" in shown
    assert "second-opinion, balanced" in shown
    assert head in shown


def test_a_model_that_does_not_exist_is_said(page, monkeypatch):
    monkeypatch.setenv(MODELS_NAME, "nothing-here")
    engine.offer_models.clear()
    assert "there is no model" in page().error[0].value
