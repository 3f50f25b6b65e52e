from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from unmask.detection import tracking
from unmask.detection.tracking import Tracker
from unmask.media.faces import CropGeometry, MtcnnFinder, crop_face
from unmask.records import NO_PIXELS

SIZE = 100.0
LANDMARKS = np.array(
    [[0.31, 0.40], [0.69, 0.40], [0.50, 0.61], [0.345, 0.79], [0.655, 0.79]], np.float32
)


@pytest.fixture(scope="module")
def people():
    """Three different faces, drawn from a photograph and its recoloured, remade versions."""
    astronaut = data.astronaut()
    (face,) = MtcnnFinder().find(astronaut)
    first = crop_face(astronaut, face, CropGeometry())
    lab = cv2.cvtColor(first.pixels, cv2.COLOR_RGB2LAB)
    darker = lab.copy()
    darker[..., 0] = darker[..., 0] * 0.45
    darker[..., 1] += 12
    second = cv2.cvtColor(darker, cv2.COLOR_LAB2RGB)[:, ::-1]
    second = cv2.resize(second[60:], (256, 256))  # a longer face
    bluish = lab.copy()
    bluish[..., 2] -= 30
    third = cv2.cvtColor(bluish, cv2.COLOR_LAB2RGB)
    third = cv2.resize(third[:, 40:216], (256, 256))  # a broader one
    return [first, replace(first, pixels=second), replace(first, pixels=third)]


def at(crop, x=0.0, y=0.0, *, time_s=0.0, size=SIZE, gain=1.0):
    """The crop as if its face stood at a place of a frame at a time."""
    x1, y1, x2, _ = crop.crop_xyxy
    scale = size / (x2 - x1)
    shift = np.array([x - x1 * scale, y - y1 * scale])
    box = np.array(crop.box_xyxy) * scale + np.tile(shift, 2)
    pixels = np.clip(crop.pixels.astype(float) * gain, 0, 255).astype(np.uint8)
    return replace(
        crop,
        pixels=pixels,
        box_xyxy=tuple(box),
        crop_xyxy=(x, y, x + size, y + size),
        landmarks=(crop.landmarks * scale + shift).astype(np.float32),
        time_s=time_s,
    )


def numbers(tracker, *crops):
    return [crop.person for crop in tracker.update(crops)]


def test_a_frame_without_faces_changes_nothing(people):
    tracker = Tracker()
    assert tracker.update([]) == ()
    assert numbers(tracker, at(people[0])) == [0]
    assert tracker.update([]) == ()
    assert numbers(tracker, at(people[0], time_s=2)) == [0]


@pytest.mark.parametrize("gap_s", [0.04, 0.5, 1.0, 4.0, 60.0])
def test_one_person_stays_one(people, gap_s):
    tracker = Tracker()
    for step in range(8):
        moved = at(people[0], x=15.0 * (step % 3), time_s=step * gap_s, gain=1 + 0.03 * (step % 2))
        assert numbers(tracker, moved) == [0]


def test_two_at_once_are_two_whatever_their_order(people):
    tracker = Tracker()
    for step in range(6):
        pair = [at(people[0], time_s=step), at(people[1], x=300, time_s=step)]
        expected = [0, 1]
        if step % 2:
            pair, expected = pair[::-1], expected[::-1]
        assert numbers(tracker, *pair) == expected


def test_twins_in_one_frame_are_never_one_person(people):
    tracker = Tracker()
    for step in range(4):
        twins = [at(people[0], x=250 * n, time_s=step * 0.1) for n in range(3)]
        assert numbers(tracker, *twins) == [0, 1, 2]  # told apart by their places


def test_two_boxes_on_one_face_are_two(people):
    tracker = Tracker()
    assert sorted(numbers(tracker, at(people[0]), at(people[0], x=5))) == [0, 1]


def test_people_who_change_places_keep_their_numbers(people):
    tracker = Tracker()
    assert numbers(tracker, at(people[0]), at(people[1], x=300)) == [0, 1]
    assert numbers(tracker, at(people[0], x=300, time_s=1.5), at(people[1], x=0, time_s=1.5)) == [
        0,
        1,
    ]


@pytest.mark.parametrize("gap_s", [0.04, 0.3, 2.0])
def test_a_cut_brings_another_person(people, gap_s):
    tracker = Tracker()
    assert numbers(tracker, at(people[0])) == [0]
    assert numbers(tracker, at(people[1], time_s=gap_s)) == [1]  # at the very same place
    assert numbers(tracker, at(people[2], time_s=2 * gap_s)) == [2]
    assert numbers(tracker, at(people[0], time_s=3 * gap_s)) == [0]
    assert numbers(tracker, at(people[2], time_s=4 * gap_s)) == [2]


def test_who_comes_back_elsewhere_is_known(people):
    tracker = Tracker()
    numbers(tracker, at(people[0]), at(people[1], x=300))
    for step in range(1, 20):
        assert numbers(tracker, at(people[1], x=300, time_s=step)) == [1]
    back = at(people[0], x=700, y=200, size=160, time_s=20)
    assert numbers(tracker, back, at(people[1], x=300, time_s=20)) == [0, 1]


def test_everything_else_of_a_crop_stays(people):
    crop = at(people[0], time_s=3.0)
    (numbered,) = Tracker().update([crop])
    assert numbered.pixels is crop.pixels
    assert (numbered.box_xyxy, numbered.time_s) == (crop.box_xyxy, 3.0)


@pytest.mark.parametrize(
    "without",
    [
        {"landmarks": None},  # a finder without landmarks
        {"time_s": None},  # frames without times
        {"pixels": NO_PIXELS},  # crops whose pixels were dropped: the place must do
    ],
)
def test_missing_facts_are_borne(people, without):
    tracker = Tracker()
    for step in range(4):
        pair = [at(people[0], time_s=step * 0.1), at(people[1], x=300, time_s=step * 0.1)]
        assert numbers(tracker, *(replace(crop, **without) for crop in pair)) == [0, 1]


@pytest.mark.parametrize(
    ("box", "landmarks"),
    [
        ((5.0, 5.0, 5.0, 5.0), None),  # a box without an area
        ((0.0, 0.0, 1.0, 1.0), np.zeros((5, 2), np.float32)),  # landmarks in one point
    ],
)
def test_degenerate_faces_are_borne(people, box, landmarks):
    tracker = Tracker()
    odd = replace(people[0], box_xyxy=box, landmarks=landmarks, time_s=0.0)
    assert numbers(tracker, odd) == [0]
    assert len(numbers(tracker, odd, at(people[1]))) == 2


def test_blank_crops_are_borne(people):
    blank = replace(at(people[0]), pixels=np.zeros((256, 256, 3), np.uint8))
    tracker = Tracker()
    assert numbers(tracker, blank) == [0]
    assert numbers(tracker, replace(blank, time_s=0.1)) == [0]


def test_memory_is_bounded(people, monkeypatch):
    # of more people than are remembered the one unseen for longest is met anew
    monkeypatch.setattr(tracking, "MAX_PEOPLE", 2)
    tracker = Tracker()
    met = [numbers(tracker, at(crop, time_s=100.0 * n))[0] for n, crop in enumerate(people)]
    assert met == [0, 1, 2]
    assert numbers(tracker, at(people[1], time_s=400)) == [1]
    assert numbers(tracker, at(people[0], time_s=500)) == [3]


def test_each_development_clip_shows_one_person(shared_data):
    from unmask.media.video import sample_frames

    clips = sorted((shared_data / "clips").glob("*.mp4"))[:6:2]
    if not clips:
        pytest.skip("../shared/data/clips is empty")
    finder = MtcnnFinder()
    for clip in clips:
        tracker = Tracker()
        for frame in sample_frames(clip, frames=6):
            crops = [
                replace(crop_face(frame.pixels, face, CropGeometry()), time_s=frame.time_s)
                for face in finder.find(frame.pixels)
            ]
            assert numbers(tracker, *crops) == [0], clip.name
