"""The page as its visitors meet it: a server of its own, a headless Chromium with a fake camera."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.media.samples import make_samples
from unmask.media.video import ClipWriter
from unmask.models.library import open_model, write_model

PATIENCE_MS = int(os.environ.get("UNMASK_TEST_PATIENCE_MS", "60000"))
"""Longest wait for anything; a busy machine is slow."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Served:
    """A page that runs."""

    url: str
    process: subprocess.Popen
    folder: Path
    """Its temporary files."""


@pytest.fixture(autouse=True)
def keep_main(monkeypatch):
    """Streamlit's own test runner makes the page `__main__`, which later processes would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """Files that visitors bring, by name."""
    folder = tmp_path_factory.mktemp("media")
    make_samples(folder)
    photo = data.astronaut()
    Image.fromarray(photo).save(folder / "photo.jpg", quality=92)
    (folder / "broken.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:9000])
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "empty.png").touch()
    (folder / "archive.zip").write_bytes(b"PK\x03\x04" + bytes(200))
    with ClipWriter(folder / "long.mp4", fps=25) as writer:
        for number in range(500):
            writer.append(np.roll(photo[:320, 64:384], number % 40, axis=1))
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="session")
def second_model(tmp_path_factory):
    """A model folder with a name of its own and a higher threshold."""
    first = open_model()
    policies = dict(first.card.policies)
    policies["balanced"] = policies["balanced"].model_copy(update={"threshold": 0.9})
    card = first.card.model_copy(update={"name": "second-opinion", "policies": policies})
    folder = tmp_path_factory.mktemp("models") / "second"
    write_model(card, first.weights_path, folder, domain=first.domain_path)
    return folder


@pytest.fixture(scope="session")
def start_page(tmp_path_factory):
    """Start pages on free ports."""
    started = []

    def start(*arguments):
        folder = tmp_path_factory.mktemp("temporary")
        process = subprocess.Popen(
            [sys.executable, "-m", "unmask", "app", "--port", "0", "--headless", *arguments],
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        started.append(process)
        said = process.stderr.readline().decode()
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert url, said
        _wait_for(f"{url[0]}/_stcore/health")
        return Served(url[0], process, folder)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _wait_for(address):
    ends_s = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert time.monotonic() < ends_s, f"{address} does not answer"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def served(start_page, second_model):
    """One page for all tests, which offers two models."""
    return start_page(
        "--frames", "8", "--model", open_model().card.name, "--model", str(second_model)
    )


@pytest.fixture(scope="session")
def camera(tmp_path_factory):
    """Two seconds of a 720p portrait that moves, as Chromium takes them for a camera."""
    folder = tmp_path_factory.mktemp("camera")
    portrait = Image.open(make_samples(folder)[0])
    frames = io.BytesIO()
    for number in range(60):
        canvas = Image.new("RGB", (1280, 720), (70, 80, 90))
        canvas.paste(portrait, (300 + 2 * min(number, 60 - number), 60))
        canvas.save(frames, "JPEG", quality=85)
    path = folder / "camera.mjpeg"
    path.write_bytes(frames.getvalue())
    return path


@pytest.fixture(scope="session")
def program():
    """Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(BROWSERS)})")
    return found


@pytest.fixture(scope="session")
def browser(camera, program):
    """A headless Chromium whose camera is a file."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        yield launched
        launched.close()


@pytest.fixture
def visit(browser, served):
    """Open the page as a new visitor; nothing may be asked of another host."""
    strangers = []
    contexts = []

    def note(request):
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            strangers.append(request.url)

    def open_page(*, url=served.url, **options):
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", note)
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        page.get_by_role("heading", name="Is this face real?").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not strangers
