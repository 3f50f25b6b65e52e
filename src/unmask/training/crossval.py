"""K-fold cross-validation: the same folds for every model, each fold's held-out part read once."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from unmask.data.duplicates import near_groups
from unmask.data.grouping import join_groups
from unmask.data.manifest import Manifest
from unmask.data.split import complete_splits, fold_numbers
from unmask.detection.policy import Policy
from unmask.evaluation.calibration import to_probabilities
from unmask.evaluation.evaluate import Prediction
from unmask.evaluation.folds import EVEN_ODDS, Fold
from unmask.evaluation.history import read_history
from unmask.media.faces import CropGeometry
from unmask.models.card import CARD_NAME, read_card
from unmask.models.engine import open_engine
from unmask.models.library import MODEL_IN_RUN
from unmask.records import Kind
from unmask.training.crops import CROPS_NAME, CropStore, build_crops
from unmask.training.fit import claim_run, fit
from unmask.training.publish import About, publish, score_rows
from unmask.training.settings import TrainSettings

FOLDS: Final = 5


def cross_validate(
    manifest: Manifest,
    settings: TrainSettings,
    run: Path,
    *,
    about: About,
    folds: int = FOLDS,
    resume: bool = False,
    crops: Path | None = None,
) -> list[Fold]:
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
    store = build_crops(
        train, geometry, crops or run / CROPS_NAME, clip_frames=settings.clip_frames
    )
    near = [int(number) for number in near_groups(list(store.hashes))]
    store = replace(store, manifest=join_groups(store.manifest, near))
    numbers = np.array(fold_numbers(store.manifest, folds, settings.seed))
    return [
        _run_fold(store, numbers, number, settings, run / f"fold-{number + 1}", about)
        for number in range(folds)
    ]


def describe_run(manifest: Manifest, settings: TrainSettings) -> dict[str, Any]:
    """What a cross-validation was made of, for its summary."""
    return {
        "architecture": settings.model,
        "pretrained": Path(settings.pretrained).name,
        "data": {"sha256": manifest.sha256()},
    }


def _run_fold(
    store: CropStore,
    numbers: npt.NDArray[np.intp],
    number: int,
    settings: TrainSettings,
    run: Path,
    about: About,
) -> Fold:
    rows = np.flatnonzero(numbers == number)
    splits = ["test" if fold == number else "train" for fold in numbers]
    manifest = complete_splits(
        store.manifest.with_splits(splits),
        val_share=settings.val_share,
        test_share=0,
        seed=settings.seed + number,
    )
    fold_store = replace(store, manifest=manifest)
    folder = run / MODEL_IN_RUN
    if not (folder / CARD_NAME).is_file():
        network = fit(fold_store, settings, run, resume=True)
        publish(network, fold_store, settings, run, about=about)
    return Fold(number + 1, _score(folder, store, rows), read_history(folder))


def _score(folder: Path, store: CropStore, rows: npt.NDArray[np.intp]) -> tuple[Prediction, ...]:
    """The held-out crops through the exported model, as detection would score them."""
    card = read_card(folder)
    engine = open_engine(folder / card.weights.file)
    scores = to_probabilities(score_rows(engine, store, rows), card.calibration).tolist()
    even = Policy("even odds", EVEN_ODDS, EVEN_ODDS)
    samples = [store.manifest.samples[row] for row in rows]
    return tuple(
        Prediction(sample, even.decide(score), score, Kind.IMAGE)
        for sample, score in zip(samples, scores, strict=True)
    )
