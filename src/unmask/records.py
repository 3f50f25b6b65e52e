"""The vocabulary: what flows from a file to an answer.

    path | bytes | camera -> Frame -> FaceCrop -> Score -> Verdict -> Report

Frozen dataclasses, checked on construction. `fake` is 1, the positive class, everywhere; a score is
the calibrated probability of fake. A failure is never a number: a picture without a face has the
verdict `NO_FACE` and no score, a file that could not be answered has an `error` and no verdict.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the frame; may reach over its border."""


class Verdict(StrEnum):
    """The answer to "is this face real?"."""

    FAKE = "fake"
    REAL = "real"
    UNCERTAIN = "uncertain"
    NO_FACE = "no_face"


class Doubt(StrEnum):
    """Why a face gives no ground for a verdict, whatever its score."""

    TOO_SMALL = "too_small"
    TOO_BLURRED = "too_blurred"
    TOO_COMPRESSED = "too_compressed"
    UNLIKE_TRAINING = "unlike_training"


class Kind(StrEnum):
    """What an input is."""

    IMAGE = "image"
    VIDEO = "video"


NO_PIXELS: Final = np.empty((0, 0, 3), dtype=np.uint8)
"""Stands in a crop whose pixels were dropped to save memory."""


def _check_pixels(name: str, pixels: Pixels) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or pixels.size == 0:
        message = (
            f"{name} must have shape (H, W, 3) and dtype uint8, got {pixels.shape} {pixels.dtype}; "
            "read pictures with unmask.media.images.read_image"
        )
        raise ValueError(message)


def _check_unit(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:  # also false for NaN
        message = f"{name} must lie in [0, 1], got {value}"
        raise ValueError(message)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A full picture, upright, as it would be seen."""

    pixels: Pixels
    """(H, W, 3) uint8 RGB, EXIF or container rotation applied."""
    source: str = ""
    index: int = 0
    """Position in the stream, 0-based; 0 for a still."""
    time_s: float | None = None
    """Presentation time in seconds; None for a still."""

    def __post_init__(self) -> None:
        _check_pixels("frame pixels", self.pixels)

    @property
    def height_px(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    def __repr__(self) -> str:
        return (
            f"Frame(pixels={self.pixels.shape}, source={self.source!r}, "
            f"index={self.index}, time_s={self.time_s})"
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much there is of a face to judge it by, measured in its frame."""

    face_px: float
    """Shorter side of the face's box."""
    sharpness: float
    """Variance of the Laplacian of the grey face, brought to 128 px."""
    blockiness: float
    """Steps at the borders of 8 px blocks in relation to those within; 1 where there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrop:
    """One face cut from a frame by the crop geometry of a model card."""

    pixels: Pixels
    """(S, S, 3) uint8 RGB; `NO_PIXELS` where a long clip's crop was dropped after scoring."""
    box_xyxy: Box
    """The face as the face detector sees it, in the frame's pixels."""
    crop_xyxy: Box
    """The square that was cut, in the frame's pixels."""
    face_confidence: float
    landmarks: npt.NDArray[np.float32] | None = None
    """(5, 2): left eye, right eye, nose, left and right mouth corner as seen in the picture."""
    frame_index: int = 0
    time_s: float | None = None
    person: int | None = None
    """Track number within a clip, from 0."""
    evidence: Evidence | None = None
    """None where the model's card asks for none."""

    def __post_init__(self) -> None:
        if self.pixels is not NO_PIXELS:
            _check_pixels("crop pixels", self.pixels)
        if self.pixels.shape[0] != self.pixels.shape[1]:
            message = f"crop must have shape (S, S, 3), got {self.pixels.shape}"
            raise ValueError(message)
        if self.landmarks is not None and self.landmarks.shape != (5, 2):
            message = f"landmarks must have shape (5, 2), got {self.landmarks.shape}"
            raise ValueError(message)
        _check_unit("face_confidence", self.face_confidence)

    @property
    def face_size_px(self) -> float:
        """The shorter side of the face in the frame, in pixels: what the evidence is made of."""
        x1, y1, x2, y2 = self.box_xyxy
        return min(x2 - x1, y2 - y1)

    def without_pixels(self) -> "FaceCrop":
        """The same crop without what takes memory."""
        return replace(self, pixels=NO_PIXELS)

    def __repr__(self) -> str:
        box = tuple(round(value, 1) for value in self.box_xyxy)
        return (
            f"FaceCrop(pixels={self.pixels.shape}, box_xyxy={box}, "
            f"face_confidence={self.face_confidence:.3f}, time_s={self.time_s}, "
            f"person={self.person})"
        )


@dataclass(frozen=True, slots=True)
class Score:
    """What a model says of one crop, or of several pooled."""

    logit: float
    """The network's output before calibration; higher is more likely fake."""
    probability: float
    """Calibrated probability of fake, in [0, 1]."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.logit):
            message = f"logit must be finite, got {self.logit}"
            raise ValueError(message)
        _check_unit("probability", self.probability)


@dataclass(frozen=True, slots=True)
class ScoredFace:
    """A crop with its score, and what speaks against trusting it."""

    crop: FaceCrop
    score: Score
    unlike: float | None = None
    """Distance from the training faces in units of the card's limit; None where the model brings no
    description of them."""
    doubts: tuple[Doubt, ...] = ()

    def without_pixels(self) -> "ScoredFace":
        """The same face without what takes memory."""
        return replace(self, crop=self.crop.without_pixels())

    def to_dict(self) -> dict[str, Any]:
        """The face as plain JSON values."""
        return {
            "box_xyxy": [round(value, 1) for value in self.crop.box_xyxy],
            "score": round(self.score.probability, 6),
            "face_confidence": round(self.crop.face_confidence, 4),
            "time_s": None if self.crop.time_s is None else round(self.crop.time_s, 3),
            "person": self.crop.person,
            "unlike": None if self.unlike is None else round(self.unlike, 4),
            "doubts": [doubt.value for doubt in self.doubts],
        }


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a clip: the pooled score and the course of it."""

    person: int
    score: Score
    timeline: tuple[tuple[float, float], ...]
    """(time in seconds, score in [0, 1]) for each sampled frame that shows the person."""
    doubts: tuple[Doubt, ...] = ()
    """Those of more than half of the frames."""

    def to_dict(self) -> dict[str, Any]:
        """The person as plain JSON values."""
        return {
            "person": self.person,
            "score": round(self.score.probability, 6),
            "timeline": [
                {"time_s": round(time_s, 3), "score": round(score, 6)}
                for time_s, score in self.timeline
            ],
            "doubts": [doubt.value for doubt in self.doubts],
        }


@dataclass(frozen=True, slots=True)
class ModelId:
    """Which weights answered."""

    name: str
    version: str
    sha256: str

    def to_dict(self) -> dict[str, str]:
        """The model as plain JSON values."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an input could not be answered."""

    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """The failure as plain JSON values."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Report:
    """The answer for one input: a verdict with its grounds, or an error."""

    source: str
    kind: Kind | None
    """None where the file could not be told to be either."""
    verdict: Verdict | None
    """None exactly where `error` is set."""
    score: Score | None
    """None where no face was scored."""
    model: ModelId
    policy: str
    threshold: float
    """The score at or above which the verdict is FAKE."""
    faces: tuple[ScoredFace, ...] = ()
    people: tuple[Person, ...] = ()
    """Videos only."""
    reasons: tuple[str, ...] = ()
    """Grounds of the verdict, in words."""
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if (self.verdict is None) != (self.error is not None):
            message = (
                "a report has either a verdict or an error, "
                f"got verdict={self.verdict} error={self.error}"
            )
            raise ValueError(message)
        scored = self.verdict in {Verdict.FAKE, Verdict.REAL, Verdict.UNCERTAIN}
        if scored != (self.score is not None):
            message = (
                "a report has a score exactly where its verdict is fake, real or uncertain, "
                f"got verdict={self.verdict} score={self.score}"
            )
            raise ValueError(message)
        _check_unit("threshold", self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values; the field names are a contract with scripts."""
        return {
            "source": self.source,
            "kind": self.kind.value if self.kind else None,
            "verdict": self.verdict.value if self.verdict else "error",
            "score": round(self.score.probability, 6) if self.score else None,
            "faces": [face.to_dict() for face in self.faces],
            "people": [person.to_dict() for person in self.people],
            "model": self.model.to_dict(),
            "policy": self.policy,
            "threshold": round(self.threshold, 6),
            "reasons": list(self.reasons),
            "versions": dict(self.versions),
            "warnings": list(self.warnings),
            "error": self.error.to_dict() if self.error else None,
            "seconds": round(self.seconds, 4),
        }


def count_verdicts(reports: Sequence[Report]) -> dict[str, int]:
    """How many reports have each verdict, `error` included, in a fixed order."""
    names = [*(verdict.value for verdict in Verdict), "error"]
    counts = dict.fromkeys(names, 0)
    for report in reports:
        counts[report.verdict.value if report.verdict else "error"] += 1
    return counts
