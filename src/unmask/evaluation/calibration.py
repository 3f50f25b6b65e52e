"""What turns logits into honest probabilities and probabilities into policies.

Fitted on validation samples only; the results go into the model card.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from unmask.detection.policy import calibrate
from unmask.errors import DataError
from unmask.models.card import MISSED_FAKES, CalibrationCard, PolicyCard

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_WEAK_PENALTY: Final = 1e4
_LEAST_SIDE: Final = 10


def fit_calibration(logits: FloatArray, labels: IntArray, data: str) -> CalibrationCard:
    """Platt scaling (Platt 1999): the slope and offset of greatest likelihood.

    Raises:
        DataError: too few samples of a class, or logits that fall as fakeness rises.
    """
    _check_sides(labels)
    model = LogisticRegression(C=_WEAK_PENALTY, max_iter=1000)
    model.fit(logits.reshape(-1, 1), labels)
    slope, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= 0:
        message = (
            f"the logits fall where fakes are (slope {slope:.3g}): "
            "the labels are swapped or the model has learned nothing"
        )
        raise DataError(message)
    return CalibrationCard(slope=slope, offset=offset, data=data)


def to_probabilities(logits: npt.NDArray[Any], calibration: CalibrationCard) -> FloatArray:
    """Logits (N,) as calibrated probabilities (N,) of fake."""
    return np.array([calibrate(float(logit), calibration).probability for logit in logits])


def choose_policies(scores: FloatArray, labels: IntArray) -> dict[str, PolicyCard]:
    """The policies `balanced`, `fpr_1` and `fpr_5` from calibrated validation scores.

    `balanced` maximises the mean of the two classes' accuracies (Youden's index); `fpr_x` is the
    lowest threshold at which at most x % of the reals are called fake.
    """
    _check_sides(labels)
    reals, fakes = np.sort(scores[labels == 0]), np.sort(scores[labels == 1])
    missed = float(fakes[int(np.floor(MISSED_FAKES * len(fakes)))])
    thresholds = {
        "balanced": (_youden(reals, fakes), "both kinds of error weigh the same"),
        "fpr_1": (_at_false_alarms(reals, 0.01), "at most 1 % of real faces are called fake"),
        "fpr_5": (_at_false_alarms(reals, 0.05), "at most 5 % of real faces are called fake"),
    }
    return {
        name: PolicyCard(threshold=value, real_below=min(missed, value), meaning=meaning)
        for name, (value, meaning) in thresholds.items()
    }


def _youden(reals: FloatArray, fakes: FloatArray) -> float:
    """The best threshold; among equals the one nearest to even odds."""
    cuts = np.unique(np.concatenate([reals, fakes]))
    middles = np.concatenate([(cuts[1:] + cuts[:-1]) / 2, [0.5]])
    right = np.searchsorted(reals, middles) / len(reals)
    hits = 1 - np.searchsorted(fakes, middles) / len(fakes)
    best = middles[right + hits >= (right + hits).max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])


def _at_false_alarms(reals: FloatArray, share: float) -> float:
    allowed = int(np.floor(share * len(reals)))
    return float(min(1.0, np.nextafter(reals[len(reals) - 1 - allowed], 2.0)))


def _check_sides(labels: IntArray) -> None:
    fakes = int(labels.sum())
    reals = len(labels) - fakes
    if min(fakes, reals) < _LEAST_SIDE:
        message = (
            f"calibration needs at least {_LEAST_SIDE} samples of each class, "
            f"got {reals} real and {fakes} fake"
        )
        raise DataError(message)
