"""The figures of a detector, each with its interval. Fake is the positive class throughout.

Every figure is defined once, for samples that each count a number of times: once each gives the
figure itself, the counts of a bootstrap resample give its interval. The samples are sorted once, so
that a thousand resamples cost about as much as a thousand cumulative sums.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from unmask.errors import DataError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RESAMPLES: Final = 1000
LEVEL: Final = (2.5, 97.5)
"""Percentiles at the ends of a 95 % interval."""
ECE_BINS: Final = 15
"""Bins of equal width for the calibration error (Guo et al. 2017, arXiv 1706.04599, section 2)."""
LOW_FALSE_ALARMS: Final = 0.01
_CLIP: Final = 1e-7
_BLOCK_CELLS: Final = 400_000
"""Resamples times samples that are worked on together: a few MB for each intermediate array."""


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


class Ranked:
    """Scored samples in falling order of score, and what of them does not depend on counts."""

    def __init__(self, data: Scored) -> None:
        self.order = np.argsort(-data.scores, kind="stable")
        self.scores = data.scores[self.order]
        self.fake = data.labels[self.order].astype(np.float64)
        """(N,) 1 fake, 0 real."""
        self.called = (self.scores >= data.threshold).astype(np.float64)
        """(N,) 1 where a sample counts as fake."""
        self.ends = np.flatnonzero(np.append(np.diff(self.scores) != 0, True))
        """(K,) the last sample of each distinct score: where the curves may have a corner."""
        clipped = np.clip(self.scores, _CLIP, 1 - _CLIP)
        self.surprise = -np.where(self.fake == 1, np.log(clipped), np.log1p(-clipped))
        self.excess_by_bin = np.zeros((len(self.scores), ECE_BINS))
        bins = score_bins(self.scores)
        self.excess_by_bin[np.arange(len(bins)), bins] = self.scores - self.fake


class Counted:
    """Ranked samples, each counted a number of times, R countings at once.

    Args:
        ranked: the samples.
        counts: (R, N) how often each counts, in the order that they had before they were ranked.
    """

    def __init__(self, ranked: Ranked, counts: FloatArray) -> None:
        self.ranked = ranked
        self.counts = counts[:, ranked.order]

    @cached_property
    def total(self) -> FloatArray:
        """(R,) samples."""
        total: FloatArray = self.counts.sum(axis=1)
        return total

    @cached_property
    def fakes(self) -> FloatArray:
        """(R,) fake samples."""
        return self.counts @ self.ranked.fake

    @cached_property
    def reals(self) -> FloatArray:
        """(R,) real samples."""
        return self.total - self.fakes

    @cached_property
    def found_at(self) -> FloatArray:
        """(R, K) fakes at or above each distinct score."""
        return np.cumsum(self.counts * self.ranked.fake, axis=1)[:, self.ranked.ends]

    @cached_property
    def alarms_at(self) -> FloatArray:
        """(R, K) reals at or above each distinct score."""
        return np.cumsum(self.counts * (1 - self.ranked.fake), axis=1)[:, self.ranked.ends]

    @cached_property
    def hit_rate(self) -> FloatArray:
        """(R, 1 + K) share of fakes found, from a threshold that finds none downwards."""
        return _from_zero(self.found_at / self.fakes[:, None])

    @cached_property
    def alarm_rate(self) -> FloatArray:
        """(R, 1 + K) share of reals called fake, along the same thresholds."""
        return _from_zero(self.alarms_at / self.reals[:, None])

    @cached_property
    def called_fake(self) -> FloatArray:
        """(R,) samples that count as fake."""
        return self.counts @ self.ranked.called

    @cached_property
    def found(self) -> FloatArray:
        """(R,) fakes that count as fake."""
        return self.counts @ (self.ranked.called * self.ranked.fake)

    def side(self, label: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of a class: the samples rightly called so, those called so, and those that are; (R,)."""
        if label == 1:
            return self.found, self.called_fake, self.fakes
        return self.right - self.found, self.total - self.called_fake, self.reals

    @property
    def right(self) -> FloatArray:
        """(R,) samples on the right side of the threshold."""
        return self.found + self.reals - (self.called_fake - self.found)


Figure = Callable[[Counted], FloatArray]
"""A figure of each of R countings, (R,)."""


def accuracy(counted: Counted) -> FloatArray:
    """Share of samples on the right side of the threshold."""
    return counted.right / counted.total


def false_alarm_rate(counted: Counted) -> FloatArray:
    """Share of reals that count as fake at the threshold."""
    return _ratio(counted.called_fake - counted.found, counted.reals)


def precision(counted: Counted, label: int = 1) -> FloatArray:
    """Share of true members of the class among those called so; 0 where none was."""
    found, called, _ = counted.side(label)
    return _ratio(found, called)


def recall(counted: Counted, label: int = 1) -> FloatArray:
    """Share of a class's members that were called so."""
    found, _, members = counted.side(label)
    return _ratio(found, members)


def f1(counted: Counted, label: int = 1) -> FloatArray:
    """Harmonic mean of precision and recall."""
    found, called, members = counted.side(label)
    return _ratio(2 * found, called + members)


def auc(counted: Counted) -> FloatArray:
    """Area under the ROC curve."""
    heights = (counted.hit_rate[:, 1:] + counted.hit_rate[:, :-1]) / 2
    area: FloatArray = np.sum(np.diff(counted.alarm_rate, axis=1) * heights, axis=1)
    return area


def average_precision(counted: Counted) -> FloatArray:
    """Area under the precision-recall curve, as a step function."""
    shares = _ratio(counted.found_at, counted.found_at + counted.alarms_at)
    area: FloatArray = np.sum(np.diff(counted.hit_rate, axis=1) * shares, axis=1)
    return area


def eer(counted: Counted) -> FloatArray:
    """Equal error rate: where the curve of misses against false alarms crosses the diagonal."""
    gap = (1 - counted.hit_rate) - counted.alarm_rate  # falls from 1 to -1
    rows = np.arange(len(gap))
    after = np.argmax(gap <= 0, axis=1)
    before = np.maximum(after - 1, 0)
    weight = _ratio(gap[rows, before], gap[rows, before] - gap[rows, after])
    low, high = counted.alarm_rate[rows, before], counted.alarm_rate[rows, after]
    crossing: FloatArray = low + weight * (high - low)
    return crossing


def tpr_at_fpr_1(counted: Counted) -> FloatArray:
    """Share of fakes found where at most 1 % of reals are called fake."""
    allowed = counted.alarm_rate <= LOW_FALSE_ALARMS
    best: FloatArray = np.max(np.where(allowed, counted.hit_rate, 0.0), axis=1)
    return best


def log_loss(counted: Counted) -> FloatArray:
    """Mean negative log-likelihood in nats."""
    return counted.counts @ counted.ranked.surprise / counted.total


def brier(counted: Counted) -> FloatArray:
    """Mean squared distance of the score from the label."""
    ranked = counted.ranked
    return counted.counts @ np.square(ranked.scores - ranked.fake) / counted.total


def ece(counted: Counted) -> FloatArray:
    """Expected calibration error of the probability of fake."""
    excess = counted.counts @ counted.ranked.excess_by_bin
    error: FloatArray = np.abs(excess).sum(axis=1) / counted.total
    return error


METRICS: Final[Mapping[str, Figure]] = {
    "accuracy": accuracy,
    "auc": auc,
    "ap": average_precision,
    "eer": eer,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "false_alarm_rate": false_alarm_rate,
    "tpr_at_fpr_1": tpr_at_fpr_1,
    "log_loss": log_loss,
    "brier": brier,
    "ece": ece,
}
ONE_SIDED: Final[Mapping[int, tuple[str, ...]]] = {
    0: ("accuracy", "false_alarm_rate"),
    1: ("accuracy", "recall"),
}
"""By the label that all samples have: what still means something."""


def measure(data: Scored, figures: Mapping[str, Figure] = METRICS) -> dict[str, float]:
    """Figures of scored samples; those outside `ONE_SIDED` need both classes.

    Raises:
        DataError: a class is missing that a figure needs.

    >>> data = Scored(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]), 0.5)
    >>> round(measure(data)["auc"], 2)
    0.75
    """
    _check_classes(data, figures)
    counted = Counted(Ranked(data), np.ones((1, len(data.labels))))
    return {name: float(figure(counted)[0]) for name, figure in figures.items()}


def measure_intervals(
    data: Scored,
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    figures: Mapping[str, Figure] = METRICS,
) -> dict[str, tuple[float, float]]:
    """The 95 % percentile bootstrap interval of figures (Efron and Tibshirani 1993, ch. 13).

    Args:
        data: samples that hold every class that a figure needs.
        groups: a name per sample; samples of one group are resampled together.
        seed: of the resampling.
        resamples: how many; those that miss a class that the data hold are drawn again.
        figures: by name; by default all.

    Raises:
        DataError: a class is missing, or there are fewer than two groups.
    """
    drawn = resample(data, groups=groups, seed=seed, resamples=resamples, figures=figures)
    return {name: interval(values) for name, values in drawn.items()}


def resample(
    data: Scored,
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    figures: Mapping[str, Figure] = METRICS,
) -> dict[str, FloatArray]:
    """Each figure of each bootstrap resample, (resamples,).

    Two detectors on the same samples with the same groups and seed are drawn the same resamples,
    so that their differences are paired.
    """
    _check_classes(data, figures)
    ranked = Ranked(data)
    parts: dict[str, list[FloatArray]] = {name: [] for name in figures}
    block = max(1, _BLOCK_CELLS // len(data.labels))
    draws = _draw_counts(data.labels, groups, np.random.default_rng(seed))
    for start in range(0, resamples, block):
        counts = np.stack([next(draws) for _ in range(min(block, resamples - start))])
        counted = Counted(ranked, counts)
        for name, figure in figures.items():
            parts[name].append(figure(counted))
    return {name: np.concatenate(values) for name, values in parts.items()}


def interval(values: FloatArray) -> tuple[float, float]:
    """The ends of the 95 % percentile interval of drawn values."""
    low, high = np.percentile(values, LEVEL)
    return float(low), float(high)


def score_bins(scores: FloatArray) -> IntArray:
    """The number of the calibration bin of each score, (N,)."""
    edges = np.linspace(0.0, 1.0, ECE_BINS + 1)[1:-1]
    return np.digitize(scores, edges).astype(np.int64)


def number_groups(count: int, groups: Sequence[str] | None) -> IntArray:
    """The number of each sample's group, (N,); without groups each sample is one."""
    if groups is None:
        return np.arange(count)
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)


def _draw_counts(
    labels: IntArray, groups: Sequence[str] | None, generator: np.random.Generator
) -> Iterator[FloatArray]:
    """How often each sample counts, (N,), resample after resample, for ever."""
    numbers = number_groups(len(labels), groups)
    group_count = int(numbers.max()) + 1
    if group_count < 2:
        message = "an interval needs at least two independent groups, got one"
        raise DataError(message)
    present = [labels == label for label in (0, 1) if (labels == label).any()]
    while True:
        picks = generator.integers(0, group_count, group_count)
        counts = np.bincount(picks, minlength=group_count)[numbers].astype(np.float64)
        if all(counts[rows].any() for rows in present):
            yield counts


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """A quotient that is 0 where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def _from_zero(rates: FloatArray) -> FloatArray:
    return np.pad(rates, ((0, 0), (1, 0)))


def _check_classes(data: Scored, figures: Mapping[str, Figure]) -> None:
    count = len(data.labels)
    fakes = int(data.labels.sum())
    if 0 < fakes < count:
        return
    enough = ONE_SIDED[1 if fakes else 0] if count else ()
    if not set(figures) <= set(enough):
        message = (
            "metrics need scored samples of both classes, "
            f"got {fakes} fake and {count - fakes} real"
        )
        raise DataError(message)
