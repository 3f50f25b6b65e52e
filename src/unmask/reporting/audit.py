"""An audit for people: one page, and a table in the terminal."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unmask.errors import printable
from unmask.reporting.figures_text import figure_text, interval_text
from unmask.reporting.pages import arrange_plots, render_page
from unmask.reporting.sinks import QuietPipeConsole

_CAPTIONS: Final = {
    "shortcuts": "What can be reached without looking at a face",
    "spectra": "Spectra of both classes",
    "faces": "Faces of both classes",
}
_SHOWN_PAIRS: Final = 50
_PARTS: Final = {
    "splits": "splits",
    "classes": "classes",
    "datasets": "sources",
    "against": "this set and the other",
}


def audit_page(
    summary: Mapping[str, Any], plots: Mapping[str, bytes], features: Mapping[str, str]
) -> str:
    """The page of an audit; `features` says what each kind of trivia consists of."""
    return render_page(
        "audit.html",
        summary=summary,
        features=features,
        pairs=summary["duplicates"]["pairs"][:_SHOWN_PAIRS],
        parts=_PARTS,
        figure=figure_text,
        interval=interval_text,
        plots=arrange_plots(plots, _CAPTIONS, _CAPTIONS),
    )


def print_audit(summary: Mapping[str, Any], console: Console | None = None) -> None:
    """The findings, the worst first, between the tables that they come from."""
    console = console or QuietPipeConsole(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)
    if summary["shortcuts"]["rows"]:
        console.print(_shortcut_table(summary["shortcuts"]["rows"]))
    duplicates = summary["duplicates"]
    crossing = ", ".join(
        f"{count} between {_PARTS[name]}" for name, count in duplicates["crossing"].items()
    )
    lines = [
        "",
        f"byte for byte: {duplicates['exact']['files']} files in"
        f" {duplicates['exact']['groups']} groups; alike: {duplicates['alike']['files']} files in"
        f" {duplicates['alike']['groups']} groups, the largest of"
        f" {duplicates['alike']['largest']}; pairs: {crossing}",
        _faces_line(summary["faces"]),
        "",
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    for finding in summary["findings"]:
        text = f"{finding['level'].upper()} {finding['code']}: {printable(finding['text'])}"
        console.print(Text(text), soft_wrap=True)
    removed = summary["clean"]["removed"]
    what = ", ".join(f"{count} {reason}" for reason, count in removed.items()) or "nothing"
    console.print(
        Text(f"\na clean table keeps {summary['clean']['kept']} and leaves out: {what}"),
        soft_wrap=True,
    )


def _shortcut_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("known of a file")
    for head in ("AUC, linear", "accuracy, linear", "AUC, trees", "accuracy, trees"):
        table.add_column(head, justify="right")
    for row in rows:
        cells = [
            f"{figure_text(row[kind][key])} {interval_text(row[kind]['ci'][key])}"
            for kind in ("linear", "trees")
            for key in ("auc", "accuracy")
        ]
        table.add_row(row["name"], *cells)
    return table


def _faces_line(faces: Mapping[str, Any]) -> str:
    examined = sum(faces["examined"].values())
    if not examined:
        return "faces: not looked for"
    found = ", ".join(f"{sum(by.values())} {code}" for code, by in faces["codes"].items())
    return f"faces: {examined} of {faces['of']} files examined: {found}"
