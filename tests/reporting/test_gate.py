"""The judgement of an update as a page, in a terminal, as a plot."""

import io

import pytest
from rich.console import Console

from unmask.reporting.gate import (
    auc_text,
    coarse_lines,
    exceeded_lines,
    gate_page,
    print_gate,
    share_text,
)
from unmask.reporting.gate_plots import draw_gate

NONE = {"count": 0, "share": None, "ci": None}
SOME = {"count": 3, "share": 0.1, "ci": [0.03, 0.25]}
COUNTS = {
    "n": 30,
    "real": 30,
    "fake": 0,
    "better": 1,
    "worse": 2,
    "p": 1.0,
    "lost": 0,
    "n_common": 30,
}
SHARES = {"flips": SOME, "new_false_alarms": SOME, "new_misses": NONE}
AUC = {"difference": -0.02, "ci": (-0.03, -0.01), "p": 0.01, "reason": None}
NO_AUC = {"difference": None, "ci": None, "p": None, "reason": "one class"}
MODEL = {"name": "m", "version": "1", "sha256": "0" * 64, "policy": "balanced"}
SUMMARY = {
    "n": 30,
    "budget": {"flips": 0.05, "new_false_alarms": 0.01, "new_misses": 0.02, "auc_loss": 0.01},
    "exceeded": [{"condition": "unchanged", "budget": "flips", "limit": 0.05, "value": 0.1}],
    "conditions": [
        {"name": "unchanged", **COUNTS, **SHARES, "auc": AUC},
        {"name": "jpeg_50", **COUNTS, **SHARES, "auc": NO_AUC},
    ],
    "groups": [{"by": "data set", "name": "<b>", **COUNTS, **SHARES}],
    "verdicts": {"fake": {"fake": 1, "real": 2}, "real": {"fake": 0, "real": 3}},
    "clips_left_out": 2,
    "old": MODEL,
    "new": MODEL,
    "data": {"source": "faces", "split": "test", "sha256": "0" * 64},
    "versions": {"python": "3"},
    "hardware": {"cpu": "x", "cores": 2},
    "seed": 1,
}


def test_the_page_says_what_exceeds_and_escapes():
    page = gate_page(SUMMARY, {"gate": draw_gate(SUMMARY["conditions"], SUMMARY["budget"])})
    assert "past the budget: flipped verdicts, at most 5 %: unchanged 10 %" in page
    assert "data set &lt;b&gt;" in page
    assert "2 clips were asked unchanged only" in page


@pytest.mark.parametrize(
    ("exceeded", "said"),
    [
        (SUMMARY["exceeded"], "past the budget: flipped verdicts"),
        ([], "every budget is kept"),
    ],
)
def test_the_terminal_says_the_outcome(exceeded, said):
    out = io.StringIO()
    print_gate({**SUMMARY, "exceeded": exceeded}, Console(file=out))
    assert said in out.getvalue()
    assert "3 (10.0 %)" in out.getvalue()


def test_what_is_missing_is_a_dash():
    assert share_text(NONE) == auc_text(NO_AUC) == "-"
    assert auc_text(AUC) == "-0.0200 [-0.0300, -0.0100]"


def test_a_budget_has_one_line_with_its_conditions():
    exceeded = [
        {"condition": "unchanged", "budget": "auc_loss", "limit": 0.01, "value": 0.02},
        *({"condition": name, "budget": "flips", "limit": 0.05, "value": 0.125} for name in "ab"),
    ]
    assert exceeded_lines({**SUMMARY, "exceeded": exceeded}) == [
        "past the budget: flipped verdicts, at most 5 %: a 12.5 %, b 12.5 %",
        "past the budget: loss of AUC, at most 0.0100: unchanged 0.0200",
    ]


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (0.01, "one of 30 reals is 3.33 %, past the budget of 1 % for new false alarms"),
        (0.04, None),  # one is within it
        (0.0, None),  # none is allowed, however many there are
    ],
)
def test_budgets_that_the_data_cannot_resolve_are_named(budget, said):
    lines = coarse_lines({**SUMMARY, "budget": {**SUMMARY["budget"], "new_false_alarms": budget}})
    assert len(lines) == (said is not None)
    assert all(said in line for line in lines)
