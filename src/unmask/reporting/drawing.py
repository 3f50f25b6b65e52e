"""Boxes and words drawn on a picture: for annotated copies and for the camera's view.

Verdicts differ in word, line and colour: fake has a thick line, real a thin one, uncertain a
dashed one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unmask.records import Box, Pixels
from unmask.reporting.wording import VERDICT_COLOURS

INK: Final = {"fake": "#000000", "real": "#ffffff", "uncertain": "#000000"}
"""Text on a verdict's colour, the better readable of black and white; white where not listed."""
_TEXT_SHARE: Final = 0.026
"""Height of the text, as a share of the picture's longer side."""
_MIN_TEXT_PX: Final = 11
_LINE_SHARE: Final = 0.004


@dataclass(frozen=True, slots=True)
class Mark:
    """A box with its words; `tone` is the verdict whose colour and line it has."""

    box_xyxy: Box
    text: str
    tone: str


def draw_marks(pixels: Pixels, marks: Sequence[Mark]) -> Pixels:
    """A copy of a picture of shape (H, W, 3) with the marks drawn on it."""
    canvas = Image.fromarray(pixels)
    draw = ImageDraw.Draw(canvas)
    for mark in marks:
        _draw_box(draw, mark, max(canvas.size))
    for mark in marks:  # words last, so that no line crosses them
        if mark.text:
            _draw_text(draw, mark, canvas.size)
    return np.asarray(canvas)


def add_strip(pixels: Pixels, text: str, detail: str, tone: str) -> Pixels:
    """A copy of a picture of shape (H, W, 3) with a line of text below it; nothing is covered.

    The detail is left out where there is no room for it.
    """
    height, width = pixels.shape[:2]
    size = _text_size(max(height, width))
    strip_height = 2 * size + (height % 2)  # an even total suits video codecs
    canvas = Image.new("RGB", (width, height + strip_height), VERDICT_COLOURS[tone])
    canvas.paste(Image.fromarray(pixels), (0, 0))
    draw = ImageDraw.Draw(canvas)
    whole = f"{text}   ({detail})"
    words = whole if _font(size).getlength(whole) <= width - size else text
    font = _fitting_font(words, size, width - size)
    middle = height + strip_height / 2
    draw.text((size / 2, middle), words, fill=INK.get(tone, "#ffffff"), font=font, anchor="lm")
    return np.asarray(canvas)


def _draw_box(draw: ImageDraw.ImageDraw, mark: Mark, side_px: int) -> None:
    line = max(2, round(side_px * _LINE_SHARE))
    width = 2 * line if mark.tone == "fake" else line
    colour = VERDICT_COLOURS[mark.tone]
    x1, y1, x2, y2 = mark.box_xyxy
    if mark.tone != "uncertain":
        draw.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=width)
        return
    dash = 4.0 * line
    for y in (y1, y2):
        for x in np.arange(x1, x2, 2 * dash):
            draw.line((x, y, min(x + dash, x2), y), fill=colour, width=width)
    for x in (x1, x2):
        for y in np.arange(y1, y2, 2 * dash):
            draw.line((x, y, x, min(y + dash, y2)), fill=colour, width=width)


def _draw_text(draw: ImageDraw.ImageDraw, mark: Mark, picture_px: tuple[int, int]) -> None:
    width, height = picture_px
    size = _text_size(max(picture_px))
    font = _fitting_font(mark.text, size, width - 4)
    left, top, right, bottom = draw.textbbox((0, 0), mark.text, font=font)
    pad = size / 4
    box_width, box_height = right - left + 2 * pad, bottom - top + 2 * pad
    x = min(max(0.0, mark.box_xyxy[0]), max(0.0, width - box_width))
    above = mark.box_xyxy[1] - box_height
    y = above if above >= 0 else min(max(0.0, mark.box_xyxy[3]), height - box_height)
    draw.rectangle((x, y, x + box_width, y + box_height), fill=VERDICT_COLOURS[mark.tone])
    ink = INK.get(mark.tone, "#ffffff")
    draw.text((x + pad - left, y + pad - top), mark.text, fill=ink, font=font)


def _text_size(side_px: int) -> int:
    return max(_MIN_TEXT_PX, round(side_px * _TEXT_SHARE))


def _fitting_font(text: str, size: int, width_px: float) -> Any:
    wanted = _font(size).getlength(text)
    return _font(max(7, int(size * width_px / wanted))) if wanted > width_px else _font(size)


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
