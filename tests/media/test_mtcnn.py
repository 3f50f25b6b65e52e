import math

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


def test_settles_boxes_on_their_faces(cascade):
    (face,), (landmarks,) = cascade.detect(ASTRONAUT, SMALLEST_PX)
    moved = np.array([[*face[:4] + 6, 1.0], [300.0, 300.0, 420.0, 420.0, 1.0]])
    (box,), (points,) = cascade.settle(ASTRONAUT, moved)
    assert np.abs(box[:4] - face[:4]).max() < 0.1 * (face[2] - face[0])
    assert np.abs(points - landmarks).max() < 0.1 * (face[2] - face[0])
    assert not len(cascade.settle(ASTRONAUT, moved[1:])[0])
    assert not len(cascade.settle(ASTRONAUT, moved[:0])[0])


def test_a_level_of_the_pyramid_for_each_size(cascade):
    assert not len(cascade.detect(ASTRONAUT, SMALLEST_PX, largest_px=SMALLEST_PX / 2)[0])
    assert len(cascade.detect(ASTRONAUT, SMALLEST_PX, largest_px=math.inf)[0]) == 1
