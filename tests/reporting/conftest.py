"""Reports made by hand."""

import numpy as np
import pytest

from unmask.records import (
    FaceCrop,
    Failure,
    Kind,
    ModelId,
    Person,
    Report,
    Score,
    ScoredFace,
    Verdict,
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """What a user's shell says of colours and widths must not decide a test."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def make_face(probability=0.97, *, box=(20.0, 20.0, 60.0, 60.0), time_s=None, person=None):
    rng = np.random.default_rng(0)
    crop = FaceCrop(
        pixels=rng.integers(0, 255, (96, 96, 3), dtype=np.uint8),
        box_xyxy=box,
        crop_xyxy=box,
        face_confidence=0.99,
        time_s=time_s,
        person=person,
    )
    return ScoredFace(crop, Score(logit=1.0, probability=probability))


@pytest.fixture
def make_report():
    """A report of a fake picture; anything of it can be said otherwise."""

    def make(source="a.jpg", **changes):
        fields = {
            "source": source,
            "kind": Kind.IMAGE,
            "verdict": Verdict.FAKE,
            "score": Score(logit=3.5, probability=0.97),
            "model": ModelId("unmask-test", "1.0", "ab" * 32),
            "policy": "balanced",
            "threshold": 0.5,
            "faces": (make_face(),),
            "reasons": ("the score lies above the threshold",),
            "versions": {"unmask": "0.1.0"},
            "seconds": 0.25,
        }
        return Report(**{**fields, **changes})

    return make


@pytest.fixture
def failed_report(make_report):
    """A report of a file that could not be read."""

    def make(source="bad.jpg", code="corrupt", message="the picture ends too early"):
        return make_report(
            source,
            kind=None,
            verdict=None,
            score=None,
            faces=(),
            reasons=(),
            error=Failure(code, message),
        )

    return make


@pytest.fixture
def clip_report(make_report):
    """A report of a clip with two people over four seconds."""
    times = [0.0, 1.0, 2.0, 3.0, 4.0]
    faces = []
    people = []
    for person, (base, left) in enumerate([(0.9, 10.0), (0.1, 100.0)]):
        line = tuple((time_s, base - 0.02 * index) for index, time_s in enumerate(times))
        people.append(Person(person, Score(logit=0.0, probability=base), line))
        for time_s, probability in line:
            box = (left + 5 * time_s, 20.0, left + 50 + 5 * time_s, 80.0)
            faces.append(make_face(probability, box=box, time_s=time_s, person=person))
    return make_report(
        "clip.mp4",
        kind=Kind.VIDEO,
        faces=tuple(faces),
        people=tuple(people),
        score=Score(logit=0.0, probability=0.9),
    )
