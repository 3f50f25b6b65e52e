"""Is one detector better than another on the same samples, or is it chance?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, norm, rankdata

from unmask.errors import DataError
from unmask.evaluation.metrics import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class AucTest:
    """DeLong's test of two AUCs on the same samples."""

    difference: float
    """The first AUC minus the second."""
    standard_error: float
    z: float
    p: float
    """Two-sided."""


@dataclass(frozen=True, slots=True)
class AccuracyTest:
    """McNemar's exact test of two accuracies on the same samples."""

    only_first: int
    """Samples that only the first called rightly."""
    only_second: int
    p: float
    """Two-sided."""


def delong_covariance(labels: IntArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """AUCs (K,) of K detectors and their covariance (K, K), from scores (K, N).

    Source: X. Sun and W. Xu, "Fast Implementation of DeLong's Algorithm for Comparing the Areas
    Under Correlated Receiver Operating Characteristic Curves", IEEE Signal Processing Letters
    21(11), 2014, doi 10.1109/LSP.2014.2337313: midranks in O(N log N) instead of all pairs. The
    estimate is that of E. DeLong, D. DeLong and D. Clarke-Pearson, Biometrics 44(3), 1988.

    Raises:
        DataError: fewer than two samples of a class.
    """
    fake, real = scores[:, labels == 1], scores[:, labels == 0]
    fakes, reals = fake.shape[1], real.shape[1]
    if min(fakes, reals) < 2:
        message = (
            "DeLong's test needs at least two samples of each class, "
            f"got {fakes} fake and {reals} real"
        )
        raise DataError(message)
    together = rankdata(np.concatenate([fake, real], axis=1), axis=1)
    beaten_by_fake = (together[:, :fakes] - rankdata(fake, axis=1)) / reals
    """(K, M) share of reals below each fake, ties as halves."""
    above_real = 1 - (together[:, fakes:] - rankdata(real, axis=1)) / fakes
    aucs: FloatArray = beaten_by_fake.mean(axis=1)
    covariance = np.cov(beaten_by_fake) / fakes + np.cov(above_real) / reals
    return aucs, np.atleast_2d(covariance)


def compare_aucs(labels: IntArray, first: FloatArray, second: FloatArray) -> AucTest:
    """DeLong's two-sided test that two detectors' AUCs on the same samples (N,) are equal.

    Samples count as independent. Where neither detector's ranks leave any spread the AUCs differ
    for certain (p = 0) or not at all (p = 1).

    Raises:
        DataError: fewer than two samples of a class.
    """
    aucs, covariance = delong_covariance(labels, np.stack([first, second]))
    difference = float(aucs[0] - aucs[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = float(np.sqrt(max(variance, 0.0)))
    if error < 1e-12:
        same = abs(difference) < 1e-12
        return AucTest(difference, 0.0, 0.0 if same else np.inf, 1.0 if same else 0.0)
    z = difference / error
    return AucTest(difference, error, z, float(2 * norm.sf(abs(z))))


def compare_accuracies(first_right: BoolArray, second_right: BoolArray) -> AccuracyTest:
    """McNemar's test in its exact form: of the samples on which two differ, who had how many.

    Source: Q. McNemar, Psychometrika 12, 1947; exact by the binomial distribution.
    """
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(second_right & ~first_right))
    differing = only_first + only_second
    p = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return AccuracyTest(only_first, only_second, p)


def correct_holm(chances: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm, Scandinavian Journal of Statistics 6, 1979).

    >>> correct_holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(chances)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda at: chances[at])):
        highest = max(highest, min(1.0, chances[place] * (len(chances) - rank)))
        corrected[place] = highest
    return corrected
