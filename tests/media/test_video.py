"""Tests of unmask.media.video."""

import io
import resource
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unmask.errors import MediaError, UsageError
from unmask.media.video import ClipWriter, probe_clip, read_frames, sample_frames
from unmask.records import Frame

BLOCK = 16
COLOUR = (30, 200, 90)
WIDTH, HEIGHT = 8 * BLOCK, 2 * BLOCK


def _numbered(number: int) -> np.ndarray:
    """A (32, 128, 3) picture that spells a 16-bit number in black and white blocks."""
    bits = np.array([number >> place & 1 for place in range(16)], np.uint8).reshape(2, 8) * 255
    return np.repeat(bits.repeat(BLOCK, 0).repeat(BLOCK, 1)[..., None], 3, axis=2)


def _number_of(pixels: np.ndarray) -> int:
    blocks = pixels.mean(axis=2).reshape(2, BLOCK, 8, BLOCK).mean(axis=(1, 3)).ravel()
    return sum(1 << place for place, value in enumerate(blocks) if value > 128)


def _make_clip(target, count=100, *, fps=25, codec="libx264", pts=None, **more):
    """Write numbered frames; `pts` are in ticks of 1/1000 s."""
    options = {"g": "10", "bf": "2", "preset": "ultrafast", "sc_threshold": "0"}
    if codec != "libx264":
        options = {"g": "10"}
    options |= more.get("options", {})
    container = av.open(
        target, "w", format=more.get("format"), options=more.get("container_options", {})
    )
    stream = container.add_stream(codec, rate=fps, options=options)
    stream.width, stream.height = WIDTH, HEIGHT
    stream.pix_fmt = more.get("pix_fmt", "yuv420p")
    if codec not in {"mpeg2video", "flv", "mpeg4", "wmv2"}:
        stream.codec_context.time_base = Fraction(1, 1000)
    if "prepare" in more:
        more["prepare"](stream)
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(_numbered(number), format="rgb24")
        frame.pts = round(number * 1000 / fps) if pts is None else pts[number]
        frame.time_base = Fraction(1, 1000)
        if codec in {"mpeg2video", "flv", "mpeg4", "wmv2"}:
            frame.pts, frame.time_base = number, Fraction(1, fps)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    container.close()
    return target


CONTAINERS = [
    ("a.mp4", {}),
    ("a.mp4", {"options": {"g": "250"}}),  # one keyframe: nothing to seek to
    ("a.mp4", {"options": {"g": "1", "bf": "0"}}),
    ("a.mp4", {"options": {"x264-params": "open-gop=1:bframes=3:keyint=10"}}),
    ("a.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),  # no full index
    ("a.mov", {"codec": "mpeg4"}),
    ("a.mkv", {}),
    ("a.mkv", {"container_options": {"live": "1"}}),  # neither duration nor index
    ("a.webm", {"codec": "libvpx", "options": {"deadline": "realtime"}}),
    ("a.avi", {"codec": "mpeg4"}),
    ("a.avi", {"codec": "mpeg4", "options": {"bf": "2"}}),  # no presentation times in the file
    ("a.ts", {}),  # starts at 1.4 s
    ("a.ts", {"codec": "mpeg2video"}),
    ("a.mpg", {"codec": "mpeg2video", "format": "mpeg"}),
    ("a.flv", {"codec": "flv"}),
    ("a.wmv", {"codec": "wmv2"}),
    ("a.3gp", {"codec": "mpeg4"}),
]


@pytest.mark.parametrize(("name", "options"), CONTAINERS)
def test_containers_are_sampled_evenly_with_true_times(tmp_path, name, options, capfd):
    path = _make_clip(str(tmp_path / name), 200, **options)
    with sample_frames(path, frames=10) as stream:
        frames = list(stream)
    assert [_number_of(frame.pixels) for frame in frames] == list(range(10, 200, 20))
    for frame in frames:
        # AVI knows only the order of decoding: B-frames are late by one frame.
        error_s = 0.041 if name == "a.avi" and "options" in options else 0.002
        assert frame.time_s == pytest.approx(_number_of(frame.pixels) / 25, abs=error_s)
        assert frame.index == _number_of(frame.pixels)
        assert frame.source == path
    assert stream.warnings == ()
    info = probe_clip(path)
    assert (info.frame_count, info.width_px, info.height_px) == (200, WIDTH, HEIGHT)
    assert info.duration_s == pytest.approx(8, abs=0.05)
    assert info.fps == pytest.approx(25, abs=0.2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "options"), CONTAINERS)
def test_every_frame_is_read_to_the_last(tmp_path, name, options):
    path = _make_clip(str(tmp_path / name), 40, **options)
    assert [_number_of(frame.pixels) for frame in read_frames(path)] == list(range(40))
    sampled = list(sample_frames(path, frames=40))
    assert [_number_of(frame.pixels) for frame in sampled] == list(range(40))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_frame_rate_keeps_its_times(tmp_path, name):
    pts = [0, 40, 80, 120, 1000, 1040, 5000, 5040, 5500, 9000]
    path = _make_clip(str(tmp_path / name), 10, pts=pts, options={"bf": "0"})
    frames = list(read_frames(path))
    assert [round(frame.time_s * 1000) for frame in frames] == pts
    sampled = [(_number_of(frame.pixels), frame.time_s) for frame in sample_frames(path, frames=5)]
    # The last frame is shown for 40 ms: the middles of the fifths are 0.9, 2.7, 4.5, 6.3 and 8.1 s.
    assert sampled == [(3, 0.12), (5, 1.04), (8, 5.5)]


@pytest.mark.parametrize(("count", "wanted"), [(1, 32), (2, 32), (31, 32), (32, 32), (5, 1)])
def test_short_clips_give_each_frame_once(tmp_path, count, wanted):
    path = _make_clip(str(tmp_path / "a.mp4"), count)
    numbers = [_number_of(frame.pixels) for frame in sample_frames(path, frames=wanted)]
    assert numbers == (list(range(count)) if wanted >= count else [count // 2])


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (1, [0, 25, 50, 75]),
        (2.5, list(range(0, 100, 10))),
        (25, list(range(100))),
        (1000, list(range(100))),  # each frame once
        (0.1, [0]),
    ],
)
def test_frames_per_second(tmp_path, fps, expected):
    path = _make_clip(str(tmp_path / "a.mp4"), 100)
    assert [_number_of(frame.pixels) for frame in sample_frames(path, fps=fps)] == expected


@pytest.mark.parametrize("options", [{"frames": 0}, {"fps": 0}, {"fps": -1}, {"fps": float("nan")}])
def test_senseless_sampling_is_a_usage_error(tmp_path, options):
    with pytest.raises(UsageError):
        sample_frames(tmp_path / "a.mp4", **options)


def test_bytes_are_sampled_like_files(tmp_path):
    path = Path(_make_clip(str(tmp_path / "a.mkv"), 50))
    for source in (path, path.read_bytes()):
        numbers = [_number_of(frame.pixels) for frame in sample_frames(source, frames=5)]
        assert numbers == [5, 15, 25, 35, 45]
    assert next(read_frames(path.read_bytes())).source == ""


def test_a_name_with_a_protocol_or_odd_characters_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mp4", "concat:b", "new\nline %03d.mp4", "\udcff.mp4"):
        Path(name).write_bytes(Path(_make_clip(str(tmp_path / "plain.mp4"), 3)).read_bytes())
        assert len(list(sample_frames(name))) == 3


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"container_options": {"movflags": "faststart"}}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.avi", {"codec": "mpeg4"}),
        ("a.flv", {"codec": "flv"}),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_clip_is_sampled_over_what_is_left(tmp_path, name, options, share):
    path = Path(_make_clip(str(tmp_path / name), 400, **options))
    data = path.read_bytes()
    if share < 0.5 and name == "a.mp4":
        pytest.skip("less than the index of this small file")
    path.write_bytes(data[: int(len(data) * share)])
    stream = sample_frames(path, frames=8)
    numbers = [_number_of(frame.pixels) for frame in stream]
    assert len(numbers) == 8
    assert numbers == sorted(set(numbers))
    assert 400 * share * 0.4 < numbers[-1] < 400 * share + 60
    steps = np.diff(numbers)
    assert steps.max() - steps.min() <= 2
    if name == "a.mp4":
        assert "ends early" in stream.warnings[0]


def test_a_clip_without_its_table_of_contents_is_corrupt(tmp_path):
    path = Path(_make_clip(str(tmp_path / "a.mp4"), 100))  # its index is at the end
    path.write_bytes(path.read_bytes()[:-400])
    for read in (sample_frames, read_frames, probe_clip):
        with pytest.raises(MediaError) as caught:
            read(path)
        assert caught.value.code == "corrupt"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_broken_parts_are_passed_over(tmp_path, name):
    path = Path(_make_clip(str(tmp_path / name), 200))
    data = bytearray(path.read_bytes())
    start = len(data) // 3
    data[start : start + len(data) // 6] = np.random.default_rng(1).bytes(len(data) // 6)
    path.write_bytes(data)
    stream = sample_frames(path, frames=20)
    times = [frame.time_s for frame in stream]
    assert 10 <= len(times) <= 20
    assert times == sorted(set(times))
    assert times[-1] > 7
    whole = read_frames(path)
    assert 100 < sum(1 for _ in whole) < 200
    assert whole.warnings


def test_a_clip_without_a_good_frame_is_corrupt(tmp_path):
    path = Path(_make_clip(str(tmp_path / "a.mp4"), 50))
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    for read in (sample_frames, read_frames):
        stream = read(path)
        with pytest.raises(MediaError, match="could be decoded") as caught:
            list(stream)
        assert caught.value.code == "corrupt"
    with pytest.raises(MediaError):
        probe_clip(path)


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("intact")
    rows = [("a.mp4", {}), ("a.mkv", {}), ("a.ts", {}), ("a.avi", {"codec": "mpeg4"})]
    rows += [("a.flv", {"codec": "flv"}), ("a.wmv", {"codec": "wmv2"})]
    return [Path(_make_clip(str(folder / name), 20, **more)).read_bytes() for name, more in rows]


@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, 5),
    changes=st.lists(st.tuples(st.integers(), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.floats(0.2, 1),
)
def test_broken_clips_give_frames_or_a_media_error(intact, which, changes, cut):
    data = bytearray(intact[which])
    for place, value in changes:
        data[place % len(data)] = value
    with suppress(MediaError):  # of whatever code, but nothing else
        assert len(list(sample_frames(bytes(data[: int(len(data) * cut)]), frames=8))) <= 8


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_wrong_duration_in_the_header_does_not_matter(tmp_path, name):
    path = Path(_make_clip(str(tmp_path / name), 100))
    data = bytearray(path.read_bytes())
    if name == "a.mkv":
        at = data.index(b"\x44\x89\x88") + 3  # Duration, a float of 8 bytes, in milliseconds
        data[at : at + 8] = np.array(3.6e6, ">f8").tobytes()
    else:
        at = data.index(b"mvhd") + 4 + 16  # duration, in the units before it
        data[at : at + 4] = np.array(3_600_000, ">u4").tobytes()
    path.write_bytes(data)
    assert probe_clip(path).duration_s == pytest.approx(4, abs=0.05)
    numbers = [_number_of(frame.pixels) for frame in sample_frames(path, frames=5)]
    assert numbers == [10, 30, 50, 70, 90]


def _write_sound(path, cover=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        stream.layout = "mono"
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width = picture.height = 16
            picture.pix_fmt = "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
        data = np.zeros((1, 44100), np.float32)
        frame = av.AudioFrame.from_ndarray(data, format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if cover:
            pixels = np.zeros((16, 16, 3), np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(picture.encode(None))
    return path


@pytest.mark.parametrize("name", ["a.m4a", "a.mka", "a.ts"])
def test_sound_alone_is_no_video(tmp_path, name):
    path = _write_sound(tmp_path / name)
    for read in (sample_frames, read_frames, probe_clip):
        with pytest.raises(MediaError) as caught:
            read(path)
        assert caught.value.code == "no_video"


def test_sound_with_cover_art_is_no_video(tmp_path):
    with pytest.raises(MediaError) as caught:
        sample_frames(_write_sound(tmp_path / "a.mp4", cover=True))
    assert caught.value.code == "no_video"


def test_pictures_texts_and_missing_files_have_a_code(tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "GIF")
    (tmp_path / "playlist.m3u8").write_text("#EXTM3U\n/etc/hostname\n")
    for source, code in [
        (picture.getvalue(), "unsupported"),
        (tmp_path / "playlist.m3u8", "unsupported"),
        (tmp_path / "none.mp4", "missing"),
        (b"", "empty"),
        (b"\x1a\x45\xdf\xa3" + bytes(200), "corrupt"),
    ]:
        with pytest.raises(MediaError) as caught:
            sample_frames(source)
        assert caught.value.code == code


def test_large_frames_are_refused(tmp_path):
    path = _make_clip(str(tmp_path / "a.mp4"), 3)
    for read in (sample_frames, read_frames, probe_clip):
        with pytest.raises(MediaError) as caught:
            read(path, max_pixels=WIDTH * HEIGHT - 1)
        assert caught.value.code == "too_large"
    assert probe_clip(path, max_pixels=WIDTH * HEIGHT).frame_count == 3


def test_clips_over_the_duration_are_refused(tmp_path):
    path = _make_clip(str(tmp_path / "a.mp4"), 50) or tmp_path / "a.mp4"
    with pytest.raises(MediaError, match=r"lasts 2\.0 s, expected at most 1\.5 s") as caught:
        sample_frames(path, max_duration_s=1.5)
    assert caught.value.code == "too_large"
    assert len(list(sample_frames(path, max_duration_s=2.0))) == 32


def test_an_hour_is_sampled_quickly_in_little_memory(tmp_path):
    path = _make_clip(str(tmp_path / "hour.mp4"), 3600, fps=1, options={"g": "12"})
    list(sample_frames(path, frames=4))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    frames = list(sample_frames(path, frames=32))
    assert time.perf_counter() - started < 5
    assert [round(frame.time_s) for frame in frames] == [
        int((place + 0.5) * 3600 / 32) for place in range(32)
    ]
    assert sum(1 for _ in read_frames(path)) == 3600
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_frames_refused_by_time_are_not_given(tmp_path):
    path = _make_clip(str(tmp_path / "a.mp4"), 50)
    frames = read_frames(path, keep=lambda time_s: time_s >= 1.6)
    assert [frame.index for frame in frames] == list(range(40, 50))


def test_a_closed_stream_gives_no_more(tmp_path):
    path = _make_clip(str(tmp_path / "a.mp4"), 50)
    with sample_frames(path) as stream:
        next(stream)
    assert list(stream) == []
    stream.close()


def test_written_clips_keep_times_sizes_and_colours(tmp_path):
    path = tmp_path / "out.mp4"
    times = [0.0, 0.04, 0.5, 0.52, 2.0]
    pixels = np.full((63, 95, 3), COLOUR, np.uint8)  # odd sides
    with ClipWriter(path, fps=25) as writer:
        for index, time_s in enumerate(times):
            writer.append(Frame(pixels, index=index, time_s=time_s))
            assert not path.exists()
    frames = list(read_frames(path))
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=1e-4)
    assert frames[0].pixels.shape == (64, 96, 3)
    assert np.abs(frames[0].pixels.astype(int) - COLOUR).max() <= 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


def test_written_pixels_without_times_follow_the_rate(tmp_path):
    path = tmp_path / "out.mp4"
    with ClipWriter(path, fps=10) as writer:
        for number in range(5):
            writer.append(_numbered(number))
        writer.append(_numbered(5)[:20, :100])  # another size is fitted to the first
    frames = list(read_frames(path))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert [_number_of(frame.pixels) for frame in frames[:5]] == list(range(5))
    assert probe_clip(path).fps == pytest.approx(10)


def test_times_that_go_back_are_moved_on(tmp_path):
    path = tmp_path / "out.mp4"
    with ClipWriter(path, fps=25) as writer:
        for time_s in (0.0, 0.04, 0.04, 0.03, 0.08):
            writer.append(Frame(_numbered(0), time_s=time_s))
    times = [frame.time_s for frame in read_frames(path)]
    assert len(times) == 5
    assert times == sorted(set(times))


def test_a_clip_that_fails_or_is_empty_leaves_no_file(tmp_path):
    def write_and_fail():
        with ClipWriter(tmp_path / "failed.mp4") as writer:
            writer.append(_numbered(0))
            message = "the consumer fails"
            raise ValueError(message)

    with pytest.raises(ValueError, match="consumer"):
        write_and_fail()
    with ClipWriter(tmp_path / "empty.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_development_clips_are_all_sampled(shared_data):
    clips = sorted((shared_data / "clips").glob("*.mp4"))
    if not clips:
        pytest.skip("the development clips are not there")
    for clip in clips:
        with sample_frames(clip) as stream:
            times = [frame.time_s for frame in stream]
        assert len(times) == 32, clip.name
        assert times == sorted(set(times))
        assert times[-1] > probe_clip(clip).duration_s * 0.9
        assert stream.warnings == ()
