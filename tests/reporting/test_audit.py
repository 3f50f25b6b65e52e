"""An audit as a page, in a terminal, as plots."""

import io

import numpy as np
import pytest
from rich.console import Console

from unmask.reporting.audit import audit_page, print_audit
from unmask.reporting.audit_plots import draw_faces, draw_shortcuts, draw_spectra

FIGURES = {"auc": 0.67, "accuracy": 0.63, "ci": {"auc": (0.66, 0.68), "accuracy": (0.62, 0.64)}}
PAIR = {
    "one": "a\x1b[2J<b>.jpg",
    "two": "c.jpg",
    "crosses": ["splits", "classes"],
    "labels": ["real", "fake"],
    "splits": ["train", "test"],
    "bits": 2,
    "likeness": 0.987,
    "exact": False,
}


def summary(**changes):
    return {
        "data": {
            "source": "faces",
            "layout": "folders",
            "n": 10,
            "sha256": "0" * 64,
            "against": None,
        },
        "counts": [{"split": "", "real": 5, "fake": 5}],
        "findings": [{"level": "serious", "code": "leak", "text": "1 pair of <faces>"}],
        "shortcuts": {
            "rows": [{"name": "colours", "linear": FIGURES, "trees": FIGURES}],
            "folds": 5,
            "n": 10,
            "of": 10,
            "reason": None,
        },
        "duplicates": {
            "exact": {"groups": 1, "files": 2, "largest": 2},
            "alike": {"groups": 2, "files": 4, "largest": 2},
            "crossing": {"splits": 1, "classes": 1, "datasets": 0, "against": 0},
            "pairs": [PAIR],
            "all_pairs_named": True,
        },
        "faces": {
            "examined": {"real": 3, "fake": 2},
            "of": 10,
            "codes": {"too_dark": {"real": 1, "fake": 0}},
        },
        "broken": [{"path": "x.jpg", "reason": "corrupt"}],
        "broken_count": 300,
        "clean": {"kept": 8, "removed": {"copy": 1, "leak": 1}},
        "versions": {"python": "3"},
        "seed": 1,
        **changes,
    }


def test_the_page_holds_everything_and_escapes_it():
    plot = draw_shortcuts(summary()["shortcuts"]["rows"])
    page = audit_page(summary(), {"shortcuts": plot}, {"colours": "statistics of colour"})
    assert "1 pair of &lt;faces&gt;" in page
    assert "\x1b" not in page
    assert "&lt;b&gt;" in page
    assert "0.6700" in page
    assert "The first of 300" in page
    assert "drawn by chance" in page
    assert "data:image/png" in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shortcuts": {"rows": [], "reason": "too few samples"}}, "too few samples"),
        ({"faces": {"examined": {"real": 0, "fake": 0}}}, "Faces were not looked for"),
    ],
)
def test_the_page_says_what_was_not_looked_at(changes, said):
    assert said in audit_page(summary(**changes), {}, {"colours": ""})


def test_the_terminal_has_findings_and_removals():
    out = io.StringIO()
    print_audit(summary(), Console(file=out))
    text = out.getvalue()
    assert "SERIOUS leak: 1 pair of <faces>" in text
    assert "leaves out: 1 copy, 1 leak" in text
    assert "5 of 10 files examined: 1 too_dark" in text


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_spectra(np.zeros((4, 16), np.float32), np.array([0, 0, 1, 1])),
        lambda: draw_spectra(np.zeros((2, 16), np.float32), np.array([1, 1])),  # one class
        lambda: draw_faces({"size": [1.0, None, 3.0], "yaw": [0, None, 1]}, np.array([0, 0, 1])),
        lambda: draw_faces({"size": [None]}, np.array([0])),  # no face at all
    ],
)
def test_plots_are_drawn_of_whatever_there_is(draw):
    assert draw().startswith(b"\x89PNG")
