"""From a score to a verdict: calibration and thresholds, both from the model card."""

import math
from dataclasses import dataclass
from difflib import get_close_matches

from unmask.errors import UsageError
from unmask.models.card import CalibrationCard, ModelCard
from unmask.records import Score, Verdict

CUSTOM_POLICY = "custom"
"""Name of the policy that a threshold given by hand makes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Where the verdicts lie on the score."""

    name: str
    threshold: float
    """At or above it the verdict is FAKE."""
    real_below: float
    """Below it the verdict is REAL; between the two it is UNCERTAIN."""

    def decide(self, probability: float) -> Verdict:
        """The verdict for a calibrated probability of fake."""
        if probability >= self.threshold:
            return Verdict.FAKE
        return Verdict.REAL if probability < self.real_below else Verdict.UNCERTAIN


def choose_policy(card: ModelCard, name: str, threshold: float | None = None) -> Policy:
    """The card's policy of this name; a threshold given by hand replaces it and leaves no band.

    Raises:
        UsageError: the card has no such policy, or the threshold lies outside [0, 1].
    """
    if name not in card.policies:
        near = get_close_matches(name, card.policies, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = (
            f"model {card.name!r} has no policy {name!r}; "
            f"it has {', '.join(sorted(card.policies))}{hint}"
        )
        raise UsageError(message)
    if threshold is None:
        chosen = card.policies[name]
        return Policy(name, chosen.threshold, chosen.real_below)
    if not 0.0 <= threshold <= 1.0:
        message = f"threshold must lie in [0, 1], got {threshold}"
        raise UsageError(message)
    return Policy(CUSTOM_POLICY, threshold, threshold)


def calibrate(logit: float, calibration: CalibrationCard) -> Score:
    """A network's logit as a score: Platt scaling (Platt 1999) with the card's numbers."""
    scaled = calibration.slope * logit + calibration.offset
    return Score(logit=logit, probability=_sigmoid(scaled))


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    power = math.exp(value)
    return power / (1.0 + power)
