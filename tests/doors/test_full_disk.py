"""Full and read-only disks: one clear line, and what was there before stays."""

import hashlib
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data

MB = 2**20
TRAINING = (
    "input_px=64",
    "batch_size=8",
    "precision=fp32",
    "device=cpu",
    "workers=0",
    "val_share=0.4",
    "phases=[{epochs = 6, learning_rate = 2e-3, schedule = 'onecycle'}]",
)


class Disk:
    """A disk of some megabytes."""

    def __init__(self, path):
        self.path = path
        self._filler = path / "filler"

    def leave(self, count):
        """Fill it but for so many bytes."""
        self._filler.unlink(missing_ok=True)
        free = shutil.disk_usage(self.path).free
        self._filler.write_bytes(bytes(max(0, free - count)))

    def free(self):
        self._filler.unlink()

    def seal(self):
        subprocess.run(["mount", "-o", "remount,ro", self.path], check=True)

    def state(self):
        """Hash of every file but the filler."""
        return {
            str(path.relative_to(self.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and path != self._filler
        }


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=320m", "tmpfs", path]
        done = subprocess.run(command, capture_output=True)
    except OSError:
        pytest.skip("this system mounts nothing")
    if done.returncode:
        pytest.skip("only root may mount")
    yield Disk(path)
    subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def faces(tmp_path):
    """30 real pictures and 30 with a grid over them."""
    generator = np.random.default_rng(0)
    face = np.asarray(Image.fromarray(data.astronaut()[31:186, 146:301]).resize((160, 160)))
    board = ((np.indices((160, 160)) // 4).sum(axis=0) % 2 * 40 - 20)[:, :, None]
    for kind in ("real", "fake"):
        (tmp_path / "faces" / kind).mkdir(parents=True)
        for number in range(30):
            light = np.asarray(
                Image.fromarray(generator.uniform(60, 255, (4, 4)).astype(np.uint8)).resize(
                    (160, 160), Image.Resampling.BICUBIC
                ),
                np.float64,
            )
            pixels = face * light[:, :, None] / 160 + board * (kind == "fake")
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(tmp_path / "faces" / kind / f"{number:02}.png")
    return tmp_path / "faces"


def few(faces):
    """Three of each kind."""
    for kind in ("real", "fake"):
        for path in sorted((faces / kind).iterdir())[3:]:
            path.unlink()
    return faces


@pytest.fixture
def read_rows():
    """The rows of all parts of a scan."""

    def read(folder):
        parts = sorted((folder / "parts").glob("*.parquet"))
        return [row for part in parts for row in pq.read_table(part).to_pylist()]

    return read


def check_clear(result, *words):
    assert result.exit_code in {1, 2}, result.output
    assert "Traceback" not in result.output
    assert any(word in result.stderr for word in words), result.stderr


FULL = ("No space left on device",)
SEALED = ("Read-only file system", "Permission denied")


def test_evaluate_keeps_the_earlier_result(unmask, faces, disk):
    out = disk.path / "out"
    arguments = ("evaluate", "--data", few(faces), "--out", out)
    assert unmask(*arguments).exit_code == 0
    before = disk.state()
    disk.leave(40_000)
    check_clear(unmask(*arguments, "--seed", 1), *FULL)
    assert disk.state() == before
    disk.seal()
    check_clear(unmask(*arguments, "--seed", 1), *SEALED)
    assert disk.state() == before


def test_detect_keeps_the_earlier_file(unmask, faces, disk):
    out = disk.path / "out.html"
    arguments = ("detect", few(faces) / "real", "--format", "html", "--out", out)
    assert unmask(*arguments).exit_code == 0
    before = disk.state()
    disk.leave(10_000)
    result = unmask(*arguments)
    check_clear(result, *FULL)
    assert "is kept in this file" in result.stderr
    assert disk.state().items() > before.items()  # and the line says what is kept, and where
    before = disk.state()
    disk.seal()
    check_clear(unmask(*arguments), *SEALED)
    assert disk.state() == before


def test_a_scan_goes_on_once_there_is_space(unmask, faces, disk, read_rows):
    out = disk.path / "out"
    arguments = ("scan", few(faces), "--out", out, "--workers", 1)
    disk.leave(8_000)
    check_clear(unmask(*arguments), *FULL)
    disk.free()
    assert unmask(*arguments).exit_code == 0
    assert len({row["source"] for row in read_rows(out)}) == len(read_rows(out)) == 6
    before = disk.state()
    disk.seal()
    check_clear(unmask(*arguments), *SEALED)
    assert disk.state() == before


def run_alone(*arguments):
    """Run a command in a process of its own: what a full disk kills is not the tests."""
    command = [sys.executable, "-m", "unmask", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return SimpleNamespace(
        exit_code=done.returncode, output=done.stdout + done.stderr, stderr=done.stderr
    )


@pytest.mark.slow
def test_a_training_goes_on_once_there_is_space(faces, disk):
    out = disk.path / "out"
    changes = [part for change in TRAINING for part in ("--set", change)]
    arguments = ("train", "--data", faces, "--out", out, "--model", "resnet10t", *changes)
    disk.leave(100_000)
    check_clear(run_alone(*arguments), *FULL)  # where the crops belong
    disk.leave(20 * MB)
    check_clear(run_alone(*arguments, "--resume"), *FULL)  # where the weights belong
    disk.free()
    result = run_alone(*arguments, "--resume")
    assert result.exit_code == 0, result.output
    before = disk.state()
    disk.seal()
    check_clear(run_alone(*arguments, "--resume"), *SEALED)
    assert disk.state() == before
