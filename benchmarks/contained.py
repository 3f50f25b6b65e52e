"""What decoding in processes of its own costs: processor time and wall time, with and without.

    uv run benchmarks/contained.py FILE... [--rounds 3]

Each round answers all files in a fresh process; the least of the rounds counts, since other work on
a machine only adds.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

ROUND = """
import json, os, sys, time
from unmask.detection.detector import Detector
from unmask.media.limits import DecodeLimits
paths, contained = sys.argv[2:], sys.argv[1] == "contained"
detector = Detector(contained=DecodeLimits() if contained else None)
detector.detect(paths[0])
before, begun = os.times(), time.perf_counter()
errors = sum(report.error is not None for report in detector.detect_all(paths))
wall_s = time.perf_counter() - begun
if contained:
    detector.close()
after = os.times()
print(json.dumps({"errors": errors, "wall_s": wall_s, "cpu_s": sum(after[:4]) - sum(before[:4])}))
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    files = [str(path) for path in asked.files]
    least: dict[str, dict[str, float]] = {}
    for _ in range(asked.rounds):
        for way in ("here", "contained"):
            found = measure(way, files)
            known = least.setdefault(way, found)
            least[way] = {key: min(known[key], found[key]) for key in found}
    print(f"{len(files)} files, the least of {asked.rounds} rounds")
    print(f"{'':12}{'wall':>10}{'processor':>12}{'start':>10}")
    for way, found in least.items():
        print(
            f"{way:12}{found['wall_s']:>8.2f} s{found['cpu_s']:>10.2f} s{found['start_s']:>8.2f} s"
        )
    for key, name in (("wall_s", "wall"), ("cpu_s", "processor")):
        print(f"{name}: {least['contained'][key] / least['here'][key] - 1:+.1%}")


def measure(way: str, files: list[str]) -> dict[str, float]:
    """One round in a process of its own."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", ROUND, way, *files]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(run.stdout)
    return {**found, "start_s": time.perf_counter() - begun - found["wall_s"]}


if __name__ == "__main__":
    main()
