"""Faults of pictures of faces."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from unmask.media import quality
from unmask.media.faces import MtcnnFinder
from unmask.media.quality import (
    QualityCode,
    estimate_pose,
    judge_faces,
    measure_blockiness,
    measure_evidence,
)


@pytest.fixture(scope="module")
def finder():
    return MtcnnFinder()


FACE = data.astronaut()[:256, 96:352]


@pytest.mark.parametrize(
    ("pixels", "codes"),
    [
        (FACE, set()),
        (cv2.GaussianBlur(FACE, (0, 0), 4), {QualityCode.TOO_BLURRED}),
        ((FACE * 0.2).astype(np.uint8), {QualityCode.TOO_DARK}),
        ((255 - (255 - FACE) * 0.3).astype(np.uint8), {QualityCode.TOO_BRIGHT}),
        (np.hstack([FACE, FACE]), {QualityCode.SEVERAL_FACES}),
        (cv2.resize(FACE, (128, 128), interpolation=cv2.INTER_AREA), {QualityCode.TOO_SMALL}),
        (np.full((128, 128, 3), 120, np.uint8), {QualityCode.NO_FACE}),
    ],
)
def test_faults(finder, pixels, codes):
    found = judge_faces(pixels, finder.find(pixels))
    assert set(found.codes) >= codes
    assert found.pose is None or QualityCode.NO_FACE not in found.codes
    assert codes or not found.codes


def project(yaw_deg, pitch_deg):
    """The landmarks of the general face, turned and photographed."""
    yaw, pitch = np.radians([-yaw_deg, -pitch_deg])
    around_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    around_x = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    )
    points = quality._FACE_MODEL @ (around_x @ around_y).T
    depth = points[:, 2:] + 1000
    return (points[:, :2] / depth * 1000 + 300).astype(np.float32)


@given(yaw=st.floats(-45, 45), pitch=st.floats(-30, 30))
def test_pose_is_recovered(yaw, pitch):
    pose = estimate_pose(project(yaw, pitch))
    assert pose.yaw_deg == pytest.approx(yaw, abs=8)
    assert pose.pitch_deg == pytest.approx(pitch, abs=8)


def test_a_tilted_head_is_rolled_only():
    turn = np.radians(20)
    points = project(0, 0) - 300
    tilted = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    pose = estimate_pose((tilted + 300).astype(np.float32))
    assert pose.roll_deg == pytest.approx(20, abs=1)
    assert abs(pose.yaw_deg) < 3


def test_sharpness_does_not_depend_on_size():
    grey = cv2.cvtColor(FACE, cv2.COLOR_RGB2GRAY)
    large = cv2.resize(grey, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert quality.measure_sharpness(large) == pytest.approx(
        quality.measure_sharpness(grey), rel=0.2
    )


def test_blocks_show_as_compression_grows():
    """The measure rises with compression, wherever the blocks begin."""
    grey = cv2.cvtColor(FACE, cv2.COLOR_RGB2GRAY)

    def compress(quality):
        return cv2.imdecode(
            cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
        )

    values = [measure_blockiness(compress(quality)) for quality in (90, 50, 30, 10)]
    assert values == sorted(values)
    assert values[0] < 1.2
    assert values[-1] > 1.5
    assert measure_blockiness(compress(10)[3:, 5:]) == pytest.approx(values[-1], rel=0.1)


@pytest.mark.parametrize(
    "grey",
    [
        np.full((256, 256), 120, np.uint8),  # plain
        np.zeros((5, 400), np.uint8),  # too small to tell
        np.random.default_rng(0).integers(0, 256, (256, 256), np.uint8),  # noise
    ],
)
def test_what_has_no_blocks_measures_one(grey):
    assert measure_blockiness(grey) == pytest.approx(1, abs=0.1)


def test_evidence_is_that_of_the_face(finder):
    box = finder.find(FACE)[0].box_xyxy
    found = measure_evidence(FACE, box)
    assert found.face_px == pytest.approx(min(box[2] - box[0], box[3] - box[1]))
    assert found.sharpness == pytest.approx(judge_faces(FACE, finder.find(FACE)).sharpness)
    assert found.blockiness >= 1
