"""An inspection for people: one page, and a few lines in the terminal."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from rich.console import Console
from rich.text import Text

from unmask.errors import printable
from unmask.records import Pixels, Report
from unmask.reporting.html import card_values, clock
from unmask.reporting.pages import render_page
from unmask.reporting.sinks import QuietPipeConsole
from unmask.reporting.wording import VERDICT_COLOURS, VERDICT_WORDS, percent

VIEW_QUALITY: Final = 90


class Drawn(Protocol):
    """A picture with its name and caption."""

    @property
    def name(self) -> str:
        """What it is."""
        ...

    @property
    def pixels(self) -> Pixels:
        """(S, S, 3)."""
        ...

    @property
    def caption(self) -> str:
        """What to look for."""
        ...


Views = Sequence[Sequence[Drawn]]
"""For each explained face its pictures."""


def inspection_page(summary: Mapping[str, Any], report: Report, views: Views) -> str:
    """The page of an inspection: its serialised form, the detector's report, the pictures."""
    values = card_values(report)
    values |= {"word": VERDICT_WORDS[summary["verdict"]], "tone": summary["verdict"]}
    return render_page(
        "inspection.html",
        **values,
        summary=summary,
        faces=[
            {"title": title, "views": [_embed(view) for view in drawn]}
            for title, drawn in zip(face_titles(summary), views, strict=True)
        ],
        changes=change_rows(summary),
        tables=provenance_tables(summary),
    )


def face_titles(summary: Mapping[str, Any]) -> list[str]:
    """A heading for each explained face: its score, when it was seen, how unlike others it is."""
    titles = []
    for number, face in enumerate(summary["why"], start=1):
        seen = "" if face["time_s"] is None else f" at {clock(face['time_s'])}"
        person = "" if face["person"] is None else f", person {face['person']}"
        distance = face["unlike"]
        unlike = "" if distance is None else f", unlikeness {distance:.2f} of the limit"
        what = "Moment" if seen else "Face"
        titles.append(f"{what} {number}{seen}{person}: {percent(face['score'])} fake{unlike}")
    return titles


def change_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of the table of changes, the unchanged score first."""
    stability = summary["stability"]
    if stability is None:
        return []
    rows = [{"name": "as it is", "score": stability["score"], "kind": ""}]
    kinds = {True: "slight", False: "strong"}
    return rows + [
        {"name": row["name"], "score": row["score"], "kind": kinds[row["mild"]]}
        for row in stability["changes"]
    ]


def provenance_tables(summary: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """What a file says of itself, as tables of names and values by heading."""
    found = summary["provenance"]
    if found is None:
        return {}
    credentials, jpeg = found["credentials"], found["jpeg"]
    declared = [
        (row["where"], row["says"] + (f": {row['excerpt']}" if row["excerpt"] else ""))
        for row in found["declarations"]
    ]
    signed = [("state", credentials["meaning"])]
    signed += [(k, str(credentials[k])) for k in ("signer", "issuer", "signed_at", "generator")]
    signed += [("claim", text) for text in credentials["claims"]]
    signed += [("problem", text) for text in credentials["problems"]]
    return {
        "File": [
            ("format", found["format"]),
            ("size", f"{found['size_bytes']} bytes"),
            ("SHA-256", found["sha256"]),
            ("perceptual hash", summary["perceptual_hash"] or "none"),
        ],
        "Says of its making": declared,
        "Content credentials (C2PA)": [row for row in signed if row[1]],
        "EXIF": list(found["exif"].items()),
        "XMP": list(found["xmp"].items()),
        "PNG texts": list(found["texts"].items()),
        "JPEG": [("", text) for text in jpeg["in_words"]] if jpeg else [],
        "Container": _container_rows(found["container"] or {}),
    }


def _container_rows(container: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for name, value in container.items():
        if name == "streams":
            rows += [(f"stream {n}", _join(one)) for n, one in enumerate(value)]
        elif name == "tags":
            rows += [(f"tag {key}", text) for key, text in value.items()]
        elif value is not None:
            rows.append((name, str(value)))
    return rows


def _join(stream: Mapping[str, Any]) -> str:
    plain = [f"{k} {v}" for k, v in stream.items() if k != "tags" and v is not None]
    return ", ".join([*plain, *(f"{k}: {v}" for k, v in stream["tags"].items())])


def _embed(view: Drawn) -> dict[str, str]:
    from unmask.media.images import encode_jpeg

    data = base64.b64encode(encode_jpeg(view.pixels, VIEW_QUALITY)).decode()
    uri = f"data:image/jpeg;base64,{data}"
    return {"name": view.name, "uri": uri, "caption": view.caption}


def print_inspection(summary: Mapping[str, Any], console: Console | None = None) -> None:
    """The verdict, its reasons, and what stands out of the rest."""
    console = console or QuietPipeConsole(highlight=False)
    name = summary["verdict"]
    head = Text(VERDICT_WORDS[name].upper(), style=f"bold {VERDICT_COLOURS[name]}")
    score = "" if summary["score"] is None else f"  {percent(summary['score'])} fake"
    console.print(head + Text(f"{score}  {printable(summary['source'])}"), soft_wrap=True)
    for line in _lines(summary):
        console.print(Text(printable(line)), soft_wrap=True)


def _lines(summary: Mapping[str, Any]) -> list[str]:
    error = summary["detection"]["error"]
    lines = [f"  {error['code']}: {error['message']}"] if error else []
    lines += [f"  {reason}" for reason in summary["reasons"]]
    lines += [
        f"why        {title}; {face['heat']['in_words']}"
        for title, face in zip(face_titles(summary), summary["why"], strict=True)
    ]
    if summary["stability"]:
        span = [100 * summary["stability"][key] for key in ("lowest", "highest")]
        lines.append(f"firmness   {span[0]:.1f} % to {span[1]:.1f} % under slight changes")
    if summary["unlike"] is not None:
        lines.append(f"unlikeness {summary['unlike']:.2f} of the limit (above 1: unlike training)")
    for title, rows in provenance_tables(summary).items():
        if title not in {"EXIF", "XMP", "PNG texts", "Container"}:
            lines += [f"from       {name + ': ' if name else ''}{value}" for name, value in rows]
    return lines + [f"warning    {warning}" for warning in summary["warnings"]]
