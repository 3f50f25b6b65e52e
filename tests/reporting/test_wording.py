import pytest

from unmask.records import Kind, Person, Score, Verdict
from unmask.reporting.wording import label, note, percent, tone, verdict_name, who


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.0, "<1 %"),  # never a certainty
        (0.005, "<1 %"),  # would round to 0
        (0.0051, "1 %"),  # the first that is shown as it is
        (0.5, "50 %"),  # the middle
        (0.9949, "99 %"),  # the last that is shown as it is
        (0.9951, ">99 %"),  # would round to 100
        (1.0, ">99 %"),  # never a certainty
    ],
)
def test_percent(probability, expected):
    assert percent(probability) == expected


@pytest.mark.parametrize(
    ("verdict", "probability", "expected"),
    [
        (Verdict.FAKE, 0.9, "fake"),  # above
        (Verdict.FAKE, 0.5, "fake"),  # at the threshold
        (Verdict.FAKE, 0.2, "real"),  # a second face below it
        (Verdict.REAL, 0.1, "real"),  # below
        (Verdict.UNCERTAIN, 0.1, "uncertain"),  # nothing in an uncertain answer is sure
    ],
)
def test_tone(make_report, verdict, probability, expected):
    report = make_report(verdict=verdict, score=Score(0.0, 0.6))
    assert tone(probability, report) == expected


def test_note_is_the_error_first_then_the_reason(make_report, failed_report):
    assert note(failed_report()) == "corrupt: the picture ends too early"
    assert note(make_report()) == "the score lies above the threshold"
    assert note(make_report(reasons=(), warnings=("small face",))) == "small face"
    assert note(make_report(reasons=())) == ""


def test_who_counts_people_in_clips_and_faces_in_pictures(make_report, clip_report):
    one = (Person(0, Score(0.0, 0.9), ()),)
    assert who(make_report()) == "1 face"
    assert who(clip_report) == "2 people"
    assert who(make_report(kind=Kind.VIDEO, people=one)) == "1 person"
    assert who(make_report(verdict=Verdict.NO_FACE, score=None, faces=())) == ""


def test_every_verdict_has_a_word_in_its_label(failed_report):
    assert verdict_name(failed_report()) == "error"
    assert label("uncertain", 0.55) == "UNCERTAIN, 55 % fake"
