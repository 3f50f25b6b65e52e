"""The records refuse what cannot be and serialise to the contract."""

import json
import math

import numpy as np
import pytest

from unmask.records import (
    NO_PIXELS,
    FaceCrop,
    Failure,
    Frame,
    Kind,
    ModelId,
    Person,
    Report,
    Score,
    ScoredFace,
    Verdict,
    count_verdicts,
)

MODEL = ModelId("net", "1", "0" * 64)
FACE = np.zeros((8, 8, 3), np.uint8)


def report(**changes):
    fields = {
        "source": "a.jpg",
        "kind": Kind.IMAGE,
        "verdict": Verdict.REAL,
        "score": Score(-2.0, 0.1),
        "model": MODEL,
        "policy": "balanced",
        "threshold": 0.5,
    }
    return Report(**(fields | changes))


def crop(**changes):
    fields = {
        "pixels": FACE,
        "box_xyxy": (1.0, 2.0, 31.0, 62.0),
        "crop_xyxy": (0.0, 0.0, 40.0, 40.0),
        "face_confidence": 0.99,
    }
    return FaceCrop(**(fields | changes))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),  # grey
        np.zeros((4, 4, 4), np.uint8),  # with alpha
        np.zeros((4, 4, 3), np.float32),  # not bytes
        np.zeros((0, 4, 3), np.uint8),  # nothing
    ],
)
def test_frame_refuses_other_shapes(pixels):
    with pytest.raises(ValueError, match=r"frame pixels must have shape \(H, W, 3\)"):
        Frame(pixels)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"pixels": np.zeros((4, 8, 3), np.uint8)}, "crop must have shape"),  # not square
        ({"landmarks": np.zeros((2, 5), np.float32)}, "landmarks must have shape"),  # transposed
        ({"face_confidence": 1.5}, "face_confidence must lie in"),  # no probability
        ({"face_confidence": math.nan}, "face_confidence must lie in"),  # not a number
    ],
)
def test_crop_refuses(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        crop(**changes)


def test_crop_without_pixels_keeps_the_rest():
    light = crop(time_s=1.5).without_pixels()
    assert light.pixels is NO_PIXELS
    assert light.time_s == 1.5
    assert light.face_size_px == 30.0


@pytest.mark.parametrize(
    ("logit", "probability"),
    [
        (math.nan, 0.5),  # a broken network
        (math.inf, 1.0),  # an overflow
        (0.0, 1.01),  # no probability
        (0.0, -0.01),  # no probability
        (0.0, math.nan),  # not a number
    ],
)
def test_score_refuses(logit, probability):
    with pytest.raises(ValueError, match=r"logit must be finite|probability must lie"):
        Score(logit, probability)


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": None, "score": None},  # neither verdict nor error
        {"error": Failure("corrupt", "x")},  # both
        {"verdict": Verdict.NO_FACE},  # a score without a face
        {"verdict": Verdict.FAKE, "score": None},  # a verdict out of nothing
        {"threshold": 1.5},  # no probability
    ],
)
def test_report_refuses_contradictions(changes):
    with pytest.raises(ValueError, match=r"a report has|threshold must lie"):
        report(**changes)


def test_report_serialises_to_the_contract():
    face = ScoredFace(crop(time_s=0.5, person=0), Score(3.0, 0.95))
    person = Person(0, Score(3.0, 0.95), ((0.5, 0.95),))
    clip = report(
        kind=Kind.VIDEO,
        verdict=Verdict.FAKE,
        score=Score(3.0, 0.95),
        faces=(face,),
        people=(person,),
    )
    plain = json.loads(json.dumps(clip.to_dict()))
    assert list(plain) == [
        "source",
        "kind",
        "verdict",
        "score",
        "faces",
        "people",
        "model",
        "policy",
        "threshold",
        "reasons",
        "versions",
        "warnings",
        "error",
        "seconds",
    ]
    assert plain["faces"] == [
        {
            "box_xyxy": [1.0, 2.0, 31.0, 62.0],
            "score": 0.95,
            "face_confidence": 0.99,
            "time_s": 0.5,
            "person": 0,
            "unlike": None,
            "doubts": [],
        }
    ]
    assert plain["people"][0]["timeline"] == [{"time_s": 0.5, "score": 0.95}]
    assert plain["error"] is None


def test_error_report_says_error_and_has_no_score():
    plain = report(verdict=None, score=None, error=Failure("corrupt", "broken")).to_dict()
    assert plain["verdict"] == "error"
    assert plain["score"] is None
    assert plain["error"] == {"code": "corrupt", "message": "broken"}


def test_counts_have_every_verdict():
    assert count_verdicts([report()]) == {
        "fake": 0,
        "real": 1,
        "uncertain": 0,
        "no_face": 0,
        "error": 0,
    }


def test_arrays_print_as_shapes():
    assert "(8, 8, 3)" in repr(crop())
    assert "(8, 8, 3)" in repr(Frame(FACE))
