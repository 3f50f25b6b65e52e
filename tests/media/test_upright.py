"""Tests of unmask.media.upright, through whole clips."""

import av
import numpy as np
import pytest

from unmask.media.images import BACKGROUND
from unmask.media.video import probe_clip, read_frames, sample_frames

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128)

# Red, green over blue, grey, as a viewer shows them after turning.
TURNED = [
    (0, False, False, [RED, GREEN, BLUE, GREY], 0),
    (-90, False, False, [BLUE, RED, GREY, GREEN], 90),  # a phone held upright
    (180, False, False, [GREY, BLUE, GREEN, RED], 180),
    (90, False, False, [GREEN, GREY, RED, BLUE], 270),
    (0, True, False, [GREEN, RED, GREY, BLUE], 180),  # a mirrored selfie
    (0, False, True, [BLUE, GREY, RED, GREEN], 0),
]


def _quarters() -> np.ndarray:
    pixels = np.empty((64, 96, 3), np.uint8)
    pixels[:32, :48], pixels[:32, 48:], pixels[32:, :48], pixels[32:, 48:] = RED, GREEN, BLUE, GREY
    return pixels


def _corners(pixels) -> np.ndarray:
    height, width = pixels.shape[:2]
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return np.array([pixels[place] for place in places], int)


def _write_quarters(path, codec="libx264", pix_fmt="yuv420p", prepare=None, pixels=None, **convert):
    pixels = _quarters() if pixels is None else pixels
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], pix_fmt
        if prepare:
            prepare(stream)
        for _ in range(3):
            channels = {3: "rgb24", 4: "rgba"}[pixels.shape[2]]
            frame = av.VideoFrame.from_ndarray(pixels, format=channels)
            container.mux(stream.encode(frame.reformat(format=pix_fmt, **convert)))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("degrees", "hflip", "vflip", "corners", "clockwise"), TURNED)
def test_rotation_and_mirroring_are_applied(tmp_path, degrees, hflip, vflip, corners, clockwise):
    def prepare(stream):
        stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)

    path = _write_quarters(tmp_path / "a.mp4", prepare=prepare)
    info = probe_clip(path)
    for frame in (next(sample_frames(path)), next(read_frames(path))):
        assert np.abs(_corners(frame.pixels) - corners).max() <= 8
        assert (frame.width_px, frame.height_px) == (info.width_px, info.height_px)
    assert info.rotation_deg == clockwise
    assert (info.width_px < info.height_px) == (clockwise in {90, 270})


def test_the_rotate_tag_of_older_files_is_applied(tmp_path):
    def prepare(stream):
        stream.metadata["rotate"] = "90"

    path = _write_quarters(tmp_path / "a.mkv", prepare=prepare)
    assert probe_clip(path).rotation_deg == 90
    frame = next(sample_frames(path))
    assert np.abs(_corners(frame.pixels) - [BLUE, RED, GREY, GREEN]).max() <= 8


def _tag(colorspace: int, color_range: int):
    def prepare(stream):
        stream.codec_context.colorspace = colorspace
        stream.codec_context.color_range = color_range

    return prepare


PLAIN = [RED, GREEN, BLUE, GREY]
LARGE = np.repeat(np.repeat(_quarters(), 10, axis=0), 14, axis=1)  # 640 x 1344


@pytest.mark.parametrize(
    ("options", "expected", "tolerance"),
    [
        ({"dst_colorspace": "ITU601", "prepare": _tag(6, 1)}, PLAIN, 4),
        ({"dst_colorspace": "ITU709", "prepare": _tag(1, 1)}, PLAIN, 4),
        ({"dst_colorspace": "BT2020", "prepare": _tag(9, 1)}, PLAIN, 4),
        ({"dst_colorspace": "ITU709", "dst_color_range": "JPEG", "prepare": _tag(1, 2)}, PLAIN, 4),
        ({"dst_colorspace": "ITU601"}, PLAIN, 4),  # no tag, small: BT.601
        ({"dst_colorspace": "ITU709", "pixels": LARGE}, PLAIN, 4),  # no tag, large: BT.709
        ({"codec": "libx264", "pix_fmt": "yuv444p", "dst_colorspace": "ITU601"}, PLAIN, 4),
        ({"codec": "libx264", "pix_fmt": "yuv422p10le", "dst_colorspace": "ITU601"}, PLAIN, 4),
        (
            {"codec": "libx264", "pix_fmt": "gray", "prepare": _tag(2, 2)},
            [(80,) * 3, (130,) * 3, (49,) * 3, GREY],
            6,
        ),
        ({"codec": "ffv1", "pix_fmt": "bgr0"}, PLAIN, 0),
        ({"codec": "ffv1", "pix_fmt": "yuva420p", "dst_colorspace": "ITU601"}, PLAIN, 4),
        ({"codec": "mjpeg", "pix_fmt": "yuvj420p", "dst_colorspace": "ITU601"}, PLAIN, 8),
    ],
)
def test_colours_come_out_as_they_went_in(tmp_path, options, expected, tolerance):
    path = _write_quarters(tmp_path / "a.mkv", **options)
    frame = next(sample_frames(path))
    assert np.abs(_corners(frame.pixels) - expected).max() <= tolerance


def test_transparent_clips_are_laid_on_grey(tmp_path):
    pixels = np.dstack([_quarters(), np.zeros((64, 96), np.uint8)])
    pixels[:, 48:, 3] = 255
    path = _write_quarters(tmp_path / "a.mkv", "ffv1", "bgra", pixels=pixels)
    frame = next(sample_frames(path))
    assert np.array_equal(_corners(frame.pixels), [BACKGROUND, GREEN, BACKGROUND, GREY])
