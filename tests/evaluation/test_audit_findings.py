"""What figures of an audit mean."""

import copy

import pytest

from unmask.evaluation.audit_findings import find_all


def figures(auc):
    return {"auc": auc, "accuracy": auc, "ci": {"auc": (auc, auc), "accuracy": (auc, auc)}}


def row(name, auc, trees=None):
    return {"name": name, "linear": figures(auc), "trees": figures(trees or auc)}


CLEAN = {
    "data": {"n": 100, "against": {"source": "other"}},
    "counts": [{"split": "", "real": 50, "fake": 50}],
    "shortcuts": {"rows": [row("colours", 0.55), row("all together", 0.56)], "reason": None},
    "duplicates": {
        "exact": {"groups": 0, "files": 0},
        "alike": {"groups": 0, "files": 0},
        "crossing": {"splits": 0, "classes": 0, "datasets": 0, "against": 0},
        "alike_across_classes": 0,
        "label_conflicts": 0,
        "files_in_other_set": 0,
    },
    "groups_across_splits": 0,
    "series": None,
    "faces": {
        "examined": {"real": 50, "fake": 50},
        "codes": {"too_dark": {"real": 0, "fake": 0}, "no_face": {"real": 0, "fake": 0}},
    },
    "broken": [],
}


def changed(path, value):
    summary = copy.deepcopy(CLEAN)
    *parents, last = path.split("/")
    part = summary
    for name in parents:
        part = part[name]
    part[last] = value
    return [(finding.level, finding.code) for finding in find_all(summary)]


def test_clean_data_have_a_note_only():
    assert [(f.level, f.code) for f in find_all(CLEAN)] == [("note", "shortcuts")]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("shortcuts/rows", [row("x", 0.6), row("all", 0.67)], ("warning", "shortcuts")),  # RVF10K
        ("shortcuts/rows", [row("x", 0.6), row("all", 0.95)], ("serious", "shortcuts")),
        ("shortcuts/rows", [row("metadata", 1.0), row("all", 0.5)], ("serious", "shortcut")),
        ("shortcuts/rows", [row("x", 0.7, 0.9), row("all", 0.5)], ("warning", "shortcut")),
        ("series", {"groups": 20, "across_splits": 0}, ("note", "series")),
        ("series", {"groups": 20, "across_splits": 3}, ("warning", "series")),
        ("shortcuts", {"rows": [], "reason": "too few"}, ("note", "not_probed")),
        ("duplicates/crossing/splits", 14, ("serious", "leak")),
        ("duplicates/files_in_other_set", 1, ("serious", "in_other_set")),
        ("duplicates/alike_across_classes", 3, ("warning", "alike_across_classes")),
        ("duplicates/crossing/datasets", 3, ("warning", "alike_across_sources")),
        ("duplicates/label_conflicts", 1, ("serious", "label_conflict")),
        ("duplicates/exact", {"groups": 1, "files": 3}, ("warning", "copies")),
        ("duplicates/alike", {"groups": 1, "files": 3}, ("note", "alike")),
        ("groups_across_splits", 2, ("serious", "groups_across_splits")),
        ("counts", [{"split": "val", "real": 0, "fake": 9}], ("serious", "one_class")),
        ("counts", [{"split": "", "real": 90, "fake": 9}], ("warning", "imbalance")),
        ("faces/codes/too_dark", {"real": 20, "fake": 1}, ("warning", "uneven_too_dark")),
        ("faces/codes/no_face", {"real": 5, "fake": 6}, ("note", "no_face")),
        ("broken", [{}], ("note", "broken")),
        ("broken", [{}] * 5, ("warning", "broken")),
    ],
)
def test_findings(path, value, expected):
    assert expected in changed(path, value)


def test_the_worst_comes_first():
    found = changed("duplicates/crossing/splits", 2)
    assert [level for level, _ in found] == ["serious", "note"]
