"""Decoding in other processes: the same pixels and errors, and what happens when they break."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.errors import MediaError, UsageError
from unmask.media.contained import ContainedReader, open_reader
from unmask.media.images import encode_jpeg, read_image
from unmask.media.limits import DecodeLimits
from unmask.media.shelf import KEPT_BYTES, Shelf
from unmask.media.sources import NamedFile
from unmask.media.video import ClipWriter, sample_frames

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX processes")

PIXELS = 100_000_000
CLIP = {"frames": 6, "fps": None, "max_pixels": PIXELS, "max_duration_s": 60.0}


@pytest.fixture(scope="module")
def reader():
    """One for all tests that leave it whole."""
    reader = ContainedReader()
    yield reader
    reader.close()


@pytest.fixture
def limited():
    """Readers with limits of a test's own."""
    readers = []

    def make(**limits):
        readers.append(ContainedReader(DecodeLimits(**limits)))
        return readers[-1]

    yield make
    for one in readers:
        one.close()


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "photo.jpg"
    path.write_bytes(encode_jpeg(data.astronaut()))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    with ClipWriter(path, fps=10) as writer:
        for shift in range(20):
            writer.append(np.roll(data.astronaut()[:128, :160], shift, axis=1))
    return path


def read(reader, path):
    return reader.read_image(path, max_pixels=PIXELS)


def process_of(reader):
    """The process that answers next."""
    return reader._idle[-1]._process


def failing(act, *arguments):
    with pytest.raises(MediaError) as caught:
        act(*arguments)
    return caught.value


def test_the_pixels_of_a_picture_are_the_same(reader, photo):
    expected = read_image(photo)
    assert np.array_equal(read(reader, photo), expected)
    assert np.array_equal(read(reader, str(photo)), expected)
    assert np.array_equal(read(reader, photo.read_bytes()), expected)


def test_the_frames_of_a_clip_are_the_same(reader, clip):
    with (
        sample_frames(clip, frames=6) as expected,
        reader.sample_frames(clip, **CLIP) as found,
    ):
        assert found.wanted == expected.wanted == 6
        for theirs, ours in zip(expected, found, strict=True):
            assert np.array_equal(theirs.pixels, ours.pixels)
            assert (theirs.index, theirs.time_s) == (ours.index, ours.time_s)
            assert theirs.source == ours.source


def test_what_is_passed_over_is_said(reader, clip, tmp_path):
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 5] = bytes(len(content) // 5)
    hurt = tmp_path / "hurt.mp4"
    hurt.write_bytes(content)
    with sample_frames(hurt, frames=6) as expected, reader.sample_frames(hurt, **CLIP) as found:
        assert len(list(found)) == len(list(expected))
        assert found.warnings == expected.warnings != ()


def copy_packets(source, target):
    import av

    with av.open(str(source)) as given, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.jpg", None),  # there is no such file
        ("empty.jpg", b""),
        ("text.jpg", b"this is no picture"),
        ("cut.jpg", encode_jpeg(data.astronaut())[:5000]),  # ends early
        ("odd\udcff\n.jpg", b"\xff\xd8\xff" + bytes(100)),  # a broken one with an odd name
    ],
)
def test_errors_are_the_same(reader, tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    expected = failing(read_image, NamedFile(path, name))
    found = failing(read, reader, NamedFile(path, name))
    assert (found.code, str(found)) == (expected.code, str(expected))


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Functions that a reader can be told to ask."""
    module = tmp_path / "asked_of_files.py"
    module.write_text(
        "import os, pathlib\n"
        "def count(source, times):\n"
        "    return {'bytes': times * len(pathlib.Path(source).read_bytes())}\n"
        "def die(source): os.abort()\n"
        "def talk(source): return {'words': 'x' * 2**21}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    return module.stem


def test_a_function_says_the_same_of_a_file(limited, asked, photo):
    expected = {"bytes": 2 * photo.stat().st_size}
    for reader in (limited(), open_reader(None)):
        assert reader.ask(f"{asked}:count", photo, times=2) == expected


@pytest.mark.parametrize(
    "function",
    [
        "die",  # takes the process with it
        "talk",  # says more than is listened to
    ],
)
def test_a_function_that_breaks_costs_one_answer(limited, asked, photo, function):
    reader = limited()
    error = failing(reader.ask, f"{asked}:{function}", photo)
    assert error.code == "crashed"
    assert "photo.jpg" in str(error)
    assert np.array_equal(read(reader, photo), read_image(photo))


def test_limits_on_media_hold(reader, photo, clip):
    def read_small():
        reader.read_image(photo, max_pixels=1000)

    assert failing(read_small).code == "too_large"

    def read_short():
        reader.sample_frames(clip, **CLIP | {"max_duration_s": 0.5})

    assert failing(read_short).code == "too_large"
    with pytest.raises(UsageError, match="frames must be"):
        reader.sample_frames(clip, **CLIP | {"frames": 0})


def test_one_process_serves_again_and_again(reader, photo, clip):
    read(reader, photo)
    process, count = process_of(reader), len(reader._idle)
    with reader.sample_frames(clip, **CLIP) as frames:
        next(frames)  # the rest is not wanted
    read(reader, photo)
    assert process_of(reader) is process
    assert len(reader._idle) == count


def test_threads_share_it(reader, photo):
    expected = read_image(photo)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: read(reader, photo), range(30)))
    assert all(np.array_equal(one, expected) for one in found)
    assert len(reader._idle) <= 3


def stopped(reader, act):
    """What becomes of a request whose process is stopped when it comes, and then given signals."""
    process = process_of(reader)
    process.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(failing, act)
        time.sleep(0.2)
        yield process
        yield future.result(30)


@pytest.mark.parametrize("blow", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_costs_one_picture(limited, photo, blow):
    reader = limited()
    read(reader, photo)
    course = stopped(reader, lambda: read(reader, photo))
    process = next(course)
    process.send_signal(blow)
    process.send_signal(signal.SIGCONT)
    error = next(course)
    assert error.code == "crashed"
    assert "photo.jpg" in str(error)
    assert f"exit status {-blow}" in str(error)
    assert read(reader, photo).shape == (512, 512, 3)


def test_a_crash_in_a_clip_costs_one_clip(limited, photo, clip):
    reader = limited()
    with reader.sample_frames(clip, **CLIP) as frames:
        next(frames)
        frames._clip._child._process.send_signal(signal.SIGSEGV)
        assert failing(lambda: list(frames)).code == "crashed"
    assert read(reader, photo).shape == (512, 512, 3)


def test_a_process_that_died_between_two_files_costs_none(limited, photo):
    reader = limited()
    read(reader, photo)
    process_of(reader).kill()
    process_of(reader).wait()
    assert read(reader, photo).shape == (512, 512, 3)


def test_a_hang_is_a_timeout(limited, photo):
    reader = limited(progress_s=0.5)
    read(reader, photo)
    course = stopped(reader, lambda: read(reader, photo))
    process = next(course)
    error = next(course)
    assert error.code == "timeout"
    assert "has said nothing for 0.5 s" in str(error)
    assert process.poll() == -signal.SIGKILL
    assert read(reader, photo).shape == (512, 512, 3)


def test_a_stream_without_an_end_is_a_timeout(limited, photo, clip, tmp_path):
    endless = tmp_path / "endless.ts"
    copy_packets(clip, endless)
    content = endless.read_bytes() * (2**20 // endless.stat().st_size + 1)
    done = threading.Event()

    def grow():
        with endless.open("ab") as file:
            while not done.wait(0.002):
                file.write(content)

    reader = limited(progress_s=1.0, total_s=1.5)
    read(reader, photo)
    writer = threading.Thread(target=grow)
    writer.start()
    try:
        error = failing(lambda: reader.sample_frames(endless, **CLIP))
    finally:
        done.set()
        writer.join()
    assert error.code == "timeout"
    assert "more than 1.5 s" in str(error)  # it did say that it was at it, for longer than a second
    assert read(reader, photo).shape == (512, 512, 3)


def test_memory_beyond_the_limit_is_an_error(limited, photo, tmp_path):
    bomb = tmp_path / "bomb.png"
    Image.new("L", (9000, 9000)).save(bomb)
    reader = limited(memory_bytes=300_000_000)
    error = failing(read, reader, bomb)
    assert error.code == "too_large"
    assert "more than 0.3 GB of memory" in str(error)
    assert read(reader, photo).shape == (512, 512, 3)


def test_a_process_is_replaced_after_its_share(limited, photo):
    reader = limited(files=2)
    served = []
    for _ in range(4):
        read(reader, photo)
        served.append(len(reader._idle))
    assert served == [1, 0, 1, 0]


def test_one_that_cannot_begin_is_no_fault_of_a_file(limited, photo, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    reader = limited()
    with pytest.raises(Exception, match="could not be started") as caught:
        read(reader, photo)
    assert not isinstance(caught.value, MediaError)


def test_nothing_is_left_when_who_asked_is_killed(photo):
    code = (
        "import os, signal, sys; from unmask.media.contained import ContainedReader\n"
        "reader = ContainedReader(); reader.read_image(sys.argv[1], max_pixels=10**6)\n"
        "print(reader._idle[0]._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", code, photo], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL
    ends_s = time.monotonic() + 10
    while is_running(int(run.stdout)) and time.monotonic() < ends_s:
        time.sleep(0.05)
    assert not is_running(int(run.stdout))


def is_running(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_limits_it_is_this_process(photo):
    reader = open_reader(None)
    assert np.array_equal(reader.read_image(photo, max_pixels=PIXELS), read_image(photo))
    reader.close()


def test_a_shelf_gives_back_what_is_huge():
    ours = Shelf()
    theirs = Shelf(os.dup(ours.handle))
    for size in (10, KEPT_BYTES + 1, 1000):
        content = np.random.default_rng(size).integers(0, 256, size, np.uint8)
        theirs.put(content.data)
        found = np.empty_like(content)
        ours.take(found.data)
        ours.shrink()
        assert np.array_equal(found, content)
        assert os.fstat(ours.handle).st_size <= KEPT_BYTES
    with pytest.raises(ValueError, match="fewer"):
        ours.take(np.empty(2000, np.uint8).data)
    ours.close()
    theirs.close()
