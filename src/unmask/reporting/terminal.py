"""A picture as characters: two pixels per cell, for a camera without a display."""

from functools import lru_cache

from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style

from unmask.records import Pixels

_STEP = 8
"""Colours are rounded to multiples of this, so that few styles are made."""


def picture_of(pixels: Pixels, columns: int, rows: int) -> Segments:
    """A picture of shape (H, W, 3) in at most so many columns and rows of a terminal.

    A half block shows its upper pixel as the letter's colour and its lower one as the background's.
    """
    import cv2

    height, width = pixels.shape[:2]
    scale = min(columns / width, 2 * rows / height)
    size = (max(1, int(width * scale)), max(2, int(height * scale) // 2 * 2))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) // _STEP * _STEP
    segments: list[Segment] = []
    for upper, lower in zip(small[0::2].tolist(), small[1::2].tolist(), strict=True):
        segments.extend(
            Segment("▀", _style(*above, *below)) for above, below in zip(upper, lower, strict=True)
        )
        segments.append(Segment.line())
    return Segments(segments)


@lru_cache(maxsize=65536)
def _style(red: int, green: int, blue: int, red_2: int, green_2: int, blue_2: int) -> Style:
    return Style(
        color=Color.from_rgb(red, green, blue), bgcolor=Color.from_rgb(red_2, green_2, blue_2)
    )
