"""An inspection with the pictures that it is about: the picture itself, or moments of a clip."""

import threading
from bisect import bisect_left
from collections.abc import Iterable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from unmask.detection.detector import Watch
from unmask.inspection.inspect import Inspector
from unmask.inspection.record import Inspection
from unmask.media.images import encode_jpeg
from unmask.media.sources import FilePath
from unmask.records import Kind, Pixels, Report
from unmask.reporting.overlay import draw_faces

PICTURE_SIDE_PX: Final = 1280
MOMENT_SIDE_PX: Final = 640
"""Longer sides of what is kept to be shown."""
MOST_MOMENTS: Final = 64
"""Of a clip that are kept: the most suspicious ones."""
_QUALITY: Final = 85


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture with boxes and scores."""

    jpeg: bytes
    time_s: float | None = None
    """None for a still."""
    score: float | None = None
    """The highest of its faces."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What was found out about a file, and what can be shown of it."""

    inspection: Inspection
    moments: tuple[Moment, ...] = ()
    """One for a still; of a clip those with faces, in order of time."""

    def suspicious(self) -> Moment:
        """The moment with the highest score."""
        return max(self.moments, key=lambda moment: moment.score or 0.0)


def find_out(
    inspector: Inspector, source: FilePath, *, stop: threading.Event, watch: Watch
) -> Finding:
    """Inspect a file and keep what can be shown of it.

    Raises:
        CancelledError: `stop` was set before the end.
    """
    inspection = inspector.inspect(source, stop=stop, watch=watch)
    report = inspection.report
    if report.error is not None:
        return Finding(inspection)
    if report.kind is Kind.IMAGE:
        pixels = inspector.detector.read_image(source)
        return Finding(inspection, (_keep(pixels, report, None),))
    return Finding(inspection, tuple(_read_moments(inspector, source, report, stop)))


def _read_moments(
    inspector: Inspector, source: FilePath, report: Report, stop: threading.Event
) -> Iterable[Moment]:
    wanted = _choose_times(report)
    with inspector.detector.sample_frames(source) as stream:
        for frame in stream:
            if stop.is_set():
                raise CancelledError
            at = bisect_left(wanted, frame.time_s or 0.0)
            if at < len(wanted) and wanted[at] == frame.time_s:
                yield _keep(frame.pixels, report, frame.time_s)


def _choose_times(report: Report) -> list[float]:
    """When the most suspicious faces were seen, in order."""
    faces = sorted(report.faces, key=lambda face: -face.score.probability)
    times = dict.fromkeys(face.crop.time_s for face in faces if face.crop.time_s is not None)
    return sorted(list(times)[:MOST_MOMENTS])


def _keep(pixels: Pixels, report: Report, time_s: float | None) -> Moment:
    seen = [face.score.probability for face in report.faces if face.crop.time_s == time_s]
    drawn = draw_faces(pixels, report, time_s)
    small = _shrink(drawn, PICTURE_SIDE_PX if time_s is None else MOMENT_SIDE_PX)
    return Moment(encode_jpeg(small, _QUALITY), time_s, max(seen, default=None))


def _shrink(pixels: Pixels, side_px: int) -> Pixels:
    longer = max(pixels.shape[:2])
    if longer <= side_px:
        return pixels
    height, width = (max(1, round(side * side_px / longer)) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
