"""From predictions to plots."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest

from unmask.data.manifest import LABEL_NAMES
from unmask.detection.policy import Policy
from unmask.evaluation.evaluate import Prediction, to_scored
from unmask.evaluation.metrics import ECE_BINS, Counted, Ranked, Scored, score_bins
from unmask.evaluation.pictures import choose_random, choose_worst, make_tile
from unmask.reporting import plots
from unmask.reporting.picture_grid import draw_grid
from unmask.reporting.plots import CalibrationBin, Curve, Estimate

PLOTS: Final = (
    "confusion",
    "roc",
    "pr",
    "det",
    "calibration",
    "scores",
    "history",
    "robustness",
    "samples",
    "mistakes",
)
"""Every plot that an evaluation may hold, in the order of its page."""


def draw_all(
    predictions: Sequence[Prediction], summary: Mapping[str, Any], policy: Policy, seed: int
) -> dict[str, bytes]:
    """Every plot that the predictions allow, as PNG by name."""
    threshold = summary["threshold"]
    data = to_scored([p for p in predictions if p.score is not None], threshold)
    drawn = {"confusion": draw_confusion(summary["confusion"])}
    if summary["auc"] is not None:
        drawn |= draw_curves({"": data}, {"": summary})
        drawn["calibration"] = plots.draw_calibration(calibration_bins(data))
    drawn["scores"] = plots.draw_scores(
        data.scores[data.labels == 0],
        data.scores[data.labels == 1],
        threshold=policy.threshold,
        real_below=policy.real_below,
    )
    shown = [make_tile(p, threshold) for p in choose_random(predictions, seed)]
    drawn["samples"] = draw_grid(shown, f"Samples drawn at random (seed {seed})")
    worst = [make_tile(p, threshold) for p in choose_worst(predictions, threshold)]
    if worst:
        drawn["mistakes"] = draw_grid(worst, "The worst mistakes")
    return drawn


def draw_curves(
    data: Mapping[str, Scored], summaries: Mapping[str, Mapping[str, Any]]
) -> dict[str, bytes]:
    """ROC, precision-recall and DET curves of one or more detectors, by name."""
    counted = {name: _count(part) for name, part in data.items()}

    def line(name: str, kind: str, x: Any, y: Any) -> Curve:
        note = _note(kind, summaries[name])
        return Curve(name or kind.upper(), x, y, note if name else note.split(" ", 1)[1])

    return {
        "roc": plots.draw_roc(
            [line(n, "auc", c.alarm_rate[0], c.hit_rate[0]) for n, c in counted.items()]
        ),
        "pr": plots.draw_precision_recall(
            [line(n, "ap", *_precision_recall(c)) for n, c in counted.items()],
            float(np.mean(next(iter(data.values())).labels)),
        ),
        "det": plots.draw_det(
            [line(n, "eer", c.alarm_rate[0], 1 - c.hit_rate[0]) for n, c in counted.items()]
        ),
    }


def draw_confusion(table: Mapping[str, Mapping[str, int]]) -> bytes:
    """The confusion matrix, with a column for what was not scored where there is such."""
    columns = ["real", "fake", "not_scored"]
    counts = np.array([[table[row][c] for c in columns] for row in LABEL_NAMES.values()], np.int64)
    if not counts[:, 2].any():
        columns, counts = columns[:2], counts[:, :2]
    return plots.draw_confusion(counts, [c.replace("_", " ") for c in columns])


def draw_robustness(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """AUC and accuracy of each row of the robustness table."""
    panels = {
        title: [estimate(row, name) for row in rows]
        for name, title in (("auc", "AUC"), ("accuracy", "accuracy"))
        if any(row[name] is not None for row in rows)
    }
    return plots.draw_robustness([str(row["name"]) for row in rows], panels)


def estimate(summary: Mapping[str, Any], name: str) -> Estimate:
    """A figure of a summary with its interval."""
    ends = summary["ci"].get(name)
    return Estimate(summary[name], *(ends or (None, None)))


def calibration_bins(data: Scored) -> list[CalibrationBin]:
    """The bins of the calibration error that hold samples, with Wilson intervals of the share."""
    numbers = score_bins(data.scores)
    bins = []
    for number in range(ECE_BINS):
        inside = numbers == number
        count = int(inside.sum())
        if count:
            fakes = int(data.labels[inside].sum())
            ends = binomtest(fakes, count).proportion_ci(method="wilson")
            mean = float(data.scores[inside].mean())
            bins.append(CalibrationBin(mean, fakes / count, ends.low, ends.high, count))
    return bins


def _count(data: Scored) -> Counted:
    return Counted(Ranked(data), np.ones((1, len(data.labels))))


def _precision_recall(counted: Counted) -> tuple[Any, Any]:
    """Recall and precision from the highest threshold on; a step back to recall 0 comes first."""
    shares = counted.found_at[0] / (counted.found_at[0] + counted.alarms_at[0])
    return counted.hit_rate[0], np.concatenate([shares[:1], shares])


def _note(name: str, summary: Mapping[str, Any]) -> str:
    ends = summary["ci"].get(name)
    spread = f" [{ends[0]:.4f}, {ends[1]:.4f}]" if ends else ""
    return f"{name.upper()} {summary[name]:.4f}{spread}"
