"""Figures as people read them: digits, intervals, names, and what they mean."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

FIGURE_NAMES: Final = {
    "auc": ("ROC-AUC", "chance that a fake scores higher than a real one"),
    "accuracy": ("accuracy", "share on the right side of the threshold, uncertain ones included"),
    "precision": ("precision", "share of true fakes among those called fake"),
    "recall": ("recall", "share of fakes called fake"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "false_alarm_rate": ("false alarm rate", "share of reals called fake"),
    "ap": ("average precision", "area under the precision-recall curve"),
    "eer": ("equal error rate", "where as many reals as fakes are called wrongly"),
    "tpr_at_fpr_1": ("hits at 1 % false alarms", "share of fakes found at that price"),
    "log_loss": ("log loss", "how far the scores are from honest odds, in nats; lower is better"),
    "brier": ("Brier score", "mean squared error of the scores; lower is better"),
    "ece": ("calibration error", "mean distance of scores from true shares; lower is better"),
}
"""Name and meaning, in the order in which they are shown."""
MISSING: Final = "-"


def figure_text(value: float | None) -> str:
    """Four decimals.

    >>> figure_text(0.98765), figure_text(None)
    ('0.9877', '-')
    """
    return MISSING if value is None else f"{value:.4f}"


def interval_text(ends: Sequence[float] | None) -> str:
    """The ends of an interval, empty where there is none.

    >>> interval_text((0.9, 0.95))
    '[0.9000, 0.9500]'
    """
    return "" if ends is None else f"[{ends[0]:.4f}, {ends[1]:.4f}]"


def chance_text(chance: float) -> str:
    """A p-value; tiny ones as a bound.

    >>> chance_text(0.0312), chance_text(1e-9)
    ('0.031', '< 0.001')
    """
    return "< 0.001" if chance < 0.001 else f"{chance:.3f}"


def large_text(value: float | None, unit: str = "") -> str:
    """A large number with its thousands as letters.

    >>> large_text(2225153), large_text(392_900_000), large_text(None)
    ('2.23 M', '393 M', '-')
    """
    if value is None:
        return MISSING
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}{unit}"
    return f"{value:.3g}{f' {unit}' if unit else ''}"


def figure_rows(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """The main figures of a summary: name, value, interval, meaning or why it is missing."""
    rows = []
    for key, (name, meaning) in FIGURE_NAMES.items():
        rows.append(
            {
                "name": name,
                "value": figure_text(summary[key]),
                "interval": interval_text(summary["ci"].get(key)),
                "meaning": summary["reasons"].get(key, meaning),
            }
        )
    return rows
