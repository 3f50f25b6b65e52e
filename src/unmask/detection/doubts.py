"""Whether a face gives ground for a verdict at all: the card's bounds on what there is to see."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from unmask.models.card import EvidenceCard
from unmask.records import Doubt, Evidence

WORDS: Final = {
    Doubt.TOO_SMALL: "it is too small",
    Doubt.TOO_BLURRED: "it is too blurred",
    Doubt.TOO_COMPRESSED: "it is too compressed",
    Doubt.UNLIKE_TRAINING: "it is unlike anything the model was trained on",
}


def find_doubts(
    evidence: Evidence | None, unlike: float | None, bounds: EvidenceCard
) -> tuple[Doubt, ...]:
    """What speaks against trusting the score of a face, in a fixed order.

    Args:
        evidence: what was measured of it; nothing is bounded where None.
        unlike: its distance from the training faces, above 1 beyond the limit.
        bounds: the card's.
    """
    found = []
    if evidence is not None:
        if bounds.least_face_px is not None and evidence.face_px < bounds.least_face_px:
            found.append(Doubt.TOO_SMALL)
        if bounds.least_sharpness is not None and evidence.sharpness < bounds.least_sharpness:
            found.append(Doubt.TOO_BLURRED)
        if bounds.most_blockiness is not None and evidence.blockiness > bounds.most_blockiness:
            found.append(Doubt.TOO_COMPRESSED)
    if unlike is not None and unlike > 1:
        found.append(Doubt.UNLIKE_TRAINING)
    return tuple(found)


def prevailing(frames: Sequence[Iterable[Doubt]]) -> tuple[Doubt, ...]:
    """The doubts of more than half of a person's frames."""
    counts = Counter(doubt for doubts in frames for doubt in doubts)
    return tuple(doubt for doubt in Doubt if 2 * counts[doubt] > len(frames))


def explain(doubts: Iterable[Doubt]) -> str:
    """Doubts as the end of a sentence that begins with what is doubted."""
    return ", ".join(WORDS[doubt] for doubt in doubts)
