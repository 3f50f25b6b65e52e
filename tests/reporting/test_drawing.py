import numpy as np
import pytest

from unmask.reporting.drawing import Mark, add_strip, draw_marks
from unmask.reporting.wording import VERDICT_COLOURS


def grey(height=240, width=320):
    return np.full((height, width, 3), 128, np.uint8)


def colour_of(tone):
    code = VERDICT_COLOURS[tone].lstrip("#")
    return tuple(int(code[at : at + 2], 16) for at in (0, 2, 4))


@pytest.mark.parametrize("tone", ["fake", "real", "uncertain"])
def test_a_box_is_drawn_where_it_is(tone):
    drawn = draw_marks(grey(), [Mark((100, 80, 200, 180), "", tone)])
    assert tuple(drawn[80, 100]) == colour_of(tone)
    assert tuple(drawn[130, 150]) == (128, 128, 128)  # the face stays free


def test_tones_differ_without_colour():
    shares = {}
    for tone in ("fake", "real", "uncertain"):
        drawn = draw_marks(grey(), [Mark((50, 50, 250, 200), "", tone)])
        shares[tone] = (drawn != 128).any(axis=2).mean()
    assert shares["fake"] > 1.5 * shares["real"] > 2 * shares["uncertain"]


@pytest.mark.parametrize(
    "box",
    [
        (-50.0, -50.0, 400.0, 300.0),  # reaches over every border
        (300.0, 220.0, 500.0, 400.0),  # mostly outside
        (10.0, 0.0, 60.0, 30.0),  # no room above
        (100.0, 100.0, 100.0, 100.0),  # without extent
    ],
)
def test_words_stay_inside(box):
    drawn = draw_marks(grey(), [Mark(box, "FAKE 97 %", "fake")])
    assert drawn.shape == (240, 320, 3)
    assert (drawn == np.array(colour_of("fake"))).all(axis=2).sum() > 100


def test_the_original_is_untouched():
    pixels = grey()
    draw_marks(pixels, [Mark((10, 10, 50, 50), "x", "real")])
    add_strip(pixels, "x", "y", "real")
    assert (pixels == 128).all()


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (240, 320),  # usual
        (241, 321),  # odd
        (16, 16),  # tiny: the words shrink
        (1, 1),  # a single pixel
        (2000, 40),  # a column
    ],
)
def test_a_strip_covers_nothing_and_makes_the_height_even(height, width):
    drawn = add_strip(grey(height, width), "FAKE 97 %", "unmask, a model", "fake")
    assert drawn.shape[1] == width
    assert drawn.shape[0] > height
    assert drawn.shape[0] % 2 == 0
    assert (drawn[:height] == 128).all()
