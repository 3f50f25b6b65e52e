"""Tests of unmask.media.camera."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.media import camera as camera_module
from unmask.media.camera import open_camera
from unmask.media.video import ClipWriter

NO_SUCH_DEVICE = 97


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """One second: 20 frames that grow brighter."""
    path = tmp_path_factory.mktemp("camera") / "clip.mp4"
    with ClipWriter(path, fps=20) as writer:
        for number in range(20):
            writer.append(np.full((32, 32, 3), 10 * number + 20, np.uint8))
    return path


def test_a_clip_without_pace_gives_every_frame_at_once(clip):
    started = time.monotonic()
    with open_camera(clip, pace="none") as camera:
        frames = list(camera)
    assert time.monotonic() - started < 0.9
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([n / 20 for n in range(20)])
    assert [frame.pixels.mean() for frame in frames] == pytest.approx(
        [10 * n + 20 for n in range(20)], abs=3
    )
    assert camera.dropped == 0


def test_a_clip_runs_at_its_own_speed(clip):
    started = time.monotonic()
    with open_camera(str(clip)) as camera:
        for frame in camera:
            assert time.monotonic() - started >= frame.time_s - 0.01
    assert 0.9 <= time.monotonic() - started < 5


def test_a_slow_consumer_gets_late_frames_dropped(clip):
    shown = []
    with open_camera(clip) as camera:
        for frame in camera:
            shown.append(frame.index)
            time.sleep(0.2)  # four frames' time
    assert shown == sorted(set(shown))
    assert 2 <= len(shown) <= 8
    assert len(shown) + camera.dropped == 20


def test_leaving_early_frees_the_clip(clip):
    with open_camera(clip) as camera:
        assert next(iter(camera)).index == 0
    assert list(camera) == []


@pytest.mark.parametrize("device", [NO_SUCH_DEVICE, str(NO_SUCH_DEVICE)])
def test_a_camera_that_is_not_there_is_an_error_without_noise(device, capfd):
    before = threading.active_count()
    with pytest.raises(MediaError, match="cannot be opened") as caught:
        open_camera(device)
    assert caught.value.code == "camera"
    assert capfd.readouterr() == ("", "")
    assert threading.active_count() == before


def test_a_missing_clip_is_missing(tmp_path):
    with pytest.raises(MediaError) as caught:
        open_camera(tmp_path / "none.mp4")
    assert caught.value.code == "missing"


def test_a_clip_whose_name_is_a_number_is_a_clip(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("3").write_bytes(clip.read_bytes())
    with open_camera("3", pace="none") as camera:
        assert sum(1 for _ in camera) == 20


def test_a_device_gives_its_newest_frame_and_says_when_it_stops(clip, monkeypatch):
    # OpenCV opens a file as it opens a device; it delivers as fast as it is read and then stops.
    monkeypatch.setattr(camera_module, "SILENCE_S", 0.3)
    shown = []

    def watch():
        with camera_module._DeviceCamera(str(clip)) as device:
            for frame in device:
                shown.append(frame)
                if len(shown) == 1:
                    time.sleep(0.2)
        return device

    with pytest.raises(MediaError, match="no more frames") as caught:
        watch()
    assert caught.value.code == "camera"
    indices = [frame.index for frame in shown]
    assert indices == sorted(set(indices))
    assert indices[-1] == 19
    assert len(indices) < 20
    assert [frame.time_s for frame in shown] == sorted(frame.time_s for frame in shown)
    assert shown[-1].pixels.mean() == pytest.approx(210, abs=5)
