"""From the scores of frames to the score of a person and of a clip: one rule.

1. A **person's** logit is the trimmed weighted mean of the logits of the frames that show them. A
   frame weighs by the size of the face, up to the size at which the crop holds native detail, times
   the face detector's confidence. A tenth of the weight is left out at either end, so that a blink,
   a blurred frame or a wrong face box decides nothing.
2. The **clip's** score is that of the person with the highest one, since one manipulated person
   makes a clip a fake, among the people seen in at least an eighth of the frames of the person seen
   most (rounded up). So in 32 sampled frames a face box that appears in up to 3 of them, next to
   somebody who is always there, is reported but does not decide. People whose faces give no ground
   for a verdict decide only where nobody else was seen.

Log-odds are pooled, not probabilities: their mean is that of equally reliable witnesses.
Calibration is a rising straight line on logits, with which a trimmed mean commutes; pooling the raw
logits and pooling the calibrated log-odds is thus the same, and a pooled probability is what the
card's calibration makes of the pooled logit. Outliers, to which a mean is prone, are trimmed.

A pooled score does not depend on the order of its inputs and never falls where one of them rises.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from unmask.detection.doubts import prevailing
from unmask.records import FaceCrop, Person, Score, ScoredFace

TRIM_SHARE: Final = 0.1
"""Share of the weight that is left out at either end."""
NATIVE_FACE_PX: Final = 150
"""Shorter side from which a face fills the crop without being enlarged, at the default geometry."""
MIN_WEIGHT: Final = 0.05
"""Of the smallest and most doubtful face."""
SUPPORT_SHARE: Final = 1 / 8
"""Frames that a person needs to decide, as a share of those of the person seen most."""
_ALMOST: Final = 1e-12
"""Probabilities are kept this far from 0 and 1, where log-odds are infinite."""


def pool_people(faces: Sequence[ScoredFace]) -> tuple[Person, ...]:
    """The people of a clip, by number; faces without a person's number are left out."""
    numbered = sorted(
        ((face.crop.person, face) for face in faces if face.crop.person is not None),
        key=lambda pair: pair[0],
    )
    return tuple(
        _pool_person(number, [face for _, face in group])
        for number, group in groupby(numbered, key=lambda pair: pair[0])
    )


def pool_clip(people: Sequence[Person]) -> Score | None:
    """The score of a clip; None where nobody was seen."""
    deciding = find_deciding(people)
    return deciding.score if deciding else None


def find_deciding(people: Sequence[Person]) -> Person | None:
    """The person whose score is the clip's; of equal ones the lowest number."""
    if not people:
        return None
    needed = math.ceil(max(len(person.timeline) for person in people) * SUPPORT_SHARE)
    supported = [person for person in people if len(person.timeline) >= needed]
    fit = [person for person in supported if not person.doubts]
    return max(fit or supported, key=lambda person: (person.score.logit, -person.person))


def pool_scores(faces: Sequence[ScoredFace]) -> Score:
    """The score of one person from their faces.

    Raises:
        ValueError: there is no face.
    """
    weights = [weigh_face(face.crop) for face in faces]
    logit = pool_logits([face.score.logit for face in faces], weights)
    log_odds = pool_logits([_log_odds(face.score.probability) for face in faces], weights)
    return Score(logit, 1.0 / (1.0 + math.exp(-log_odds)))


def weigh_face(crop: FaceCrop) -> float:
    """How much the frame of this crop counts in its person's score, in (0, 1]."""
    detail = min(1.0, max(0.0, crop.face_size_px) / NATIVE_FACE_PX)
    return max(MIN_WEIGHT, detail * crop.face_confidence)


def pool_logits(logits: Sequence[float], weights: Sequence[float]) -> float:
    """The trimmed weighted mean: the mean of the weighted quantile function between the trims.

    Raises:
        ValueError: there is no logit, the lengths differ, or a weight is not above 0.
    """
    if not logits or len(logits) != len(weights) or min(weights) <= 0:
        message = (
            "pooling needs at least one logit and a weight above 0 for each, "
            f"got {len(logits)} logits and weights {list(weights)[:5]}"
        )
        raise ValueError(message)
    total = math.fsum(weights)
    low, high = TRIM_SHARE * total, (1 - TRIM_SHARE) * total
    start, parts = 0.0, []
    for logit, weight in sorted(zip(logits, weights, strict=True)):
        end = start + weight
        parts.append(logit * max(0.0, min(end, high) - max(start, low)))
        start = end
    pooled = math.fsum(parts) / (high - low)
    return min(max(pooled, min(logits)), max(logits))  # rounding must not leave their range


def _pool_person(number: int, faces: Sequence[ScoredFace]) -> Person:
    timeline = sorted((_time_s(face.crop), face.score.probability) for face in faces)
    doubts = prevailing([face.doubts for face in faces])
    return Person(number, pool_scores(faces), tuple(timeline), doubts)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _ALMOST), 1.0 - _ALMOST)
    return math.log(inside) - math.log1p(-inside)


def _time_s(crop: FaceCrop) -> float:
    """Without times the frames count seconds."""
    return float(crop.frame_index) if crop.time_s is None else crop.time_s
