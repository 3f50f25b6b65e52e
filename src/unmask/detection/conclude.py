"""From scored faces to a conclusion: who, how likely fake, which verdict, and why in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unmask.detection.doubts import explain
from unmask.detection.policy import Policy
from unmask.detection.pooling import find_deciding
from unmask.records import Person, Score, ScoredFace, Verdict

BACKGROUND_SHARE: Final = 0.5
"""Faces smaller than this share of the largest one's side need not be fit for a verdict."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What follows from the faces of one input."""

    verdict: Verdict | None
    """None where the input could not be answered."""
    score: Score | None
    reasons: tuple[str, ...]


def conclude_image(faces: Sequence[ScoredFace], policy: Policy) -> Conclusion:
    """A picture is as suspicious as its most suspicious face that can be judged.

    It is real only where every face that is not in the background can be judged.
    """
    if not faces:
        return _no_face("no face was found in the picture")
    fit = [face for face in faces if not face.doubts]
    deciding = max(fit or faces, key=lambda face: face.score.probability)
    if not fit:
        what = "the face" if len(faces) == 1 else "the face with the highest score"
        return _doubtful(what, deciding, policy)
    verdict = policy.decide(deciding.score.probability)
    reasons = [_explain(deciding.score, verdict, policy)]
    if len(fit) > 1:
        fakes = sum(policy.decide(face.score.probability) is Verdict.FAKE for face in fit)
        reasons.append(f"the highest of {len(fit)} faces counts; {fakes} of them would be fake")
    doubtful = [face for face in faces if face.doubts]
    if doubtful:
        stated = f"{len(doubtful)} of {len(faces)} faces gave no ground for a verdict"
        reasons.append(f"{stated}; of the largest: {explain(doubtful[0].doubts)}")
        foreground = BACKGROUND_SHARE * max(face.crop.face_size_px for face in faces)
        if verdict is Verdict.REAL and doubtful[0].crop.face_size_px >= foreground:
            return Conclusion(Verdict.UNCERTAIN, deciding.score, (reasons[-1], *reasons[:-1]))
    return Conclusion(verdict, deciding.score, tuple(reasons))


def conclude_clip(people: Sequence[Person], policy: Policy) -> Conclusion:
    """A clip is as suspicious as the person who decides it (see `unmask.detection.pooling`)."""
    deciding = find_deciding(people)
    if deciding is None:
        return _no_face("no face was found in the frames that were looked at")
    if deciding.doubts:
        return _doubtful("the face", deciding, policy)
    verdict = policy.decide(deciding.score.probability)
    reasons = [_explain(deciding.score, verdict, policy)]
    if len(people) > 1:
        reasons.append(f"of {len(people)} people seen, person {deciding.person} decides")
    return Conclusion(verdict, deciding.score, tuple(reasons))


def _no_face(reason: str) -> Conclusion:
    return Conclusion(Verdict.NO_FACE, None, (reason,))


def _doubtful(what: str, deciding: ScoredFace | Person, policy: Policy) -> Conclusion:
    """Whatever the score says."""
    reasons = (
        f"{what} gives no ground for a verdict: {explain(deciding.doubts)}",
        f"its score {_percent(deciding.score.probability)} is therefore not compared with "
        f"policy {policy.name}",
    )
    return Conclusion(Verdict.UNCERTAIN, deciding.score, reasons)


def _explain(score: Score, verdict: Verdict, policy: Policy) -> str:
    stated = f"score {_percent(score.probability)}"
    rule = f"policy {policy.name}"
    if verdict is Verdict.FAKE:
        return f"{stated} is at or above the threshold {_percent(policy.threshold)} ({rule})"
    if verdict is Verdict.REAL:
        return f"{stated} is below {_percent(policy.real_below)} ({rule})"
    return (
        f"{stated} lies between {_percent(policy.real_below)} and {_percent(policy.threshold)}, "
        f"where neither verdict is safe ({rule})"
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
