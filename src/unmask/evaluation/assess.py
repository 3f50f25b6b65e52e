"""The whole of an evaluation: a detector and labelled samples in, a folder of results out."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from unmask.data.manifest import LABEL_NAMES, SPLITS, Manifest
from unmask.detection.detector import Detector
from unmask.detection.policy import choose_policy
from unmask.errors import DataError
from unmask.evaluation.cost import describe_model
from unmask.evaluation.evaluate import (
    Observer,
    Prediction,
    called,
    counting_threshold,
    predict,
    predict_changed,
    summarise,
    summarise_datasets,
)
from unmask.evaluation.figures import PLOTS, draw_all, draw_robustness
from unmask.evaluation.history import History
from unmask.evaluation.machine import describe_hardware, describe_versions
from unmask.evaluation.operating_points import summarise_policies
from unmask.evaluation.results import ResultKind, png_names, write_json
from unmask.media.perturb import Perturbation
from unmask.records import Kind, Report
from unmask.reporting.evaluation import evaluation_page
from unmask.reporting.plots import draw_history
from unmask.reporting.tables import write_csv

SEED: Final = 42
PREDICTIONS_NAME: Final = "predictions.csv"
EVALUATION: Final = ResultKind(
    made_by="unmask evaluate",
    main="metrics.json",
    others=png_names(PLOTS) | {PREDICTIONS_NAME, "report.html"},
)
PREDICTION_COLUMNS: Final = (
    "path",
    "label",
    "split",
    "group",
    "dataset",
    "kind",
    "verdict",
    "score",
    "called",
    "error_code",
    "error_message",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How an evaluation is made."""

    seed: int = SEED
    conditions: Mapping[str, Perturbation] = field(default_factory=dict)
    """Changes of the pictures to measure under too, by name."""
    history: History = field(default_factory=dict)
    """The course of the model's training, where it is known."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else is known of the data, such as their source."""
    observe: Observer | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What an evaluation found."""

    summary: dict[str, Any]
    """The content of `metrics.json`."""
    predictions: tuple[Prediction, ...]
    plots: Mapping[str, bytes]
    """PNG by name."""

    def write(self, out: Path) -> None:
        """Write the folder: JSON, CSV, plots and the page.

        Raises:
            UsageError: the folder holds something that is no earlier evaluation.
        """
        with EVALUATION.open(out) as part:
            for name, png in self.plots.items():
                (part / f"{name}.png").write_bytes(png)
            rows = _rows(self.predictions, self.summary["threshold"])
            write_csv(part / PREDICTIONS_NAME, PREDICTION_COLUMNS, rows)
            page = evaluation_page(self.summary, self.plots)
            (part / "report.html").write_text(page, encoding="utf-8", errors="backslashreplace")
            write_json(part / EVALUATION.main, self.summary)


def choose_samples(manifest: Manifest, split: str | None = None) -> tuple[Manifest, str]:
    """The samples to measure on and the name of their split.

    Without a wish: the test split, or everything where the data have no splits.

    Raises:
        DataError: there are none.
    """
    present = [name for name in SPLITS if any(s.split == name for s in manifest)]
    chosen = split or ("test" if present else "all")
    samples = manifest if chosen == "all" else manifest.select(chosen)
    if not len(samples):
        have = f"they have {', '.join(present)}" if present else "they have no splits"
        message = f"the data have no samples in the split {chosen!r} ({have}); choose with --split"
        if not len(manifest):
            message = "the data have no samples"
        raise DataError(message)
    return samples, chosen


def evaluate(detector: Detector, manifest: Manifest, plan: Plan | None = None) -> Assessment:
    """Measure a detector on labelled samples, as they are and as the plan's changes leave them.

    Raises:
        DataError: no sample was scored.
    """
    plan = plan or Plan()
    threshold = counting_threshold(detector.card, detector.policy)
    versions: dict[str, str] = {}
    started = time.perf_counter()
    predictions = tuple(predict(detector, manifest, partial(_tap, versions, plan.observe)))
    seconds = time.perf_counter() - started
    figures = summarise(predictions, threshold, seed=plan.seed)
    robustness = _measure_conditions(detector, predictions, figures, plan)
    names = sorted(detector.card.policies)
    summary = {
        "made_by": EVALUATION.made_by,
        "format": 1,
        "positive": LABEL_NAMES[1],
        **figures,
        "datasets": summarise_datasets(predictions, threshold),
        "policy": asdict(detector.policy),
        "policies": summarise_policies(
            predictions, {name: choose_policy(detector.card, name) for name in names}
        ),
        "robustness": robustness,
        **describe_model(detector),
        "data": {**plan.data, "sha256": manifest.sha256()},
        "versions": {**describe_versions(), **versions},
        "hardware": describe_hardware(),
        "seed": plan.seed,
        "seconds": round(seconds, 3),
        "images_per_s": round(len(predictions) / seconds, 3),
    }
    drawn = draw_all(predictions, figures, detector.policy, plan.seed)
    if plan.history:
        drawn["history"] = draw_history(plan.history)
    if robustness:
        drawn["robustness"] = draw_robustness(robustness["rows"])
    return Assessment(summary, predictions, drawn)


def _measure_conditions(
    detector: Detector, clean: Sequence[Prediction], figures: Mapping[str, Any], plan: Plan
) -> dict[str, Any] | None:
    """A row per change, the unchanged pictures first.

    Clips are left out: a change would have to be made to their frames before they are compressed
    again, which is another experiment.
    """
    if not plan.conditions:
        return None
    pictures = [p for p in clean if p.kind is not Kind.VIDEO]
    manifest = Manifest(tuple(p.sample for p in pictures))
    threshold = figures["threshold"]
    rows = [_row("unchanged", pictures, threshold, plan.seed)]
    for name, change in plan.conditions.items():
        found = list(
            predict_changed(detector, manifest, change, seed=plan.seed, observe=plan.observe)
        )
        rows.append(_row(name, found, threshold, plan.seed))
    return {
        "applied": "to the decoded picture, before faces are looked for",
        "clips_left_out": len(clean) - len(pictures),
        "rows": rows,
    }


def _row(
    name: str, predictions: Sequence[Prediction], threshold: float, seed: int
) -> dict[str, Any]:
    """The figures under one change; None throughout where no picture was scored any more."""
    keys = ("n", "n_scored", "auc", "accuracy", "false_alarm_rate", "recall", "eer")
    try:
        found = summarise(predictions, threshold, seed=seed)
    except DataError:
        found = {**dict.fromkeys(keys), "n": len(predictions), "n_scored": 0, "ci": {}}
    ends = {key: found["ci"].get(key) for key in keys[2:]}
    return {"name": name, **{key: found[key] for key in keys}, "ci": ends}


def _rows(predictions: Sequence[Prediction], threshold: float) -> Iterator[tuple[Any, ...]]:
    for p in predictions:
        sample = p.sample
        yield (
            sample.path,
            LABEL_NAMES[sample.label],
            sample.split,
            sample.group,
            sample.dataset,
            p.kind.value if p.kind else None,
            p.verdict_name,
            None if p.score is None else float(f"{p.score:.9g}"),
            called(p, threshold),
            p.error.code if p.error else None,
            p.error.message if p.error else None,
            round(p.seconds, 4),
        )


def _tap(
    versions: dict[str, str], observe: Observer | None, reports: Iterable[Report]
) -> Iterator[Report]:
    """Pass reports on and note the versions that they name."""
    for report in observe(reports) if observe else reports:
        versions.update(report.versions)
        yield report
