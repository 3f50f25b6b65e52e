"""The live picture of `unmask app` as a visitor sees it: frames per second, age of what is shown.

    uv run benchmarks/camera_page.py [--seconds 20]

A headless Chromium opens the page; its camera is a 1280 x 720 clip of the sample portrait at 30
frames/s, whose frames carry their number as black and white squares. The browser reads the number
in its own camera picture and in the one that comes back with boxes drawn on it: the time between
the two is how old the shown frame is, on its way coded, decoded, searched, drawn, coded and
decoded again. A searched frame is shown with its answer, so no answer is older than that.
"""

import argparse
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

from unmask.media.samples import make_samples

SIZE_PX: Final = (1280, 720)
FRAMES: Final = 300
"""Of the clip, which begins anew after its end."""
BITS: Final = 9
SQUARE_PX: Final = 40
PATIENCE_MS: Final = 60_000
WARM_UP_MS: Final = 8_000
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
WATCH: Final = """async ([milliseconds, bits, square]) => {
  const camera = document.createElement("video");
  camera.muted = true;
  const wanted = { width: 1280, height: 720, frameRate: 30 };
  camera.srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted });
  await camera.play();
  const shown = document.querySelector("video");
  const until = performance.now() + milliseconds;
  const watch = (video) => new Promise((done) => {
    const canvas = new OffscreenCanvas(bits + 1, 1);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const seen = [];
    const look = (now) => {
      const scale = video.videoWidth / 1280;
      const [wide, high] = [(bits + 1) * square * scale, (square / 4) * scale];
      const top = video.videoHeight - (square * 5 / 8) * scale;
      pen.drawImage(video, 0, top, wide, high, 0, 0, bits + 1, 1);
      const data = pen.getImageData(0, 0, bits + 1, 1).data;
      let number = 0, sum = 0;
      for (let at = 0; at <= bits; at++) {
        const bit = data[4 * at + 1] > 127 ? 1 : 0;
        sum += bit;
        if (at < bits) number += bit << at;
      }
      seen.push([sum % 2 ? null : number, now, video.videoWidth, video.videoHeight]);
      if (now < until) video.requestVideoFrameCallback(look); else done(seen);
    };
    video.requestVideoFrameCallback(look);
  });
  return await Promise.all([watch(camera), watch(shown)]);
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


def watch_page(page: Page, address: str, seconds: float) -> tuple[list[Any], list[Any], str]:
    """Numbers and times of the camera's frames and of the shown ones, and what the page says."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.get_by_text("Live camera", exact=True).click()
    call = page.frame_locator("iframe")
    call.get_by_role("button", name="Start").click()
    said = page.locator(".unmask-live")
    said.get_by_text(re.compile("person 0")).wait_for()
    page.wait_for_timeout(WARM_UP_MS)
    frame = call.locator("video").element_handle().owner_frame()
    assert frame is not None
    camera, shown = frame.evaluate(WATCH, [1000 * seconds, BITS, SQUARE_PX])
    return camera, shown, "; ".join(said.inner_text().splitlines())


def find_ages(camera: Sequence[Any], shown: Sequence[Any]) -> list[float]:
    """How long after the camera's picture each shown frame was there, in milliseconds."""
    taken = defaultdict(list)
    for number, at_ms, *_ in camera:
        taken[number].append(at_ms)
    ages = []
    for number, at_ms, *_ in shown:
        before = 0 if number is None else bisect_right(taken[number], at_ms)
        if before:
            ages.append(at_ms - taken[number][before - 1])
    return ages


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
            camera, shown, said = watch_page(page, address, arguments.seconds)
        finally:
            browser.close()
            process.send_signal(signal.SIGTERM)
            process.wait()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load {load}; {arguments.seconds:.0f} s")
    for name, seen in (("camera", camera), ("shown", shown)):
        sizes = sorted({(wide, high) for *_, wide, high in seen})
        rate, unread = len(seen) / arguments.seconds, sum(row[0] is None for row in seen)
        shapes = " ".join(f"{wide} x {high}" for wide, high in sizes)
        print(f"{name:7} {rate:.1f} frames/s, {shapes}, {unread} with no readable number")
    ages = find_ages(camera, shown)
    if ages:
        middle, late, last = np.percentile(ages, (50, 95, 100))
        print(f"age     p50 {middle:.0f}  p95 {late:.0f}  most {last:.0f}  ms")
    else:
        print("age     unknown: no frame of the camera was seen again")
    print(f"the page says: {said}")


if __name__ == "__main__":
    main()
