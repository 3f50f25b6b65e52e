"""CSV that strange file names do not break."""

import csv

import pytest

from unmask.reporting.tables import read_csv, write_csv


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("plain.jpg", "plain.jpg"),
        ("=1+1.jpg", "'=1+1.jpg"),  # a formula to a spreadsheet
        ('a,"b"\nc.jpg', 'a,"b"\nc.jpg'),  # quoted, not changed
        ("b\udcff.jpg", "b\\udcff.jpg"),  # bytes that are no text
        (None, ""),  # not there
        (-0.5, "-0.5"),  # a number is no formula
    ],
)
def test_cells(tmp_path, value, cell):
    path = tmp_path / "table.csv"
    write_csv(path, ["name"], [[value]])
    with path.open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [["name"], [cell]]


@pytest.mark.parametrize("value", ["plain.jpg", "=1+1.jpg", "'quoted'.jpg", "-", ""])
def test_what_was_guarded_is_read_as_it_was(tmp_path, value):
    path = tmp_path / "table.csv"
    write_csv(path, ["name", "label"], [[value, "real"]])
    assert list(read_csv(path)) == [{"name": value, "label": "real"}]
