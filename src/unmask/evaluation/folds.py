"""What a cross-validation found: every fold's figures, their mean and deviation, and all pooled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from unmask.data.manifest import LABEL_NAMES
from unmask.evaluation.evaluate import Prediction, summarise, to_scored
from unmask.evaluation.figures import draw_confusion, draw_curves
from unmask.evaluation.history import History
from unmask.evaluation.machine import describe_hardware, describe_versions
from unmask.evaluation.metrics import METRICS
from unmask.evaluation.results import write_json
from unmask.files import write_whole
from unmask.reporting.folds import folds_page
from unmask.reporting.outputs import write_page
from unmask.reporting.plots import draw_history
from unmask.reporting.tables import write_csv

EVEN_ODDS: Final = 0.5
"""Folds are compared where their calibrated scores say that both classes are equally likely."""
POOLED: Final = "pooled"


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """What a fold's model said of the part that it never saw."""

    number: int
    """From 1 on."""
    predictions: tuple[Prediction, ...]
    history: History
    """The course of its training."""

    @property
    def name(self) -> str:
        """For plots and files."""
        return f"fold-{self.number}"


def summarise_folds(
    folds: Sequence[Fold], about: dict[str, Any], *, seed: int = 0
) -> dict[str, Any]:
    """The content of `crossval.json`: per fold and pooled what `summarise` gives.

    Pooled figures take the scores of all folds for those of one model, which the calibration of
    each fold on its own validation part makes comparable. The deviation is that of a sample
    (K - 1); folds share training data, so it is no error of the mean.
    """
    parts = [summarise(fold.predictions, EVEN_ODDS, seed=seed) for fold in folds]
    table = {name: np.array([part[name] for part in parts]) for name in METRICS}
    return {
        "made_by": "unmask crossval",
        "format": 1,
        "threshold": EVEN_ODDS,
        "mean": {name: float(values.mean()) for name, values in table.items()},
        "deviation": {name: float(values.std(ddof=1)) for name, values in table.items()},
        POOLED: summarise(_pool(folds), EVEN_ODDS, seed=seed),
        "folds": parts,
        **about,
        "versions": describe_versions(),
        "hardware": describe_hardware(),
        "seed": seed,
    }


def write_folds(folds: Sequence[Fold], summary: dict[str, Any], run: Path) -> None:
    """Write the page, JSON, predictions and plots: ROC, confusion matrices, histories."""
    drawn = _draw(folds, summary)
    for name, png in drawn.items():
        write_whole(run / f"{name}.png", png)
    rows = (
        (fold.number, p.sample.path, LABEL_NAMES[p.sample.label], p.score)
        for fold in folds
        for p in fold.predictions
    )
    write_csv(run / "predictions.csv", ("fold", "path", "label", "score"), rows)
    page = folds_page(summary, drawn)
    write_page(run / "crossval.html", page)
    write_json(run / "crossval.json", summary)


def _pool(folds: Sequence[Fold]) -> list[Prediction]:
    return [p for fold in folds for p in fold.predictions]


def _draw(folds: Sequence[Fold], summary: dict[str, Any]) -> dict[str, bytes]:
    named = {fold.name: part for fold, part in zip(folds, summary["folds"], strict=True)}
    data = {fold.name: to_scored(fold.predictions, EVEN_ODDS) for fold in folds}
    named[POOLED], data[POOLED] = summary[POOLED], to_scored(_pool(folds), EVEN_ODDS)
    drawn = {name: png for name, png in draw_curves(data, named).items() if name == "roc"}
    drawn |= {
        f"confusion-{name}": draw_confusion(part["confusion"]) for name, part in named.items()
    }
    drawn |= {f"history-{fold.name}": draw_history(fold.history) for fold in folds if fold.history}
    return drawn
