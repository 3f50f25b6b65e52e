"""A scan that is killed at many moments, begun again each time; started by `test_folder.py`.

    python light_scan.py SOURCE OUT KILLS SEED

What answers is light, so that what is killed is the keeping of results: a report for each input,
in parts of three rows. Every start is a process of its own, forked from this one.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
import uuid
from pathlib import Path

import pyarrow as pa

from unmask.records import Failure, ModelId, Report
from unmask.scan import scan as room
from unmask.scan.crew import Part
from unmask.scan.parts import to_row, write_part


def answer(_, items, scratch, observe):
    rows = []

    def write():
        path = scratch / f"{uuid.uuid4().hex}.parquet"
        write_part(rows, path)
        part = Part(path, len(rows))
        rows.clear()
        return part

    for item in items:
        error = Failure("missing", "it is light")
        model = ModelId("light", "1", "0")
        report = Report(item.name, None, None, None, model, "none", 0.5, error=error)
        rows.append(to_row(report))
        observe(1)
        if len(rows) == 3:
            yield write()
    if rows:
        yield write()


def main():
    source, out, kills, seed = sys.argv[1:]
    generator = random.Random(int(seed))
    room._ENGINES["light"] = answer
    pa.array([{}])  # imports what pyarrow imports late, before the forks
    begun_s = time.perf_counter()
    assert end(*start(source, Path(out).with_name("whole"))) == 0
    whole_s = time.perf_counter() - begun_s
    killed, heights, rounds = 0, set(), 1
    while killed < int(kills):
        place = Path(f"{out}-{rounds}")
        child, begun = start(source, place)
        begun.read(generator.randrange(2))  # half of them are killed while they begin
        time.sleep(generator.uniform(0, whole_s / 10))
        os.kill(child, signal.SIGKILL)
        status = end(child, begun)
        assert status == 0 or os.WIFSIGNALED(status), "a start failed by itself"
        killed += status != 0
        rounds += status == 0  # it was faster: on with another one
        heights.add((rounds, len(list(place.glob("parts/*")))))
    assert end(*start(source, place)) == 0
    sys.stdout.write(json.dumps({"killed": killed, "heights": len(heights)}))


def start(source, out):
    """A scan in a process of its own, and what says that it has begun to answer."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            plan = room.ScanPlan((str(source),), Path(out))
            room.scan(plan, "light", lambda _: os.write(theirs, b"."))
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    os.close(theirs)
    return child, os.fdopen(ours, "rb", buffering=0)


def end(child, begun):
    status = os.waitpid(child, 0)[1]
    begun.close()
    return status


if __name__ == "__main__":
    main()
