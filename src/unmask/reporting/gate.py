"""The judgement of an update for people: one page, and a table in the terminal."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unmask.errors import printable
from unmask.reporting.figures_text import MISSING, chance_text, interval_text
from unmask.reporting.pages import embed_png, render_page
from unmask.reporting.sinks import QuietPipeConsole
from unmask.reporting.wording import VERDICT_WORDS

BUDGET_NAMES: Final = {
    "flips": "flipped verdicts",
    "new_false_alarms": "new false alarms",
    "new_misses": "new misses",
    "auc_loss": "loss of AUC",
}
_SHARES: Final = ("flips", "new_false_alarms", "new_misses")


def gate_page(summary: Mapping[str, Any], plots: Mapping[str, bytes]) -> str:
    """The page of `gate.json` and its plot."""
    return render_page(
        "gate.html",
        summary=summary,
        names=BUDGET_NAMES,
        shares=_SHARES,
        words=VERDICT_WORDS,
        lines=exceeded_lines(summary),
        notes=coarse_lines(summary),
        share=share_text,
        auc=auc_text,
        interval=interval_text,
        chance=chance_text,
        plot=embed_png(plots["gate"]),
    )


def print_gate(summary: Mapping[str, Any], console: Console | None = None) -> None:
    """The table of conditions and groups, then the outcome."""
    console = console or QuietPipeConsole(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 180)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold")
    heads = ("samples", *(BUDGET_NAMES[key] for key in _SHARES), "better", "worse", "p", "AUC")
    for head in heads:
        table.add_column(head, justify="right")
    for row in (*summary["conditions"], *summary["groups"]):
        name = f"{row['by']} {printable(row['name'])}" if "by" in row else row["name"]
        table.add_row(
            Text(name),
            str(row["n"]),
            *(share_text(row[key]) for key in _SHARES),
            str(row["better"]),
            str(row["worse"]),
            chance_text(row["p"]),
            auc_text(row["auc"]) if "auc" in row else "",
        )
    console.print(table)
    outcome = exceeded_lines(summary) or ["every budget is kept"]
    for line in [*outcome, *coarse_lines(summary)]:
        console.print(Text(line), soft_wrap=True)


def exceeded_lines(summary: Mapping[str, Any]) -> list[str]:
    """A sentence for each budget that is exceeded, with the conditions in which it is."""
    lines = []
    for key, name in BUDGET_NAMES.items():
        rows = [row for row in summary["exceeded"] if row["budget"] == key]
        if rows:
            where = ", ".join(f"{row['condition']} {_measured(key, row['value'])}" for row in rows)
            lines.append(
                f"past the budget: {name}, at most {_measured(key, rows[0]['limit'])}: {where}"
            )
    return lines


def coarse_lines(summary: Mapping[str, Any]) -> list[str]:
    """A sentence for each budget that one sample exceeds, since they are too few."""
    clean = summary["conditions"][0]
    lines = []
    for key, which in (("flips", "n"), ("new_false_alarms", "real"), ("new_misses", "fake")):
        count, limit = clean[which], summary["budget"][key]
        if count and 0 < limit < 1 / count:
            what = "samples" if which == "n" else f"{which}s"
            lines.append(
                f"one of {count} {what} is {_measured(key, 1 / count)}, past the budget of "
                f"{_measured(key, limit)} for {BUDGET_NAMES[key]}: name more data or allow more"
            )
    return lines


def _measured(key: str, value: float) -> str:
    return f"{100 * value:.3g} %" if key in _SHARES else f"{value:.4f}"


def share_text(share: Mapping[str, Any]) -> str:
    """A count with its share: `3 (1.5 %)`."""
    if share["share"] is None:
        return MISSING
    return f"{share['count']} ({100 * share['share']:.1f} %)"


def auc_text(auc: Mapping[str, Any]) -> str:
    """A difference of AUCs with its interval."""
    if auc["difference"] is None:
        return MISSING
    return f"{auc['difference']:+.4f} {interval_text(auc['ci'])}"
