"""The table of samples."""

import csv

import pytest

from unmask.data.manifest import Manifest, Sample
from unmask.errors import DataError

TABLE = Manifest(
    (
        Sample("a/1.jpg", 1, "train", "g1", "set"),
        Sample("a/2.jpg", 0, "train", "", "set"),
        Sample("a/3.jpg", 0, "test", "", "set"),
    )
)


@pytest.mark.parametrize(
    ("label", "split", "complaint"),
    [
        (2, "train", "label must be 0"),  # a third class
        (-1, "train", "label must be 0"),  # another convention
        (1, "valid", "split must be one of"),  # a folder's name, not ours
    ],
)
def test_impossible_samples_are_refused(label, split, complaint):
    with pytest.raises(DataError, match=complaint):
        Sample("x.jpg", label, split)


def test_counts_and_selection():
    assert TABLE.counts() == {("test", "real"): 1, ("train", "fake"): 1, ("train", "real"): 1}
    assert [sample.path for sample in TABLE.select("train")] == ["a/1.jpg", "a/2.jpg"]


def test_hash_depends_on_contents_only():
    moved = Manifest(
        tuple(
            Sample(f"elsewhere/{s.path}", s.label, s.split, dataset=s.dataset)
            for s in reversed(TABLE.samples)
        )
    )
    relabelled = Manifest((Sample("a/1.jpg", 0, "train"), *TABLE.samples[1:]))
    assert moved.sha256() == TABLE.sha256()
    assert relabelled.sha256() != TABLE.sha256()


def test_csv_has_labels_in_words(tmp_path):
    path = tmp_path / "manifest.csv"
    TABLE.write_csv(path)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0] == {
        "path": "a/1.jpg",
        "label": "fake",
        "split": "train",
        "group": "g1",
        "dataset": "set",
    }
    assert [row["label"] for row in rows] == ["fake", "real", "real"]
