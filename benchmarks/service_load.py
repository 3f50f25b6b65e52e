"""The service under load: answers checked, throughput against the detector called directly.

    uv run --extra serve benchmarks/service_load.py FOLDER --clients 64 --seconds 60

Starts `unmask serve`, lets so many clients ask it one picture after the other for so long, each on
its own connection, and compares every verdict and score with those of `Detector.detect_all`. Before
and after, a process of its own calls the detector directly on the same encoded bytes for half as
long each, while the clients are there but sleep: the ratio of the two is that of one machine at
about one time.
"""

import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unmask import Detector, Report
from unmask.media.sources import MEDIA_EXTENSIONS

SCORE_TOLERANCE: Final = 0.001
WARM_UP_S: Final = 5.0
"""From then on memory is watched."""
PAGE_KB: Final = 1024


@dataclass
class Tally:
    """What the clients saw."""

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong_verdicts: int = 0
    worst_score: float = 0.0
    failures: list[str] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    """Of the service, every second."""
    seconds: float = 0.0
    """From the first question to the last answer."""

    def compare(self, answer: dict[str, Any], expected: Report) -> None:
        """Check one answer."""
        self.wrong_verdicts += answer["verdict"] != (expected.verdict or "error")
        if answer["score"] is not None and expected.score is not None:
            difference = abs(answer["score"] - expected.score.probability)
            self.worst_score = max(self.worst_score, difference)


def read_media(folder: Path, count: int) -> list[bytes]:
    """The content of so many files, evenly from all of a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in MEDIA_EXTENSIONS)
    if not paths:
        message = f"{folder} holds no pictures or clips"
        raise typer.BadParameter(message)
    step = max(1, len(paths) // count)
    return [path.read_bytes() for path in paths[::step][:count]]


def call_directly(folder: Path, count: int, seconds: float, results: Any) -> None:
    """Answer files over and over; put files per second into a queue."""
    contents = read_media(folder, count)
    detector = Detector()
    for _ in detector.detect_all(contents[:16]):
        pass
    answered, started = 0, time.perf_counter()
    reports = detector.detect_all(cycle(contents))
    for _ in reports:
        answered += 1
        if time.perf_counter() - started >= seconds:
            break
    results.put(answered / (time.perf_counter() - started))
    reports.close()


def measure_directly(folder: Path, count: int, seconds: float, clients: int) -> float:
    """Files per second of the detector in a process of its own, beside clients that sleep."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=call_directly, args=(folder, count, seconds, results))
    over = threading.Event()
    sleeping = [threading.Thread(target=over.wait) for _ in range(clients)]
    for thread in sleeping:
        thread.start()
    process.start()
    rate: float = results.get()
    process.join()
    over.set()
    return rate


def start_service(clients: int, log: Path) -> tuple[subprocess.Popen[str], int]:
    """Start `unmask serve` on a free port; its process and port."""
    arguments = ["-m", "unmask", "serve", "--port", "0", "--queue", str(2 * clients)]
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=log.open("w"),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    return process, int(said.split(";")[0].rsplit(":", 1)[1])


def ask_until(
    end: float, port: int, contents: list[bytes], expected: list[Report], tally: Tally
) -> None:
    """One client: a picture after the other until the end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=150)
    for content, report in cycle(zip(contents, expected, strict=True)):
        started = time.perf_counter()
        if started >= end:
            break
        try:
            connection.request("POST", "/v1/detect", content, {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            tally.failures.append(repr(error))
            connection.close()
            continue
        tally.latencies_s.append(time.perf_counter() - started)
        tally.statuses[response.status] += 1
        if response.status == http.client.OK:
            tally.compare(json.loads(body), report)
        elif response.status == http.client.TOO_MANY_REQUESTS:
            time.sleep(float(response.headers["Retry-After"]))
    connection.close()


def read_memory_mb(pid: int) -> float:
    """Resident memory of a process, from Linux's /proc."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / PAGE_KB


def load_service(
    process: subprocess.Popen[str],
    port: int,
    seconds: float,
    clients: int,
    media: tuple[list[bytes], list[Report]],
) -> Tally:
    """Let the clients ask, each beginning at another file."""
    tally = Tally()
    end = time.perf_counter() + seconds
    threads = []
    for number in range(clients):
        shift = number * len(media[0]) // clients
        turned = [list(islice(cycle(each), shift, shift + len(each))) for each in media]
        arguments = (end, port, *turned, tally)
        threads.append(threading.Thread(target=ask_until, args=arguments))
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    while time.perf_counter() < end:
        time.sleep(1)
        if time.perf_counter() - started >= WARM_UP_S:
            tally.memory_mb.append(read_memory_mb(process.pid))
    for thread in threads:
        thread.join()
    tally.seconds = time.perf_counter() - started
    return tally


def main(
    folder: Annotated[Path, typer.Argument(help="Pictures and clips.")],
    clients: Annotated[int, typer.Option(help="Clients at a time.")] = 64,
    seconds: Annotated[float, typer.Option(help="How long they ask.")] = 60.0,
    files: Annotated[int, typer.Option(help="How many of the files are used.")] = 200,
    log: Annotated[Path, typer.Option(help="Where the service's log goes.")] = Path(os.devnull),
) -> None:
    """Measure, print one JSON object, fail where an answer was wrong."""
    contents = read_media(folder, files)
    expected = list(Detector().detect_all(contents))
    direct = [measure_directly(folder, files, seconds / 2, clients)]
    process, port = start_service(clients, log)
    try:
        load_service(process, port, WARM_UP_S, clients, (contents, expected))
        tally = load_service(process, port, seconds, clients, (contents, expected))
    finally:
        process.terminate()
        process.wait()
    direct.append(measure_directly(folder, files, seconds / 2, clients))
    rate = tally.statuses[http.client.OK] / tally.seconds
    cuts = statistics.quantiles(tally.latencies_s, n=100)
    memory_mb = tally.memory_mb
    summary = {
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "clients": clients,
        "seconds": round(tally.seconds, 1),
        "statuses": {str(status): number for status, number in sorted(tally.statuses.items())},
        "failures": len(tally.failures),
        "first_failures": tally.failures[:3],
        "wrong_verdicts": tally.wrong_verdicts,
        "worst_score_difference": round(tally.worst_score, 6),
        "files_per_s": round(rate, 2),
        "direct_files_per_s": [round(each, 2) for each in direct],
        "ratio": round(rate / statistics.mean(direct), 3),
        "p50_s": round(cuts[49], 3),
        "p99_s": round(cuts[98], 3),
        "memory_start_mb": round(memory_mb[0]),
        "memory_end_mb": round(memory_mb[-1]),
        "memory_most_mb": round(max(memory_mb)),
        "exit": process.returncode,
    }
    typer.echo(json.dumps(summary, indent=2))
    wrong = tally.wrong_verdicts or tally.failures or tally.worst_score > SCORE_TOLERANCE
    raise typer.Exit(1 if wrong or set(tally.statuses) - {200, 429} else 0)


if __name__ == "__main__":
    typer.run(main)
