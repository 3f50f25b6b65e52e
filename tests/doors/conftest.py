"""The command, run in this process or as a program of its own."""

import os
import subprocess
import sys

import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from unmask.doors.cli import app


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """What a user's shell says of colours and widths must not decide a test."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def unmask(monkeypatch, tmp_path):
    """Run a command in this process; the working folder is the test's own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def program(tmp_path):
    """Start the command as a program of its own, in the test's own folder."""
    started = []

    def start(*arguments, **options):
        process = subprocess.Popen(
            [sys.executable, "-m", "unmask", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def photo(tmp_path):
    """A photograph with one face."""
    path = tmp_path / "photo.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return path


@pytest.fixture
def hill(tmp_path):
    """A picture without a face."""
    path = tmp_path / "hill.png"
    Image.new("RGB", (320, 240), (90, 140, 90)).save(path)
    return path


@pytest.fixture
def broken(tmp_path):
    """A text that calls itself a picture."""
    path = tmp_path / "text.jpg"
    path.write_text("this is no picture")
    return path


@pytest.fixture
def clip(tmp_path, photo):
    """Two seconds of a face that does not move."""
    from unmask.media.images import read_image
    from unmask.media.video import ClipWriter

    path = tmp_path / "clip.mp4"
    face = read_image(photo)[:256, 96:352]
    with ClipWriter(path, fps=10) as writer:
        for _ in range(20):
            writer.append(face)
    return path
