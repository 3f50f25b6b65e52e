"""How fast the live picture is: a 720p clip through the code of `unmask camera` and the page.

    uv run benchmarks/camera.py [CLIP] [--seconds 15]

Without a clip it makes one of the sample portrait, 1280 x 720 at 30 frames/s. Printed are the
frames shown per second, boxes and words drawn, and two latencies, in milliseconds: from a frame's
arrival until it is shown (`frame`), and until the answer of a searched frame is shown (`answer`).
The command lets a searched frame wait for its answer, the page searches beside.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from unmask.detection.detector import Detector
from unmask.detection.live import LiveDetector, LiveWatch
from unmask.doors.marks import mark_people
from unmask.media.camera import open_camera
from unmask.media.samples import make_samples
from unmask.media.video import ClipWriter, probe_clip
from unmask.reporting.drawing import draw_marks

SIZE_PX = (1280, 720)


@dataclass
class Times:
    """How long it took, in seconds."""

    frames: list[float] = field(default_factory=list)
    """From a frame's arrival until it is shown."""
    answers: list[float] = field(default_factory=list)
    """From the arrival of a searched frame until its answer is shown."""
    took: float = 0.0
    dropped: int = 0


def make_clip(path: Path, seconds: float) -> Path:
    """The sample portrait, moving over a 720p picture."""
    portrait = Image.open(make_samples(path.parent)[0])
    with ClipWriter(path, fps=30) as writer:
        for number in range(round(30 * seconds)):
            canvas = Image.new("RGB", SIZE_PX, (70, 80, 90))
            canvas.paste(portrait, (300 + abs(number % 200 - 100), 60))
            writer.append(np.asarray(canvas))
    return path


def measure(clip: Path, watch: LiveWatch, seconds: float) -> Times:
    """Play a clip as a camera again and again."""
    times = Times()
    started_s, age_s = time.perf_counter(), np.inf
    while time.perf_counter() - started_s < seconds:
        with open_camera(clip) as camera:
            for frame in camera:
                arrived_s = time.perf_counter()
                view = watch.see(frame)
                draw_marks(view.frame.pixels, mark_people(view.people))
                shown_s = time.perf_counter()
                times.frames.append(shown_s - arrived_s)
                if 0 < view.age_s < age_s:  # a younger answer than the last frame had
                    times.answers.append(view.age_s)
                age_s = view.age_s or np.inf
                if shown_s - started_s >= seconds:
                    break
            times.dropped += camera.dropped
    times.took = time.perf_counter() - started_s
    return times


def describe(name: str, times: Times) -> None:
    """Print the figures."""
    rates = [f"{len(values) / times.took:.1f}" for values in (times.frames, times.answers)]
    print(f"{name}: {rates[0]} frames/s shown, {times.dropped} left out; {rates[1]} answers/s")
    for what, values in (("frame", times.frames), ("answer", times.answers)):
        middle, late, last = 1000 * np.percentile(values, (50, 95, 100))
        print(f"  {what:7} p50 {middle:5.0f}  p95 {late:5.0f}  most {last:5.0f}  ms")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=15.0, help="for each of the two")
    arguments = parser.parse_args()
    live = LiveDetector(Detector())
    with tempfile.TemporaryDirectory() as folder:
        clip = arguments.clip or make_clip(Path(folder) / "clip.mp4", 8)
        info = probe_clip(clip)
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        size = f"{info.width_px} x {info.height_px}, {info.fps:.1f} frames/s"
        print(f"{size}; {os.cpu_count()} cores, load {load}")
        describe("unmask camera", measure(clip, live.begin(), arguments.seconds))
        describe("page", measure(clip, live.begin_beside(), arguments.seconds))


if __name__ == "__main__":
    main()
