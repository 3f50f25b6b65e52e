import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from unmask.errors import MediaError
from unmask.media.video import ClipWriter, probe_clip, read_frames
from unmask.records import Kind, Verdict
from unmask.reporting.overlay import MAX_HOLD_S, overlay_name, tracks_of, write_overlay


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "in" / "photo.jpg"
    path.parent.mkdir()
    Image.new("RGB", (320, 240), (90, 120, 90)).save(path)
    return path


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    with ClipWriter(path, fps=10) as writer:
        for number in range(45):
            writer.append(np.full((120, 160, 3), 40 + number, np.uint8))
    return path


def test_a_picture_is_copied_with_its_box(tmp_path, photo, make_report):
    before = photo.read_bytes()
    path = write_overlay(make_report(str(photo)), tmp_path / "out")
    assert path.parent == tmp_path / "out"
    with Image.open(path) as picture:
        assert picture.format == "JPEG"
        pixels = np.asarray(picture).astype(int)
    assert pixels.shape[1] == 320
    assert pixels.shape[0] > 240  # the strip with the verdict
    edge = pixels[40, 20]
    assert edge[0] > edge[1] + 40  # vermillion on green
    assert photo.read_bytes() == before


def test_a_png_stays_a_png(tmp_path, make_report):
    source = tmp_path / "photo.png"
    Image.new("RGB", (64, 64)).save(source)
    path = write_overlay(make_report(str(source)), tmp_path / "out")
    with Image.open(path) as picture:
        assert picture.format == "PNG"


def test_a_picture_without_a_face_has_its_verdict(tmp_path, photo, make_report):
    report = make_report(str(photo), verdict=Verdict.NO_FACE, score=None, faces=())
    assert write_overlay(report, tmp_path / "out").is_file()


def test_a_clip_keeps_its_times_and_shows_boxes(tmp_path, clip, clip_report):
    report = replace(clip_report, source=str(clip))
    path = write_overlay(report, tmp_path / "out")
    assert path.suffix == ".mp4"
    old, new = probe_clip(clip), probe_clip(path)
    assert new.frame_count == old.frame_count
    assert new.duration_s == pytest.approx(old.duration_s, abs=0.11)
    with read_frames(path) as frames:
        for frame in frames:
            # person 0 moves from x = 10 at 5 px/s; its left edge is drawn at x, from y = 20 to 80
            x = 10 + 5 * min(frame.time_s, 4.0)
            row = frame.pixels[60].astype(int)
            reddest = int(np.argmax(row[:80, 0] - row[:80, 2]))
            assert abs(reddest - x) < 5 or abs(reddest - (x + 50)) < 5


def test_nothing_half_done_is_left(tmp_path, make_report):
    source = tmp_path / "gone.jpg"
    with pytest.raises(MediaError):
        write_overlay(make_report(str(source)), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_unanswered_file_has_no_overlay(tmp_path, failed_report):
    with pytest.raises(MediaError, match="was not answered"):
        write_overlay(failed_report(), tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "../../etc/passwd.jpg",  # leads upwards
        "/etc/passwd.jpg",  # absolute
        "..",  # only leads upwards
        "a/.hidden.jpg",  # a hidden file
        "x" * 240 + ".jpg",  # as long as names may be
        "写" * 80 + ".jpg",  # as long in bytes
        os.fsdecode(b"caf\xe9.jpg"),  # bytes that are no text
        "a\x1b[2J\nb.jpg",  # control characters
        "C:\\photos\\a.jpg",  # another system's path
        "-rf.jpg",  # looks like an option
        "",  # bytes in memory have no name
    ],
)
def test_names_stay_in_the_folder_and_are_plain(make_report, source):
    name = overlay_name(make_report(source))
    assert "/" not in name
    assert "\\" not in name
    assert name.isprintable()
    assert not name.startswith((".", "-"))
    assert len(name.encode()) < 140


def test_names_never_collide(make_report):
    sources = ["a/x.jpg", "b/x.jpg", "a/x.png", "a/x.jpeg", "./a/x.jpg", "a\\x.jpg", "a_x.jpg"]
    names = {overlay_name(make_report(source)) for source in sources}
    names |= {overlay_name(make_report("a/x.jpg", kind=Kind.VIDEO))}
    assert len(names) == len(sources) + 1


@pytest.mark.parametrize(
    ("time_s", "left"),
    [
        (0.0, 10.0),  # a sampled frame
        (0.5, 12.5),  # halfway to the next
        (4.0, 30.0),  # the last sampled frame
        (4.0 + MAX_HOLD_S / 2, 30.0),  # held a moment
        (4.1 + MAX_HOLD_S, None),  # not for ever
    ],
)
def test_boxes_move_between_samples(clip_report, time_s, left):
    placed = tracks_of(clip_report)[0].at(time_s)
    assert (placed and placed.box_xyxy[0]) == left


def test_a_gap_is_not_bridged(clip_report):
    faces = tuple(
        face
        for face in clip_report.faces
        if face.crop.person == 1 or face.crop.time_s not in {1.0, 2.0}
    )
    track = tracks_of(replace(clip_report, faces=faces))[0]
    assert track.at(1.5) is None  # person 0 was not seen from 0 to 3 s
    assert track.at(2.8).box_xyxy[0] == 25.0
