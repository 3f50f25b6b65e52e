"""The command against files that attack it: each has its line, and the process its bounds."""

import json
import os
import subprocess
import sys
import tempfile
import zlib
from contextlib import closing

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.errors import MediaError
from unmask.media.contained import ContainedReader, open_reader
from unmask.media.images import MAX_PIXELS, read_image
from unmask.media.sources import kind_of
from unmask.records import Kind

from .corpus import cut, encode, flip, make_corpus, make_stills

COUNT = 2000
SECONDS_EACH = 60
MEMORY_GIB = 6
"""Two pictures of nearly 100 million pixels, the largest that are opened, at once."""
CODES = {"corrupt", "unsupported", "no_video", "too_large", "empty", "unreadable", "missing"}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX limits and names")


def detect(*arguments, cwd):
    """Run the command: its lines, exit status, standard error, and the most memory it held."""
    command = [sys.executable, "-m", "unmask", "detect", *arguments, "--format", "jsonl"]
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(command, cwd=cwd, stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        rows = [json.loads(line) for line in stdout]
        return rows, process.returncode, stderr.read(), usage.ru_maxrss


@pytest.mark.slow
def test_every_hostile_file_has_its_line(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, content in make_corpus(COUNT):
        (folder / name).write_bytes(content)
    names = {path.name for path in folder.iterdir()}
    rows, status, stderr, peak_kib = detect("corpus", "--frames", "2", cwd=tmp_path)
    assert len(names) >= COUNT
    assert {row["source"].rpartition("/")[2] for row in rows} == names
    assert len(rows) == len(names)
    assert status == 1
    assert b"Traceback" not in stderr
    failed = {row["error"]["code"] for row in rows if row["error"]}
    assert failed <= CODES
    assert all((row["verdict"] == "error") == (row["error"] is not None) for row in rows)
    assert max(row["seconds"] for row in rows) < SECONDS_EACH
    assert peak_kib < MEMORY_GIB * 2**20
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]  # nothing was left elsewhere


@pytest.mark.slow
def test_decoding_elsewhere_changes_no_answer():
    here = open_reader(None)
    with closing(ContainedReader()) as elsewhere:
        for name, content in make_corpus(200, seed=1):
            assert answer(elsewhere, content) == answer(here, content), name


def answer(reader, content):
    """What a reader makes of a file, in words."""
    limits = {"max_pixels": MAX_PIXELS}
    try:
        if kind_of(content) is Kind.IMAGE:
            return describe(reader.read_image(content, **limits))
        clip = {"frames": 2, "fps": None, "max_duration_s": 60.0, **limits}
        with reader.sample_frames(content, **clip) as frames:
            found = [(frame.index, frame.time_s, describe(frame.pixels)) for frame in frames]
            return found, frames.warnings
    except MediaError as error:
        return error.code, str(error)


def describe(pixels):
    return pixels.shape, zlib.crc32(pixels)


@pytest.mark.parametrize("damage", [cut, flip])
def test_damage_follows_from_its_seed(damage):
    content = make_stills()["png"]
    first, second = (damage(content, np.random.default_rng(3)) for _ in range(2))
    assert first == second != content


def test_every_legal_name_is_answered(tmp_path):
    folder = tmp_path / "names"
    folder.mkdir()
    picture = make_stills()["png"]
    stems = [bytes([code]) for code in range(1, 256) if code not in b"/."]
    stems += [
        b"-rf",
        b"--out",
        b"$(id)",
        b"a\nb",
        b"x" * 251,
        "é\u202e\U0001f600".encode(),
        b"%s%n",
    ]
    for stem in stems:
        with open(os.fsencode(folder) + b"/" + stem + b".png", "wb") as stream:  # noqa: PTH123 (bytes)
            stream.write(picture)
    rows, status, *_ = detect("names", cwd=tmp_path)
    assert len(rows) == len(stems)
    assert {row["verdict"] for row in rows} <= {"real", "uncertain", "no_face", "fake"}
    assert status == 0


def test_what_is_no_regular_file_is_answered(tmp_path):
    """Loops, pipes, devices and what is gone: an answer for each, none is waited for."""
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "zeros.png").symlink_to("/dev/zero")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe.png")
    names = ["loop.png", "gone.png", "zeros.png", "pipe.png"]
    rows, status, stderr, _ = detect(*names, "tree", "--recursive", cwd=tmp_path)
    found = {row["source"]: row["error"]["code"] for row in rows if row["error"]}
    assert set(names) <= set(found)
    assert {found[name] for name in names} <= {"unreadable", "missing"}
    assert status == 1
    assert b"Traceback" not in stderr


def test_a_file_that_shrinks_while_it_is_read_is_corrupt(tmp_path):
    """Its size was checked, its content is gone by then."""
    path = tmp_path / "shrinking.png"
    path.write_bytes(make_stills()["png"])
    with path.open("r+b") as stream:
        stream.truncate(100)
    with pytest.raises(MediaError) as caught:
        read_image(path)
    assert caught.value.code == "corrupt"


def test_hundreds_of_faces_in_one_picture_are_answered(tmp_path):
    face = Image.fromarray(data.astronaut()[:200, 130:330]).resize((100, 100))
    crowd = Image.fromarray(np.tile(np.asarray(face), (12, 20, 1)))
    (tmp_path / "crowd.png").write_bytes(encode(crowd, format="PNG"))
    rows, status, *_ = detect("crowd.png", cwd=tmp_path)
    assert status == 0
    assert len(rows[0]["faces"]) > 100
    assert rows[0]["seconds"] < SECONDS_EACH
