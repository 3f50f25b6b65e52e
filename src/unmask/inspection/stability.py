"""How firm a verdict is: the score after what happens to pictures on their way.

Each change is made on the part of the frame around the face, before the face is cut out, which is
what a platform or messenger would do to the whole of it: the part lies on multiples of 16 pixels
and reaches beyond the face, so that JPEG blocks, blurs and averages fall as they do there.

Mild changes, which leave no doubt to the eye, may not turn a verdict: where the scores under them
lie on both sides of the threshold, the verdict is uncertain. Strong ones are shown for information,
since they take away evidence that no detector then has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from unmask.detection.policy import Policy
from unmask.media.faces import cut_square
from unmask.media.perturb import PERTURBATIONS
from unmask.records import FaceCrop, Pixels, Verdict

MILD: Final = ("jpeg_90", "jpeg_70", "resize_0.75", "blur_1")
"""Names of `media.perturb.PERTURBATIONS` that may not turn a verdict."""
STRONG: Final = ("jpeg_50", "jpeg_30", "webp_50", "resize_0.5", "resize_0.25", "blur_2", "social")
_MARGIN_PX: Final = 32
_BLOCK_PX: Final = 16
"""Of a JPEG file with halved chroma."""
_TIGHTER: Final = 0.9
_SHIFT: Final = 0.05

Square = tuple[int, int, int, int]

CROPS: Final = {"crop_0.9": (0.9, 0.0), "crop_left": (0.95, -0.025), "crop_right": (0.95, 0.025)}
"""Other squares around the same face, in sides of the old one: side, and shift across; all mild."""


@dataclass(frozen=True, slots=True)
class Change:
    """The score after one change."""

    name: str
    score: float
    """Probability of fake, in [0, 1]."""
    mild: bool
    """Whether it may turn the verdict."""

    def to_dict(self) -> dict[str, Any]:
        """The change as plain JSON values."""
        return {"name": self.name, "score": round(self.score, 6), "mild": self.mild}


@dataclass(frozen=True, slots=True)
class Stability:
    """The scores of one input under all changes."""

    score: float
    """Without a change."""
    changes: tuple[Change, ...]

    @property
    def span(self) -> tuple[float, float]:
        """The lowest and the highest score under mild changes, the unchanged one among them."""
        scores = [self.score, *(change.score for change in self.changes if change.mild)]
        return min(scores), max(scores)

    def crosses(self, verdict: Verdict | None, threshold: float) -> bool:
        """Whether a mild change turns a verdict of fake or real to the threshold's other side."""
        low, high = self.span
        if verdict is Verdict.FAKE:
            return low < threshold
        return verdict is Verdict.REAL and high >= threshold

    def explain(self, policy: Policy) -> str:
        """The changes that cross the threshold, in words."""
        crossing = [
            f"{change.name} ({100 * change.score:.1f} %)"
            for change in self.changes
            if change.mild
            and (change.score >= policy.threshold) != (self.score >= policy.threshold)
        ]
        return (
            f"the score crosses the threshold {100 * policy.threshold:.1f} % "
            f"under slight changes: {', '.join(crossing)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain JSON values."""
        low, high = self.span
        return {
            "score": round(self.score, 6),
            "lowest": round(low, 6),
            "highest": round(high, 6),
            "changes": [change.to_dict() for change in self.changes],
        }


def change_names() -> tuple[str, ...]:
    """The names of all changes, in the order of `vary`."""
    return (*MILD, *CROPS, *STRONG)


def vary(frame: Pixels, crop: FaceCrop, size_px: int) -> Iterator[Pixels]:
    """The crop of a face after each change to its frame (H, W, 3), in the order of the names."""
    x1, y1, x2, y2 = (round(value) for value in crop.crop_xyxy)
    square = (x1, y1, x2, y2)
    left, top = (max(0, (start - _MARGIN_PX) // _BLOCK_PX * _BLOCK_PX) for start in (x1, y1))
    right, bottom = (-(-(end + _MARGIN_PX) // _BLOCK_PX) * _BLOCK_PX for end in (x2, y2))
    part = np.ascontiguousarray(frame[top:bottom, left:right])
    inner = (x1 - left, y1 - top, x2 - left, y2 - top)
    generator = np.random.default_rng(0)
    for name in MILD:
        yield cut_square(PERTURBATIONS[name](part, generator), inner, size_px)
    for side, across in CROPS.values():
        yield cut_square(frame, _move(square, side, across), size_px)
    for name in STRONG:
        yield cut_square(PERTURBATIONS[name](part, generator), inner, size_px)


def gather(score: float, scores: Sequence[float]) -> Stability:
    """The scores under all changes, in the order of the names, as a record."""
    mild = {*MILD, *CROPS}
    changes = zip(change_names(), scores, strict=True)
    return Stability(score, tuple(Change(name, value, name in mild) for name, value in changes))


def _move(square: Square, side: float, across: float) -> Square:
    old = square[2] - square[0]
    new = max(1, round(old * side))
    x1, y1 = (start + (old - new) // 2 for start in square[:2])
    x1 += round(old * across)
    return x1, y1, x1 + new, y1 + new
