"""Figures as people read them."""

import pytest

from unmask.reporting.figures_text import (
    chance_text,
    figure_text,
    interval_text,
    large_text,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (figure_text(0.98765), "0.9877"),  # four decimals
        (figure_text(None), "-"),  # not measured
        (interval_text((0.9, 0.95)), "[0.9000, 0.9500]"),
        (interval_text(None), ""),  # no interval
        (chance_text(0.0312), "0.031"),
        (chance_text(0.0), "< 0.001"),  # never a certain zero
        (large_text(2_225_153), "2.23 M"),
        (large_text(391e6), "391 M"),
        (large_text(1.2e9), "1.2 G"),
        (large_text(9_147_030, "B"), "9.15 MB"),
        (large_text(12), "12"),
        (large_text(None), "-"),
    ],
)
def test_text(text, expected):
    assert text == expected
