"""What an answer means, for people who have never read a model card."""

import re
from collections.abc import Sequence
from typing import Final

from unmask.models.card import MISSED_FAKES, ModelCard
from unmask.records import Doubt, Report, Verdict

_RATE: Final = re.compile(r"fpr_(\d+(?:\.\d+)?)")
"""The policies whose threshold is the lowest one at which at most x % of reals are called fake."""

HEADLINES: Final = {
    "fake": "The face looks made or altered by a machine.",
    "real": "Nothing was found that speaks against a real face.",
    "uncertain": "This cannot be answered safely.",
    "no_face": "There is no face in it that could be judged.",
    "error": "The file could not be answered.",
}
"""What each verdict says, in one sentence."""

ADVICE: Final = {
    "fake": (
        "This is the opinion of one program, not proof. Ask where the picture is from, look for an "
        "earlier copy, and let nobody be accused on its strength alone."
    ),
    "real": (
        "That is no proof: the program knows only the kinds of fakes that it was trained on, and "
        "says nothing about whether the picture shows what is claimed of it."
    ),
    "uncertain": "Do not take it for a half fake: it means that the program does not know.",
    "no_face": "Faces smaller than about 40 pixels are not found; try a larger or sharper copy.",
    "error": "The other files are not affected.",
}
"""What to make of each verdict."""


def headline(verdict: str) -> str:
    """What a verdict says, in one sentence."""
    return HEADLINES[verdict]


def explain_score(report: Report, card: ModelCard) -> str:
    """How rare the score is among faces that are real, or fake, as far as the card tells.

    A card bounds that at the thresholds of its policies alone, so the sentence says "at most" and
    "more than". Empty where nothing was scored, or the score is not to be trusted.
    """
    if report.score is None or _is_doubtful(report):
        return ""
    score = report.score.probability
    said = _among_fakes(score, card) or _among_reals(score, card)
    if said and report.people:
        said += " (Counted on single pictures; the score of a clip sums up many.)"
    return said


def _is_doubtful(report: Report) -> bool:
    parts: Sequence[tuple[Doubt, ...]] = [part.doubts for part in report.people or report.faces]
    return report.verdict is Verdict.UNCERTAIN and any(parts)


def _among_reals(score: float, card: ModelCard) -> str:
    rates = sorted(
        (float(found[1]), policy.threshold)
        for name, policy in card.policies.items()
        if (found := _RATE.fullmatch(name))
    )
    if not rates:
        return ""
    reached = [percent for percent, threshold in rates if score >= threshold]
    many = f"at most {reached[0]:g}" if reached else f"more than {rates[-1][0]:g}"
    return f"Of 100 real faces like those it was checked on, {many} would score this high."


def _among_fakes(score: float, card: ModelCard) -> str:
    if score >= max(policy.real_below for policy in card.policies.values()):
        return ""
    many = f"at most {100 * MISSED_FAKES:g}"
    return f"Of 100 fakes of the kinds it was checked on, {many} would score this low."
