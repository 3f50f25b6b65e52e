"""Where the faces are, and how a face is cut out.

One crop geometry serves training and detection alike; its numbers travel in the model card.
"""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt

from unmask.errors import ModelError
from unmask.media.mtcnn import Cascade, Floats
from unmask.records import Box, FaceCrop, Pixels

MIN_FACE_PX: Final = 40
"""Smallest face looked for, in pixels of the copy that is searched."""
SMALL_COPY_PIXELS: Final = 320 * 240
FIRST_COPY_PIXELS: Final = 640 * 480
LARGE_COPY_PIXELS: Final = 1600 * 1200
"""Most pixels of the copies that are searched: an area, so that a panorama keeps its detail."""
BORDERED_COPIES: Final = ((0.5, 320), (0.25, 256), (0.5, 192))
"""Border on each side as a share of the picture, and the longest side of the bordered copy.

With a border around it a face that fills the picture is small enough to be seen. Several scales,
since MTCNN's pyramid is coarse: of 1360 portraits the first misses 4, the others find 2 of these.
"""
_ONLY_PORTRAITS: Final = 2.0
"""Where one side is longer than this many of the other no face can fill the picture."""
_WORTH_A_LOOK: Final = 0.8
"""A copy this close to the next larger one stands for it."""
_BORDER_GREY: Final = 127

SURE_CONFIDENCE: Final = 0.95
"""MTCNN gave 1355 of 1356 portraits at least this, and one in 350 pictures without their face."""
_SAME_FACE_OVERLAP: Final = 0.6
"""Two boxes that share this much of the smaller one are one face."""
_SMALLEST_BOX: Final = 0.75
"""Boxes below this share of `MIN_FACE_PX` hold no evidence and are the likeliest false alarms."""
MAX_CROP_PX: Final = 512
"""Longest side of a picture that may be a data set's face crop."""
_SQUARE_UP_TO: Final = 1.02
"""A frame whose sides differ by no more counts as square."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceBox:
    """A face as a face detector sees it."""

    box_xyxy: Box
    confidence: float
    landmarks: npt.NDArray[np.float32]
    """(5, 2): left eye, right eye, nose, left and right mouth corner as seen in the picture."""


@dataclass(frozen=True, slots=True)
class CropGeometry:
    """How a square is laid around a face.

    The defaults give the framing of the aligned FFHQ pictures (Karras et al. 2019, appendix A)
    around an MTCNN box: measured on 200 training pictures of 256 px, the longer side of the box is
    188 px in the median and its centre lies 11 px below the picture's.
    """

    size_px: int = 256
    """Side of the square that the model sees."""
    margin: float = 1.36
    """Side of the square, in longer sides of the face's box."""
    shift_y: float = -0.06
    """Offset of the square's centre from the box's, in longer sides of the box; up is negative."""
    whole_frame_from: float = 0.78
    """A square frame with a side of at most 1/this of the square's is a face crop, taken whole."""


class Effort(StrEnum):
    """How much is searched; what a call may cost."""

    ALL = "all"
    """For stills: every face of the small and of the large copy."""
    MAIN = "main"
    """For the frames of a clip: the large copy only where the small one shows nothing."""
    QUICK = "quick"
    """For a live picture: the small copy only."""


class FaceFinder(Protocol):
    """Anything that finds faces."""

    def find(self, pixels: Pixels, effort: Effort = Effort.ALL) -> tuple[FaceBox, ...]:
        """Find the faces of a picture of shape (H, W, 3), the largest first."""
        ...


class MtcnnFinder:
    """MTCNN (Zhang et al. 2016, arXiv 1604.02878) through ONNX Runtime, weights in its wheel.

    May be used from several threads: the library keeps no state between calls.
    """

    def __init__(self, min_confidence: float = 0.9) -> None:
        self._cascade = Cascade()
        self._min_confidence = min_confidence

    def find(self, pixels: Pixels, effort: Effort = Effort.ALL) -> tuple[FaceBox, ...]:
        """Find the faces of a picture of shape (H, W, 3), the largest first.

        A copy of at most `FIRST_COPY_PIXELS` is searched, then by `effort` a larger one; where both
        show nothing, copies with a border, on which a face that fills the picture is seen.
        """
        return _find(self._search, pixels, (FIRST_COPY_PIXELS,), effort)

    def find_again(self, pixels: Pixels, faces: Sequence[FaceBox]) -> tuple[FaceBox, ...]:
        """Find the faces of a frame near those of one shortly before; the largest first.

        Nothing else is searched. Empty where not each of them is surely there.
        """
        if not faces or any(face.confidence < SURE_CONFIDENCE for face in faces):
            return ()
        copies = _Copies(pixels)
        scale = copies.scale_to(FIRST_COPY_PIXELS)
        before = np.array([face.box_xyxy for face in faces]) * scale
        found = self._describe(
            *self._cascade.detect_near(copies.at(scale), MIN_FACE_PX, before), least=SURE_CONFIDENCE
        )
        if len(found) != len(faces):
            return ()
        return _drop_nested([_map_back(face, scale, 0.0) for face in found])

    def _search(self, copy: Pixels, largest_px: float) -> list[FaceBox]:
        found = self._cascade.detect(copy, MIN_FACE_PX, largest_px)
        return self._describe(*found, least=self._min_confidence)

    @staticmethod
    def _describe(boxes: Floats, landmarks: Floats, *, least: float) -> list[FaceBox]:
        return [
            FaceBox(
                box_xyxy=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                confidence=float(min(1.0, box[4])),
                landmarks=points.astype(np.float32),
            )
            for box, points in zip(boxes, landmarks, strict=True)
            if box[4] >= least
        ]


class YunetFinder:
    """YuNet (Wu et al. 2023, doi 10.1007/s11633-023-1423-y) through OpenCV, from a weights file.

    Its boxes agree with MTCNN's: on 400 portraits their longer sides stand as 0.975 to 1 in the
    median and their centres lie 0.001 of it apart, so that the same crop geometry serves both.

    Raises:
        ModelError: the file is missing or holds no YuNet.
    """

    def __init__(self, path: str | Path, min_confidence: float = 0.85) -> None:
        if not Path(path).is_file():
            message = f"there is no file {path}; expected the ONNX file of YuNet"
            raise ModelError(message)
        try:
            self._network: Any = cv2.FaceDetectorYN.create(
                str(path), "", (MIN_FACE_PX, MIN_FACE_PX), min_confidence
            )
        except cv2.error as error:
            message = f"{path} cannot be opened as YuNet: {error}"
            raise ModelError(message) from error
        self._lock = threading.Lock()  # the network keeps the size of its input

    def find(self, pixels: Pixels, effort: Effort = Effort.ALL) -> tuple[FaceBox, ...]:
        """Find the faces of a picture of shape (H, W, 3), the largest first.

        Two small copies are searched at once, since YuNet sees faces up to half the first one only.
        """
        return _find(self._search, pixels, (SMALL_COPY_PIXELS, FIRST_COPY_PIXELS), effort)

    def _search(self, copy: Pixels, _: float) -> list[FaceBox]:
        with self._lock:
            self._network.setInputSize((copy.shape[1], copy.shape[0]))
            rows = self._network.detect(np.ascontiguousarray(copy[:, :, ::-1]))[1]
        return [
            FaceBox(
                box_xyxy=(float(x), float(y), float(x + width), float(y + height)),
                confidence=float(min(1.0, confidence)),
                landmarks=np.array(points, dtype=np.float32).reshape(5, 2),
            )
            for x, y, width, height, *points, confidence in (() if rows is None else rows)
        ]


def crop_face(pixels: Pixels, face: FaceBox, geometry: CropGeometry) -> FaceCrop:
    """Cut the square around a face out of a frame of shape (H, W, 3) and bring it to (S, S, 3)."""
    square = square_around(face.box_xyxy, pixels.shape[:2], geometry)
    x1, y1, x2, y2 = square
    return FaceCrop(
        pixels=cut_square(pixels, square, geometry.size_px),
        box_xyxy=face.box_xyxy,
        crop_xyxy=(float(x1), float(y1), float(x2), float(y2)),
        face_confidence=face.confidence,
        landmarks=face.landmarks,
    )


def is_small_square(pixels: Pixels) -> bool:
    """Say whether a picture of shape (H, W, 3) has the form of a data set's face crops."""
    height, width = pixels.shape[:2]
    return bool(max(height, width) <= min(MAX_CROP_PX, min(height, width) * _SQUARE_UP_TO))


def take_whole(pixels: Pixels, geometry: CropGeometry) -> FaceCrop:
    """A square picture of shape (H, W, 3) as the crop of the face that is said to fill it.

    Its box is where the geometry puts the face of such a crop.
    """
    height, width = pixels.shape[:2]
    long = max(height, width)
    x1, y1 = (width - long) // 2, (height - long) // 2
    longer = long / geometry.margin
    left, top = (width - longer) / 2, (height - longer) / 2 - geometry.shift_y * longer
    return FaceCrop(
        pixels=cut_square(pixels, (x1, y1, x1 + long, y1 + long), geometry.size_px),
        box_xyxy=(left, top, left + longer, top + longer),
        crop_xyxy=(float(x1), float(y1), float(x1 + long), float(y1 + long)),
        face_confidence=1.0,
    )


def cut_square(pixels: Pixels, square_xyxy: tuple[int, int, int, int], size_px: int) -> Pixels:
    """Cut a square out of a frame of shape (H, W, 3) and bring it to (S, S, 3).

    What of it lies outside the frame is filled by reflection.
    """
    square: Any = _cut(pixels, *square_xyxy)
    if square.shape[0] != size_px:
        shrinks = square.shape[0] > size_px
        square = cv2.resize(
            square, (size_px, size_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
    return np.array(square, order="C")


def square_around(
    box: Box, frame_hw: tuple[int, int], geometry: CropGeometry
) -> tuple[int, int, int, int]:
    """The square to cut, in whole pixels; it reaches over the frame's border only where it must.

    A square frame that is hardly larger than the square is a face crop already: all of it is taken,
    so that its border pixels are kept and nothing is resampled that need not be. In other frames a
    square that does not fit shrinks to the short side as long as the face's box still fits in, and
    never exceeds the long side: a slightly tighter crop is better than invented pixels.
    """
    height, width = frame_hw
    short, long = min(height, width), max(height, width)
    longer = max(box[2] - box[0], box[3] - box[1])
    side = longer * geometry.margin
    if long * geometry.whole_frame_from <= side and long <= short * _SQUARE_UP_TO:
        x1, y1 = (width - long) // 2, (height - long) // 2
        return x1, y1, x1 + long, y1 + long
    if side > short:
        side = short if side * geometry.whole_frame_from <= short else min(side, long)
    centre_x = (box[0] + box[2]) / 2
    centre_y = (box[1] + box[3]) / 2 + geometry.shift_y * longer
    whole = max(1, round(side))
    x1 = _slide_inside(round(centre_x - side / 2), whole, width)
    y1 = _slide_inside(round(centre_y - side / 2), whole, height)
    return x1, y1, x1 + whole, y1 + whole


def _slide_inside(start: int, length: int, limit: int) -> int:
    """Move an interval that fits into [0, limit] inside it; centre one that does not."""
    if length > limit:
        return (limit - length) // 2
    return min(max(start, 0), limit - length)


def _cut(pixels: Pixels, x1: int, y1: int, x2: int, y2: int) -> Pixels:
    height, width = pixels.shape[:2]
    inside = pixels[max(0, y1) : min(height, y2), max(0, x1) : min(width, x2)]
    top, left = max(0, -y1), max(0, -x1)
    bottom, right = max(0, y2 - height), max(0, x2 - width)
    if not (top or left or bottom or right):
        return inside
    bordered: Any = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    return cast(Pixels, bordered)


_Search = Callable[[Pixels, float], list[FaceBox]]
"""Search a copy for faces up to a size in pixels; larger ones may be found too."""


def _find(
    search: _Search, pixels: Pixels, first: Sequence[int], effort: Effort
) -> tuple[FaceBox, ...]:
    """Search the first copies together, then by effort the large one, then the bordered ones."""
    copies = _Copies(pixels)
    found: list[FaceBox] = []
    searched_scale = 0.0
    for limit in first:
        searched_scale = _search_copy(search, copies, limit, searched_scale, found)
    if effort is Effort.ALL or (effort is Effort.MAIN and not found):
        _search_copy(search, copies, LARGE_COPY_PIXELS, searched_scale, found)
    for share, side_px in BORDERED_COPIES:
        if found:
            break
        found += _search_bordered(search, copies, share, side_px)
    return _drop_nested(found)


def _search_copy(
    search: _Search, copies: "_Copies", limit: int, searched_scale: float, found: list[FaceBox]
) -> float:
    """Add the faces of the copy of at most `limit` pixels; answer its scale."""
    scale = copies.scale_to(limit)
    if searched_scale >= scale * _WORTH_A_LOOK:
        return searched_scale
    # Sizes that the last copy showed need no second look: of 320 faces of 45 to 330 px, pasted into
    # pictures of 1.3 to 6 megapixels, 317 are found with and without.
    largest_px = MIN_FACE_PX * scale / searched_scale if found else math.inf
    for face in search(copies.at(scale), largest_px):
        x1, y1, x2, y2 = face.box_xyxy
        if max(x2 - x1, y2 - y1) >= MIN_FACE_PX * _SMALLEST_BOX:
            found.append(_map_back(face, scale, 0.0))
    return scale


def _search_bordered(
    search: _Search, copies: "_Copies", share: float, side_px: int
) -> list[FaceBox]:
    short, long = sorted(copies.hw)
    if short < MIN_FACE_PX or long > short * _ONLY_PORTRAITS:
        return []
    scale = min(1.0, side_px / (long * (1 + 2 * share)))
    copy = copies.at(scale)
    pad = round(max(copy.shape[:2]) * share)
    framed: Any = cv2.copyMakeBorder(
        copy, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(_BORDER_GREY,) * 3
    )
    return [_map_back(face, scale, pad) for face in search(framed, math.inf)]


def _drop_nested(faces: Sequence[FaceBox]) -> tuple[FaceBox, ...]:
    """One box per face, the largest first: of two that overlap the surer one, then the larger."""
    kept: list[FaceBox] = []
    for face in sorted(
        faces, key=lambda f: (f.confidence >= SURE_CONFIDENCE, _area(f)), reverse=True
    ):
        if all(_shared(face, other) < _SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return tuple(sorted(kept, key=_area, reverse=True))


def _shared(one: FaceBox, other: FaceBox) -> float:
    """The area that two boxes share, as a share of the smaller one."""
    a, b = one.box_xyxy, other.box_xyxy
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    smaller = min(_area(one), _area(other))
    return max(0.0, width) * max(0.0, height) / smaller if smaller > 0 else 1.0


class _Copies:
    """Smaller copies of a picture: halved by averaging as often as that goes, then interpolated.

    That takes a fifth to a twentieth of the time of averaging by any factor at once, and the copies
    share their halves.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._halves = [pixels]
        self.hw = pixels.shape[:2]

    def scale_to(self, limit: int) -> float:
        """The scale at which the picture has at most so many pixels."""
        return min(1.0, math.sqrt(limit / (self.hw[0] * self.hw[1])))

    def at(self, scale: float) -> Pixels:
        """The picture at a scale of at most 1."""
        if scale >= 1.0:
            return self._halves[0]
        height, width = (max(1, round(side * scale)) for side in self.hw)
        for halving in count(1):
            if self.hw[0] >> halving < height or self.hw[1] >> halving < width:
                break
            if halving == len(self._halves):
                self._halves.append(_halve(self._halves[-1]))
        source = self._halves[halving - 1]
        return cast(Pixels, cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR))


def _halve(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    even: Any = pixels[: 2 * height, : 2 * width]
    return cast(Pixels, cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))


def _map_back(face: FaceBox, scale: float, pad: float) -> FaceBox:
    """A face of a copy in the pixels of the picture."""
    x1, y1, x2, y2 = ((value - pad) / scale for value in face.box_xyxy)
    landmarks = ((face.landmarks - pad) / scale).astype(np.float32)
    return FaceBox(box_xyxy=(x1, y1, x2, y2), confidence=face.confidence, landmarks=landmarks)


def _area(face: FaceBox) -> float:
    x1, y1, x2, y2 = face.box_xyxy
    return max(0.0, x2 - x1) * max(0.0, y2 - y1)
