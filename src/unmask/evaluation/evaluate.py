"""How good a detector is on labelled pictures and clips, through the same path as detection."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.detection.detector import Detector
from unmask.detection.policy import Policy
from unmask.errors import DataError, MediaError
from unmask.evaluation.classes import CLASS_FIGURES, arrange_classes
from unmask.evaluation.metrics import (
    METRICS,
    ONE_SIDED,
    Figure,
    Scored,
    measure,
    measure_intervals,
)
from unmask.media.images import read_image
from unmask.media.perturb import Perturbation
from unmask.models.card import MetricCard, ModelCard
from unmask.records import Failure, Kind, Pixels, Report, Verdict

Observer = Callable[[Iterable[Report]], Iterable[Report]]
"""Passes reports on, such as to show progress."""

LEVELS: Final = {Kind.IMAGE: "frame", Kind.VIDEO: "video"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a detector said of one sample."""

    sample: Sample
    verdict: Verdict | None
    """None where the file could not be answered."""
    score: float | None
    """Calibrated probability of fake; None where no face was scored."""
    kind: Kind | None = None
    error: Failure | None = None
    seconds: float = 0.0

    @property
    def verdict_name(self) -> str:
        """The verdict, or `error`."""
        return self.verdict.value if self.verdict else "error"


def predict(
    detector: Detector, manifest: Manifest, observe: Observer | None = None
) -> Iterator[Prediction]:
    """Answer every sample of a manifest, in its order."""
    reports: Iterable[Report] = detector.detect_all(sample.path for sample in manifest)
    for sample, report in zip(manifest, observe(reports) if observe else reports, strict=True):
        yield _prediction(sample, report)


def predict_changed(
    detector: Detector,
    manifest: Manifest,
    change: Perturbation,
    *,
    seed: int = 0,
    observe: Observer | None = None,
) -> Iterator[Prediction]:
    """Answer the pictures of a manifest as `change` leaves them, in its order.

    The change is made to the decoded picture, before faces are looked for. Its chance is drawn from
    the seed and the sample's place, not from what was answered before.
    """
    failures: dict[int, Failure] = {}
    reports: Iterable[Report] = detector.detect_all(_changed(manifest, change, seed, failures))
    place = 0
    for report in (
        observe(reports) if observe else reports
    ):  # by now every failure before its picture is known
        while place in failures:
            yield _failed(manifest.samples[place], failures[place])
            place += 1
        yield _prediction(manifest.samples[place], report)
        place += 1
    for sample in manifest.samples[place:]:
        yield _failed(sample, failures[place])
        place += 1


def counting_threshold(card: ModelCard, policy: Policy) -> float:
    """The score from which a sample counts as fake under a policy.

    FAKE counts as fake and REAL as real; UNCERTAIN counts by its score at the `balanced` threshold.
    Since the three lie side by side on the score, this is one number.
    """
    balanced = card.policies["balanced"].threshold
    return min(max(balanced, policy.real_below), policy.threshold)


def to_scored(predictions: Sequence[Prediction], threshold: float) -> Scored:
    """Labels and scores of predictions that all have a score."""
    return Scored(
        np.array([p.sample.label for p in predictions], np.int64),
        np.array([p.score for p in predictions], np.float64),
        threshold,
    )


def group_names(predictions: Sequence[Prediction]) -> list[str]:
    """What is resampled together: the sample's group, or the sample itself."""
    return [p.sample.group or p.sample.path for p in predictions]


def summarise(
    predictions: Sequence[Prediction], threshold: float, *, seed: int = 0
) -> dict[str, Any]:
    """The figures of `metrics.json`: counts, metrics at a threshold, and 95 % intervals.

    Pictures without a face or with an error count in `n`, not in `n_scored`. UNCERTAIN counts by
    its score; `accuracy_decided` leaves it out, `coverage` is the share of scored ones decided.
    What cannot be had (an AUC of one class) is None, and `reasons` says why.

    Raises:
        DataError: no sample was scored.
    """
    scored = [p for p in predictions if p.score is not None]
    if not scored:
        message = (
            f"none of {len(predictions)} samples was scored "
            f"({_tell(count_verdicts(predictions))}); there is nothing to measure"
        )
        raise DataError(message)
    data = to_scored(scored, threshold)
    figures, reasons = _possible(data)
    values = measure(data, figures)
    groups = group_names(scored)
    intervals: dict[str, tuple[float, float]] = {}
    if len(set(groups)) > 1:
        intervals = measure_intervals(data, groups=groups, seed=seed, figures=figures)
    else:
        reasons["ci"] = "an interval needs at least two independent groups"
    decided = [p for p in scored if p.verdict is not Verdict.UNCERTAIN]
    right = [(p.verdict is Verdict.FAKE) == (p.sample.label == 1) for p in decided]
    return {
        "n": len(predictions),
        "n_scored": len(scored),
        "coverage": len(decided) / len(scored),
        "accuracy_decided": sum(right) / len(right) if right else None,
        **{name: values.get(name) for name in METRICS},
        "threshold": threshold,
        "ci": {name: intervals.get(name) for name in METRICS},
        "classes": arrange_classes(values, intervals, _count_labels(scored))
        if "real.recall" in values
        else None,
        "confusion": confusion(predictions, threshold),
        "verdicts": count_verdicts(predictions),
        "groups": len(set(groups)),
        "level": "/".join(sorted({LEVELS[p.kind] for p in scored if p.kind})) or None,
        "reasons": reasons,
    }


def summarise_datasets(
    predictions: Sequence[Prediction], threshold: float
) -> dict[str, dict[str, Any]]:
    """By data set, where there are several: counts, accuracy, both error rates, AUC.

    A set of one class is set against all samples of the other class for its AUC
    (`auc_against_all`), as generators are against photographs.
    """
    names = sorted({p.sample.dataset for p in predictions})
    if len(names) < 2:
        return {}
    scored = [p for p in predictions if p.score is not None]
    return {
        name or "(unnamed)": {
            "n": sum(p.sample.dataset == name for p in predictions),
            **_summarise_part(scored, name, threshold),
        }
        for name in names
    }


def confusion(predictions: Sequence[Prediction], threshold: float) -> dict[str, dict[str, int]]:
    """What each class was called: `real`, `fake`, or `not_scored` (no face, or an error)."""
    table = {name: {"real": 0, "fake": 0, "not_scored": 0} for name in LABEL_NAMES.values()}
    for p in predictions:
        table[LABEL_NAMES[p.sample.label]][called(p, threshold) or "not_scored"] += 1
    return table


def called(prediction: Prediction, threshold: float) -> str | None:
    """`fake` or `real`, as a sample counts; None where there is no score."""
    if prediction.score is None:
        return None
    return LABEL_NAMES[int(prediction.score >= threshold)]


def count_verdicts(predictions: Sequence[Prediction]) -> dict[str, int]:
    """How many samples have each verdict, `error` included, in a fixed order."""
    counts = Counter(p.verdict_name for p in predictions)
    return {name: counts[name] for name in (*(v.value for v in Verdict), "error")}


def describe_metrics(summary: dict[str, Any], data: str) -> tuple[MetricCard, ...]:
    """The figures of a summary that have an interval, as entries of a model card."""
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
        if summary[name] is not None and summary["ci"][name] is not None
    )


def _prediction(sample: Sample, report: Report) -> Prediction:
    return Prediction(
        sample=sample,
        verdict=report.verdict,
        score=report.score.probability if report.score else None,
        kind=report.kind,
        error=report.error,
        seconds=report.seconds,
    )


def _failed(sample: Sample, failure: Failure) -> Prediction:
    return Prediction(sample, None, None, Kind.IMAGE, failure)


def _changed(
    manifest: Manifest, change: Perturbation, seed: int, failures: dict[int, Failure]
) -> Iterator[Pixels]:
    for place, sample in enumerate(manifest):
        try:
            pixels = change(read_image(sample.path), np.random.default_rng([seed, place]))
        except MediaError as error:
            failures[place] = Failure(error.code, str(error))
        else:
            yield pixels


def _possible(data: Scored) -> tuple[dict[str, Figure], dict[str, str]]:
    """The figures that the data allow, and why the others are missing."""
    present = sorted(set(data.labels.tolist()))
    if len(present) == 2:
        return {**METRICS, **CLASS_FIGURES}, {}
    kept = ONE_SIDED[present[0]]
    reason = f"all scored samples are {LABEL_NAMES[present[0]]}; this figure needs both classes"
    reasons = {name: reason for name in (*METRICS, "classes") if name not in kept}
    return {name: METRICS[name] for name in kept}, reasons


def _summarise_part(scored: Sequence[Prediction], name: str, threshold: float) -> dict[str, Any]:
    part = [p for p in scored if p.sample.dataset == name]
    empty = {"accuracy": None, "false_alarm_rate": None, "recall": None, "auc": None}
    counts = {"n_scored": len(part), **_count_labels(part)}
    if not part:
        return {**counts, **empty}
    data = to_scored(part, threshold)
    figures, reasons = _possible(data)
    values = measure(data, {key: figures[key] for key in empty if key in figures})
    result = {**counts, **empty, **values}
    others = [p for p in scored if p.sample.label != part[0].sample.label]
    if reasons and others:
        against = to_scored([*part, *others], threshold)
        result["auc_against_all"] = measure(against, {"auc": METRICS["auc"]})["auc"]
    return result


def _count_labels(predictions: Sequence[Prediction]) -> dict[str, int]:
    counts = Counter(p.sample.label for p in predictions)
    return {name: counts[label] for label, name in LABEL_NAMES.items()}


def _tell(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none at all"
