"""Workers that die; the items that kill them come from a module that the test writes."""

import multiprocessing
import os
import signal

import pytest

from unmask.errors import UsageError
from unmask.scan.scan import ScanPlan, scan
from unmask.scan.sources import Item, Listing

DEADLY = """
import os, signal, time
from unmask.scan.sources import Item

class Deadly(Item):
    def open(self):
        if self.failure is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().open()

class Sleepy(Item):
    def open(self):
        if self.failure is None:
            time.sleep(60)
        return super().open()
"""


@pytest.fixture
def deadly(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    import deadly

    return deadly


def test_every_input_has_its_row(tmp_path, pictures, read_rows):
    seen = []
    plan = ScanPlan((str(pictures),), tmp_path / "out", workers=1)
    result = scan(plan, observe=seen.append)
    rows = read_rows(tmp_path / "out")
    assert [row["source"] for row in rows] == sorted(item.name for item in Listing([str(pictures)]))
    assert result.inputs == result.answered == len(rows) == 7
    assert result.errors == {"empty": 1, "unsupported": 1}
    assert [row["verdict"] for row in rows].count("error") == 2
    assert result.skipped == {".txt": 1}
    assert seen[0].done == 0
    assert seen[-1].done == seen[-1].answered == 7
    again = scan(plan)
    assert (again.inputs, again.answered) == (7, 0)
    with pytest.raises(UsageError, match="other settings"):
        scan(ScanPlan(plan.sources, plan.out, {"policy": "fpr_1"}))


def test_what_was_answered_before_an_interruption_is_kept(tmp_path, pictures, read_rows):
    def interrupt(progress):
        if progress.answered == 3:
            raise KeyboardInterrupt

    plan = ScanPlan((str(pictures),), tmp_path / "out", workers=1)
    with pytest.raises(KeyboardInterrupt):
        scan(plan, observe=interrupt)
    kept = read_rows(tmp_path / "out")
    assert len(kept) >= 3
    assert not (tmp_path / "out" / "summary.json").exists()
    result = scan(plan)
    assert (result.inputs, result.answered) == (7, 7 - len(kept))
    assert len(read_rows(tmp_path / "out")) == 7


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tmp_path, face, read_rows):
    names = [str(tmp_path / f"{number:02}.jpg") for number in range(40)]
    for name in names:
        face.save(name)
    (tmp_path / "list.txt").write_text("\n".join(names))
    killed = []

    def kill(progress):
        if progress.answered == 10 and not killed:
            killed.extend(process.pid for process in multiprocessing.active_children())
            os.kill(killed[0], signal.SIGKILL)

    plan = ScanPlan((str(tmp_path / "list.txt"),), tmp_path / "out", workers=1, part_rows=4)
    result = scan(plan, observe=kill)
    assert len(killed) == 1
    assert [row["source"] for row in read_rows(tmp_path / "out")] == names
    assert result.errors == {}


@pytest.mark.slow
def test_inputs_that_kill_or_hang_are_rows_and_the_others_are_answered(
    tmp_path, pictures, read_rows, deadly, monkeypatch
):
    items = [Item(str(pictures / "0.jpg")), deadly.Deadly("killer.jpg")]
    items += [Item(str(pictures / "1.jpg")), deadly.Sleepy("sleeper.jpg")]
    monkeypatch.setattr("unmask.scan.scan.Listing.__iter__", lambda _: iter(items))
    plan = ScanPlan((str(pictures),), tmp_path / "out", workers=1, timeout_s=4)
    result = scan(plan)
    codes = {row["source"]: row["error"] and row["error"]["code"] for row in read_rows(plan.out)}
    assert codes == {
        str(pictures / "0.jpg"): None,
        str(pictures / "1.jpg"): None,
        "killer.jpg": "crashed",
        "sleeper.jpg": "timeout",
    }
    assert result.errors == {"crashed": 1, "timeout": 1}
