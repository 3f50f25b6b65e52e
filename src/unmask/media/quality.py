"""Is a face fit to be judged: its size, sharpness, brightness and pose, with one code per fault.

The codes are those of the checks on identity photographs (ISO/IEC 29794-5 lists the same faults);
the bounds are wider than for passports, where a detector of fakes still has evidence to go by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from unmask.media.faces import SURE_CONFIDENCE, FaceBox
from unmask.records import Box, Evidence, Pixels


class QualityCode(StrEnum):
    """What is wrong with a picture of a face."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_SMALL = "too_small"
    TOO_BLURRED = "too_blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    TURNED_AWAY = "turned_away"


SMALLEST_FACE_PX: Final = 64
"""Shorter side of the box below which a face is too small."""
DARKEST: Final = 45.0
"""Mean level of 255 of the face below which it is too dark."""
BRIGHTEST: Final = 215.0
LEAST_SHARPNESS: Final = 15.0
"""Variance of the Laplacian below which a face is too blurred."""
MOST_YAW_DEG: Final = 40.0
MOST_PITCH_DEG: Final = 35.0
_SHARPNESS_SIDE_PX: Final = 128
"""The face is measured at this size, so that large pictures do not count as blurred."""
_BLOCK_PX: Final = 8
_BLOCKS_SIDE_PX: Final = 512
_LEAST_BLOCKS: Final = 4
_STEP: Final = 0.25
"""Levels that are added to both sides of the ratio, so that a plain face has no blocks."""
_FACE_MODEL: Final = np.array(
    [[-32, -40, 32], [32, -40, 32], [0, 0, 0], [-26, 29, 27], [26, 29, 27]], np.float64
)
"""Eyes, tip of the nose and corners of the mouth of a frontal face in mm: right, down, away."""
_CAMERA_MM: Final = 1000.0
"""Distance at which a face is taken to have been photographed."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head is turned, in degrees; all 0 for one that looks into the camera."""

    yaw_deg: float
    """To the picture's right where positive."""
    pitch_deg: float
    """Up where positive."""
    roll_deg: float
    """Clockwise where positive."""


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """What was measured of the largest face of a picture, and what is wrong with the picture."""

    codes: tuple[QualityCode, ...]
    faces: int
    size_px: float | None = None
    """Shorter side of the face's box; this and the others are None without a face."""
    sharpness: float | None = None
    """Variance of the Laplacian of the grey face at 128 px."""
    brightness: float | None = None
    """Mean level of 255."""
    pose: Pose | None = None


def measure_evidence(pixels: Pixels, box_xyxy: Box) -> Evidence:
    """How much there is of a face in a picture of shape (H, W, 3) to judge it by."""
    x1, y1, x2, y2 = box_xyxy
    grey = _cut_grey(pixels, box_xyxy)
    return Evidence(min(x2 - x1, y2 - y1), measure_sharpness(grey), measure_blockiness(grey))


def judge_faces(pixels: Pixels, faces: Sequence[FaceBox]) -> FaceQuality:
    """Judge a picture of shape (H, W, 3) by its faces, the largest first."""
    sure = [face for face in faces if face.confidence >= SURE_CONFIDENCE] or list(faces)[:1]
    if not sure:
        return FaceQuality((QualityCode.NO_FACE,), 0)
    x1, y1, x2, y2 = sure[0].box_xyxy
    size = min(x2 - x1, y2 - y1)
    grey = _cut_grey(pixels, sure[0].box_xyxy)
    sharpness, brightness = measure_sharpness(grey), float(grey.mean())
    pose = estimate_pose(sure[0].landmarks)
    faults = {
        QualityCode.SEVERAL_FACES: len(sure) > 1,
        QualityCode.TOO_SMALL: size < SMALLEST_FACE_PX,
        QualityCode.TOO_BLURRED: sharpness < LEAST_SHARPNESS,
        QualityCode.TOO_DARK: brightness < DARKEST,
        QualityCode.TOO_BRIGHT: brightness > BRIGHTEST,
        QualityCode.TURNED_AWAY: abs(pose.yaw_deg) > MOST_YAW_DEG
        or abs(pose.pitch_deg) > MOST_PITCH_DEG,
    }
    codes = tuple(code for code, found in faults.items() if found)
    return FaceQuality(codes, len(sure), float(size), sharpness, brightness, pose)


def measure_sharpness(grey: npt.NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of a grey face of shape (H, W), brought to 128 px.

    Source: J. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative
    study", ICPR 2000.
    """
    side = (_SHARPNESS_SIDE_PX, _SHARPNESS_SIDE_PX)
    shrinks = min(grey.shape) > _SHARPNESS_SIDE_PX
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return float(cv2.Laplacian(cv2.resize(grey, side, interpolation=how), cv2.CV_64F).var())


def measure_blockiness(grey: npt.NDArray[np.uint8]) -> float:
    """Steps at the borders of 8 px blocks in relation to those within, for a grey (H, W) picture.

    Where the blocks begin is not known, so that the strongest of their eight places counts, and the
    median of the others stands for the picture itself. Only the middle of large faces is looked at.
    After Z. Wang, A. Bovik and B. Evans, "Blind measurement of blocking artifacts in images",
    ICIP 2000. 1 where there are no blocks or the picture is too small to tell.
    """
    top, left = (max(0, (length - _BLOCKS_SIDE_PX) // 2) for length in grey.shape)
    middle = grey[top : top + _BLOCKS_SIDE_PX, left : left + _BLOCKS_SIDE_PX].astype(np.float32)
    if min(middle.shape) < _LEAST_BLOCKS * _BLOCK_PX:
        return 1.0
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(middle, axis=axis)).mean(axis=1 - axis)
        whole = steps[: len(steps) // _BLOCK_PX * _BLOCK_PX].reshape(-1, _BLOCK_PX)
        places = np.sort(whole.mean(axis=0))
        ratios.append((places[-1] + _STEP) / (np.median(places[:-1]) + _STEP))
    return float(np.sqrt(ratios[0] * ratios[1]))


def estimate_pose(landmarks: npt.NDArray[np.float32]) -> Pose:
    """The pose of a head by its landmarks (5, 2), as `records.FaceCrop` orders them.

    A general face is turned until it projects onto the points (SQPnP: Terzakis and Lourakis, ECCV
    2020); good to some ten degrees, since faces differ.
    """
    points = landmarks.astype(np.float64)
    eyes = float(np.linalg.norm(points[1] - points[0]))
    mouth = float(np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0)))
    scale = max(eyes / 64, mouth / 69, 1e-6)
    centre = points[2]
    camera = np.array([[_CAMERA_MM, 0, 0], [0, _CAMERA_MM, 0], [0, 0, 1]], np.float64)
    found, turn, _ = cv2.solvePnP(
        _FACE_MODEL, (points - centre) / scale, camera, None, flags=cv2.SOLVEPNP_SQPNP
    )
    if not found:
        return Pose(90.0, 0.0, 0.0)
    rotation: Any = cv2.Rodrigues(turn)[0]
    ahead = rotation @ np.array([0.0, 0.0, -1.0])
    yaw = np.degrees(np.arctan2(ahead[0], -ahead[2]))
    pitch = np.degrees(np.arcsin(np.clip(-ahead[1], -1, 1)))
    across = points[1] - points[0]
    return Pose(float(yaw), float(pitch), float(np.degrees(np.arctan2(across[1], across[0]))))


def _cut_grey(pixels: Pixels, box_xyxy: Box) -> npt.NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = (round(value) for value in box_xyxy)
    left, top = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    cut: Any = pixels[top : max(min(y2, height), top + 1), left : max(min(x2, width), left + 1)]
    grey: Any = cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.uint8)
