"""The verb `ensemble`: several models as one, weighted and calibrated on validation samples."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from unmask.data.manifest import Manifest
from unmask.errors import DataError, UsageError
from unmask.evaluation.calibration import choose_policies, fit_calibration, to_probabilities
from unmask.media.faces import CropGeometry
from unmask.models.card import CalibrationCard, MemberCard, ModelCard, PolicyCard, plain_name
from unmask.models.ensemble import (
    MembersApart,
    Mix,
    check_ensemble,
    check_members,
    write_ensemble,
)
from unmask.models.library import ModelFolder, check_place, describe_files, write_model
from unmask.records import Pixels
from unmask.training.convert import generate_crops
from unmask.training.crops import CropStore, build_crops
from unmask.training.publish import describe_data, score_views

METHODS: Final = ("mean", "weighted", "stacked")
_RIDGE: Final = 1e-3
"""Penalty on the squared weights, which decides between members that say the same."""
_STRENGTH: Final = 1.0
"""scikit-learn's default `C` of the logistic regression that stacks."""
_EDGE: Final = 1e-6
"""Thresholds are moved so far inside of (0, 1) before their log-odds are taken."""
_CHECKED_CROPS: Final = 8

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Combined:
    """What was made."""

    card: ModelCard
    gap: float
    """How far the logit of the one graph lies from that of the members run apart, at most."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What decides besides the members."""

    mix: Mix
    calibration: CalibrationCard
    policies: dict[str, PolicyCard]
    checked: Pixels
    """Crops to compare the graph with its members on."""


def combine(
    members: Sequence[ModelFolder],
    out: Path,
    *,
    method: str = "mean",
    manifest: Manifest | None = None,
    seed: int = 42,
    device: str = "auto",
) -> Combined:
    """Write several models as one model folder, checked against its members run apart.

    `mean` gives each calibrated member the same say; `weighted` fits a share of it to each, none
    below 0, that add up to 1; `stacked` is a logistic regression on what they say. Weights,
    calibration and policies are fitted on the `val` samples, each crop as it is and degraded, as
    after a training; without data `mean` takes over its members' calibrations, and the means of
    their thresholds in log-odds.

    Raises:
        UsageError: there is no such method, it needs data, or fewer than two models.
        ModelError: the models do not fit together, or the graph answers otherwise than they do.
        DataError: the data have no `val` samples, or too few.
    """
    if method not in METHODS:
        message = f"method must be one of {', '.join(METHODS)}, got {method!r}"
        raise UsageError(message)
    if manifest is None and method != "mean":
        message = f"the method {method} is fitted on validation samples; name data with --data"
        raise UsageError(message)
    check_members(members)
    check_place(out)
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / "model.onnx"
        validation = None if manifest is None else _cut_crops(manifest, members, Path(scratch))
        fitted = (
            _take_over(members)
            if validation is None
            else _fit(MembersApart(members, device=device), validation, method=method, seed=seed)
        )
        write_ensemble(members, fitted.mix, weights)
        gap = check_ensemble(weights, members, fitted.mix, fitted.checked)
        card = _describe(members, fitted, weights, _name_after(out))
        if validation is not None:
            data = dict.fromkeys((*card.data, *describe_data(validation.manifest, {})))
            card = card.model_copy(update={"data": tuple(data), "seed": seed})
        write_model(card, weights, out)
    return Combined(card, gap)


def fit_weighted(log_odds: FloatArray, labels: IntArray) -> Mix:
    """Weights of least log loss for log-odds (N, K), none below 0, that add up to 1.

    Raises:
        DataError: no member says more of fakes than of reals.
    """

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        weights, bias = values[:-1], values[-1]
        total = log_odds @ weights + bias
        error = expit(total) - labels
        slope = np.append(log_odds.T @ error / len(labels) + 2 * _RIDGE * weights, error.mean())
        mean = float(np.mean(np.logaddexp(0, total) - labels * total))
        return mean + _RIDGE * float(weights @ weights), slope

    count = log_odds.shape[1]
    start = np.append(np.full(count, 1 / count), 0.0)
    bounds = [(0.0, None)] * count + [(None, None)]
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x[:count]
    if not found.sum() > 0:
        message = (
            "no member gives fakes higher logits than reals: "
            "the labels are swapped or the models have learned nothing"
        )
        raise DataError(message)
    return Mix(tuple(float(weight) for weight in found / found.sum()))


def fit_stacked(log_odds: FloatArray, labels: IntArray) -> Mix:
    """A logistic regression (Wolpert 1992, stacked generalisation) on log-odds (N, K)."""
    model = LogisticRegression(C=_STRENGTH, max_iter=1000).fit(log_odds, labels)
    return Mix(tuple(float(weight) for weight in model.coef_[0]), float(model.intercept_[0]))


def _fit_mean(log_odds: FloatArray, labels: IntArray) -> Mix:  # noqa: ARG001 (as the others)
    return _mean(log_odds.shape[1])


_FITS: Final[Mapping[str, Callable[[FloatArray, IntArray], Mix]]] = {
    "mean": _fit_mean,
    "weighted": fit_weighted,
    "stacked": fit_stacked,
}


def _mean(count: int) -> Mix:
    return Mix((1 / count,) * count)


def _cut_crops(manifest: Manifest, members: Sequence[ModelFolder], folder: Path) -> CropStore:
    """The validation crops in the size of the largest member."""
    chosen = manifest.select("val")
    if not len(chosen):
        message = (
            "the data have no validation samples, and the test split must not decide anything; "
            "cut one with: unmask data split"
        )
        raise DataError(message)
    return build_crops(chosen, CropGeometry(**_largest(members).crop.model_dump()), folder)


def _largest(members: Sequence[ModelFolder]) -> ModelCard:
    return max((member.card for member in members), key=lambda card: card.crop.size_px)


def _fit(members: MembersApart, store: CropStore, *, method: str, seed: int) -> _Fitted:
    rows = store.numbers("val")
    log_odds, labels = score_views(members, store, rows, seed)
    data = f"validation, {len(rows)} crops, each as it is and degraded"
    fit_calibration(log_odds.mean(axis=1), labels, data)  # says what is wrong with the data first
    mix = _FITS[method](log_odds, labels)
    combined = mix.combine(log_odds)
    calibration = fit_calibration(combined, labels, data)
    scores = to_probabilities(combined, calibration)
    checked = np.array(store.pixels[rows[:_CHECKED_CROPS]])
    return _Fitted(mix, calibration, choose_policies(scores, labels), checked)


def _take_over(members: Sequence[ModelFolder]) -> _Fitted:
    """Without data: each member's calibration, and the means of the thresholds in log-odds."""
    cards = [member.card for member in members]
    shared = set.intersection(*(set(card.policies) for card in cards))
    policies = {name: _mean_policy([card.policies[name] for card in cards]) for name in shared}
    calibration = CalibrationCard(data="the mean of the members' calibrations; not fitted anew")
    checked = generate_crops(_largest(members).crop.size_px)
    return _Fitted(_mean(len(members)), calibration, dict(sorted(policies.items())), checked)


def _mean_policy(policies: Sequence[PolicyCard]) -> PolicyCard:
    threshold = _mean_odds([policy.threshold for policy in policies])
    real_below = _mean_odds([policy.real_below for policy in policies])
    return PolicyCard(
        threshold=threshold,
        real_below=min(threshold, real_below),
        meaning=f"{policies[0].meaning} (mean of the members' thresholds)",
    )


def _mean_odds(values: Sequence[float]) -> float:
    return float(expit(np.mean(logit(np.clip(values, _EDGE, 1 - _EDGE)))))


def _name_after(folder: Path) -> str:
    """A name that a card may have."""
    return plain_name(folder.resolve().name, "ensemble")


def _describe(
    members: Sequence[ModelFolder], fitted: _Fitted, weights: Path, name: str
) -> ModelCard:
    cards = [member.card for member in members]
    parameters = sum(card.weights.parameters for card in cards)
    changes: dict[str, Any] = {
        "name": name,
        "version": "1",
        "architecture": "ensemble of " + ", ".join(card.architecture for card in cards),
        "crop": _largest(members).crop,
        "calibration": fitted.calibration,
        "policies": fitted.policies,
        "weights": describe_files([weights], parameters),
        "members": tuple(
            MemberCard(
                name=card.name, version=card.version, sha256=card.weights.sha256, weight=weight
            )
            for card, weight in zip(cards, fitted.mix.weights, strict=True)
        ),
        "data": tuple(dict.fromkeys(entry for card in cards for entry in card.data)),
        "metrics": (),
        "seed": None,
        "versions": {package: version(package) for package in ("unmask", "onnx")},
        "licence": "; ".join(dict.fromkeys(card.licence for card in cards if card.licence)),
        "limits": tuple(dict.fromkeys(limit for card in cards for limit in card.limits)),
    }
    return cards[0].model_copy(update=changes)
