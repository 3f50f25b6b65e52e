"""A comparison of models for people: one page, and a table in the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unmask.errors import printable
from unmask.reporting.figures_text import (
    chance_text,
    figure_text,
    interval_text,
    large_text,
)
from unmask.reporting.pages import arrange_plots, render_page
from unmask.reporting.sinks import QuietPipeConsole

_CAPTIONS: Final = {
    "roc": "ROC curves",
    "pr": "Precision-recall curves",
    "det": "DET curves",
    "cost": "AUC against cost",
}
_WIDE: Final = frozenset({"roc", "cost"})
_FIGURES: Final = ("auc", "accuracy", "eer", "tpr_at_fpr_1", "ece")
_HEADS: Final = ("AUC", "accuracy", "EER", "hits at 1 %", "calibration")


def comparison_page(summary: Mapping[str, Any], plots: Mapping[str, bytes]) -> str:
    """The page of `comparison.json` and its plots."""
    return render_page(
        "comparison.html",
        summary=summary,
        keys=dict(zip(_FIGURES, _HEADS, strict=True)),
        costs=[_cost_cells(row["cost"]) for row in summary["models"]],
        trainings=[_training_cells(row["training"]) for row in summary["models"]],
        figure=figure_text,
        interval=interval_text,
        chance=chance_text,
        plots=arrange_plots(plots, _CAPTIONS, _WIDE),
    )


def print_comparison(summary: Mapping[str, Any], console: Console | None = None) -> None:
    """The table of models, then a line per pair."""
    console = console or QuietPipeConsole(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 200)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("model", overflow="fold")
    for head in (*_HEADS, *_cost_cells(summary["models"][0]["cost"])):
        table.add_column(head, justify="right")
    for row in summary["models"]:
        figures = [
            f"{figure_text(row[key])}\n{interval_text(row['ci'].get(key))}" for key in _FIGURES
        ]
        table.add_row(Text(printable(row["name"])), *figures, *_cost_cells(row["cost"]).values())
    console.print(table)
    for pair in summary["pairs"]:
        console.print(Text(_pair_line(pair)), soft_wrap=True)
    console.print(
        f"{summary['n_common']} of {summary['n']} samples were scored by all;"
        " p-values corrected for their number (Holm)"
    )


def comparison_markdown(summary: Mapping[str, Any]) -> str:
    """The tables of quality and cost in Markdown, for a README or a paper's notes."""
    models = summary["models"]
    quality = [
        [
            row["name"],
            *(f"{figure_text(row[key])} {interval_text(row['ci'].get(key))}" for key in _FIGURES),
        ]
        for row in models
    ]
    costs = [{**_cost_cells(row["cost"]), **_training_cells(row["training"])} for row in models]
    spent = [[row["name"], *cells.values()] for row, cells in zip(models, costs, strict=True)]
    return "\n\n".join(
        (
            _markdown_table(("model", *_HEADS), quality),
            _markdown_table(("model", *costs[0]), spent),
            f"{summary['n_common']} of {summary['n']} samples; 95 % bootstrap intervals, seed "
            f"{summary['seed']}; policy {summary['policy']}; {summary['hardware']['cpu']}, "
            f"{summary['hardware']['cores']} cores.\n",
        )
    )


def _markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join(
        f"| {' | '.join(printable(cell).replace('|', '/') for cell in line)} |" for line in lines
    )


def _training_cells(training: Mapping[str, Any] | None) -> dict[str, str]:
    heads = ("trained from", "epochs", "training", "trained images/s")
    if training is None:
        return dict.fromkeys(heads, "unknown")
    start = {"no": "scratch", "yes": "ImageNet"}.get(training["pretrained"], "weights file")
    minutes, rate = f"{training['seconds'] / 60:.0f} min", f"{training['images_per_s']:.1f}"
    return dict(zip(heads, (start, str(training["epochs"]), minutes, rate), strict=True))


def _cost_cells(cost: Mapping[str, Any]) -> dict[str, str]:
    return {
        "parameters": large_text(cost["parameters"]),
        "multiply-adds": large_text(cost["multiply_adds"]),
        "crops/s": f"{cost['crops_per_s']:.1f}",
        "images/s": f"{cost['images_per_s']:.1f}",
        "file": large_text(cost["size_bytes"], "B"),
    }


def _pair_line(pair: Mapping[str, Any]) -> str:
    parts = [
        f"{name} {pair[key]['difference']:+.4f} {interval_text(pair[key]['ci'])}"
        f" p {chance_text(pair[key]['p_corrected'])}"
        for key, name in (("auc", "AUC"), ("accuracy", "accuracy"))
    ]
    return f"{printable(pair['first'])} against {printable(pair['second'])}: {'; '.join(parts)}"
