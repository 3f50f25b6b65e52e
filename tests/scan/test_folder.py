import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from unmask.errors import UsageError
from unmask.records import Failure, ModelId, Report
from unmask.scan.folder import open_folder
from unmask.scan.parts import to_row, write_part
from unmask.scan.shards import Shard
from unmask.scan.sources import Item

SETTINGS = {"model": {"name": "one", "sha256": "00"}, "policy": "balanced"}
ALL = Shard()


def commit(folder, *names):
    model = ModelId("one", "1", "00")
    reports = [
        Report(name, None, None, None, model, "p", 0.5, error=Failure("missing", "=gone"))
        for name in names
    ]
    path = folder.scratch / "new.parquet"
    write_part([to_row(report) for report in reports], path)
    folder.commit(path, len(names))


def choose(folder, *names):
    return [item.name for item in folder.choose(Item(name) for name in names)]


def test_what_a_part_holds_is_done(tmp_path):
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        assert choose(folder, "a", "b", "a") == ["a", "b"]
        assert folder.repeated == 1
        commit(folder, "a", "b")
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        assert folder.done == 2
        assert choose(folder, "a", "b", "c", "c") == ["c"]
        assert folder.repeated == 1
        commit(folder, "c")
        assert [part.name for part in folder.parts()] == [
            "part-0000001.parquet",
            "part-0000002.parquet",
        ]


def test_a_shard_takes_its_own_only(tmp_path):
    names = [f"{number}.jpg" for number in range(100)]
    taken = []
    for number in (1, 2, 3):
        with open_folder(tmp_path / str(number), SETTINGS, Shard(number, 3)) as folder:
            taken += choose(folder, *names)
    assert sorted(taken) == sorted(names)


def test_the_summary_is_of_all_parts(tmp_path):
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        commit(folder, "=a.jpg")
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        commit(folder, "b.jpg")
        tally = folder.conclude({"repeated": 0})
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert tally.rows == summary["inputs"] == 2
    assert summary["verdicts"]["error"] == 2
    assert summary["errors"] == {"missing": 2}
    with (tmp_path / "errors.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[1] == ["'=a.jpg", "missing", "'=gone"]  # spreadsheets would run them
    assert not (tmp_path / "unfinished").exists()


def test_what_was_left_unfinished_does_not_count(tmp_path):
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        commit(folder, "a")
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "half.parquet").write_bytes(b"PAR1 half of a part")
    (tmp_path / "scan.json.new").write_text("{")
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        assert folder.done == 1
        assert list(folder.scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({**SETTINGS, "policy": "fpr_1"}, "policy: balanced then, fpr_1 now"),
        ({**SETTINGS, "model": {"name": "one", "sha256": "11"}}, "'11'"),
        ({**SETTINGS, "fps": 2.0}, "fps: None then, 2.0 now"),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path, settings, says):
    with open_folder(tmp_path, SETTINGS, ALL):
        pass
    with pytest.raises(UsageError, match=says), open_folder(tmp_path, settings, ALL):
        pass


def test_one_scan_at_a_time(tmp_path):
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        commit(folder, "a")
        with (
            pytest.raises(UsageError, match=f"process {os.getpid()}"),
            open_folder(tmp_path, SETTINGS, ALL),
        ):
            pass
        commit(folder, "b")  # the first goes on undisturbed
    with open_folder(tmp_path, SETTINGS, ALL) as folder:
        assert folder.done == 2


@pytest.mark.parametrize("name", ["holiday.jpg", "parts", "summary.json"])
def test_a_folder_of_something_else_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="no scan"), open_folder(tmp_path, SETTINGS, ALL):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="is a file"),
        open_folder(tmp_path / "file", SETTINGS, ALL),
    ):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_killed_at_any_moment_each_input_is_answered_once(tmp_path):
    names = [f"{number:03}.jpg" for number in range(150)]
    source = tmp_path / "list.txt"
    source.write_text("\n".join(names))
    command = [sys.executable, Path(__file__).with_name("light_scan.py"), source, tmp_path / "out"]
    run = subprocess.run([*command, "60", "1"], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert found["killed"] == 60
    assert found["heights"] > 5  # the kills lie all over the scan
    folders = [tmp_path / "whole", *tmp_path.glob("out-*")]
    assert len(folders) > 1
    for folder in folders:
        rows = pq.read_table(folder / "parts").column("source").to_pylist()
        assert sorted(rows) == names
        assert json.loads((folder / "summary.json").read_text())["inputs"] == 150
