"""The table by class is scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from unmask.evaluation.classes import CLASS_FIGURES, arrange_classes
from unmask.evaluation.metrics import Scored, measure

ROWS = {"real": "0", "fake": "1", "macro": "macro avg", "weighted": "weighted avg"}
FIGURES = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
def test_the_table_is_that_of_scikit_learn(pairs):
    labels = np.array([0, 1, *(label for label, _ in pairs)])
    scores = np.array([0.2, 0.3, *(score for _, score in pairs)])
    values = measure(Scored(labels, scores, 0.4), CLASS_FIGURES)
    support = {"real": int((labels == 0).sum()), "fake": int(labels.sum())}
    table = arrange_classes(values, {}, support)
    report = classification_report(
        labels, (scores >= 0.4).astype(int), output_dict=True, zero_division=0.0
    )
    for ours, theirs in ROWS.items():
        expected = {name: report[theirs][key] for name, key in FIGURES.items()}
        assert {name: table[ours][name] for name in FIGURES} == pytest.approx(expected)


def test_intervals_stand_beside_their_figures():
    ends = dict.fromkeys(CLASS_FIGURES, (0.1, 0.9))
    table = arrange_classes(dict.fromkeys(CLASS_FIGURES, 0.5), ends, {"real": 3, "fake": 1})
    assert table["macro"]["support"] == 4
    assert table["fake"]["ci"] == {name: [0.1, 0.9] for name in ("precision", "recall", "f1")}
