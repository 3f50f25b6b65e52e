"""Pieces of the web page: an answer, a table, the course of a clip. All text in them is escaped."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unmask.models.card import ModelCard
from unmask.records import Report
from unmask.reporting.html import CHART_SIZE_PX, Timeline, timelines_of
from unmask.reporting.meaning import ADVICE, explain_score, headline
from unmask.reporting.pages import load_environment, read_template
from unmask.reporting.wording import VERDICT_COLOURS, VERDICT_WORDS, report_percent


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its words."""

    uri: str
    """The picture as an address that holds it."""
    alt: str
    """What it is, for those who do not see it."""
    caption: str


def jpeg_figure(jpeg: bytes, alt: str, caption: str) -> Figure:
    """A picture that is encoded already."""
    return Figure(_embed("image/jpeg", jpeg), alt, caption)


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


def figures_fragment(figures: Sequence[Figure]) -> str:
    """Pictures side by side, as many as there is room for."""
    return _render("app_figures.html", figures=figures)


def course_figures(report: Report) -> list[Figure]:
    """For each person of a clip the course of the score, in colours for light and dark."""
    return [_draw_course(line) for line in timelines_of(report)]


def _draw_course(line: Timeline) -> Figure:
    drawn = _render(
        "app_course.svg", line=line, chart=CHART_SIZE_PX, colour=VERDICT_COLOURS[line.tone]
    )
    height_px = {words: y for _, y, words in line.points}
    highest = min(height_px, key=height_px.__getitem__)
    said = f"Person {line.person}: {line.score} fake over the whole clip"
    return Figure(
        _embed("image/svg+xml", drawn.encode()),
        f"scores of person {line.person} over {len(line.points)} frames; highest at {highest}",
        f"{said}; from {line.start} to {line.end}, fake at the top, the threshold dashed; "
        f"highest at {highest}",
    )


def _embed(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _render(template: str, **values: Any) -> str:
    text: str = load_environment().get_template(template).render(values)
    return text
