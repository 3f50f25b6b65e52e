"""K-fold cross-validation: the same folds for every model, each fold's held-out part read once."""

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, roc_curve

from unmask.data.duplicates import near_groups
from unmask.data.grouping import join_groups
from unmask.data.manifest import Manifest
from unmask.data.split import cut_validation, fold_numbers
from unmask.detection.policy import calibrate
from unmask.evaluation.metrics import METRICS, Scored, measure
from unmask.media.faces import CropGeometry
from unmask.models.card import CARD_NAME, read_card
from unmask.models.engine import open_engine
from unmask.models.library import MODEL_IN_RUN
from unmask.reporting.plots import Curve, draw_confusion, draw_roc
from unmask.training.crops import CropStore, build_crops
from unmask.training.fit import claim_run, fit
from unmask.training.publish import About, publish
from unmask.training.settings import TrainSettings

FOLDS: Final = 5
EVEN_ODDS: Final = 0.5
"""Folds are compared where their calibrated scores say that both classes are equally likely."""
_BATCH: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """What a fold's model said of the part that it never saw."""

    number: int
    rows: npt.NDArray[np.intp]
    """(M,) rows of the store."""
    data: Scored
    figures: dict[str, float]


def cross_validate(
    manifest: Manifest,
    settings: TrainSettings,
    run: Path,
    *,
    about: About,
    folds: int = FOLDS,
    resume: bool = False,
) -> list[FoldResult]:
    """Train one model per fold on the samples of `train` and score the fold it never saw.

    Folds are stratified by label and keep groups together; within each fold's training part a
    validation part is cut that selects the best weights and calibrates, so that the held-out part
    is read only once. Every fold is a run of its own in `run/fold-N`; finished ones are kept.

    Raises:
        DataError: a class has fewer independent samples than folds.
        UsageError: the folder holds another run.
    """
    claim_run(run, settings, resume=resume)
    train = manifest.select("train") if len(manifest.select("train")) else manifest
    geometry = CropGeometry(size_px=settings.side_px())
    store = build_crops(train, geometry, run / "crops", clip_frames=settings.clip_frames)
    near = [int(number) for number in near_groups(list(store.hashes))]
    store = replace(store, manifest=join_groups(store.manifest, near))
    numbers = np.array(fold_numbers(store.manifest, folds, settings.seed))
    return [
        _run_fold(store, numbers, number, settings, run / f"fold-{number + 1}", about)
        for number in range(folds)
    ]


def summarise_folds(results: list[FoldResult]) -> dict[str, Any]:
    """Mean and deviation of every metric over the folds, and the figures of all folds pooled."""
    table = {name: np.array([result.figures[name] for result in results]) for name in METRICS}
    pooled = Scored(
        np.concatenate([result.data.labels for result in results]),
        np.concatenate([result.data.scores for result in results]),
        EVEN_ODDS,
    )
    return {
        "threshold": EVEN_ODDS,
        "folds": [result.figures for result in results],
        "mean": {name: float(values.mean()) for name, values in table.items()},
        "deviation": {name: float(values.std(ddof=1)) for name, values in table.items()},
        "pooled": measure(pooled),
    }


def write_folds(results: list[FoldResult], summary: dict[str, Any], run: Path) -> None:
    """Write `crossval.json`, `predictions.csv`, ROC curves and confusion matrices."""
    (run / "crossval.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")
    with (run / "predictions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("fold", "row", "label", "score"))
        for result in results:
            rows = zip(result.rows, result.data.labels, result.data.scores, strict=True)
            writer.writerows((result.number + 1, *row) for row in rows)
    curves = []
    for result in results:
        false_alarms, hits, _ = roc_curve(result.data.labels, result.data.scores)
        curves.append(Curve(f"fold {result.number + 1}", false_alarms, hits))
        counts = confusion_matrix(result.data.labels, result.data.scores >= EVEN_ODDS)
        (run / f"confusion-fold-{result.number + 1}.png").write_bytes(
            draw_confusion(counts, ("real", "fake"))
        )
    (run / "roc.png").write_bytes(draw_roc(curves))


def _run_fold(
    store: CropStore,
    numbers: npt.NDArray[np.intp],
    number: int,
    settings: TrainSettings,
    run: Path,
    about: About,
) -> FoldResult:
    rows = np.flatnonzero(numbers == number)
    splits = ["test" if fold == number else "train" for fold in numbers]
    manifest = cut_validation(
        store.manifest.with_splits(splits), settings.val_share, settings.seed + number
    )
    fold_store = replace(store, manifest=manifest)
    folder = run / MODEL_IN_RUN
    if not (folder / CARD_NAME).is_file():
        network = fit(fold_store, settings, run, resume=True)
        publish(network, fold_store, settings, run, about=about)
    data = _score(folder, store, rows)
    return FoldResult(number, rows, data, measure(data))


def _score(folder: Path, store: CropStore, rows: npt.NDArray[np.intp]) -> Scored:
    """The held-out crops through the exported model, as detection would score them."""
    card = read_card(folder)
    engine = open_engine(folder / card.weights.file)
    scores = [
        calibrate(float(logit), card.calibration).probability
        for start in range(0, len(rows), _BATCH)
        for logit in engine.run(store.pixels[rows[start : start + _BATCH]]).logit
    ]
    labels = store.labels()[rows].astype(np.int64)
    return Scored(labels, np.array(scores, np.float64), EVEN_ODDS)
