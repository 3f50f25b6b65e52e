"""Annotated copies of pictures and clips: boxes, scores and the verdict, drawn on them."""

import hashlib
import os
import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from unmask.errors import MediaError, printable
from unmask.records import Box, Kind, Pixels, Report, ScoredFace
from unmask.reporting.drawing import Mark, add_strip, draw_marks
from unmask.reporting.wording import VERDICT_WORDS, label, tone, verdict_name

JPEG_QUALITY: Final = 92
MAX_HOLD_S: Final = 0.5
"""How long before and after a sampled frame its box is shown where no neighbour is near."""
MAX_BRIDGE_S: Final = 2.0
"""Between samples at most this far apart a box is moved along; a longer gap shows none."""
_SINGLE_FRAME_FPS: Final = 25.0
_NAME_BYTES: Final = 100
_TAG_LETTERS: Final = 10


def write_overlay(report: Report, out_dir: Path) -> Path:
    """Read the report's source again and write a copy with boxes and scores; say where it is.

    A picture becomes a JPEG (a PNG stays a PNG), a clip an MP4 without sound. Of a clip the boxes
    of the sampled frames are shown at their times and moved between them.

    Raises:
        MediaError: the report has no picture to draw on, or the source cannot be read any more.
    """
    if report.error is not None:
        message = f"{report.source} was not answered ({report.error.code}), so nothing can be drawn"
        raise MediaError(message, code="unreadable")
    target = out_dir / overlay_name(report)
    out_dir.mkdir(parents=True, exist_ok=True)
    if report.kind is Kind.VIDEO:
        _write_clip(report, target)
    else:
        _write_picture(report, target)
    return target


def overlay_name(report: Report) -> str:
    """A file name of its own for each source, wherever it lies: `photo-3f9a1c22d0.jpg`.

    The letters after the hyphen are a hash of the source as given, so that equal names in different
    folders stay apart and running again writes the same name; the rest of the path is dropped, so
    that nothing is written outside the folder.
    """
    raw = os.fsencode(report.source)
    tag = hashlib.sha256(raw).hexdigest()[:_TAG_LETTERS]
    short = plain_stem(report.source)
    if report.kind is Kind.VIDEO:
        return f"{short}-{tag}.mp4"
    suffix = Path(report.source).suffix.lower()
    return f"{short}-{tag}{'.png' if suffix == '.png' else '.jpg'}"


def plain_stem(source: str) -> str:
    """A source's name without folder and extension, as a file may be called anywhere."""
    stem = re.sub(r"[^\w.-]+", "_", printable(Path(source).stem)).strip("._-")
    return stem.encode()[:_NAME_BYTES].decode("utf-8", "ignore") or "input"


def _headline(report: Report) -> tuple[str, str, str]:
    """The strip's words, their detail and their tone."""
    name = verdict_name(report)
    words = label(name, report.score.probability) if report.score else VERDICT_WORDS[name].upper()
    model = f"unmask, {report.model.name} {report.model.version}"
    detail = f"{model}, policy {report.policy}, fake from {report.threshold * 100:.1f} %"
    return words, detail, name


def _write_picture(report: Report, target: Path) -> None:
    from unmask.media.images import read_image

    drawn = draw_faces(read_image(report.source), report)
    _save_picture(add_strip(drawn, *_headline(report)), target)


def draw_faces(pixels: Pixels, report: Report, time_s: float | None = None) -> Pixels:
    """A copy of the report's picture with boxes and scores; of a clip, of the frame at a time."""
    faces = [face for face in report.faces if face.crop.time_s == time_s]
    marks = [
        _mark(face.crop.box_xyxy, face.score.probability, report, face.crop.person)
        for face in faces
    ]
    return draw_marks(pixels, marks)


def _save_picture(pixels: Pixels, target: Path) -> None:
    from PIL import Image

    part = target.with_name(f".{target.name}.partial")
    try:
        if target.suffix == ".png":
            Image.fromarray(pixels).save(part, format="png")
        else:
            Image.fromarray(pixels).save(part, format="jpeg", quality=JPEG_QUALITY)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _mark(box_xyxy: Box, probability: float, report: Report, person: int | None = None) -> Mark:
    name = tone(probability, report)
    words = label(name, probability)
    return Mark(box_xyxy, words if person is None else f"person {person}: {words}", name)


def _write_clip(report: Report, target: Path) -> None:
    from unmask.media.video import ClipWriter, probe_clip, read_frames

    tracks = tracks_of(report)
    headline = _headline(report)
    fps = probe_clip(report.source).fps or _SINGLE_FRAME_FPS
    with read_frames(report.source) as frames, ClipWriter(target, fps=fps) as writer:
        for frame in frames:
            time_s = frame.time_s or 0.0
            marks = [
                _mark(placed.box_xyxy, placed.probability, report, person)
                for person, track in tracks.items()
                if (placed := track.at(time_s)) is not None
            ]
            pixels = add_strip(draw_marks(frame.pixels, marks), *headline)
            writer.append(replace(frame, pixels=pixels))


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a person is at one moment, and the score of it."""

    time_s: float
    box_xyxy: Box
    probability: float


@dataclass(frozen=True, slots=True)
class Track:
    """A person's sampled places, in the order of time."""

    places: tuple[Placed, ...]
    bridge_s: float
    """Two samples at most this far apart are joined."""

    def at(self, time_s: float) -> Placed | None:
        """The place at a time: moved between near samples, held beside a lone one, else none.

        The score shown is that of the nearer sample; scores are not invented in between.
        """
        after = bisect_right([place.time_s for place in self.places], time_s)
        before_place = self.places[after - 1] if after else None
        after_place = self.places[after] if after < len(self.places) else None
        if before_place and after_place:
            gap_s = after_place.time_s - before_place.time_s
            if gap_s <= self.bridge_s:
                return _between(before_place, after_place, (time_s - before_place.time_s) / gap_s)
        near = [place for place in (before_place, after_place) if place is not None]
        nearest = min(near, key=lambda place: abs(place.time_s - time_s), default=None)
        if nearest is None or abs(nearest.time_s - time_s) > MAX_HOLD_S:
            return None
        return nearest


def tracks_of(report: Report) -> dict[int, Track]:
    """The sampled places of each person of a clip's report."""
    by_person: dict[int, list[ScoredFace]] = defaultdict(list)
    for face in report.faces:
        if face.crop.time_s is not None and face.crop.person is not None:
            by_person[face.crop.person].append(face)
    times = sorted({face.crop.time_s or 0.0 for face in report.faces})
    step_s = median(later - earlier for earlier, later in pairwise(times)) if times[1:] else 0.0
    bridge_s = min(MAX_BRIDGE_S, 1.5 * step_s)
    return {
        person: Track(tuple(sorted(map(_place, faces), key=lambda at: at.time_s)), bridge_s)
        for person, faces in sorted(by_person.items())
    }


def _place(face: ScoredFace) -> Placed:
    return Placed(face.crop.time_s or 0.0, face.crop.box_xyxy, face.score.probability)


def _between(before: Placed, after: Placed, share: float) -> Placed:
    x1, y1, x2, y2 = (
        start + (end - start) * share
        for start, end in zip(before.box_xyxy, after.box_xyxy, strict=True)
    )
    nearer = before if share <= 1 / 2 else after
    time_s = before.time_s + (after.time_s - before.time_s) * share
    return Placed(time_s, (x1, y1, x2, y2), nearer.probability)
