"""A cross-validation for people: one page, and a few lines in the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from unmask.reporting.figures_text import FIGURE_NAMES, figure_text, interval_text
from unmask.reporting.pages import arrange_plots, render_page

_SHOWN: Final = ("auc", "accuracy", "precision", "recall", "f1", "eer", "ap")
_KINDS: Final = {
    "roc": "ROC curves of the folds, each on the part that it never saw",
    "confusion": "What reals and fakes were called",
    "history": "The course of the training",
}


def folds_page(summary: Mapping[str, Any], plots: Mapping[str, bytes]) -> str:
    """The page of `crossval.json` and its plots."""
    parts = {f"fold {n}": part for n, part in enumerate(summary["folds"], 1)}
    return render_page(
        "crossval.html",
        summary=summary,
        parts={**parts, "pooled": summary["pooled"]},
        heads={key: FIGURE_NAMES[key][0] for key in _SHOWN},
        figure=figure_text,
        interval=interval_text,
        plots=arrange_plots(plots, {name: _caption(name) for name in plots}, {"roc"}),
    )


def describe_folds(summary: Mapping[str, Any]) -> Iterator[str]:
    """A line per figure: mean and deviation over the folds, and pooled with its interval."""
    pooled = summary["pooled"]
    for key in _SHOWN:
        mean, deviation = summary["mean"][key], summary["deviation"][key]
        name = FIGURE_NAMES[key][0]
        yield (
            f"{name:18} {mean:.4f} ± {deviation:.4f}   "
            f"pooled {figure_text(pooled[key])} {interval_text(pooled['ci'][key])}"
        )


def _caption(name: str) -> str:
    kind, _, part = name.partition("-")
    return f"{_KINDS[kind]}: {part.replace('-', ' ')}" if part else _KINDS[kind]
