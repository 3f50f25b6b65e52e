"""Cheap facts of files."""

import cv2
import numpy as np
import pytest
from PIL import Image

from unmask.data.facts import (
    COLOUR_NAMES,
    RINGS,
    collect_facts,
    colour_statistics,
    examine_file,
    jpeg_quality,
    ring_spectrum,
)
from unmask.errors import MediaError
from unmask.media.video import ClipWriter


def noise(seed, side=64):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_a_table_of_good_and_broken_files(tmp_path):
    Image.fromarray(noise(0)).save(tmp_path / "a.png")
    Image.fromarray(noise(1)).save(tmp_path / "b.jpg", quality=80)
    (tmp_path / "c.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:300])
    (tmp_path / "d.png").write_bytes((tmp_path / "a.png").read_bytes())
    paths = [str(tmp_path / name) for name in ("a.png", "b.jpg", "c.jpg", "d.png", "gone.jpg")]
    table = collect_facts(paths)
    assert table.good.tolist() == [0, 1, 3]
    assert {at: why.reason for at, why in table.broken.items()} == {2: "corrupt", 4: "missing"}
    rows = table.rows
    assert rows["content"][0] == rows["content"][3] != rows["content"][1]
    assert [table.formats[rows["format"][at]] for at in (0, 1)] == ["png RGB", "jpeg RGB"]
    assert table.codings[rows["coding"][0]] is None
    assert jpeg_quality(table.codings[rows["coding"][1]]) == 80
    assert rows["size_bytes"][1] == (tmp_path / "b.jpg").stat().st_size
    assert rows["width_px"].tolist() == [64, 64, 0, 64, 0]


def test_of_a_clip_the_middle_frame_counts(tmp_path):
    path = tmp_path / "clip.mp4"
    with ClipWriter(path, fps=10) as writer:
        for level in (20, 120, 220):
            writer.append(np.full((64, 64, 3), level, np.uint8))
    facts = examine_file(str(path))
    assert facts.header.format == "mp4"
    assert facts.colour[0] * 255 == pytest.approx(120, abs=8)


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_what_is_no_picture_is_an_error(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(MediaError):
        examine_file(str(tmp_path / "x.jpg"))


def test_colours_mean_what_they_say():
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, :20] = (255, 0, 0)
    found = dict(zip(COLOUR_NAMES, colour_statistics(pixels).tolist(), strict=True))
    assert found["mean red"] == pytest.approx(0.5)
    assert found["mean green"] == 0
    assert found["spread red"] == pytest.approx(0.5)
    assert found["mean saturation"] == pytest.approx(0.5)
    assert found["black pixels"] == pytest.approx(0.5)
    assert found["white pixels"] == 0


def test_the_spectrum_sees_blur_and_no_brightness():
    pixels = noise(3, 256)
    sharp, soft = (ring_spectrum(p) for p in (pixels, cv2.GaussianBlur(pixels, (0, 0), 2)))
    assert sharp.shape == (RINGS,)
    assert np.ptp(sharp) < 0.5  # white noise has all frequencies alike
    assert soft[0] - soft[-1] > 2
    assert np.allclose(ring_spectrum(pixels // 2), sharp, atol=0.05)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (7, 5, 3), (400, 300, 3)])
def test_any_size_has_a_spectrum(shape):
    assert np.isfinite(ring_spectrum(np.full(shape, 77, np.uint8))).all()
