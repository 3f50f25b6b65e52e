import os
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from unmask.errors import ModelError
from unmask.media.faces import (
    CropGeometry,
    Effort,
    FaceBox,
    MtcnnFinder,
    YunetFinder,
    crop_face,
    square_around,
)

ASTRONAUT_FACE = (171, 68, 277, 193)
"""Where the face lies in the 512 px photograph, read off by eye."""
GEOMETRY = CropGeometry()


@pytest.fixture(scope="module")
def finder():
    return MtcnnFinder()


@pytest.fixture(scope="module")
def yunet(shared_data):
    path = shared_data.parent / "weights" / "yunet_n_640_640.onnx"
    if not path.is_file():
        pytest.skip("the YuNet weights (../shared/weights) are not beside this checkout")
    return YunetFinder(path)


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()


@pytest.fixture(scope="module")
def portrait(astronaut):
    """The face and some border, as data sets hold it."""
    return astronaut[30:222, 128:320]


def place(canvas_hw, *patches):
    """A grey picture with patches (picture, side, x, y) pasted in."""
    canvas = np.full((*canvas_hw, 3), 96, np.uint8)
    for picture, side, x, y in patches:
        canvas[y : y + side, x : x + side] = cv2.resize(
            picture, (side, side), interpolation=cv2.INTER_AREA if side < 192 else cv2.INTER_CUBIC
        )
    return canvas


def overlap(one, other):
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def face_box(*box, confidence=0.99):
    return FaceBox(tuple(map(float, box)), confidence, np.zeros((5, 2), np.float32))


# Finding


def test_a_face_has_its_box_landmarks_and_confidence(finder, astronaut):
    (face,) = finder.find(astronaut)
    assert overlap(face.box_xyxy, ASTRONAUT_FACE) > 0.6
    assert 0.95 < face.confidence <= 1
    assert face.landmarks.shape == (5, 2)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert face.landmarks.dtype == np.float32


def test_yunet_agrees(finder, yunet, astronaut):
    (face,), (other,) = finder.find(astronaut), yunet.find(astronaut)
    assert overlap(face.box_xyxy, other.box_xyxy) > 0.7
    assert np.abs(face.landmarks - other.landmarks).max() < 10


@pytest.mark.parametrize(
    ("canvas_hw", "side", "x", "y"),
    [
        ((480, 640), 90, 300, 200),  # a small face in a small picture
        ((1080, 1920), 300, 1200, 400),  # a video frame
        ((3000, 4000), 330, 3300, 2200),  # a small face in 12 megapixels
        ((3000, 4000), 2900, 500, 50),  # a face that fills 12 megapixels
        ((600, 3600), 380, 3000, 100),  # a panorama
        ((3600, 600), 380, 100, 3000),  # a tall screenshot
        ((480, 640), 160, 0, 0),  # in the corner
        ((480, 640), 160, 480, 320),  # in the other corner
    ],
)
@pytest.mark.parametrize("effort", [Effort.ALL, Effort.MAIN])
def test_faces_of_all_sizes_are_found(finder, portrait, canvas_hw, side, x, y, effort):
    (face,) = finder.find(place(canvas_hw, (portrait, side, x, y)), effort)
    # the face lies in the patch as it lies in the portrait
    scale = side / 192
    box = np.subtract(ASTRONAUT_FACE, (128, 30, 128, 30)) * scale + (x, y, x, y)
    assert overlap(face.box_xyxy, box) > 0.5


@pytest.mark.parametrize("side_px", [64, 96, 128, 256, 700, 1600])
@pytest.mark.parametrize("margin", [0, 10, 30])  # from the whole face to brows and chin cut off
def test_a_face_that_fills_the_picture_is_found(finder, portrait, side_px, margin):
    tight = portrait[margin : 192 - margin, margin : 192 - margin]
    filled = place((side_px, side_px), (tight, side_px, 0, 0))
    faces = finder.find(filled)
    assert len(faces) == 1
    x1, y1, x2, y2 = faces[0].box_xyxy
    assert max(x2 - x1, y2 - y1) > 0.5 * side_px


def test_a_small_face_beside_a_large_one_is_found_in_a_still(finder, portrait):
    picture = place((1200, 1800), (portrait, 800, 50, 100), (portrait, 130, 1500, 700))
    assert len(finder.find(picture)) == 2
    assert len(finder.find(picture, Effort.MAIN)) == 1


def test_several_faces_come_largest_first(finder, portrait):
    picture = place(
        (600, 900), (portrait, 150, 20, 20), (portrait, 300, 300, 200), (portrait, 200, 680, 50)
    )
    faces = finder.find(picture)
    widths = [face.box_xyxy[2] - face.box_xyxy[0] for face in faces]
    assert len(faces) == 3
    assert widths == sorted(widths, reverse=True)


def test_finding_repeats_itself_and_leaves_the_picture_alone(finder, astronaut):
    picture = astronaut.copy()
    first, second = finder.find(picture), finder.find(picture)
    assert [face.box_xyxy for face in first] == [face.box_xyxy for face in second]
    assert np.array_equal(picture, astronaut)


def test_a_view_with_strides_is_searched(finder, astronaut):
    (face,) = finder.find(astronaut[::-1][::-1, ::-1][:, ::-1])
    assert overlap(face.box_xyxy, ASTRONAUT_FACE) > 0.6


def test_threads_do_not_disturb_each_other(finder, portrait):
    pictures = [place((300, 400), (portrait, 120 + 10 * n, 5 * n, 3 * n)) for n in range(8)]
    alone = [finder.find(picture)[0].box_xyxy for picture in pictures]
    barrier = threading.Barrier(4)

    def find_all(_):
        barrier.wait()
        return [finder.find(picture)[0].box_xyxy for picture in pictures]

    with ThreadPoolExecutor(4) as pool:
        assert all(boxes == alone for boxes in pool.map(find_all, range(4)))


NOISE = np.random.default_rng(7)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((1, 1, 3), np.uint8), id="one pixel"),
        pytest.param(np.full((8, 500, 3), 200, np.uint8), id="a strip"),
        pytest.param(NOISE.integers(0, 256, (500, 8, 3), np.uint8), id="a noisy strip"),
        pytest.param(np.zeros((480, 640, 3), np.uint8), id="black"),
        pytest.param(np.full((480, 640, 3), 255, np.uint8), id="white"),
        pytest.param(np.zeros((40, 9000, 3), np.uint8), id="a huge aspect ratio"),
        pytest.param(NOISE.integers(0, 256, (300, 300, 3), np.uint8), id="noise"),
        pytest.param(
            cv2.resize(
                NOISE.integers(0, 256, (12, 16, 3), np.uint8),
                (640, 480),
                interpolation=cv2.INTER_CUBIC,
            ),
            id="blotches",
        ),
        pytest.param(
            np.broadcast_to(np.linspace(0, 255, 640).astype(np.uint8)[:, None], (480, 640, 3)),
            id="a gradient",
        ),
    ],
)
@pytest.mark.parametrize("effort", list(Effort))
def test_where_there_is_nothing_nothing_is_found(finder, picture, effort):
    assert finder.find(picture, effort) == ()


@pytest.mark.parametrize(
    "name",
    ["coffee", "chelsea", "rocket", "page", "brick", "grass", "gravel", "moon", "coins", "text"],
)
def test_objects_are_no_faces(finder, name):
    picture = np.asarray(getattr(data, name)())
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    for scale in (0.5, 1, 2):
        assert finder.find(cv2.resize(picture, None, fx=scale, fy=scale)) == ()


def test_nothing_is_printed(finder, portrait, capfd):
    # the library answers broken candidate boxes with a print, which would spoil JSON Lines
    for side in (100, 190):
        finder.find(place((200, 200), (portrait, side, 200 - side, 0)))
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "no file"), (b"", "cannot be opened"), (b"not a network" * 50, "cannot be opened")],
)
def test_broken_yunet_files_are_named(tmp_path, content, problem):
    path = tmp_path / "yunet.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=problem):
        YunetFinder(path)


def test_yunet_answers_small_blank_and_filled_pictures(yunet, portrait):
    assert yunet.find(np.zeros((1, 1, 3), np.uint8)) == ()
    assert yunet.find(np.zeros((480, 640, 3), np.uint8)) == ()
    for side_px in (128, 640, 1500):
        assert len(yunet.find(place((side_px, side_px), (portrait, side_px, 0, 0)))) == 1


def test_the_development_portraits_are_found_and_nearly_all_taken_whole(finder, shared_data):
    paths = [
        path
        for label in ("real", "fake")
        for path in sorted((shared_data / "rvf10k_valid_sample" / label).glob("*.jpg"))[:30]
    ]
    if not paths:
        pytest.skip("../shared/data/rvf10k_valid_sample is empty")
    whole = 0
    for path in paths:
        picture = cv2.imread(os.fspath(path))[:, :, ::-1]
        faces = finder.find(picture)
        assert faces, path.name
        whole += np.array_equal(crop_face(picture, faces[0], GEOMETRY).pixels, picture)
    # a child's or half-hidden face may have too small a box: 2 of 1000 training pictures
    assert whole >= 0.95 * len(paths)


# Cutting


@pytest.mark.parametrize(
    ("box", "frame_hw", "square"),
    [
        ((100, 100, 150, 200), (1000, 1000), (57, 76, 193, 212)),  # in the open
        ((0, 0, 80, 100), (1000, 1000), (0, 0, 136, 136)),  # slides inside at the corner
        ((900, 880, 990, 1000), (1000, 1000), (837, 837, 1000, 1000)),  # at the other corner
        ((54, 44, 202, 232), (256, 256), (0, 0, 256, 256)),  # an aligned face: whole
        ((20, 10, 240, 250), (256, 256), (0, 0, 256, 256)),  # a tight one: whole
        ((80, 80, 200, 224), (256, 256), (42, 45, 238, 241)),  # too small a face: cut
        ((54, 44, 202, 232), (256, 260), (0, -2, 260, 258)),  # nearly square: whole
        ((100, 200, 800, 1000), (1500, 1000), (0, 52, 1000, 1052)),  # shrinks to the short side
        ((10, 20, 168, 190), (218, 178), (-20, 0, 198, 218)),  # reaches over by what it must
        ((0, 300, 600, 1200), (1500, 600), (-312, 84, 912, 1308)),  # a face wider than its frame
    ],
)
def test_squares(box, frame_hw, square):
    assert square_around(box, frame_hw, GEOMETRY) == square


@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.tuples(*[st.floats(-0.5, 1.5)] * 2),
    st.tuples(*[st.floats(0.001, 2)] * 2),
)
def test_any_box_gives_a_crop(height, width, corner, extent):
    x1, y1 = corner[0] * width, corner[1] * height
    face = face_box(x1, y1, x1 + extent[0] * width, y1 + extent[1] * height)
    frame = np.full((height, width, 3), 7, np.uint8)
    crop = crop_face(frame, face, CropGeometry(size_px=32))
    assert crop.pixels.shape == (32, 32, 3)
    assert (crop.pixels == 7).all()
    cut = crop.crop_xyxy
    assert cut[2] - cut[0] == cut[3] - cut[1] >= 1
    # some of the frame is always in it
    assert cut[0] < width
    assert cut[1] < height
    assert cut[2] > 0
    assert cut[3] > 0


@pytest.mark.parametrize("side_px", [200, 256, 299])
def test_a_face_crop_keeps_its_border_pixels(side_px):
    picture = np.random.default_rng(0).integers(0, 256, (side_px, side_px, 3), np.uint8)
    face = face_box(*(np.array([54, 44, 202, 232]) * side_px / 256))
    crop = crop_face(picture, face, CropGeometry(size_px=side_px))
    assert np.array_equal(crop.pixels, picture)


def test_pixels_beyond_the_border_are_mirrored():
    # a square three times as wide as the frame: the mirror is mirrored again
    frame = np.tile(np.arange(20, dtype=np.uint8)[None, :, None], (300, 1, 3))
    crop = crop_face(frame, face_box(0, 100, 20, 144), CropGeometry(size_px=60))
    row = crop.pixels[30, :, 0].astype(int)
    assert np.abs(np.diff(row)).max() == 1
    assert set(row) == set(range(20))


def test_a_crop_is_a_copy_with_its_origin(astronaut, finder):
    (face,) = finder.find(astronaut)
    geometry = CropGeometry(size_px=round((face.box_xyxy[3] - face.box_xyxy[1]) * 1.36))
    crop = crop_face(astronaut, face, geometry)
    assert crop.box_xyxy == face.box_xyxy
    assert crop.face_confidence == face.confidence
    x1, y1, x2, y2 = map(int, crop.crop_xyxy)
    assert np.array_equal(crop.pixels, astronaut[y1:y2, x1:x2])
    assert not np.shares_memory(crop.pixels, astronaut)


def test_framing_does_not_depend_on_the_picture_around(finder, portrait):
    # the same face in a small picture and in a video frame is cut alike
    crops = []
    for canvas_hw, x, y in (((480, 640), 100, 50), ((1080, 1920), 1400, 600)):
        picture = place(canvas_hw, (portrait, 380, x, y))
        crop = crop_face(picture, finder.find(picture)[0], GEOMETRY)
        crops.append(np.array(crop.crop_xyxy) - (x, y, x, y))
    assert np.abs(crops[0] - crops[1]).max() < 0.1 * 380
