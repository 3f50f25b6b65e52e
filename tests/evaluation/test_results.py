"""The folder of results: whole or not at all, never over somebody else's files."""

import json

import pytest

from unmask.errors import UsageError
from unmask.evaluation.results import ResultKind, write_json

KIND = ResultKind("unmask test", "main.json", frozenset({"a.png", "b.csv"}))


def write(out, *names, made_by="unmask test"):
    with KIND.open(out) as part:
        for name in names:
            (part / name).write_text(name)
        write_json(part / "main.json", {"made_by": made_by})


def names(out):
    return sorted(path.name for path in out.iterdir())


@pytest.mark.parametrize("depth", ["new", "new/deep", "."])
def test_a_new_or_empty_folder_is_filled(tmp_path, depth):
    write(tmp_path / depth, "a.png", "b.csv")
    found = names(tmp_path / depth)
    assert found == ["a.png", "b.csv", "main.json"]


def test_an_earlier_result_is_replaced_and_leaves_nothing_behind(tmp_path):
    write(tmp_path, "a.png", "b.csv")
    write(tmp_path, "b.csv")
    assert names(tmp_path) == ["b.csv", "main.json"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("holiday.jpg", "mine"),  # anything else
        ("a.png", "mine"),  # a name of ours without our main file
        ("main.json", '{"made_by": "somebody"}'),  # our main file's name, not ours
        ("main.json", "[1, 2]"),  # JSON of another shape
        ("main.json", "{broken"),  # no JSON
    ],
)
def test_somebody_elses_files_are_left_alone(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match="no result of unmask test"):
        write(tmp_path, "b.csv")
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == content


def test_a_stranger_among_an_earlier_result_is_left_alone(tmp_path):
    write(tmp_path, "a.png")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        write(tmp_path)
    assert names(tmp_path) == ["a.png", "main.json", "notes.txt"]


def test_a_failure_leaves_the_earlier_result(tmp_path):
    write(tmp_path, "a.png")
    before = (tmp_path / "a.png").read_text()

    def stop_half_way():
        with KIND.open(tmp_path) as part:
            (part / "a.png").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    assert names(tmp_path) == ["a.png", "main.json"]
    assert (tmp_path / "a.png").read_text() == before


def test_a_run_that_was_killed_does_not_lock_the_folder(tmp_path):
    (tmp_path / ".unmask-part-1").mkdir()
    write(tmp_path, "a.png")
    assert {"a.png", "main.json"} <= set(names(tmp_path))


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "file"
    path.touch()
    for out in (path, path / "below"):
        with pytest.raises(UsageError):
            KIND.check(out)


def test_json_has_no_numbers_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"auc": float("nan")})
    write_json(tmp_path / "y.json", {"auc": None})
    assert json.loads((tmp_path / "y.json").read_text()) == {"auc": None}
