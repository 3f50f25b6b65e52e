"""Pieces of the web page: an answer, a table, the course of a clip. All text in them is escaped."""

from collections.abc import Mapping, Sequence
from typing import Any

from unmask.models.card import ModelCard
from unmask.records import Report
from unmask.reporting.html import card_values
from unmask.reporting.meaning import ADVICE, explain_score, headline
from unmask.reporting.pages import load_environment, read_template
from unmask.reporting.wording import VERDICT_WORDS, report_percent


def style_fragment() -> str:
    """The style of all pieces."""
    return f"<style>{read_template('app.css')}</style>"


def answer_fragment(summary: Mapping[str, Any], report: Report, card: ModelCard) -> str:
    """The answer in words: the verdict of an inspection, the detector's score, and what they mean.

    Args:
        summary: the inspection's serialised form.
        report: the detector's answer in it.
        card: of the model that answered.
    """
    name = summary["verdict"]
    upheld = not report.verdict or name == report.verdict.value
    return _render(
        "app_answer.html",
        name=name,
        word=VERDICT_WORDS[name],
        headline=headline(name),
        advice=ADVICE[name],
        source=summary["source"],
        percent=report_percent(report),
        score=summary["score"],
        threshold=report.threshold,
        policy=report.policy,
        meaning=explain_score(report, card) if upheld else "",
        failure=report.error,
        reasons=summary["reasons"],
        warnings=summary["warnings"],
    )


def table_fragment(caption: str, rows: Sequence[Sequence[str]], heads: Sequence[str] = ()) -> str:
    """A table; the first cell of each row names it."""
    return _render("app_table.html", caption=caption, rows=rows, heads=heads)


def timelines_fragment(report: Report) -> str:
    """For each person of a clip the course of the score."""
    drawn = _render("timelines.html", **card_values(report))
    return f'<div class="unmask-timelines">{drawn}</div>'


def _render(template: str, **values: Any) -> str:
    text: str = load_environment().get_template(template).render(values)
    return text
