"""What follows from scored faces."""

import numpy as np
import pytest

from unmask.detection.conclude import conclude_clip, conclude_image
from unmask.detection.policy import Policy
from unmask.records import FaceCrop, Person, Score, ScoredFace, Verdict

POLICY = Policy("balanced", threshold=0.6, real_below=0.3)


def face(probability):
    crop = FaceCrop(np.zeros((4, 4, 3), np.uint8), (0, 0, 90, 90), (0, 0, 99, 99), 0.99)
    return ScoredFace(crop, Score(0.0, probability))


def person(number, probability, frames=8):
    timeline = tuple((float(n), probability) for n in range(frames))
    return Person(number, Score(10 * probability - 5, probability), timeline)


@pytest.mark.parametrize(
    ("scores", "verdict", "score", "words"),
    [
        ([], Verdict.NO_FACE, None, "no face was found in the picture"),  # nobody
        ([0.1], Verdict.REAL, 0.1, "below 30.0 %"),  # one real face
        ([0.4], Verdict.UNCERTAIN, 0.4, "neither verdict is safe"),  # in the band
        ([0.9], Verdict.FAKE, 0.9, "at or above the threshold 60.0 %"),  # one fake face
        ([0.1, 0.9, 0.2], Verdict.FAKE, 0.9, "highest of 3 faces counts; 1 of"),  # one of three
    ],
)
def test_a_picture_is_as_suspicious_as_its_worst_face(scores, verdict, score, words):
    conclusion = conclude_image([face(value) for value in scores], POLICY)
    assert conclusion.verdict is verdict
    assert (conclusion.score and conclusion.score.probability) == score
    assert words in " ".join(conclusion.reasons)


@pytest.mark.parametrize(
    ("people", "verdict", "words"),
    [
        ([], Verdict.NO_FACE, "no face was found in the frames"),  # nobody
        ([person(0, 0.1)], Verdict.REAL, "below 30.0 %"),  # one real person
        ([person(0, 0.1), person(1, 0.9)], Verdict.FAKE, "person 1 decides"),  # one of two
        ([person(0, 0.1, 32), person(1, 0.9, 1)], Verdict.REAL, "person 0 decides"),  # a glimpse
    ],
)
def test_a_clip_is_as_suspicious_as_the_person_who_decides(people, verdict, words):
    conclusion = conclude_clip(people, POLICY)
    assert conclusion.verdict is verdict
    assert words in " ".join(conclusion.reasons)


def test_the_reason_names_the_policy():
    assert "(policy balanced)" in conclude_image([face(0.5)], POLICY).reasons[0]
