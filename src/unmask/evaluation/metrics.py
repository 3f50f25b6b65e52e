"""The figures of a detector, each with its interval. Fake is the positive class throughout."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn import metrics as skm

from unmask.errors import DataError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RESAMPLES: Final = 1000
ECE_BINS: Final = 15
"""Bins of equal width for the calibration error (Guo et al. 2017, arXiv 1706.04599, section 2)."""
_CLIP: Final = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What there is to measure: labels and scores of the samples that were scored."""

    labels: IntArray
    """(N,) 1 fake, 0 real."""
    scores: FloatArray
    """(N,) calibrated probability of fake."""
    threshold: float
    """At or above it a sample counts as fake."""

    def __post_init__(self) -> None:
        if self.labels.shape != self.scores.shape or self.labels.ndim != 1:
            message = (
                "labels and scores must both have shape (N,), "
                f"got {self.labels.shape} and {self.scores.shape}"
            )
            raise DataError(message)
        if not np.isfinite(self.scores).all():
            message = "scores must be finite; samples without a score are left out beforehand"
            raise DataError(message)

    def take(self, rows: IntArray) -> "Scored":
        """Some of the samples, with repetition."""
        return Scored(self.labels[rows], self.scores[rows], self.threshold)


def accuracy(data: Scored) -> float:
    """Share of samples on the right side of the threshold."""
    return float(np.mean((data.scores >= data.threshold) == (data.labels == 1)))


def precision(data: Scored) -> float:
    """Share of true fakes among those called fake."""
    return float(skm.precision_score(data.labels, _called(data), zero_division=0.0))


def recall(data: Scored) -> float:
    """Share of fakes called fake."""
    return float(skm.recall_score(data.labels, _called(data), zero_division=0.0))


def f1(data: Scored) -> float:
    """Harmonic mean of precision and recall."""
    return float(skm.f1_score(data.labels, _called(data), zero_division=0.0))


def auc(data: Scored) -> float:
    """Area under the ROC curve."""
    return float(skm.roc_auc_score(data.labels, data.scores))


def average_precision(data: Scored) -> float:
    """Area under the precision-recall curve, as a step function."""
    return float(skm.average_precision_score(data.labels, data.scores))


def eer(data: Scored) -> float:
    """Equal error rate: where the curve of misses against false alarms crosses the diagonal."""
    false_alarms, hits, _ = skm.roc_curve(data.labels, data.scores, drop_intermediate=False)
    gap = (1 - hits) - false_alarms  # falls from 1 to -1
    after = int(np.argmax(gap <= 0))
    before = max(after - 1, 0)
    span = gap[before] - gap[after]
    weight = gap[before] / span if span > 0 else 0.0
    return float(false_alarms[before] + weight * (false_alarms[after] - false_alarms[before]))


def tpr_at_fpr_1(data: Scored) -> float:
    """Share of fakes found where at most 1 % of reals are called fake."""
    false_alarms, hits, _ = skm.roc_curve(data.labels, data.scores, drop_intermediate=False)
    return float(hits[false_alarms <= 0.01].max())


def log_loss(data: Scored) -> float:
    """Mean negative log-likelihood in nats."""
    return float(skm.log_loss(data.labels, np.clip(data.scores, _CLIP, 1 - _CLIP), labels=[0, 1]))


def brier(data: Scored) -> float:
    """Mean squared distance of the score from the label."""
    return float(skm.brier_score_loss(data.labels, data.scores))


def ece(data: Scored) -> float:
    """Expected calibration error of the probability of fake."""
    edges = np.linspace(0.0, 1.0, ECE_BINS + 1)[1:-1]
    bins = np.digitize(data.scores, edges)
    sums = np.bincount(bins, weights=data.scores - data.labels, minlength=ECE_BINS)
    return float(np.abs(sums).sum() / len(data.scores))


METRICS: Final[Mapping[str, Callable[[Scored], float]]] = {
    "accuracy": accuracy,
    "auc": auc,
    "ap": average_precision,
    "eer": eer,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "tpr_at_fpr_1": tpr_at_fpr_1,
    "log_loss": log_loss,
    "brier": brier,
    "ece": ece,
}


def measure(data: Scored) -> dict[str, float]:
    """Every metric of samples that hold both classes.

    Raises:
        DataError: a class is missing.
    """
    _check_classes(data)
    return {name: metric(data) for name, metric in METRICS.items()}


def measure_intervals(
    data: Scored, *, groups: Sequence[str] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, tuple[float, float]]:
    """The 95 % percentile bootstrap interval of every metric (Efron and Tibshirani 1993, ch. 13).

    Args:
        data: samples that hold both classes.
        groups: a name per sample; samples of one group are resampled together.
        seed: of the resampling.
        resamples: how many; those that miss a class are drawn again.
    """
    _check_classes(data)
    generator = np.random.default_rng(seed)
    members = _group_rows(len(data.labels), groups)
    drawn: list[list[float]] = []
    while len(drawn) < resamples:
        picks = generator.integers(0, len(members), len(members))
        sample = data.take(np.concatenate([members[pick] for pick in picks]))
        if 0 < sample.labels.sum() < len(sample.labels):
            drawn.append([metric(sample) for metric in METRICS.values()])
        elif len(members) < 2:
            message = "an interval needs at least two independent groups, got one"
            raise DataError(message)
    low, high = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    return {name: (float(low[n]), float(high[n])) for n, name in enumerate(METRICS)}


def _group_rows(count: int, groups: Sequence[str] | None) -> list[IntArray]:
    if groups is None:
        return [np.array([row]) for row in range(count)]
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _called(data: Scored) -> IntArray:
    return (data.scores >= data.threshold).astype(np.int64)


def _check_classes(data: Scored) -> None:
    fakes = int(data.labels.sum())
    if not 0 < fakes < len(data.labels):
        message = (
            "metrics need scored samples of both classes, "
            f"got {fakes} fake and {len(data.labels) - fakes} real"
        )
        raise DataError(message)
