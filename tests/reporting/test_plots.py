"""Plots: every one is a PNG of the promised things, whatever the numbers and names."""

import io

import numpy as np
import pytest
from PIL import Image

from unmask.reporting import plots
from unmask.reporting.picture_grid import TILE_PX, Tile, draw_grid, fit_square
from unmask.reporting.plots import CalibrationBin, CostPoint, Curve, Estimate, plain

RISING = Curve("one", np.array([0, 0.2, 1.0]), np.array([0, 0.9, 1.0]), "AUC 0.9")
PERFECT = Curve("two", np.array([0, 0, 1.0]), np.array([0, 1, 1.0]))
ODD_NAME = Curve("_$x^2$ \U0001f600 \x1b[2J " + "long" * 30, RISING.x, RISING.y)
COUNTS = np.array([[36, 4], [7, 33]])
BINS = [CalibrationBin(0.1, 0.0, 0.0, 0.3, 9), CalibrationBin(0.9, 1.0, 0.7, 1.0, 1)]
KNOWN, BARE, UNKNOWN = Estimate(0.9, 0.8, 0.95), Estimate(0.9), Estimate(None)
SCORES = np.linspace(0, 1, 30)
NONE = np.array([])

CASES = {
    "roc": lambda: plots.draw_roc([RISING, PERFECT]),
    "roc of one without a note": lambda: plots.draw_roc([PERFECT]),
    "roc of more than there are colours": lambda: plots.draw_roc([RISING] * 12),
    "roc with a name that no font has": lambda: plots.draw_roc([ODD_NAME]),
    "pr": lambda: plots.draw_precision_recall([RISING], 0.5),
    "det": lambda: plots.draw_det([RISING]),
    "det without any error": lambda: plots.draw_det([Curve("x", np.zeros(3), np.zeros(3))]),
    "confusion": lambda: plots.draw_confusion(COUNTS, ["real", "fake"]),
    "confusion of nothing": lambda: plots.draw_confusion(COUNTS * 0, ["real", "fake"]),
    "calibration": lambda: plots.draw_calibration(BINS),
    "calibration of one bin": lambda: plots.draw_calibration(BINS[:1]),
    "scores": lambda: plots.draw_scores(SCORES, SCORES, threshold=0.5, real_below=0.2),
    "scores of one class": lambda: plots.draw_scores(NONE, SCORES, threshold=0.5, real_below=0.5),
    "history": lambda: plots.draw_history({"train_loss": [(0, 1), (1, 0.5)], "lr": [(0, 1e-3)]}),
    "history of one value": lambda: plots.draw_history({"val_auc": [(3, 0.9)]}),
    "robustness": lambda: plots.draw_robustness(["plain", "jpeg"], {"AUC": [KNOWN, BARE]}),
    "robustness unknown": lambda: plots.draw_robustness(["plain"], {"AUC": [UNKNOWN]}),
    "costs": lambda: plots.draw_costs(
        [CostPoint("a", KNOWN, {"MB": 9}), CostPoint("$b$", BARE, {"MB": 90})], "AUC"
    ),
    "costs unknown": lambda: plots.draw_costs([CostPoint("a", KNOWN, {"MB": None})], "AUC"),
}


def is_drawn(png):
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    assert min(image.size) > 150
    colours = image.convert("RGB").getcolors(1 << 20)
    return len(colours) > 10


@pytest.mark.parametrize("case", CASES)
def test_it_is_a_picture_without_a_warning(case):
    assert is_drawn(CASES[case]())


def test_the_same_numbers_give_the_same_bytes():
    assert CASES["roc"]() == CASES["roc"]()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("short.jpg", "short.jpg"),  # as it is
        ("_hidden", " _hidden"),  # matplotlib would drop it from the legend
        ("\u65e5.jpg", "?.jpg"),  # no glyph in the font that plots have
        ("a\nb", "a?b"),  # control characters
    ],
)
def test_names_are_made_plain(name, shown):
    assert plain(name) == shown


def test_long_names_keep_both_ends():
    shown = plain("start-" + "x" * 100 + "-end.jpg")
    assert (len(shown), shown[:6], shown[-8:]) == (plots.MAX_NAME, "start-", "-end.jpg")


def tile(**changes):
    photo = np.full((300, 200, 3), 90, np.uint8)
    values = {"pixels": photo, "name": "$a_b$.jpg", "truth": "fake", "verdict": "fake"}
    return Tile(**{**values, "score": 0.9, "right": True, **changes})


@pytest.mark.parametrize("count", [0, 1, 5, 16])
def test_a_grid_of_any_number(count):
    tiles = [tile()] * count
    height = Image.open(io.BytesIO(draw_grid(tiles, "title"))).height
    assert height > 200 * max(1, -(-count // 4))


@pytest.mark.parametrize(
    "changes",
    [
        {"pixels": None, "verdict": "error", "score": None, "right": None},  # unreadable
        {"verdict": "no_face", "score": None, "right": None},
        {"verdict": "uncertain", "right": False},
        {"truth": "real", "right": False},  # a false alarm
    ],
)
def test_a_tile_for_every_answer(changes):
    assert is_drawn(draw_grid([tile(**changes)], "title"))


@pytest.mark.parametrize("shape", [(1, 1), (10, 4000), (4000, 10), (300, 200)])
def test_any_picture_fits_its_square(shape):
    square = fit_square(np.zeros((*shape, 3), np.uint8))
    assert square.shape == (TILE_PX, TILE_PX, 3)
