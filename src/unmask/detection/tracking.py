"""Who is who: person numbers for the faces of a clip's frames, which may lie seconds apart.

Each pair of a new face and a known person gets a sum of evidence in log-odds, from how alike they
look and, while that says something, from where they are; faces and people are then matched so that
the sum over a frame is largest, never two faces of a frame to one person. A face without evidence
for any known person is a new one. Where a person was seen before does not matter after a few
seconds, so that somebody who comes back is known by looks alone.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import cv2
import lap
import numpy as np
import numpy.typing as npt

from unmask.records import Box, FaceCrop

MAX_PEOPLE: Final = 256
"""Most people remembered at a time; the one unseen for longest is forgotten first."""
MAX_VIEWS: Final = 8
"""Latest differing looks kept of each person."""
_NEW_LOOK: Final = 6.0
"""A look with less evidence than this for its person is worth keeping; the most is 9."""

_FACE_PX: Final = 64
_FACE_TEMPLATE: Final = np.array(
    [[0.31, 0.40], [0.69, 0.40], [0.50, 0.61], [0.345, 0.79], [0.655, 0.79]], dtype=np.float32
)
"""Where eyes, nose and mouth corners lie in the aligned face: a frontal face that fills it."""
_SKIN: Final = (slice(20, 56), slice(16, 48))
"""From below the brows to the chin, in the aligned face."""
_COLOUR_BINS: Final = (6, 10, 10)
_COLOUR_RANGES: Final = (0.0, 256.0, 88.0, 168.0, 88.0, 168.0)
"""Lab as OpenCV scales it; skin, hair and cloth lie within 40 of grey."""

# Evidence in log-odds. Measured over 28 clips, same person at least 1 s apart against other clips:
# the colours' affinity is above 0.82 in 99 % of same and below 0.70 in 99 % of different pairs (AUC
# 0.999), the faces' correlation has medians of 0.91 and 0.08 (AUC 0.976), the skins' distance of
# 2 and 36 (AUC 0.990). The limits keep one measure from overruling the two others, since people of
# one scene share background and light.
_COLOURS_EVEN: Final = 0.76
_COLOURS_SLOPE: Final = 20.0
_COLOURS_LIMITS: Final = (-4.0, 4.0)
_FACES_EVEN: Final = 0.45
_FACES_SLOPE: Final = 6.0
_FACES_LIMITS: Final = (-3.0, 3.0)
_SKINS_EVEN: Final = 14.0
_SKINS_SLOPE: Final = -0.25
_SKINS_LIMITS: Final = (-4.0, 2.0)

_PLACE_MOST: Final = 4.0
_PLACE_LEAST: Final = -8.0
_PLACE_SPREAD: Final = 0.25
"""Distance in face sizes that a face moves between two neighbouring frames."""
_PLACE_SPEED: Final = 0.6
"""Face sizes per second by which that grows."""
_PLACE_MEMORY_S: Final = 2.0
"""Time after which a place says 1/e of what it did."""
_RETURN_CAUTION: Final = 2.0
"""Evidence that looks need more of where a place says nothing."""
_UNKNOWN_GAP_S: Final = 1.0
"""Stands for the time between frames that carry none."""


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What is remembered of a face's pixels."""

    face: npt.NDArray[np.float32]
    """(256,) aligned grey face of 16 px, mean 0 and length 1."""
    skin: npt.NDArray[np.float32]
    """(3,) mean Lab colour."""
    colours: npt.NDArray[np.float32]
    """(600,) square roots of the crop's colour shares."""


@dataclass(slots=True, eq=False)
class _Known:
    """A person seen before."""

    number: int
    box_xyxy: Box
    time_s: float | None
    looks: deque[_Look] = field(default_factory=lambda: deque(maxlen=MAX_VIEWS))


class Tracker:
    """Gives the faces of one clip's frames their person numbers, in order of appearance from 0.

    >>> tracker = Tracker()
    >>> tracker.update(())
    ()
    """

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._next_number = 0

    def update(self, crops: Sequence[FaceCrop]) -> tuple[FaceCrop, ...]:
        """The faces of the next frame, in their order, each with its person's number."""
        looks = [_look_at(crop) for crop in crops]
        chosen = self._match(crops, looks)
        numbered = []
        for crop, look, known in zip(crops, looks, chosen, strict=True):
            person = known or self._meet(crop)
            self._remember(person, crop, look)
            numbered.append(replace(crop, person=person.number))
        del self._known[:-MAX_PEOPLE]
        return tuple(numbered)

    def _match(
        self, crops: Sequence[FaceCrop], looks: Sequence[_Look | None]
    ) -> list[_Known | None]:
        """The known person of each face, None for a new one."""
        if not crops or not self._known:
            return [None] * len(crops)
        people = list(self._known)
        # Behind the people one column of evidence 0 for each face: being new.
        evidence = np.zeros((len(crops), len(people) + len(crops)))
        for row, (crop, look) in enumerate(zip(crops, looks, strict=True)):
            for column, known in enumerate(people):
                evidence[row, column] = _compare(crop, look, known)
        columns = lap.lapjv(-evidence, extend_cost=True, return_cost=False)[0]
        return [people[column] if column < len(people) else None for column in columns]

    def _meet(self, crop: FaceCrop) -> _Known:
        person = _Known(self._next_number, crop.box_xyxy, crop.time_s)
        self._next_number += 1
        self._known.append(person)
        return person

    def _remember(self, person: _Known, crop: FaceCrop, look: _Look | None) -> None:
        self._known.remove(person)
        self._known.append(person)
        person.box_xyxy, person.time_s = crop.box_xyxy, crop.time_s
        if look and all(_weigh_looks(look, known) < _NEW_LOOK for known in person.looks):
            person.looks.append(look)


def _compare(crop: FaceCrop, look: _Look | None, known: _Known) -> float:
    """Log-odds that a face is this person's."""
    gap_s = _UNKNOWN_GAP_S
    if crop.time_s is not None and known.time_s is not None:
        gap_s = abs(crop.time_s - known.time_s)
    trust = math.exp(-gap_s / _PLACE_MEMORY_S)
    evidence = trust * _weigh_places(crop.box_xyxy, known.box_xyxy, gap_s)
    if look and known.looks:
        evidence += max(_weigh_looks(look, seen) for seen in known.looks)
    return evidence - (1 - trust) * _RETURN_CAUTION


def _weigh_places(one: Box, other: Box, gap_s: float) -> float:
    size = max(1.0, (_size(one) + _size(other)) / 2)
    moved = math.hypot(one[0] + one[2] - other[0] - other[2], one[1] + one[3] - other[1] - other[3])
    grown = abs(math.log(max(1.0, _size(one)) / max(1.0, _size(other))))
    distance = (moved / 2 / size + grown) / (_PLACE_SPREAD + _PLACE_SPEED * gap_s)
    return max(_PLACE_LEAST, _PLACE_MOST * (1 - distance * distance / 4))


def _weigh_looks(one: _Look, other: _Look) -> float:
    colours = float(one.colours @ other.colours) - _COLOURS_EVEN
    faces = float(one.face @ other.face) - _FACES_EVEN
    skins = float(np.linalg.norm(one.skin - other.skin)) - _SKINS_EVEN
    return (
        _limit(_COLOURS_SLOPE * colours, _COLOURS_LIMITS)
        + _limit(_FACES_SLOPE * faces, _FACES_LIMITS)
        + _limit(_SKINS_SLOPE * skins, _SKINS_LIMITS)
    )


def _limit(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])


def _size(box: Box) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _look_at(crop: FaceCrop) -> _Look | None:
    """None where the crop's pixels were dropped."""
    if crop.pixels.size == 0:
        return None
    aligned = _align(crop)
    grey = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY)
    face = cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    face -= face.mean()
    face /= max(float(np.linalg.norm(face)), 1e-6)
    lab = cv2.cvtColor(aligned[_SKIN], cv2.COLOR_RGB2LAB).reshape(-1, 3)
    small: Any = cv2.resize(crop.pixels, (_FACE_PX, _FACE_PX), interpolation=cv2.INTER_AREA)
    counts = cv2.calcHist(
        [cv2.cvtColor(small, cv2.COLOR_RGB2LAB)], [0, 1, 2], None, _COLOUR_BINS, _COLOUR_RANGES
    ).ravel()
    colours = np.sqrt(counts / max(float(counts.sum()), 1.0))
    return _Look(face, lab.mean(axis=0, dtype=np.float32), colours.astype(np.float32))


def _align(crop: FaceCrop) -> npt.NDArray[np.uint8]:
    """The face upright in a square of `_FACE_PX`, by its landmarks or else by its box."""
    if crop.landmarks is None:
        x1, y1, x2, y2 = crop.box_xyxy
        points = _FACE_TEMPLATE * (x2 - x1, y2 - y1) + (x1, y1)
    else:
        points = crop.landmarks
    left, top, right, _ = crop.crop_xyxy
    scale = crop.pixels.shape[0] / max(right - left, 1.0)
    points = ((points - (left, top)) * scale).astype(np.float32)
    aligned: Any = cv2.warpAffine(
        cv2.blur(crop.pixels, (3, 3)),
        _fit_similarity(points, _FACE_TEMPLATE * _FACE_PX),
        (_FACE_PX, _FACE_PX),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cast(npt.NDArray[np.uint8], aligned)


def _fit_similarity(
    points: npt.NDArray[np.float32], targets: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """The (2, 3) rotation, scale and shift with the least squares, without reflection.

    As complex numbers the points obey target = a * point + b, and a follows by projection.
    """
    source = points[:, 0] + 1j * points[:, 1].astype(np.complex128)
    target = targets[:, 0] + 1j * targets[:, 1].astype(np.complex128)
    centred = source - source.mean()
    turn = (centred.conj() @ (target - target.mean())) / max(
        float(np.vdot(centred, centred).real), 1e-6
    )
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
