import json
import signal
import time

import pyarrow.parquet as pq
import pytest


def rows_of(folder):
    parts = folder.glob("**/parts/*.parquet")
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def test_a_scan_answers_as_detect_does(unmask, tmp_path, photo, broken):
    result = unmask("scan", tmp_path, "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 1  # one file is broken
    assert "2 inputs: 1 real, 1 error" in result.stdout
    assert "1 could not be answered" in result.stderr
    found = {row["source"]: row for row in rows_of(tmp_path / "out")}
    lines = unmask("detect", photo, broken, "--format", "jsonl").stdout.splitlines()
    for expected in map(json.loads, lines):
        row = found[expected["source"]]
        row["seconds"] = expected["seconds"] = 0.0
        assert row["score"] == pytest.approx(expected["score"], abs=0.02)
        for answer in (row, expected):
            answer.update(score=None, reasons=[])
            for face in answer["faces"]:
                face["score"] = None
        assert row == expected
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["inputs"] == 2
    assert "text.jpg,unsupported" in (tmp_path / "out" / "errors.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gone/", "--out", "o"], "there is no 'gone/'"),
        ([".", "--out", "o", "--shard", "4/3"], "I/N"),
        ([".", "--out", "photo.jpg"], "is a file"),
        ([".", "--out", "."], "no scan"),
        ([".", "--out", "o", "--policy", "none"], "no policy"),
        ([".", "--out", "o", "--model", "none"], "no model"),
        ([".", "--out", "o", "--workers", "0"], "workers"),
    ],
)
def test_wrong_usage_is_one_line_before_any_work(unmask, photo, arguments, says):
    result = unmask("scan", *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert photo.exists()


def test_killed_as_a_program_and_begun_again(program, tmp_path, photo):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(photo.read_bytes())
    first = program("scan", "pictures", "--out", "out", "--workers", 1)
    while not (tmp_path / "out" / "unfinished").is_dir():
        assert first.poll() is None
        time.sleep(0.05)
    second = program("scan", "pictures", "--out", "out")
    assert second.wait(60) == 2
    assert b"already" in second.stderr.read()
    first.send_signal(signal.SIGKILL)
    first.wait()
    third = program("scan", "pictures", "--out", "out", "--workers", 1)
    assert third.wait(120) == 0, third.stderr.read()
    assert len({row["source"] for row in rows_of(tmp_path / "out")}) == 12
    assert len(rows_of(tmp_path / "out")) == 12
