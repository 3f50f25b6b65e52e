import time

import pytest


def test_a_clip_stands_in_for_a_camera(unmask, clip):
    result = unmask("camera", "--device", clip)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines
    assert all("frames/s)" in line for line in lines)
    assert "person 0" in result.stdout


def test_it_ends_after_the_time_given(unmask, clip):
    started_s = time.monotonic()
    assert unmask("camera", "--device", clip, "--seconds", 0.3).exit_code == 0
    assert time.monotonic() - started_s < 10


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--device", "gone.mp4"], 1, "missing"),  # no such file
        (["--device", "97"], 1, "camera"),  # no such camera
        (["--seconds", "0"], 2, "--seconds"),  # no time at all
        (["--policy", "x"], 2, "no policy"),  # unknown policy
    ],
)
def test_what_cannot_be(unmask, options, status, message):
    result = unmask("camera", *options)
    assert result.exit_code == status
    assert message in result.stderr
    assert "Traceback" not in result.stderr
