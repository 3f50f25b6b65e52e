import io

import numpy as np
import pytest
from rich.console import Console

from unmask.reporting.terminal import picture_of


def printed(pixels, columns, rows):
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=200)
    console.print(picture_of(pixels, columns, rows), end="")
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("height", "width", "cells", "lines"),
    [
        (480, 640, 40, 15),  # two pixels per line: 40 wide, 30 high
        (640, 480, 22, 15),  # upright: the height limits
        (10, 1000, 40, 1),  # a stripe has one line at least
        (1000, 10, 1, 15),  # a column has one cell at least
        (1, 1, 30, 15),  # enlarged to what fits
    ],
)
def test_it_fits(height, width, cells, lines):
    text = printed(np.zeros((height, width, 3), np.uint8), 40, 15)
    rows = text.splitlines()
    assert len(rows) == lines
    assert {row.count("▀") for row in rows} == {cells}


def test_upper_pixels_are_letters_and_lower_ones_background():
    pixels = np.zeros((2, 1, 3), np.uint8)
    pixels[0] = (248, 0, 0)
    pixels[1] = (0, 0, 248)
    text = printed(pixels, 1, 1)
    assert "38;2;248;0;0" in text
    assert "48;2;0;0;248" in text
