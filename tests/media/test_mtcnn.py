import cv2
import numpy as np
import pytest
from mtcnnruntime import MTCNN
from skimage import data

from unmask.media.mtcnn import Cascade

SMALLEST_PX = 40


@pytest.fixture(scope="module")
def cascade():
    return Cascade()


@pytest.fixture(scope="module")
def library():
    return MTCNN()


def noise(*hw):
    return np.random.default_rng(0).integers(0, 256, (*hw, 3), dtype=np.uint8)


def beside(*pictures):
    return np.concatenate(pictures, axis=1)


ASTRONAUT = data.astronaut()


@pytest.mark.parametrize(
    "pixels",
    [
        ASTRONAUT,  # a face in a picture
        ASTRONAUT[30:222, 128:320],  # that fills it
        ASTRONAUT[60:200, 200:330],  # that reaches over the border
        beside(ASTRONAUT, ASTRONAUT[:, ::-1]),  # two
        cv2.resize(ASTRONAUT, (1280, 1280)),  # large
        noise(300, 400),  # none, with candidates
        np.zeros((200, 200, 3), np.uint8),  # none
        noise(41, 300),  # hardly as high as the smallest face
        noise(20, 20),  # too small for any
    ],
)
def test_finds_what_the_library_finds(cascade, library, pixels):
    try:
        boxes, points = library.detect(
            np.ascontiguousarray(pixels[:, :, ::-1]), min_face_size=SMALLEST_PX
        )
    except ValueError:  # how it says that there is none
        boxes, points = [], []
    ours, landmarks = cascade.detect(pixels, SMALLEST_PX)
    np.testing.assert_allclose(ours, np.reshape(boxes, (-1, 5)), rtol=1e-6)
    theirs = np.reshape(points, (-1, 2, 5)).transpose(0, 2, 1)
    np.testing.assert_allclose(landmarks, theirs, rtol=1e-5)


def test_large_faces_need_not_be_looked_for(cascade):
    large = cv2.resize(ASTRONAUT, (1280, 1280))  # the face is 300 px wide
    pixels = beside(large, np.pad(ASTRONAUT, ((0, 768), (0, 0), (0, 0))))
    assert len(cascade.detect(pixels, SMALLEST_PX)[0]) == 2
    (box,), _ = cascade.detect(pixels, SMALLEST_PX, largest_px=160)
    assert box[0] > 1280


def test_finds_near_a_box_what_it_finds_in_the_whole_picture(cascade):
    pair = beside(ASTRONAUT, ASTRONAUT[:, ::-1])
    boxes, landmarks = cascade.detect(pair, SMALLEST_PX)
    moved = boxes[:1, :4] + 0.3 * (boxes[0, 2] - boxes[0, 0])
    near, points = cascade.detect_near(pair, SMALLEST_PX, moved)
    np.testing.assert_array_equal(near, boxes[:1])
    np.testing.assert_array_equal(points, landmarks[:1])


@pytest.mark.parametrize(
    "box",
    [
        [300, 300, 420, 420],  # no face
        [1, 1, 4, 4],  # smaller than any that is looked for
        [-400, -400, -300, -300],  # outside
    ],
)
def test_finds_nothing_near_other_places(cascade, box):
    boxes, landmarks = cascade.detect_near(ASTRONAUT, SMALLEST_PX, np.array([box], np.float64))
    assert (boxes.shape, landmarks.shape) == ((0, 5), (0, 5, 2))


def test_no_size_is_looked_for_where_the_largest_is_below_the_smallest(cascade):
    assert not len(cascade.detect(ASTRONAUT, SMALLEST_PX, largest_px=SMALLEST_PX / 2)[0])
