"""The verb `calibrate`: a model's scores and thresholds fitted to other cameras and pictures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from unmask.data.manifest import Manifest
from unmask.data.split import fold_numbers
from unmask.detection.detector import Detector
from unmask.detection.policy import choose_policy
from unmask.errors import DataError
from unmask.evaluation.calibration import choose_policies, fit_calibration, to_probabilities
from unmask.evaluation.evaluate import Observer
from unmask.evaluation.metrics import METRICS, Scored, measure
from unmask.models.card import CalibrationCard, DataCard, ModelCard, plain_name
from unmask.models.library import ModelFolder
from unmask.records import Report

LEAST_SIDE: Final = 30
"""Scored samples of each class that are needed; thresholds want some hundred."""
FIRM_SIDE: Final = 100
"""Below so many reals a rate of 1 % is the most suspicious of them."""
FOLDS: Final = 5
SHOWN: Final = ("accuracy", "false_alarm_rate", "recall", "ece", "log_loss", "auc")

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """A card with new calibration and policies, and what they change."""

    card: ModelCard
    counts: dict[str, int]
    """Scored reals and fakes, and samples that were not scored."""
    before: dict[str, float]
    """Figures under the policy `balanced` with the old card."""
    after: dict[str, float]
    """The same with new ones, each sample judged by a fit that had not seen it."""
    warnings: tuple[str, ...]


def recalibrate(
    model: ModelFolder,
    manifest: Manifest,
    name: str,
    *,
    seed: int = 0,
    device: str = "auto",
    observe: Observer | None = None,
) -> Recalibrated:
    """Fit calibration and policies to labelled samples, answered as `detect` answers them.

    A clip counts as one sample: its pooled logit is what the calibration turns into its score.

    Raises:
        DataError: too few samples of a class were scored, or the model's logits fall where fakes
            are.
    """
    detector = Detector(model.path, device=device)
    paths = (sample.path for sample in manifest)
    logits, rows = _collect(detector.detect_all(paths), observe)
    kept = Manifest(tuple(manifest.samples[row] for row in rows))
    labels = np.array([sample.label for sample in kept], np.int64)
    counts = {
        "real": int((labels == 0).sum()),
        "fake": int((labels == 1).sum()),
        "not_scored": len(manifest) - len(rows),
    }
    _check_counts(counts)
    said = f"{counts['real']} reals and {counts['fake']} fakes of {name}"
    calibration = fit_calibration(logits, labels, said)
    policies = choose_policies(to_probabilities(logits, calibration), labels)
    old = model.card
    before = _figures(logits, labels, old.calibration, choose_policy(old, "balanced").threshold)
    return Recalibrated(
        card=_describe(old, calibration, policies, kept, name),
        counts=counts,
        before=before,
        after=_cross_fit(logits, labels, kept, seed),
        warnings=_warn(counts),
    )


def rename(card: ModelCard, folder: Path) -> ModelCard:
    """The card under a name that its folder gives."""
    name = plain_name(folder.resolve().name, f"{card.name[:53]}-calibrated")
    return card.model_copy(update={"name": name})


def _collect(reports: Iterable[Report], observe: Observer | None) -> tuple[FloatArray, list[int]]:
    """Logits and places of the samples that were scored."""
    found = [
        (place, report.score.logit)
        for place, report in enumerate(observe(reports) if observe else reports)
        if report.score is not None
    ]
    return np.array([logit for _, logit in found], np.float64), [place for place, _ in found]


def _check_counts(counts: Mapping[str, int]) -> None:
    if min(counts["real"], counts["fake"]) < LEAST_SIDE:
        message = (
            f"calibration needs at least {LEAST_SIDE} scored samples of each class, got "
            f"{counts['real']} real and {counts['fake']} fake ({counts['not_scored']} were not "
            "scored); give more data"
        )
        raise DataError(message)


def _figures(
    logits: FloatArray, labels: IntArray, calibration: CalibrationCard, threshold: float
) -> dict[str, float]:
    data = Scored(labels, to_probabilities(logits, calibration), threshold)
    return measure(data, {key: METRICS[key] for key in SHOWN})


def _cross_fit(
    logits: FloatArray, labels: IntArray, manifest: Manifest, seed: int
) -> dict[str, float]:
    """Figures of the new way: folds in turn are left out of the fit and judged by it."""
    folds = np.array(fold_numbers(manifest, FOLDS, seed))
    parts = []
    for fold in range(FOLDS):
        fitted, judged = folds != fold, folds == fold
        calibration = fit_calibration(logits[fitted], labels[fitted], "")
        scores = to_probabilities(logits[fitted], calibration)
        threshold = choose_policies(scores, labels[fitted])["balanced"].threshold
        weight = float(judged.mean())
        found = _figures(logits[judged], labels[judged], calibration, threshold)
        parts.append({key: weight * value for key, value in found.items()})
    return reduce(lambda one, two: {key: one[key] + two[key] for key in one}, parts)


def _describe(
    old: ModelCard, calibration: CalibrationCard, policies: Any, kept: Manifest, name: str
) -> ModelCard:
    counts = [sum(sample.label == label for sample in kept) for label in (0, 1)]
    data = DataCard(name=name, split="val", real=counts[0], fake=counts[1], sha256=kept.sha256())
    line = f"Calibrated anew on {name}; the figures of {old.name} {old.version} hold no longer."
    return old.model_copy(
        update={
            "calibration": calibration,
            "policies": policies,
            "data": (*old.data, data),
            "metrics": (),
            "limits": (*old.limits, line),
        }
    )


def _warn(counts: Mapping[str, int]) -> tuple[str, ...]:
    if counts["real"] >= FIRM_SIDE:
        return ()
    return (
        f"only {counts['real']} reals: the policy fpr_1 is as sure as its most suspicious real "
        f"face; {FIRM_SIDE} or more make it firm",
    )
