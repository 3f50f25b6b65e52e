"""What each policy of a card does to the same scores."""

from collections.abc import Mapping, Sequence

from unmask.detection.policy import Policy
from unmask.evaluation.evaluate import Prediction
from unmask.records import Verdict


def summarise_policies(
    predictions: Sequence[Prediction], policies: Mapping[str, Policy]
) -> dict[str, dict[str, float | None]]:
    """Per policy: thresholds, false alarms, missed fakes, decided share and accuracy on it.

    `false_alarm_rate` is the share of scored reals with the verdict FAKE, `missed_rate` that of
    scored fakes with the verdict REAL; neither counts UNCERTAIN.
    """
    pairs = [(p.score, p.sample.label) for p in predictions if p.score is not None]
    return {name: _summarise(pairs, policy) for name, policy in policies.items()}


def _summarise(pairs: Sequence[tuple[float, int]], policy: Policy) -> dict[str, float | None]:
    verdicts = [(policy.decide(score), label) for score, label in pairs]
    reals = [verdict for verdict, label in verdicts if label == 0]
    fakes = [verdict for verdict, label in verdicts if label == 1]
    decided = [(v, label) for v, label in verdicts if v is not Verdict.UNCERTAIN]
    right = sum((v is Verdict.FAKE) == (label == 1) for v, label in decided)
    return {
        "threshold": policy.threshold,
        "real_below": policy.real_below,
        "false_alarm_rate": _share(reals.count(Verdict.FAKE), len(reals)),
        "missed_rate": _share(fakes.count(Verdict.REAL), len(fakes)),
        "coverage": _share(len(decided), len(verdicts)),
        "accuracy_decided": _share(right, len(decided)),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
