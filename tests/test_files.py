"""Files that are whole, also where the process that writes them is killed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from unmask.files import write_whole
from unmask.models.library import open_model

KILLS = 50

ZYGOTE = """
import os, sys
from pathlib import Path
from unmask.data.manifest import Manifest, Sample
from unmask.evaluation.results import ResultKind, write_json
from unmask.files import write_whole
from unmask.models.card import read_card
from unmask.models.library import write_model

place, source = Path(sys.argv[1]), Path(sys.argv[2])
KIND = ResultKind("a test", "main.json", frozenset({"rows.csv"}))
card = read_card(source)

def plain(number):
    write_whole(place / "plain.txt", f"{number} " * 50_000)

def table(number):
    rows = tuple(Sample(f"{number}", number % 2, "train") for _ in range(5_000))
    Manifest(rows).write_csv(place / "table.csv")

def result(number):
    with KIND.open(place / "result") as part:
        (part / "rows.csv").write_text(f"{number}" * 50_000)
        write_json(part / "main.json", {"made_by": KIND.made_by, "number": number})

def model(number):
    changed = card.model_copy(update={"version": str(number)})
    write_model(changed, source / card.weights.file, place / "model")

for line in sys.stdin:  # each line names what a child writes again and again until it is killed
    child = os.fork()
    if child == 0:
        number = 0
        while True:
            number += 1
            globals()[line.strip()](number)
    print(child, flush=True)
    os.waitpid(child, 0)
"""


def is_plain(place):
    words = (place / "plain.txt").read_text().split()
    return len(words) == 50_000 and len(set(words)) == 1


def is_table(place):
    rows = (place / "table.csv").read_text().splitlines()
    return len(rows) == 5_001 and len(set(rows[1:])) == 1


def is_result(place):
    """The file that says what was found is moved last: the rows may be newer, never older."""
    rows = place / "result" / "rows.csv"
    return rows.stat().st_size >= 50_000 and rows.stat().st_size % 50_000 == 0


def is_model(place):
    return bool(open_model(place / "model").card.version)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
@pytest.mark.parametrize(
    ("what", "is_whole"),
    [("plain", is_plain), ("table", is_table), ("result", is_result), ("model", is_model)],
)
def test_what_is_written_while_the_process_is_killed_is_whole(tmp_path, what, is_whole):
    chance = random.Random(what)
    source = str(open_model(None).path)
    with subprocess.Popen(
        [sys.executable, "-c", ZYGOTE, str(tmp_path), source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as zygote:
        whole = 0
        for _ in range(KILLS):
            print(what, file=zygote.stdin, flush=True)
            child = int(zygote.stdout.readline())
            time.sleep(chance.uniform(0.005, 0.06))
            os.kill(child, signal.SIGKILL)
            written = [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
            if written:  # the first children may be killed before their first file is there
                assert is_whole(tmp_path)
                whole += 1
        zygote.stdin.close()
    assert whole > KILLS / 2


def test_what_cannot_be_written_leaves_the_earlier_content(tmp_path):
    path = tmp_path / "kept.txt"
    write_whole(path, "earlier")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800 is no text")
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "nowhere" / "file", "new")
    assert path.read_text() == "earlier"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.txt"]
