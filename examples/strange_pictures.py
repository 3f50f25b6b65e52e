"""Pictures that are no photographed faces, drawn or made of photographs, to try a detector on.

Every maker takes a source of chance; those of `ALTERED` also take a face crop (S, S, 3) uint8 and
give one of the same shape, those of `DRAWN` draw a square of `SIDE_PX`, those of `CUT` cut one out
of the pictures that scikit-image and scikit-learn carry.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, cast

import cv2
import numpy as np
from PIL import Image, ImageDraw
from skimage import data
from sklearn.datasets import load_sample_image

from unmask.records import Pixels

SIDE_PX: Final = 256
_FINE: Final = 4
"""Drawings are made so many times larger and shrunk, so that edges are smooth."""

Chance = np.random.Generator
Maker = Callable[[Chance], Pixels]
Alteration = Callable[[Pixels, Chance], Pixels]
Colour = tuple[int, int, int]
SKINS: Final[tuple[Colour, ...]] = (
    (255, 224, 196), (241, 194, 150), (198, 134, 88), (141, 85, 54), (84, 52, 38),
)  # fmt: skip


def _pick_colour(chance: Chance, low: int = 0, high: int = 256) -> Colour:
    red, green, blue = (int(value) for value in chance.integers(low, high, 3))
    return red, green, blue


def _ellipse(x: float, y: float, wide: float, high: float) -> tuple[float, float, float, float]:
    return x - wide, y - high, x + wide, y + high


class _Sketch:
    """A canvas with the unit square's coordinates."""

    def __init__(self, ground: Colour) -> None:
        self.side = SIDE_PX * _FINE
        self.image = Image.new("RGB", (self.side, self.side), ground)
        self._pen = ImageDraw.Draw(self.image)

    def _scale(self, points: tuple[float, ...]) -> list[float]:
        return [value * self.side for value in points]

    def ellipse(
        self,
        box: tuple[float, float, float, float],
        fill: Colour | None,
        line: Colour | None = None,
        width: float = 0.0,
    ) -> None:
        self._pen.ellipse(self._scale(box), fill=fill, outline=line, width=round(width * self.side))

    def arc(
        self,
        box: tuple[float, float, float, float],
        ends: tuple[float, float],
        line: Colour,
        width: float,
    ) -> None:
        self._pen.arc(self._scale(box), *ends, fill=line, width=max(1, round(width * self.side)))

    def polygon(self, points: tuple[float, ...], fill: Colour) -> None:
        self._pen.polygon(self._scale(points), fill=fill)

    def line(self, points: tuple[float, ...], line: Colour, width: float) -> None:
        self._pen.line(self._scale(points), fill=line, width=max(1, round(width * self.side)))

    def finish(self) -> Pixels:
        small = self.image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
        return np.asarray(small, np.uint8)


def draw_face(chance: Chance) -> Pixels:
    """A face in flat colours with hair, brows, eyes with irises, nose and mouth."""
    sketch = _Sketch(_pick_colour(chance, 90))
    skin = SKINS[int(chance.integers(len(SKINS)))]
    line = cast("Colour", tuple(int(value * 0.45) for value in skin))
    hair, pen = _pick_colour(chance, 0, 160), float(chance.uniform(0.004, 0.014))
    x, y = 0.5 + chance.uniform(-0.04, 0.04), 0.54 + chance.uniform(-0.03, 0.03)
    wide, high = chance.uniform(0.25, 0.33), chance.uniform(0.33, 0.41)
    sketch.ellipse(_ellipse(x, y - 0.09, wide * 1.2, high * 1.1), hair)
    sketch.polygon((x - 0.1, y, x + 0.1, y, x + 0.13, 1.0, x - 0.13, 1.0), skin)
    sketch.ellipse(_ellipse(x, 1.06, 0.42, 0.16), _pick_colour(chance))
    sketch.ellipse(_ellipse(x, y, wide, high), skin, line, pen)
    for side in (-1, 1):
        eye, level = x + side * wide * 0.45, y - high * 0.15
        size = wide * chance.uniform(0.2, 0.26)
        sketch.ellipse(_ellipse(eye, level, size, size * 0.6), (250, 250, 250), line, pen)
        sketch.ellipse(_ellipse(eye, level, size * 0.5, size * 0.5), _pick_colour(chance, 0, 180))
        sketch.ellipse(_ellipse(eye, level, size * 0.22, size * 0.22), (10, 10, 10))
        brow = _ellipse(eye, level - 0.03, size * 1.2, size * 0.9)
        sketch.arc(brow, (205, 335), hair, 0.016)
    nose = (x, y - 0.04, x - 0.035, y + high * 0.25, x + 0.03, y + high * 0.25)
    sketch.line(nose, line, max(pen, 0.006))
    lips = _ellipse(x, y + high * 0.47, wide * 0.4, high * chance.uniform(0.06, 0.14))
    sketch.ellipse(lips, (190, 70, 80), line, pen)
    sketch.arc(_ellipse(x, y - high * 0.55, wide * 0.9, high * 0.5), (180, 360), hair, 0.06)
    return sketch.finish()


def draw_shaded_face(chance: Chance) -> Pixels:
    """The same with soft light from one side, as in a rendered figure."""
    flat = draw_face(chance).astype(np.float32)
    rows, columns = np.mgrid[-1 : 1 : SIDE_PX * 1j, -1 : 1 : SIDE_PX * 1j]
    angle = chance.uniform(0, 2 * np.pi)
    light = 1 + 0.35 * (rows * np.sin(angle) + columns * np.cos(angle))
    soft = cv2.GaussianBlur(flat, (0, 0), float(chance.uniform(0.8, 3)))
    grain = chance.normal(0, chance.uniform(0, 6), flat.shape)
    return np.clip(soft * light[:, :, None] + grain, 0, 255).astype(np.uint8)


def draw_outline(chance: Chance) -> Pixels:
    """A face in dark lines on light paper."""
    grey = cv2.cvtColor(draw_face(chance), cv2.COLOR_RGB2GRAY)
    size = int(chance.choice([7, 11, 15]))
    lines = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, size, 3)
    paper = np.array(_pick_colour(chance, 215), np.float32)
    return np.asarray(lines[:, :, None] / 255.0 * paper, np.uint8)


def draw_smiley(chance: Chance) -> Pixels:
    """A round yellow face."""
    sketch = _Sketch(_pick_colour(chance, 120))
    yellow = (int(chance.integers(235, 256)), int(chance.integers(190, 225)), 50)
    size = chance.uniform(0.3, 0.46)
    sketch.ellipse(_ellipse(0.5, 0.5, size, size), yellow, (90, 60, 0), chance.uniform(0, 0.02))
    for side in (-1, 1):
        eye = _ellipse(0.5 + side * size * 0.38, 0.5 - size * 0.25, size * 0.11, size * 0.17)
        sketch.ellipse(eye, (50, 30, 10))
    happy = chance.random() < 0.7
    mouth = _ellipse(0.5, 0.5 + size * (0.1 if happy else 0.7), size * 0.55, size * 0.5)
    sketch.arc(mouth, (20, 160) if happy else (200, 340), (50, 30, 10), 0.02)
    return sketch.finish()


def draw_animal(chance: Chance) -> Pixels:
    """The drawn head of an animal with ears, snout and whiskers."""
    sketch = _Sketch(_pick_colour(chance, 110))
    fur, dark = _pick_colour(chance, 70, 240), (25, 20, 20)
    size = chance.uniform(0.28, 0.36)
    pointed = chance.random() < 0.5
    for side in (-1, 1):
        ear = 0.5 + side * size * 0.75
        if pointed:
            tip = (ear + side * 0.06, 0.12)
            sketch.polygon((ear - 0.1, 0.42, *tip, ear + 0.1, 0.42), fur)
        else:
            sketch.ellipse(_ellipse(ear, 0.3, 0.12, 0.12), fur, dark, 0.006)
    sketch.ellipse(_ellipse(0.5, 0.55, size * 1.05, size), fur, dark, 0.006)
    for side in (-1, 1):
        eye = 0.5 + side * size * 0.42
        sketch.ellipse(_ellipse(eye, 0.5, 0.045, 0.05), (240, 230, 120))
        sketch.ellipse(_ellipse(eye, 0.5, 0.015, 0.042), dark)
        for level in (0.64, 0.68, 0.72):
            sketch.line((0.5 + side * 0.06, 0.67, 0.5 + side * 0.34, level), dark, 0.004)
    sketch.ellipse(_ellipse(0.5, 0.68, 0.11, 0.08), (245, 235, 225))
    sketch.polygon((0.46, 0.62, 0.54, 0.62, 0.5, 0.67), dark)
    sketch.arc(_ellipse(0.5, 0.68, 0.06, 0.05), (20, 160), dark, 0.008)
    return sketch.finish()


def draw_noise(chance: Chance) -> Pixels:
    """Noise in grains of one to sixteen pixels."""
    grain = int(chance.choice([1, 2, 4, 8, 16]))
    small = chance.integers(0, 256, (SIDE_PX // grain, SIDE_PX // grain, 3)).astype(np.uint8)
    return cast("Pixels", cv2.resize(small, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_NEAREST))


def draw_plain(chance: Chance) -> Pixels:
    """One colour, or one that turns into another."""
    ends = np.array([_pick_colour(chance), _pick_colour(chance)], np.float32)
    if chance.random() < 0.5:
        ends[1] = ends[0]
    share = np.linspace(0, 1, SIDE_PX, dtype=np.float32)[:, None, None]
    blend = np.broadcast_to(ends[0] * (1 - share) + ends[1] * share, (SIDE_PX, SIDE_PX, 3))
    turned = blend.transpose(1, 0, 2) if chance.random() < 0.5 else blend
    return np.ascontiguousarray(turned, np.uint8)


def cut_from(names: tuple[str, ...], least: float, chance: Chance) -> Pixels:
    """A square out of one of the pictures, at least so large a share of its shorter side."""
    picture = _open(names[int(chance.integers(len(names)))])
    height, width = picture.shape[:2]
    side = round(min(height, width) * chance.uniform(least, 1))
    y, x = (int(chance.integers(0, room - side + 1)) for room in (height, width))
    square = picture[y : y + side, x : x + side]
    if chance.random() < 0.5:
        square = square[:, ::-1]
    return cast("Pixels", cv2.resize(square, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA))


def _open(name: str) -> Pixels:
    if name.endswith(".jpg"):
        return np.asarray(load_sample_image(name), np.uint8)
    picture = np.asarray(getattr(data, name)())
    picture = picture.astype(np.uint8) * (255 if picture.dtype == np.bool_ else 1)
    return np.stack([picture] * 3, axis=2) if picture.ndim == 2 else picture[:, :, :3]


def draw_cartoon(face: Pixels, chance: Chance) -> Pixels:
    """Flat colours with dark edges."""
    flat = face
    for _ in range(3):
        flat = cv2.bilateralFilter(flat, 9, 75, 75)
    levels = int(chance.integers(6, 13))
    flat = (np.floor(flat / 256 * levels) * (255 / (levels - 1))).astype(np.uint8)
    grey = cv2.medianBlur(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), 5)
    edges = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 4)
    return cast("Pixels", cv2.bitwise_and(flat, flat, mask=edges))


def draw_pencil(face: Pixels, chance: Chance, *, coloured: bool) -> Pixels:
    """A pencil drawing, by OpenCV."""
    shade = float(chance.uniform(0.02, 0.06))
    grey, colour = cv2.pencilSketch(face, sigma_s=60, sigma_r=0.07, shade_factor=shade)
    return cast("Pixels", colour if coloured else np.stack([grey] * 3, axis=2))


def paint(face: Pixels, chance: Chance) -> Pixels:
    """A painting, by OpenCV's stylisation."""
    return cast(
        "Pixels",
        cv2.stylization(face, sigma_s=float(chance.uniform(40, 80)), sigma_r=0.45),
    )


def put_on_cloth(face: Pixels, chance: Chance) -> Pixels:
    """A drawn cloth mask over nose and mouth."""
    side = len(face)
    colour = _pick_colour(chance, 40, 256)
    x, y = 0.5 + chance.uniform(-0.03, 0.03), 0.52 + chance.uniform(-0.03, 0.03)
    outline = np.array(
        [(x - 0.24, y), (x, y - 0.05), (x + 0.24, y), (x + 0.2, y + 0.25), (x, y + 0.35),
         (x - 0.2, y + 0.25)]
    )  # fmt: skip
    masked = face.copy()
    cv2.fillPoly(masked, [np.rint(outline * side).astype(np.int32)], colour)
    for level in (0.08, 0.16, 0.23):
        ends = [(round((x + at) * side), round((y + level) * side)) for at in (-0.2, 0.2)]
        darker = [int(value * 0.85) for value in colour]
        cv2.line(masked, ends[0], ends[1], darker, 2, cv2.LINE_AA)
    return masked


def put_on_mask(face: Pixels, chance: Chance) -> Pixels:
    """A drawn mask over the whole face, with holes for eyes and mouth."""
    side = len(face)
    x, y = 0.5, 0.52 + chance.uniform(-0.02, 0.02)
    shape = np.zeros((side, side), np.uint8)

    def fill(at: tuple[float, float], axes: tuple[float, float], value: int) -> None:
        centre = (round(at[0] * side), round(at[1] * side))
        lengths = (round(axes[0] * side), round(axes[1] * side))
        cv2.ellipse(shape, centre, lengths, 0, 0, 360, value, -1)

    fill((x, y), (0.27, 0.36), 255)
    for sign in (-1, 1):
        fill((x + sign * 0.12, y - 0.07), (0.06, 0.035), 0)
    fill((x, y + 0.2), (0.1, 0.03), 0)
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    light = 1.05 - 0.5 * (rows**2 + columns**2)
    mask = np.clip(light[:, :, None] * np.array(_pick_colour(chance, 60, 256)), 0, 255)
    return np.where(shape[:, :, None] > 0, mask, face).astype(np.uint8)


def turn_over(face: Pixels, _: Chance) -> Pixels:
    """Upside down."""
    return np.ascontiguousarray(face[::-1])


DRAWN: Final[Mapping[str, Maker]] = {
    "drawn faces, flat": draw_face,
    "drawn faces, shaded": draw_shaded_face,
    "drawn faces, outlines": draw_outline,
    "smileys": draw_smiley,
    "drawn animals": draw_animal,
    "noise": draw_noise,
    "plain colours": draw_plain,
}
CUT: Final[Mapping[str, Maker]] = {
    "a cat": partial(cut_from, ("chelsea",), 0.5),
    "objects": partial(cut_from, ("coffee", "coins", "rocket", "clock"), 0.4),
    "textures and pages": partial(cut_from, ("brick", "grass", "gravel", "page", "text"), 0.4),
    "microscope and telescope": partial(
        cut_from, ("retina", "immunohistochemistry", "hubble_deep_field", "moon", "cell"), 0.4
    ),
    "a building and a flower": partial(cut_from, ("china.jpg", "flower.jpg"), 0.4),
}
ALTERED: Final[Mapping[str, Alteration]] = {
    "as cartoons": draw_cartoon,
    "as pencil drawings, grey": partial(draw_pencil, coloured=False),
    "as pencil drawings, coloured": partial(draw_pencil, coloured=True),
    "as paintings": paint,
    "with a drawn cloth mask": put_on_cloth,
    "with a drawn whole mask": put_on_mask,
    "upside down": turn_over,
}
