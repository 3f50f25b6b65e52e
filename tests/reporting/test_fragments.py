import base64
from xml.etree import ElementTree

import pytest

from unmask.models.library import open_model
from unmask.records import Kind, Person, Score
from unmask.reporting.fragments import (
    answer_fragment,
    course_figures,
    figures_fragment,
    jpeg_figure,
    table_fragment,
)

EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture
def card():
    return open_model().card


def summary_of(report, **changes):
    return {**report.to_dict(), **changes}


def test_an_answer_has_the_verdict_the_score_and_what_they_mean(make_report, card):
    report = make_report()
    page = answer_fragment(summary_of(report), report, card)
    for words in ("fake", "97 %", "50.0 %", "Of 100 real faces", "not proof"):
        assert words in page


def test_a_verdict_that_is_not_upheld_explains_no_score(make_report, card):
    report = make_report()
    page = answer_fragment(summary_of(report, verdict="uncertain"), report, card)
    assert "Of 100" not in page
    assert "does not know" in page


def test_a_failure_has_its_code_and_words(failed_report, card):
    report = failed_report()
    page = answer_fragment(summary_of(report), report, card)
    assert "<strong>corrupt</strong>: the picture ends too early" in page


def test_nothing_in_an_answer_is_markup(make_report, card):
    report = make_report(EVIL, reasons=(EVIL,), warnings=(EVIL,))
    figure = jpeg_figure(b"", EVIL, EVIL)
    table = table_fragment("names", [(EVIL, EVIL)], ("a", "b"))
    for page in (
        answer_fragment(summary_of(report), report, card),
        figures_fragment([figure]),
        table,
    ):
        assert "<img src=x" not in page


def test_a_course_is_a_drawing_with_words(make_report):
    people = (Person(0, Score(3.0, 0.9), ((0.0, 0.2), (1.5, 0.9), (3.0, 0.4))),)
    (figure,) = course_figures(make_report(kind=Kind.VIDEO, people=people))
    assert "over 3 frames; highest at 0:01.5: 90 %" in figure.alt
    drawn = base64.b64decode(figure.uri.removeprefix("data:image/svg+xml;base64,"))
    assert len(ElementTree.fromstring(drawn).findall("{*}circle")) == 3
