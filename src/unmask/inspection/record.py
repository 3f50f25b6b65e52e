"""The record of an inspection: the detector's answer, what speaks for and against trusting it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unmask.inspection.fingerprints import hash_tool
from unmask.inspection.heatmap import HeatMap, describe_heat, draw_heat
from unmask.inspection.provenance import Provenance
from unmask.inspection.stability import Stability
from unmask.inspection.views import View, draw_views
from unmask.records import Report, ScoredFace, Verdict

FORMAT: Final = 1
"""Of the serialised form."""


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """A face with the reasons for its score."""

    face: ScoredFace
    heat: HeatMap

    def draw(self) -> tuple[View, ...]:
        """The face, its heat map, its residual and its spectrum."""
        pixels = self.face.crop.pixels
        how = (
            "exactly what each area adds to the logit"
            if self.heat.method == "class activation"
            else "what the logit loses where an area is blurred away"
        )
        words = describe_heat(self.heat)
        caption = f"Heat map ({self.heat.method}): {how}; orange speaks for fake, blue for real."
        return (
            View("face", pixels, "The face as the network sees it."),
            View("heat", draw_heat(pixels, self.heat), f"{caption} {words[:1].upper()}{words[1:]}"),
            *draw_views(pixels),
        )

    def to_dict(self) -> dict[str, Any]:
        """The face as plain JSON values."""
        return {
            **self.face.to_dict(),
            "logit": round(self.face.score.logit, 4),
            "heat": {**self.heat.to_dict(), "in_words": describe_heat(self.heat)},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """All that was found out about one file."""

    report: Report
    """The detector's answer, as `unmask detect` gives it."""
    verdict: Verdict | None
    """The detector's, or UNCERTAIN where something speaks against trusting it."""
    reasons: tuple[str, ...]
    explained: tuple[Explained, ...] = ()
    """The most suspicious faces of a picture, or moments of a clip's deciding person."""
    stability: Stability | None = None
    """None where no face was scored."""
    unlike: float | None = None
    """How unlike the training faces what decides is, in limits; above 1 is out of domain."""
    provenance: Provenance | None = None
    """None where the file could not be opened at all."""
    perceptual_hash: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    """When it was made, in UTC."""
    warnings: tuple[str, ...] = ()

    def pictures(self) -> tuple[tuple[View, ...], ...]:
        """For each explained face its views."""
        return tuple(explained.draw() for explained in self.explained)

    def to_dict(self) -> dict[str, Any]:
        """The inspection as plain JSON values; the field names are a contract with scripts."""
        score = self.report.score
        return {
            "unmask_inspection": FORMAT,
            "source": self.report.source,
            "date": self.date,
            "verdict": self.verdict.value if self.verdict else "error",
            "score": round(score.probability, 6) if score else None,
            "logit": round(score.logit, 4) if score else None,
            "reasons": list(self.reasons),
            "warnings": list(self.warnings),
            "detection": self.report.to_dict(),
            "why": [explained.to_dict() for explained in self.explained],
            "stability": self.stability.to_dict() if self.stability else None,
            "unlike": None if self.unlike is None else round(self.unlike, 4),
            "provenance": self.provenance.to_dict() if self.provenance else None,
            "perceptual_hash": self.perceptual_hash,
            "model": self.report.model.to_dict(),
            "tool": {"name": "unmask", "sha256": hash_tool()},
            "settings": dict(self.settings),
            "versions": dict(self.versions),
        }
