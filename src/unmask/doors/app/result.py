"""What was found out about a file: the answer first, then its grounds."""

from functools import partial
from typing import Final

import streamlit as st

from unmask.errors import MissingExtraError, printable
from unmask.inspection.evidence import KINDS, render_evidence
from unmask.inspection.moments import Finding, Moment
from unmask.inspection.record import Inspection
from unmask.media.images import encode_jpeg
from unmask.models.card import ModelCard
from unmask.models.library import ModelFolder
from unmask.reporting.fragments import (
    answer_fragment,
    course_figures,
    figures_fragment,
    jpeg_figure,
    table_fragment,
)
from unmask.reporting.html import clock
from unmask.reporting.inspection import (
    VIEW_QUALITY,
    change_rows,
    face_titles,
    provenance_tables,
)
from unmask.reporting.models import card_rows
from unmask.reporting.overlay import plain_stem
from unmask.reporting.wording import VERDICT_WORDS, note, percent, report_percent, who

_MIME: Final = {"html": "text/html", "pdf": "application/pdf", "json": "application/json"}


def show_overview(findings: dict[str, Finding]) -> str:
    """A table of all files and a choice among them; the token of the chosen one."""
    rows = [_row(found.inspection) for found in findings.values()]
    st.html(table_fragment("Answers", rows, ("file", "verdict", "score", "faces", "why")))
    tokens = list(findings)
    chosen: str = st.selectbox(
        "Show details of",
        tokens,
        format_func=lambda token: printable(findings[token].inspection.report.source),
    )
    return chosen


def _row(inspection: Inspection) -> tuple[str, ...]:
    report = inspection.report
    verdict = inspection.verdict.value if inspection.verdict else "error"
    why = inspection.reasons[0] if inspection.reasons else note(report)
    return (report.source, VERDICT_WORDS[verdict], report_percent(report), who(report), why)


def show_finding(finding: Finding, card: ModelCard, key: str) -> None:
    """Everything about one file; the key tells its moments from those of others."""
    inspection = finding.inspection
    summary = inspection.to_dict()
    st.html(answer_fragment(summary, inspection.report, card))
    _offer_downloads(inspection)
    if inspection.report.people and finding.moments:
        _show_clip(finding, f"moment {key}")
    elif finding.moments:
        caption = "The picture, with what was said of each face"
        st.html(figures_fragment([jpeg_figure(finding.moments[0].jpeg, caption, caption)]))
    if inspection.explained:
        _show_why(inspection)
    if rows := change_rows(summary):
        with st.expander("How firm is the score?"):
            threshold = 100 * inspection.report.threshold
            st.html(
                table_fragment(
                    f"The score after changes to the file; fake from {threshold:.1f} %",
                    [(row["name"], f"{100 * row['score']:.1f} %", row["kind"]) for row in rows],
                    ("change", "score", "kind of change"),
                )
            )
    with st.expander("Where is the file from? Metadata and content credentials"):
        for title, facts in provenance_tables(summary).items():
            if facts:
                st.html(table_fragment(title, facts))
        st.write(
            "Metadata are lost on most ways and can be written by anybody; that there are none "
            "says nothing."
        )


def _offer_downloads(inspection: Inspection) -> None:
    stem = plain_stem(inspection.report.source)
    with st.container(horizontal=True):
        for kind in KINDS:
            st.download_button(
                f"Report as {kind.upper()}",
                partial(_render, inspection, kind),
                file_name=f"{stem}-unmask.{kind}",
                mime=_MIME[kind],
                on_click="ignore",
            )


def _render(inspection: Inspection, kind: str) -> bytes:
    try:
        made = render_evidence(inspection, kind)
    except MissingExtraError as error:
        return str(error).encode()
    return made.encode("utf-8", "backslashreplace") if isinstance(made, str) else made


def _show_clip(finding: Finding, key: str) -> None:
    """The course of each person's score, and the frames."""
    st.subheader("The course of the clip")
    st.html(figures_fragment(course_figures(finding.inspection.report)))
    moments = {moment.time_s: moment for moment in finding.moments}
    st.session_state.setdefault(key, finding.suspicious().time_s)
    if len(moments) > 1:
        st.select_slider("Moment of the clip", list(moments), format_func=_name_time, key=key)
    explained = [face.face.crop.time_s for face in finding.inspection.explained]
    with st.container(horizontal=True):
        for time_s in [time for time in explained if time in moments]:
            st.button(f"Go to {_name_time(time_s)}", on_click=_go_to, args=(key, time_s))
    _show_moment(moments[st.session_state[key]])


def _go_to(key: str, time_s: float) -> None:
    st.session_state[key] = time_s


def _name_time(time_s: float | None) -> str:
    return clock(time_s or 0.0)


def _show_moment(moment: Moment) -> None:
    score = "" if moment.score is None else f": {percent(moment.score)} fake at most"
    caption = f"The clip at {_name_time(moment.time_s)}{score}"
    st.html(figures_fragment([jpeg_figure(moment.jpeg, caption, caption)]))


def _show_why(inspection: Inspection) -> None:
    """What the network went by, face by face."""
    st.subheader("What the model went by")
    titles = face_titles(inspection.to_dict())
    for title, views in zip(titles, inspection.pictures(), strict=True):
        st.markdown(f"**{title}**")
        figures = [
            jpeg_figure(
                encode_jpeg(view.pixels, VIEW_QUALITY), f"{view.name}, {title}", view.caption
            )
            for view in views
        ]
        st.html(figures_fragment(figures))


def show_comparison(*found: tuple[str, Finding]) -> None:
    """Answers about the same file side by side, each under what it was asked with."""
    columns = [_compared(finding.inspection) for _, finding in found]
    rows = [(name, *cells) for name, *cells in zip(_COMPARED, *columns, strict=True)]
    names = [name for name, _ in found]
    st.html(table_fragment("The same file, asked in two ways", rows, ("", *names)))


_COMPARED: Final = ("verdict", "score", "fake from", "faces", "why")


def _compared(inspection: Inspection) -> tuple[str, ...]:
    _, verdict, score, faces, why = _row(inspection)
    return verdict, score, f"{100 * inspection.report.threshold:.1f} %", faces, why


def show_model(folder: ModelFolder) -> None:
    """The model's card."""
    with st.expander(f"About the model {folder.card.name}: data, figures, limits"):
        st.html(table_fragment(f"Card of {folder.card.name}", card_rows(folder)))
