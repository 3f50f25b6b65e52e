"""Broken files, copies, and the development data."""

import shutil

import pytest

from unmask.data.reading import read_data
from unmask.errors import DataError, UsageError

from .conftest import JPEG


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"this is a text", "no picture or clip by its first bytes"),
        (b"ID3\x04sound", "no picture or clip by its first bytes"),
    ],
)
def test_broken_files_are_left_out_and_listed(make, data, reason):
    root = make({"real/{}.jpg": 3, "fake/{}.jpg": 3})
    (root / "real" / "1.jpg").write_bytes(data)
    dataset = read_data(root)
    assert len(dataset.manifest) == 5
    assert [(row.path, row.reason) for row in dataset.left_out] == [
        (str(root / "real" / "1.jpg"), reason)
    ]
    assert f"1 {reason}" in dataset.describe()


def test_going_by_names_opens_nothing(make):
    root = make({"real/{}.jpg": 3, "fake/{}.jpg": 3})
    (root / "real" / "1.jpg").write_bytes(b"")
    assert len(read_data(root, verify="names").manifest) == 6


def test_a_class_whose_files_are_all_broken_is_missing(make):
    root = make({"real/{}.jpg": 2, "fake/{}.jpg": 2})
    for path in (root / "fake").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"no fake samples.*left out: 2 empty"):
        read_data(root)


def test_the_same_file_in_both_classes_is_refused(make):
    root = make({"real/{}.jpg": 3, "fake/{}.jpg": 3})
    shutil.copy(root / "real" / "1.jpg", root / "fake" / "copy.jpg")
    with pytest.raises(DataError, match=r"1 files are in both classes.*copy\.jpg = .*real/1\.jpg"):
        read_data(root)


def test_the_same_beginning_is_not_the_same_file(make):
    root = make({"real/{}.jpg": 3, "fake/{}.jpg": 3})
    (root / "real" / "a.jpg").write_bytes(JPEG + bytes(5000) + b"a")
    (root / "fake" / "b.jpg").write_bytes(JPEG + bytes(5000) + b"b")
    assert len(read_data(root).manifest) == 8


def test_the_same_file_in_two_splits_is_noted(make):
    names = [f"{split}/{label}" for split in ("train", "val", "test") for label in ("real", "fake")]
    root = make({f"{name}/{{}}.jpg": 3 for name in names})
    shutil.copy(root / "train" / "real" / "1.jpg", root / "test" / "real" / "copy.jpg")
    assert any("1 files are in more than one split" in note for note in read_data(root).notes)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nowhere", "does not exist"),
        ("data/real/0.jpg", "is no data set"),  # a picture
        ("archive.tar", "unpack other archives first"),
    ],
)
def test_what_is_no_data_set(make, tmp_path, name, complaint):
    make({"real/{}.jpg": 1})
    (tmp_path / "archive.tar").write_bytes(b"x")
    with pytest.raises(DataError, match=complaint):
        read_data(tmp_path / name)


def test_positive_must_be_a_class(make):
    with pytest.raises(UsageError, match="real or fake"):
        read_data(make({"0/{}.jpg": 1, "1/{}.jpg": 1}), positive="1")


def test_a_column_to_group_by_needs_a_table(make):
    with pytest.raises(UsageError, match="no table"):
        read_data(make({"real/{}.jpg": 1, "fake/{}.jpg": 1}), group_column="identity")


@pytest.mark.parametrize(
    ("folder", "counts", "sources"),
    [
        ("rvf10k_valid_sample", {("", "real"): 300, ("", "fake"): 300}, 1),
        ("cross_generator", {("", "real"): 180, ("", "fake"): 180}, 5),  # sources by prefix
        ("clips", {("", "real"): 15, ("", "fake"): 13}, 14),  # manifest.csv, methods
    ],
)
def test_development_data(shared_data, folder, counts, sources):
    dataset = read_data(shared_data / folder)
    assert dataset.manifest.counts() == counts
    assert len({sample.dataset for sample in dataset.manifest}) == sources
    assert not dataset.left_out
