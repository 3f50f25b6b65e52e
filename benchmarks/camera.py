"""How fast the live picture is: a 720p clip through the code of `unmask camera` and the page.

    uv run benchmarks/camera.py [CLIP] [--seconds 20]

Without a clip it makes one of the sample portrait, 1280 x 720 at 30 frames/s. Printed are the
frames shown per second, boxes and words drawn, and two latencies, in milliseconds: from a frame's
arrival until it is shown (`frame`), and until the answer of a searched frame is shown (`answer`).
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from unmask.detection.detector import Detector
from unmask.detection.live import LiveDetector
from unmask.doors.marks import mark_people
from unmask.media.camera import open_camera
from unmask.media.faces import Effort
from unmask.media.samples import make_samples
from unmask.media.video import ClipWriter, probe_clip
from unmask.records import FaceCrop, Frame
from unmask.reporting.drawing import draw_marks

SIZE_PX = (1280, 720)


@dataclass
class Times:
    """When frames arrived and were shown, in seconds."""

    arrived_s: float = 0.0
    searches: int = 0
    frames: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    """Processor time of the searched frames, of all threads."""


class WatchedDetector(Detector):
    """Counts the frames that are searched."""

    times = Times()

    def follow_faces(self, effort: Effort = Effort.MAIN) -> Callable[[Frame], tuple[FaceCrop, ...]]:
        """Cut every face of frames that follow each other."""
        cut = super().follow_faces(effort)

        def count(frame: Frame) -> tuple[FaceCrop, ...]:
            self.times.searches += 1
            return cut(frame)

        return count


def make_clip(path: Path, seconds: float) -> Path:
    """The sample portrait, moving over a 720p picture."""
    portrait = Image.open(make_samples(path.parent)[0])
    with ClipWriter(path, fps=30) as writer:
        for number in range(round(30 * seconds)):
            canvas = Image.new("RGB", SIZE_PX, (70, 80, 90))
            canvas.paste(portrait, (300 + abs(number % 200 - 100), 60))
            writer.append(np.asarray(canvas))
    return path


def stamp(frames: Iterator[Frame], times: Times) -> Iterator[Frame]:
    """The frames, with a note of when each came."""
    for frame in frames:
        times.arrived_s = time.perf_counter()
        yield frame


def measure(clip: Path, seconds: float) -> tuple[Times, float, int]:
    """Play a clip as a camera again and again; the times, how long it took, frames left out."""
    detector = WatchedDetector()
    times = detector.times
    live = LiveDetector(detector).begin()
    dropped, started_s = 0, time.perf_counter()
    while time.perf_counter() - started_s < seconds:
        with open_camera(clip) as camera:
            for frame in stamp(iter(camera), times):
                before, worked_s = times.searches, time.process_time()
                view = live.see(frame)
                draw_marks(view.frame.pixels, mark_people(view.people))
                took_s = time.perf_counter() - times.arrived_s
                times.frames.append(took_s)
                if times.searches > before:
                    times.answers.append(took_s)
                    times.work.append(time.process_time() - worked_s)
                if time.perf_counter() - started_s >= seconds:
                    break
            dropped += camera.dropped
    return times, time.perf_counter() - started_s, dropped


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = arguments.clip or make_clip(Path(folder) / "clip.mp4", 8)
        info = probe_clip(clip)
        times, took_s, dropped = measure(clip, arguments.seconds)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    size = f"{info.width_px} x {info.height_px}, {info.fps:.1f} frames/s"
    print(f"{size}; {os.cpu_count()} cores, load {load}")
    rates = [f"{len(values) / took_s:.1f}" for values in (times.frames, times.answers)]
    print(f"shown   {rates[0]} frames/s, {dropped} left out; {rates[1]} answers/s")
    print(f"search  {1000 * np.median(times.work):.0f} ms of processor time, in the median")
    for name, values in (("frame", times.frames), ("answer", times.answers)):
        middle, late, last = 1000 * np.percentile(values, (50, 95, 100))
        print(f"{name:7} p50 {middle:5.0f}  p95 {late:5.0f}  most {last:5.0f}  ms")


if __name__ == "__main__":
    main()
