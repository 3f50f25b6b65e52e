"""An inspection as a PDF file, for people who file paper."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from matplotlib import get_data_path
from PIL import Image
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table
from reportlab.platypus import Image as Picture

from unmask.errors import printable
from unmask.reporting.inspection import Views, change_rows, face_titles, provenance_tables
from unmask.reporting.wording import VERDICT_COLOURS, VERDICT_WORDS

_MARGIN: Final = 18 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_FONT: Final = "DejaVuSans"
_LONGEST: Final = 600
"""Characters of a text in a table: a cell must fit on a page."""
_GREY: Final = HexColor("#5b6470")
_LINE: Final = HexColor("#dfe3e8")
_NOTE: Final = (
    "A score is the model's estimate of the probability that a face was made or altered by a "
    "machine, calibrated on pictures like those it was validated on. On others it can be wrong, in "
    "both directions, and be sure of itself while it is. A heat map says what the model went by, "
    "not what is true; the other views are for the eye and decide nothing. This report is one "
    "piece of evidence, not proof. It can be checked with: unmask verify REPORT.json FILE"
)


def inspection_pdf(summary: Mapping[str, Any], views: Views) -> bytes:
    """The PDF file of an inspection: its serialised form and the pictures."""
    _register_fonts()
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"Unmask: {printable(summary['source'])[:200]}",
        author="unmask",
    )
    document.build(list(_contents(summary, views)))
    return buffer.getvalue()


def _register_fonts() -> None:
    """Matplotlib's fonts, since those that every PDF reader has know Latin letters alone."""
    folder = Path(get_data_path()) / "fonts" / "ttf"
    registerFont(TTFont(_FONT, folder / f"{_FONT}.ttf"))
    registerFont(TTFont(f"{_FONT}-Bold", folder / f"{_FONT}-Bold.ttf"))
    registerFontFamily(_FONT, normal=_FONT, bold=f"{_FONT}-Bold")


def _style(size: float, **changes: Any) -> ParagraphStyle:
    leading = size * 1.35
    return ParagraphStyle("", fontName=_FONT, fontSize=size, leading=leading, **changes)


def _text(words: str, size: float = 9, **changes: Any) -> Paragraph:
    """A paragraph; nothing in the words is markup, and words longer than a line are broken."""
    style = _style(size, splitLongWords=1, **changes)
    return Paragraph(escape(printable(words[:_LONGEST])), style)


def _heading(words: str) -> Paragraph:
    style = _style(11, spaceBefore=5 * mm, spaceAfter=1.5 * mm, keepWithNext=1)
    return Paragraph(f"<b>{escape(words)}</b>", style)


def _contents(summary: Mapping[str, Any], views: Views) -> Iterator[Flowable]:
    name = summary["verdict"]
    colour = HexColor(VERDICT_COLOURS[name])
    yield Paragraph(f"<b>{VERDICT_WORDS[name].upper()}</b>", _style(20, textColor=colour))
    yield _text(summary["source"], 10)
    score = summary["score"]
    said = "" if score is None else f"Probability of fake {100 * score:.1f} %. "
    yield _text(f"{said}Evidence report of {summary['date']}.", textColor=_GREY)
    yield Spacer(0, 2 * mm)
    for reason in summary["reasons"]:
        yield _text(f"• {reason}")
    for warning in summary["warnings"]:
        yield _text(f"Warning: {warning}", textColor=_GREY)
    if error := summary["detection"]["error"]:
        yield _text(f"{error['code']}: {error['message']}")
    yield from _explain(summary, views)
    yield from _weigh(summary)
    for title, rows in provenance_tables(summary).items():
        if rows:
            yield _heading(title)
            yield _table(rows)
    yield _heading("How to read this")
    yield _text(_NOTE)
    yield _heading("With what")
    yield _table(
        [
            ("model", f"{summary['model']['name']} {summary['model']['version']}"),
            ("model SHA-256", summary["model"]["sha256"]),
            ("tool SHA-256", summary["tool"]["sha256"]),
            ("settings", ", ".join(f"{k} {v}" for k, v in summary["settings"].items())),
            ("versions", ", ".join(f"{k} {v}" for k, v in summary["versions"].items())),
        ]
    )


def _explain(summary: Mapping[str, Any], views: Views) -> Iterator[Flowable]:
    if views:
        yield _heading("Why")
    for title, drawn in zip(face_titles(summary), views, strict=True):
        width = _WIDTH / len(drawn)
        side = width - 2 * mm
        pictures = [Picture(_png(view.pixels), side, side) for view in drawn]
        captions = [_text(view.caption, 6.5, textColor=_GREY) for view in drawn]
        table = Table([pictures, captions], colWidths=[width] * len(drawn), hAlign="LEFT")
        table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
        yield KeepTogether([_text(title), Spacer(0, 1 * mm), table])


def _weigh(summary: Mapping[str, Any]) -> Iterator[Flowable]:
    rows = change_rows(summary)
    if rows:
        yield _heading("How firm the score is")
        threshold = 100 * summary["detection"]["threshold"]
        yield _text(f"The score under changes; the threshold is {threshold:.1f} %.")
        yield _table([(r["name"], f"{100 * r['score']:.1f} %  {r['kind']}") for r in rows])
    if summary["unlike"] is not None:
        yield _heading("How like the training faces")
        yield _text(f"{summary['unlike']:.2f} of the limit; above 1 is unlike all of them.")


def _table(rows: list[tuple[str, str]]) -> Table:
    cells = [[_text(name, 8, textColor=_GREY), _text(value, 8)] for name, value in rows]
    table = Table(cells, colWidths=[38 * mm, _WIDTH - 38 * mm], hAlign="LEFT")
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ]
    )
    return table


def _png(pixels: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    buffer.seek(0)
    return buffer
