"""From scored faces to a conclusion: who, how likely fake, which verdict, and why in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from unmask.detection.policy import Policy
from unmask.detection.pooling import find_deciding
from unmask.records import Person, Score, ScoredFace, Verdict


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What follows from the faces of one input."""

    verdict: Verdict | None
    """None where the input could not be answered."""
    score: Score | None
    reasons: tuple[str, ...]


def conclude_image(faces: Sequence[ScoredFace], policy: Policy) -> Conclusion:
    """A picture is as suspicious as its most suspicious face."""
    if not faces:
        return _no_face("no face was found in the picture")
    score = max((face.score for face in faces), key=lambda score: score.probability)
    verdict = policy.decide(score.probability)
    reasons = [_explain(score, verdict, policy)]
    if len(faces) > 1:
        fakes = sum(policy.decide(face.score.probability) is Verdict.FAKE for face in faces)
        reasons.append(f"the highest of {len(faces)} faces counts; {fakes} of them would be fake")
    return Conclusion(verdict, score, tuple(reasons))


def conclude_clip(people: Sequence[Person], policy: Policy) -> Conclusion:
    """A clip is as suspicious as the person who decides it (see `unmask.detection.pooling`)."""
    deciding = find_deciding(people)
    if deciding is None:
        return _no_face("no face was found in the frames that were looked at")
    verdict = policy.decide(deciding.score.probability)
    reasons = [_explain(deciding.score, verdict, policy)]
    if len(people) > 1:
        reasons.append(f"of {len(people)} people seen, person {deciding.person} decides")
    return Conclusion(verdict, deciding.score, tuple(reasons))


def _no_face(reason: str) -> Conclusion:
    return Conclusion(Verdict.NO_FACE, None, (reason,))


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
