"""A single page for people: self-contained, without scripts, nothing loaded from anywhere.

The page is written as a stream (head, one card per report, foot), so that memory stays flat however
many inputs there are; the summary is written last and shown first.
"""

import base64
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TextIO

from unmask.records import NO_PIXELS, Person, Pixels, Report, ScoredFace
from unmask.reporting.pages import load_environment, read_template
from unmask.reporting.wording import (
    VERDICT_WORDS,
    percent,
    report_percent,
    tone,
    verdict_name,
    who,
)

THUMBNAIL_SIDE_PX: Final = 128
THUMBNAIL_QUALITY: Final = 78
MAX_THUMBNAILS: Final = 8
"""Faces shown per input; the others are counted."""
CHART_SIZE_PX: Final = (640, 96)
"""Width and height of a person's timeline, in units of its own drawing."""
_CHART_INSET_PX: Final = 6


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A face as the page shows it."""

    uri: str
    caption: str
    tone: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A person's scores over the clip, as a drawing."""

    person: int
    score: str
    tone: str
    points: tuple[tuple[float, float, str], ...]
    """x, y and the words shown at each sampled frame."""
    threshold_y: float
    start: str
    end: str

    @property
    def path(self) -> str:
        """The points as SVG has them: `x,y x,y`."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in self.points)


class HtmlSink:
    """Writes one HTML page; complete when the sink is closed, readable before."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._counts = dict.fromkeys(VERDICT_WORDS, 0)
        self._models: dict[tuple[str, ...], None] = {}
        self._versions: dict[str, str] = {}
        self._started_s = 0.0

    def __enter__(self) -> Self:
        self._started_s = time.perf_counter()
        style = read_template("style.css")
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._write("head.html", style=style, style_hash=digest, words=VERDICT_WORDS)
        return self

    def append(self, report: Report) -> None:
        """Write one card."""
        name = verdict_name(report)
        self._counts[name] += 1
        model = report.model
        policy = f"{report.policy} (fake from {report.threshold * 100:.1f} %)"
        self._models[model.name, model.version, model.sha256, policy] = None
        self._versions.update(report.versions)
        self._write("card.html", **card_values(report))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            return
        self._write(
            "foot.html",
            counts=self._counts,
            total=sum(self._counts.values()),
            words=VERDICT_WORDS,
            seconds=time.perf_counter() - self._started_s,
            written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            models=list(self._models),
            versions=self._versions,
            stopped=error is not None,
        )

    def _write(self, template: str, **values: Any) -> None:
        self._stream.write(load_environment().get_template(template).render(values))
        self._stream.flush()


def card_values(report: Report) -> dict[str, Any]:
    """What the template of a report's card needs."""
    name = verdict_name(report)
    return {
        "report": report,
        "name": name,
        "word": VERDICT_WORDS[name],
        "percent": report_percent(report),
        "who": who(report),
        "thumbnails": [_thumbnail(face, report) for face in _shown_faces(report)],
        "timelines": timelines_of(report),
        "chart": CHART_SIZE_PX,
    }


def _shown_faces(report: Report) -> list[ScoredFace]:
    """At most `MAX_THUMBNAILS` faces: all, or evenly spread ones with the highest among them."""
    faces = [face for face in report.faces if face.crop.pixels is not NO_PIXELS]
    if len(faces) <= MAX_THUMBNAILS:
        return faces
    highest = max(range(len(faces)), key=lambda index: faces[index].score.probability)
    others = [index for index in range(len(faces)) if index != highest]
    step = len(others) / (MAX_THUMBNAILS - 1)
    spread = [others[int(number * step)] for number in range(MAX_THUMBNAILS - 1)]
    return [faces[index] for index in sorted([*spread, highest])]


def _thumbnail(face: ScoredFace, report: Report) -> Thumbnail:
    from unmask.media.images import encode_jpeg

    data = encode_jpeg(_shrink(face.crop.pixels), THUMBNAIL_QUALITY)
    where = [] if face.crop.person is None else [f"person {face.crop.person}"]
    if face.crop.time_s is not None:
        where.append(clock(face.crop.time_s))
    return Thumbnail(
        uri="data:image/jpeg;base64," + base64.b64encode(data).decode(),
        caption=", ".join([f"{percent(face.score.probability)} fake", *where]),
        tone=tone(face.score.probability, report),
    )


def _shrink(pixels: Pixels) -> Pixels:
    import cv2

    if pixels.shape[0] <= THUMBNAIL_SIDE_PX:
        return pixels
    side = (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX)
    small: Pixels = cv2.resize(pixels, side, interpolation=cv2.INTER_AREA).astype(pixels.dtype)
    return small


def timelines_of(report: Report) -> list[Timeline]:
    """The course of each person's score."""
    return [_timeline(person, report) for person in report.people]


def _timeline(person: Person, report: Report) -> Timeline:
    last_s = max((time_s for other in report.people for time_s, _ in other.timeline), default=0.0)
    width, height = CHART_SIZE_PX
    inner_width, inner_height = width - 2 * _CHART_INSET_PX, height - 2 * _CHART_INSET_PX

    def height_of(score: float) -> float:
        return _CHART_INSET_PX + inner_height * (1.0 - score)

    points = tuple(
        (
            _CHART_INSET_PX + inner_width * (time_s / last_s if last_s > 0 else 0.0),
            height_of(score),
            f"{clock(time_s)}: {percent(score)}",
        )
        for time_s, score in person.timeline
    )
    return Timeline(
        person=person.person,
        score=percent(person.score.probability),
        tone=tone(person.score.probability, report),
        points=points,
        threshold_y=height_of(report.threshold),
        start=clock(0.0),
        end=clock(last_s),
    )


def clock(time_s: float) -> str:
    """A time in a clip as players show it.

    >>> clock(3.25), clock(83.0), clock(3725.0)
    ('0:03.2', '1:23.0', '1:02:05.0')
    """
    minutes, seconds = divmod(round(max(0.0, time_s), 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:04.1f}"
    return f"{minutes}:{seconds:04.1f}"
