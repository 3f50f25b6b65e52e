"""Pictures of the page for the documentation, of the sample media alone: docs/images/app-*.png.

    uv run scripts/app_screenshots.py

It needs Chromium (`apt-get install chromium`); a portrait that moves stands in for the camera.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from unmask.media.samples import make_samples

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
PATIENCE_MS = 120_000
COLOURS = 96
DESKTOP = {"viewport": {"width": 1000, "height": 860}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def make_camera(folder: Path) -> Path:
    """The sample portrait as Chromium takes it for a camera."""
    portrait = Image.open(make_samples(folder)[0])
    frames = io.BytesIO()
    for number in range(40):
        canvas = Image.new("RGB", (1280, 720), (70, 80, 90))
        canvas.paste(portrait, (330 + abs(number - 20), 60))
        canvas.save(frames, "JPEG", quality=90)
    path = folder / "camera.mjpeg"
    path.write_bytes(frames.getvalue())
    return path


def show_portrait(page: Page) -> None:
    """A picture's answer."""
    page.get_by_role("button", name="Try a portrait").click()
    page.get_by_text("What the model went by").wait_for()
    scroll_to(page, "Answer")


def show_clip(page: Page) -> None:
    """A clip's course and moment."""
    page.get_by_role("button", name="Try a clip").click()
    page.get_by_role("button", name=re.compile("Go to")).first.wait_for()
    scroll_to(page, "The course of the clip")


def scroll_to(page: Page, heading: str) -> None:
    """Bring a heading to the top."""
    found = page.get_by_role("heading", name=heading, exact=True)
    found.evaluate("heading => heading.scrollIntoView({ block: 'start' })")


def show_live(page: Page) -> None:
    """The live camera at work."""
    page.get_by_text("Live camera", exact=True).click()
    page.get_by_role("button", name="Start").click()
    page.locator(".unmask-live", has_text="answers per second").wait_for()


def take(
    browser: Browser, url: str, name: str, act: Callable[[Page], None], **options: Any
) -> None:
    """One picture, in few colours so that it stays small."""
    context = browser.new_context(**options, permissions=["camera"])
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(url)
    act(page)
    page.wait_for_timeout(1500)  # fonts and pictures
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = OUT / f"app-{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    context.close()


def wait_for(url: str) -> None:
    """Wait until the page answers."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)


def main() -> None:
    """Start a page and a browser, take all pictures."""
    OUT.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "unmask", "app", "--port", "0", "--headless"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server,
        sync_playwright() as playwright,
    ):
        url = re.search(r"http://\S+?:\d+", server.stderr.readline())[0]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-video-capture={make_camera(Path(folder))}",
            ],
        )
        wait_for(url)
        take(browser, url, "answer", show_portrait, **DESKTOP)
        take(browser, url, "clip", show_clip, color_scheme="dark", **DESKTOP)
        take(browser, url, "phone", show_portrait, **PHONE)
        take(browser, url, "live", show_live, **DESKTOP)
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
