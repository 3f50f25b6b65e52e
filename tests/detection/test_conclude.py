"""What follows from scored faces."""

import numpy as np
import pytest

from unmask.detection.conclude import conclude_clip, conclude_image
from unmask.detection.policy import Policy
from unmask.records import Doubt, FaceCrop, Person, Score, ScoredFace, Verdict

POLICY = Policy("balanced", threshold=0.6, real_below=0.3)
BLURRED = (Doubt.TOO_BLURRED,)


def face(probability):
    crop = FaceCrop(np.zeros((4, 4, 3), np.uint8), (0, 0, 90, 90), (0, 0, 99, 99), 0.99)
    return ScoredFace(crop, Score(0.0, probability))


def person(number, probability, frames=8, doubts=()):
    timeline = tuple((float(n), probability) for n in range(frames))
    return Person(number, Score(10 * probability - 5, probability), timeline, doubts)


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


def seen(probability, *doubts, size=90):
    crop = FaceCrop(np.zeros((4, 4, 3), np.uint8), (0, 0, size, size), (0, 0, 99, 99), 0.99)
    return ScoredFace(crop, Score(0.0, probability), doubts=doubts)


@pytest.mark.parametrize(
    ("faces", "verdict", "score", "words"),
    [
        # a high score of a face that cannot be judged
        ([seen(0.9, Doubt.TOO_BLURRED)], Verdict.UNCERTAIN, 0.9, "it is too blurred"),
        # a low one, for two reasons
        (
            [seen(0.1, Doubt.TOO_SMALL, Doubt.UNLIKE_TRAINING)],
            Verdict.UNCERTAIN,
            0.1,
            "it is too small, it is unlike anything",
        ),
        # a fake beside a face that cannot be judged
        ([seen(0.9), seen(0.95, Doubt.TOO_SMALL)], Verdict.FAKE, 0.9, "1 of 2 faces gave no"),
        # a real face beside an equally large one that cannot be judged
        ([seen(0.1), seen(0.2, Doubt.TOO_BLURRED)], Verdict.UNCERTAIN, 0.1, "1 of 2 faces gave"),
        # a real face before somebody in the background
        ([seen(0.1), seen(0.9, Doubt.TOO_SMALL, size=30)], Verdict.REAL, 0.1, "1 of 2 faces"),
    ],
)
def test_faces_that_cannot_be_judged(faces, verdict, score, words):
    conclusion = conclude_image(faces, POLICY)
    assert conclusion.verdict is verdict
    assert conclusion.score.probability == score
    assert words in " ".join(conclusion.reasons)


@pytest.mark.parametrize(
    ("people", "verdict", "words"),
    [
        # one who cannot be judged
        ([person(0, 0.9, doubts=BLURRED)], Verdict.UNCERTAIN, "it is too blurred"),
        # with somebody who can
        ([person(0, 0.9, doubts=BLURRED), person(1, 0.1)], Verdict.REAL, "person 1 decides"),
    ],
)
def test_people_who_cannot_be_judged(people, verdict, words):
    conclusion = conclude_clip(people, POLICY)
    assert conclusion.verdict is verdict
    assert words in " ".join(conclusion.reasons)
