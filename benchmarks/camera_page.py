"""The live picture of `unmask app` as a visitor sees it: its pace, and how old answers are.

    uv run benchmarks/camera_page.py [--seconds 20]

A headless Chromium opens the page; its camera is a 1280 x 720 clip of the sample portrait at 30
frames/s, whose frames carry their number as black and white squares. Three things are noted in the
browser, none of which the page has a say in: each frame that the page's video shows, with its
number and when the camera took it; the number in each still that is asked about; and when boxes
that answer it stand over the picture. Printed are

* `shown`: frames of the camera's picture shown per second;
* `answer`: from the camera taking a frame until its boxes are drawn, for each frame asked about;
* `boxes`: how old the frame is that the boxes belong to, at each frame shown, the time until the
  next answer included;
* `work`: processor time of the page's server for each answer, and of the browser for each frame
  shown (Linux only).
"""

import argparse
import io
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

from unmask.media.samples import make_samples

SIZE_PX: Final = (1280, 720)
FPS: Final = 30
FRAMES: Final = 500
"""Of the clip, which begins anew after its end."""
LONGEST_MS: Final = 15_000
"""An age at which a number still means one frame: less than the clip's length."""
MOST_SKIPPED: Final = 15
"""A still may be of a frame that was never shown itself; its time is then told by one before it."""
BITS: Final = 9
SQUARE_PX: Final = 40
PATIENCE_MS: Final = 60_000
WARM_UP_MS: Final = 8_000
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
WATCH: Final = """async (video, [milliseconds, bits, square]) => {
  const canvas = new OffscreenCanvas(bits + 1, 1);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const read = (picture, width, height) => {
    const scale = width / 1280;
    const [wide, high] = [(bits + 1) * square * scale, (square / 4) * scale];
    pen.drawImage(picture, 0, height - (square * 5 / 8) * scale, wide, high, 0, 0, bits + 1, 1);
    const data = pen.getImageData(0, 0, bits + 1, 1).data;
    let number = 0, sum = 0;
    for (let at = 0; at <= bits; at++) {
      const bit = data[4 * at + 1] > 127 ? 1 : 0;
      sum += bit;
      if (at < bits) number += bit << at;
    }
    return sum % 2 ? null : number;
  };
  const frames = [], answers = [];
  let asked;
  const encode = HTMLCanvasElement.prototype.toBlob;
  HTMLCanvasElement.prototype.toBlob = function (...given) {
    asked = read(this, this.width, this.height);
    return encode.apply(this, given);
  };
  const drawn = new MutationObserver(() => {
    const number = asked;
    asked = undefined;
    if (number === undefined) return;
    requestAnimationFrame(() => answers.push([number, performance.now()]));
  });
  drawn.observe(video.getRootNode().querySelector("#marks"), { childList: true });
  const until = performance.now() + milliseconds;
  await new Promise((done) => {
    const look = (now, { captureTime }) => {
      const size = [video.videoWidth, video.videoHeight];
      frames.push([read(video, ...size), now, captureTime ?? now, ...size]);
      if (now < until) video.requestVideoFrameCallback(look); else done();
    };
    video.requestVideoFrameCallback(look);
  });
  drawn.disconnect();
  HTMLCanvasElement.prototype.toBlob = encode;
  return [frames, answers];
}"""


def make_camera(folder: Path) -> Path:
    """The clip as Chromium takes it for a camera."""
    portrait = Image.open(make_samples(folder)[0])
    frames = io.BytesIO()
    for number in range(FRAMES):
        canvas = Image.new("RGB", SIZE_PX, (70, 80, 90))
        canvas.paste(portrait, (300 + abs(number % 200 - 100), 60))
        pen = ImageDraw.Draw(canvas)
        bits = [number >> at & 1 for at in range(BITS)]
        for at, bit in enumerate([*bits, sum(bits) % 2]):  # the last makes their sum even
            left, top = at * SQUARE_PX, SIZE_PX[1] - SQUARE_PX
            pen.rectangle((left, top, left + SQUARE_PX - 1, SIZE_PX[1]), (255 * bit,) * 3)
        canvas.save(frames, "JPEG", quality=90)
    path = folder / "camera.mjpeg"
    path.write_bytes(frames.getvalue())
    return path


def start_page() -> tuple[subprocess.Popen[str], str]:
    """Start `unmask app` on a free port; its process and address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "unmask", "app", "--port", "0", "--headless"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+", said)
    if address is None:
        process.kill()
        raise SystemExit(said)
    return process, address[0]


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of the page; times in milliseconds of the browser's clock."""

    frames: list[tuple[int | None, float, float, int, int]]
    """Of each shown frame: number, when it was shown, when the camera took it, width, height."""
    answers: list[tuple[int | None, float]]
    """Number of the frame that was asked about, and when its boxes were drawn."""
    server_s: float
    """Processor time."""
    browser_s: float
    said: str
    """By the page."""


def watch_page(page: Page, address: str, server: int, seconds: float) -> Watched:
    """Open the live camera, let it settle, watch it."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.get_by_text("Live camera", exact=True).click()
    page.get_by_role("button", name="Start").click()
    said = page.locator(".unmask-live")
    said.get_by_text(re.compile("person 0")).wait_for()
    page.wait_for_timeout(WARM_UP_MS)
    video = page.locator("video").element_handle()
    before = spent_s(server), spent_s(os.getpid())
    frames, answers = video.evaluate(WATCH, [1000 * seconds, BITS, SQUARE_PX])
    server_s, all_s = spent_s(server) - before[0], spent_s(os.getpid()) - before[1]
    words = "; ".join(said.inner_text().splitlines())
    return Watched(frames, answers, server_s, all_s - server_s, words)


def spent_s(pid: int) -> float:
    """Processor time of a process and its descendants; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = [
            int(child)
            for path in Path(f"/proc/{pid}/task").glob("*/children")
            for child in path.read_text().split()
        ]
    except OSError:  # it has ended meanwhile
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(map(spent_s, children))


def find_ages(watched: Watched) -> tuple[list[float], list[float]]:
    """How old each answer was when it was drawn, and the boxes at each frame, in milliseconds."""
    taken = defaultdict(list)
    for number, _, taken_ms, *_ in watched.frames:
        taken[number].append(taken_ms)
    answered = []
    for number, drawn_ms in watched.answers:
        taken_ms = None if number is None else find_taken(taken, number, drawn_ms)
        if taken_ms is not None:
            answered.append((drawn_ms, taken_ms))
    drawn = [drawn_ms for drawn_ms, _ in answered]
    boxes = []
    for _, shown_ms, *_ in watched.frames:
        before = bisect_right(drawn, shown_ms)
        if before:
            boxes.append(shown_ms - answered[before - 1][1])
    return [drawn_ms - taken_ms for drawn_ms, taken_ms in answered], boxes


def find_taken(
    taken: Mapping[int | None, Sequence[float]], number: int, until_ms: float
) -> float | None:
    """When the camera took a frame, or None where nothing near it was shown."""
    for skipped in range(MOST_SKIPPED):
        for taken_ms in taken.get((number - skipped) % FRAMES, ()):
            if 0 <= until_ms - taken_ms <= LONGEST_MS:
                return taken_ms + skipped * 1000 / FPS
    return None


def show(watched: Watched, seconds: float) -> None:
    """Print the figures."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load {load}; {seconds:.0f} s")
    shapes = " ".join(sorted({f"{wide} x {high}" for *_, wide, high in watched.frames}))
    unread = sum(row[0] is None for row in watched.frames)
    shown, answers = len(watched.frames), len(watched.answers)
    print(f"shown   {shown / seconds:.1f} frames/s, {shapes}, {unread} with no readable number")
    ages, boxes = find_ages(watched)
    for name, values in ((f"answer  {answers / seconds:.1f} per s,", ages), ("boxes  ", boxes)):
        middle, late, last = np.percentile(values, (50, 95, 100)) if values else [math.nan] * 3
        print(f"{name} age p50 {middle:.0f}  p95 {late:.0f}  most {last:.0f}  ms")
    per_answer, per_frame = watched.server_s / max(1, answers), watched.browser_s / max(1, shown)
    print(f"work    {1000 * per_answer:.0f} ms an answer, {1000 * per_frame:.0f} ms a shown frame")
    print(f"the page says: {watched.said}")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        parser.error(f"no browser on this machine (looked for {', '.join(BROWSERS)})")
    process, address = start_page()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-video-capture={make_camera(Path(folder))}",
            ],
        )
        try:
            page = browser.new_context(permissions=["camera"]).new_page()
            watched = watch_page(page, address, process.pid, arguments.seconds)
        finally:
            browser.close()
            process.send_signal(signal.SIGTERM)
            process.wait()
    show(watched, arguments.seconds)


if __name__ == "__main__":
    main()
