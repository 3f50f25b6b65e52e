from dataclasses import replace

import pytest

from unmask.models.library import open_model
from unmask.records import Doubt, Person, Score, Verdict
from unmask.reporting.meaning import ADVICE, HEADLINES, explain_score
from unmask.reporting.wording import VERDICT_WORDS


@pytest.fixture
def card():
    first = open_model().card
    limits = {"balanced": (0.5, 0.2), "fpr_1": (0.9, 0.2), "fpr_5": (0.3, 0.2)}
    policies = {
        name: first.policies["balanced"].model_copy(
            update={"threshold": threshold, "real_below": real_below}
        )
        for name, (threshold, real_below) in limits.items()
    }
    return first.model_copy(update={"policies": policies})


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.95, "Of 100 real faces like those it was checked on, at most 1 would"),
        (0.9, "at most 1 would"),  # at the threshold
        (0.6, "at most 5 would"),
        (0.25, "more than 5 would"),  # below every threshold
        (0.1, "Of 100 fakes of the kinds it was checked on, at most 1 would score this low"),
    ],
)
def test_the_card_bounds_how_rare_a_score_is(make_report, card, probability, said):
    verdict = Verdict.UNCERTAIN if probability < 0.5 else Verdict.FAKE
    report = make_report(score=Score(0.0, probability), verdict=verdict)
    assert said in explain_score(report, card)


def test_a_card_without_rates_says_nothing_of_reals(make_report, card):
    bare = card.model_copy(update={"policies": {"balanced": card.policies["balanced"]}})
    assert explain_score(make_report(), bare) == ""


def test_a_clip_is_said_to_be_more_than_a_picture(make_report, card):
    people = (Person(0, Score(3.0, 0.97), ((0.0, 0.97),)),)
    assert "single pictures" in explain_score(make_report(people=people), card)


def test_a_score_that_is_not_trusted_means_nothing(make_report, failed_report, card):
    report = make_report(verdict=Verdict.UNCERTAIN)
    doubtful = replace(report.faces[0], doubts=(Doubt.TOO_SMALL,))
    assert explain_score(replace(report, faces=(doubtful,)), card) == ""
    assert explain_score(failed_report(), card) == ""


def test_every_verdict_has_its_words():
    assert set(HEADLINES) == set(ADVICE) == set(VERDICT_WORDS)
