"""A decoded frame as it would be seen: its colours in RGB, its display matrix applied."""

import struct
from contextlib import suppress
from typing import Any, Final

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

from unmask.media.images import BACKGROUND
from unmask.records import Pixels

_NAMED_MATRICES: Final = frozenset({1, 4, 5, 6, 7, 9})  # AVCOL_SPC_* that swscale converts
_HD_WIDTH_PX: Final = 1280
_HD_HEIGHT_PX: Final = 577
"""Size from which an unnamed colour matrix is BT.709, else BT.601. Source: mpv, mp_csp_guess."""
_DISPLAY_MATRIX: Final = "DISPLAYMATRIX"

Matrix = tuple[int, int, int, int]
"""Signs of (x to x, x to y, y to x, y to y): how the container wants the picture turned."""
_TURNS: Final[dict[int, Matrix]] = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def to_rgb(frame: VideoFrame) -> Pixels:
    """Convert to RGB by the frame's colour matrix and range; opacity is laid on BACKGROUND."""
    matrix = None
    if not frame.format.is_rgb and frame.colorspace not in _NAMED_MATRICES:
        is_hd = frame.width >= _HD_WIDTH_PX or frame.height >= _HD_HEIGHT_PX
        matrix = Colorspace.ITU709 if is_hd else Colorspace.ITU601
    if not any(component.is_alpha for component in frame.format.components):
        return frame.reformat(format="rgb24", src_colorspace=matrix).to_ndarray().astype(np.uint8)
    rgba = frame.reformat(format="rgba", src_colorspace=matrix).to_ndarray().astype(np.float32)
    opacity = rgba[..., 3:] / 255
    laid = rgba[..., :3] * opacity + np.array(BACKGROUND, np.float32) * (1 - opacity)
    return (laid + 0.5).astype(np.uint8)


def read_matrix(frame: VideoFrame, metadata: dict[str, str]) -> Matrix:
    """Read the display matrix, or the `rotate` tag of older files, rounded to quarter turns.

    Source: libavutil/display.h; nine integers, of which 0, 1, 3 and 4 turn and mirror.
    """
    side_data: Any = frame.side_data.get(_DISPLAY_MATRIX)
    if side_data is None:
        degrees = 0.0
        with suppress(ValueError):
            degrees = float({key.lower(): word for key, word in metadata.items()}.get("rotate", 0))
        return _TURNS[round(degrees / 90) % 4 * 90]
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side_data)[:36])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (1 if a >= 0 else -1, 0, 0, 1 if d >= 0 else -1)
    return (0, 1 if b >= 0 else -1, 1 if c >= 0 else -1, 0)


def matrix_degrees(matrix: Matrix) -> int:
    """The clockwise quarter turns of a display matrix in degrees, its mirroring left aside."""
    return next(degrees for degrees, turn in _TURNS.items() if turn[:2] == matrix[:2])


def turn(pixels: Pixels, matrix: Matrix) -> Pixels:
    """Turn and mirror (H, W, 3) pixels as the display matrix says."""
    if matrix == _TURNS[0]:
        return pixels
    if matrix[0] == 0:
        pixels = pixels.transpose(1, 0, 2)
    flip_x = matrix[0] + matrix[2] < 0
    flip_y = matrix[1] + matrix[3] < 0
    return np.ascontiguousarray(pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
