"""How good a detector is on labelled pictures and clips, through the same path as detection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.data.manifest import Manifest, Sample
from unmask.detection.detector import Detector
from unmask.errors import DataError
from unmask.evaluation.metrics import METRICS, Scored, measure, measure_intervals
from unmask.models.card import MetricCard
from unmask.records import Verdict


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a detector said of one sample."""

    sample: Sample
    verdict: Verdict | None
    """None where the file could not be answered."""
    score: float | None
    """Calibrated probability of fake; None where no face was scored."""


def predict(detector: Detector, manifest: Manifest) -> Iterator[Prediction]:
    """Answer every sample of a manifest, in its order."""
    reports = detector.detect_all(sample.path for sample in manifest)
    for sample, report in zip(manifest, reports, strict=True):
        score = report.score.probability if report.score else None
        yield Prediction(sample, report.verdict, score)


def summarise(
    predictions: Sequence[Prediction], threshold: float, *, seed: int = 0
) -> dict[str, Any]:
    """The figures of `metrics.json`: counts, metrics at a threshold, and 95 % intervals.

    Pictures without a face or with an error count in `n`, not in `n_scored`. UNCERTAIN counts by
    its score; `accuracy_decided` leaves it out, `coverage` is the share of scored ones decided.

    Raises:
        DataError: no sample was scored, or those of one class only.
    """
    scored = [p for p in predictions if p.score is not None]
    if not scored:
        message = f"none of {len(predictions)} samples was scored; there is nothing to measure"
        raise DataError(message)
    data = Scored(
        np.array([p.sample.label for p in scored], np.int64),
        np.array([p.score for p in scored], np.float64),
        threshold,
    )
    groups = [p.sample.group or p.sample.path for p in scored]
    decided = [p for p in scored if p.verdict is not Verdict.UNCERTAIN]
    right = [(p.verdict is Verdict.FAKE) == (p.sample.label == 1) for p in decided]
    return {
        "n": len(predictions),
        "n_scored": len(scored),
        "coverage": len(decided) / len(scored),
        "accuracy_decided": sum(right) / len(right) if right else None,
        **measure(data),
        "threshold": threshold,
        "ci": measure_intervals(data, groups=groups, seed=seed),
    }


def describe_metrics(summary: dict[str, Any], data: str) -> tuple[MetricCard, ...]:
    """The figures of a summary as entries of a model card."""
    return tuple(
        MetricCard(
            name=name,
            value=round(summary[name], 5),
            low=round(summary["ci"][name][0], 5),
            high=round(summary["ci"][name][1], 5),
            data=data,
            n=summary["n_scored"],
        )
        for name in METRICS
    )
