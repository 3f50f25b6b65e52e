"""An evaluation for people: one page, and a few lines in the terminal."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unmask.errors import printable
from unmask.reporting.figures_text import figure_rows, figure_text, interval_text
from unmask.reporting.pages import arrange_plots, render_page
from unmask.reporting.sinks import QuietPipeConsole
from unmask.reporting.wording import VERDICT_WORDS

CAPTIONS: Final = {
    "roc": "ROC curve: hits against false alarms",
    "confusion": "What reals and fakes were called",
    "scores": "Histogram of the scores of reals and fakes",
    "pr": "Precision-recall curve",
    "det": "DET curve: misses against false alarms",
    "calibration": "Reliability diagram: do the scores mean what they say",
    "history": "The course of the training",
    "robustness": "AUC and accuracy under changes of the pictures",
    "samples": "Samples drawn at random, with verdicts",
    "mistakes": "The samples called wrongly with the most certain scores",
}
"""What each plot shows, by name, in the order of the page."""
_WIDE: Final = frozenset({"roc", "history", "robustness", "samples", "mistakes"})


def evaluation_page(summary: Mapping[str, Any], plots: Mapping[str, bytes]) -> str:
    """The page of `metrics.json` and its plots."""
    return render_page(
        "evaluation.html",
        summary=summary,
        figures=figure_rows(summary),
        figure=figure_text,
        interval=interval_text,
        words=VERDICT_WORDS,
        plots=arrange_plots(plots, CAPTIONS, _WIDE),
    )


def print_evaluation(summary: Mapping[str, Any], console: Console | None = None) -> None:
    """The main figures with their intervals."""
    console = console or QuietPipeConsole(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("figure", "value", "95 % interval"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for row in figure_rows(summary):
        table.add_row(row["name"], row["value"], row["interval"])
    console.print(table)
    for line in _lines(summary):
        console.print(Text(line), soft_wrap=True)


def _lines(summary: Mapping[str, Any]) -> list[str]:
    model = summary["model"]
    lines = [
        f"{model['name']} {model['version']}: {summary['n']} samples, {summary['n_scored']} scored"
        f" ({_verdicts(summary['verdicts'])}); accuracy on the {100 * summary['coverage']:.1f} %"
        f" decided: {figure_text(summary['accuracy_decided'])};"
        f" {summary['images_per_s']:.1f} files/s"
    ]
    for name, part in summary["datasets"].items():
        figures = [
            f"{key.replace('_', ' ')} {figure_text(part[key])}"
            for key in ("accuracy", "false_alarm_rate", "recall", "auc", "auc_against_all")
            if part.get(key) is not None
        ]
        counts = f"{part['real']} real, {part['fake']} fake"
        lines.append(f"{printable(name)} ({counts}): {', '.join(figures)}")
    for row in (summary["robustness"] or {"rows": []})["rows"]:
        auc = f"AUC {figure_text(row['auc'])} {interval_text(row['ci']['auc'])}"
        right = f"accuracy {figure_text(row['accuracy'])} {interval_text(row['ci']['accuracy'])}"
        lines.append(f"{row['name']:<12}  {auc}  {right}  {row['n_scored']} scored")
    lines += sorted({f"not measured: {reason}" for reason in summary["reasons"].values()})
    return lines


def _verdicts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {VERDICT_WORDS[name]}" for name, count in counts.items() if count)
