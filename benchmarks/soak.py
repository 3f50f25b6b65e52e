"""Scan and service under a mixed load of good and broken files, with faults, for half an hour.

    uv run benchmarks/soak.py --minutes 30 --out soak.json --page docs/reliability.md

Clients ask a real `unmask serve`; `unmask scan` answers a folder again and again. Meanwhile
processes that decode are killed, hurt and stopped, workers of the scan are killed, the scan itself
is killed and begun again, and clients hang up in the middle of a request. A request is lost where
it got no answer at all, or an answer of 500; an input of a scan where it has no row. Linux only:
processes are found and measured by way of /proc.
"""

import argparse
import importlib.util
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from PIL import Image
from skimage import data

from unmask.client import Client
from unmask.errors import ServiceError
from unmask.evaluation.machine import describe_hardware

CORPUS: Final = Path(__file__).parents[1] / "tests" / "hostile" / "corpus.py"
GOOD_SHARE: Final = 0.7
TIMEOUT_S: Final = 20
"""Of the service, for one file: a decoder that is stopped costs so much."""
END_S: Final = 90
"""For the service to end: its grace, and decoders that are stopped."""
SCAN_LIVES_S: Final = (20.0, 150.0)
"""Between these a scan is killed; it writes a part each minute."""
WORKER_LIVES_S: Final = 30.0
"""At least; three that die in a row before they can begin end the scan."""
WARM_UP_S: Final = 20.0
MARKS: Final = ("<!-- begin soak -->", "<!-- end soak -->")
_DECODER, _WORKER = "unmask.media.decoder_process", "multiprocessing.spawn"


@dataclass
class Tally:
    """What was seen."""

    requests: int = 0
    answered: int = 0
    lost: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    """What the service's log says of answers of 500."""
    codes: Counter[str] = field(default_factory=Counter)
    """Of answers, `verdict` for those that are one."""
    good_failed: Counter[str] = field(default_factory=Counter)
    """Codes of good files' errors: each must have a fault behind it."""
    faults: Counter[str] = field(default_factory=Counter)
    scans: int = 0
    scan_starts: int = 0
    scan_rows: int = 0
    scan_lost: int = 0
    scan_doubled: int = 0
    scan_codes: Counter[str] = field(default_factory=Counter)
    memory_mb: list[float] = field(default_factory=list)
    """Of the service and its decoders, every two seconds."""
    handles: list[int] = field(default_factory=list)


def make_good() -> Iterator[tuple[str, bytes]]:
    """A dozen pictures with a face, of several sizes and formats."""
    whole = Image.fromarray(data.astronaut())
    for number, side in enumerate((160, 224, 320, 400, 512, 768)):
        for suffix, options in (("jpg", {"quality": 90}), ("png", {})):
            content = io.BytesIO()
            kind = "JPEG" if suffix == "jpg" else "PNG"
            whole.resize((side, side)).save(content, kind, **options)
            yield f"good-{number}.{suffix}", content.getvalue()


def make_bad(count: int) -> Iterator[tuple[str, bytes]]:
    """Broken files of every kind, from the corpus of the tests."""
    spec = importlib.util.spec_from_file_location("corpus", CORPUS)
    assert spec is not None
    assert spec.loader is not None
    corpus = importlib.util.module_from_spec(spec)
    sys.modules["corpus"] = corpus
    spec.loader.exec_module(corpus)
    yield from corpus.make_corpus(count)


def find_children(pid: int, word: str) -> list[int]:
    """Processes below another one whose command line holds a word."""
    found = []
    for child in _children(pid):
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [child] if word in line else []
        found += find_children(child, word)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found


def measure_memory_mb(pids: list[int]) -> float:
    """Resident memory of some processes."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Soak:
    """A service and a scan, those who use them, and who hurts them."""

    def __init__(self, place: Path, seed: int, bad: int) -> None:
        self.tally = Tally()
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._seed = seed
        self._place = place
        self._good, self._bad = list(make_good()), list(make_bad(bad))
        self._inputs = place / "inputs"
        self._inputs.mkdir()
        for name, content in [*self._good, *self._bad]:
            (self._inputs / name).write_bytes(content)
        self._log = (place / "serve.jsonl").open("w")
        command = [sys.executable, "-X", "faulthandler", "-m", "unmask", "serve", "--port", "0"]
        self.service = subprocess.Popen(
            [*command, "--timeout-s", str(TIMEOUT_S)],
            stdout=self._log,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.service.stderr is not None
        said = self.service.stderr.readline()
        self._url = next(word.rstrip(";") for word in said.split() if word.startswith("http"))
        self._scan: subprocess.Popen[bytes] | None = None

    def run(self, seconds: float, clients: int) -> None:
        """Load and hurt both for so long."""
        threads = [
            *(threading.Thread(target=self._ask, args=(n,)) for n in range(clients)),
            threading.Thread(target=self._scan_again),
            threading.Thread(target=self._hurt),
            threading.Thread(target=self._hang_up),
        ]
        for thread in threads:
            thread.start()
        ends_s = time.monotonic() + seconds
        warm_s = time.monotonic() + min(WARM_UP_S, seconds / 4)
        while time.monotonic() < ends_s:
            time.sleep(2)
            if time.monotonic() > warm_s:
                self._measure()
        self.over.set()
        for thread in threads:
            thread.join()
        self._stop_service()
        self._log.close()
        lines = (self._place / "serve.jsonl").read_text().splitlines()
        self.tally.mistakes = [line for line in lines if '"file_failed"' in line]

    def _stop_service(self) -> None:
        self.service.terminate()
        try:
            self.service.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.service.send_signal(signal.SIGABRT)  # faulthandler says where its threads are
            _, said = self.service.communicate()
            self.tally.lost.append(f"the service did not end within {END_S} s: {said[-6000:]}")

    def _measure(self) -> None:
        pid = self.service.pid
        decoders = find_children(pid, _DECODER)
        self.tally.memory_mb.append(measure_memory_mb([pid, *decoders]))
        self.tally.handles.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))

    def _ask(self, number: int) -> None:
        """A client: a file after the other until it is over."""
        chance = random.Random(f"{self._seed} {number}")
        client = Client(self._url, retries=0, timeout_s=3 * TIMEOUT_S)
        while not self.over.is_set():
            good = chance.random() < GOOD_SHARE
            name, content = chance.choice(self._good if good else self._bad)
            code, lost = "verdict", ""
            try:
                client.detect(content, name=name)
            except ServiceError as error:
                code = error.code
                if error.status is None or error.status == 500:
                    lost = f"{name}: {error.status} {error}"
            except Exception as error:  # noqa: BLE001 (whatever it is, it is no answer)
                lost = f"{name}: {error!r}"
            with self._lock:
                self.tally.requests += 1
                self.tally.answered += not lost
                self.tally.lost += [lost] if lost else []
                self.tally.codes[code] += 1
                if good and code != "verdict":
                    self.tally.good_failed[code] += 1
            if code in {"busy", "stopping"}:
                time.sleep(0.5)

    def _scan_again(self) -> None:
        chance = random.Random(f"{self._seed} scan")
        while not self.over.is_set():
            out = self._place / f"scan-{self.tally.scans}"
            command = [sys.executable, "-m", "unmask", "scan", str(self._inputs), "--out", str(out)]
            command += ["--workers", "1", "--timeout", "120"]
            patience_s = chance.uniform(*SCAN_LIVES_S)
            self._scan = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            self.tally.scan_starts += 1
            if self._await_scan(self._scan, patience_s):
                self._count_rows(out)
        if out.name == f"scan-{self.tally.scans}":  # the last one comes to its end
            self.tally.scan_starts += 1
            subprocess.run(command, capture_output=True, check=False)
            self._count_rows(out)

    def _await_scan(self, scan: "subprocess.Popen[bytes]", patience_s: float) -> bool:
        """Whether it came to its end before it was killed."""
        ends_s = time.monotonic() + patience_s
        while scan.poll() is None:
            if time.monotonic() > ends_s or self.over.is_set():
                scan.kill()
                scan.communicate()
                self.tally.faults["scan killed"] += not self.over.is_set()
                return False
            time.sleep(0.1)
        _, said = scan.communicate()
        if scan.returncode not in {0, 1}:
            self.tally.lost.append(f"scan ended with {scan.returncode}: {said[-500:]!r}")
            self.over.wait(5)
        return scan.returncode in {0, 1}

    def _count_rows(self, out: Path) -> None:
        rows = [row for part in (out / "parts").glob("*.parquet") for row in _read(part)]
        names = Counter(row["source"] for row in rows)
        self.tally.scans += 1
        self.tally.scan_rows += len(rows)
        self.tally.scan_lost += len({*map(str, self._listed())} - {*names})
        self.tally.scan_doubled += sum(names.values()) - len(names)
        self.tally.scan_codes.update(
            row["error"]["code"] if row["error"] else "verdict" for row in rows
        )

    def _listed(self) -> list[Path]:
        from unmask.media.sources import walk

        return [Path(name) for name in walk([self._inputs], recursive=True)]

    def _hurt(self) -> None:
        """Every few seconds a signal to a process of the service or of the scan."""
        chance = random.Random(f"{self._seed} hurt")
        blows = {
            "decoder killed": (self.service, _DECODER, signal.SIGKILL),
            "decoder crashed": (self.service, _DECODER, signal.SIGSEGV),
            "decoder stopped": (self.service, _DECODER, signal.SIGSTOP),
            "scan's decoder crashed": (None, _DECODER, signal.SIGSEGV),
            "scan's worker killed": (None, _WORKER, signal.SIGKILL),
        }
        spared_until_s = 0.0
        while not self.over.wait(chance.uniform(2, 6)):
            name = chance.choice(sorted(blows))
            if blows[name][1] == _WORKER:
                if time.monotonic() < spared_until_s:
                    continue
                spared_until_s = time.monotonic() + WORKER_LIVES_S
            whose, word, blow = blows[name]
            process = whose or self._scan
            found = find_children(process.pid, word) if process else []
            if found:
                os.kill(chance.choice(found), blow)
                self.tally.faults[name] += 1

    def _hang_up(self) -> None:
        """Every second a client that goes away in the middle of its upload."""
        host, port = self._url.removeprefix("http://").split(":")
        while not self.over.wait(1):
            with socket.create_connection((host, int(port)), 10) as connection:
                head = f"POST /v1/detect HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n"
                connection.sendall(f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + bytes(5000))
            self.tally.faults["client hung up"] += 1


def _read(part: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(part).to_pylist()
    return rows


def summarise(tally: Tally, minutes: float, clients: int) -> dict[str, Any]:
    """What the page and the JSON file say."""
    tenth = max(1, len(tally.memory_mb) // 10)
    start, end = (
        sum(part) / len(part) if part else 0.0
        for part in (tally.memory_mb[:tenth], tally.memory_mb[-tenth:])
    )
    return {
        "minutes": minutes,
        "clients": clients,
        "hardware": describe_hardware(),
        "requests": tally.requests,
        "answered": tally.answered,
        "requests_lost": len(tally.lost),
        "lost": tally.lost[:20],
        "mistakes": tally.mistakes[:20],
        "answers": dict(tally.codes.most_common()),
        "good_files_failed": dict(tally.good_failed.most_common()),
        "faults": dict(sorted(tally.faults.items())),
        "scans": tally.scans,
        "scan_starts": tally.scan_starts,
        "scan_rows": tally.scan_rows,
        "scan_lost": tally.scan_lost,
        "scan_doubled": tally.scan_doubled,
        "scan_answers": dict(tally.scan_codes.most_common()),
        "memory_start_mb": round(start),
        "memory_end_mb": round(end),
        "memory_peak_mb": round(max(tally.memory_mb, default=0)),
        "handles_start": tally.handles[0] if tally.handles else 0,
        "handles_end": tally.handles[-1] if tally.handles else 0,
    }


def render(found: dict[str, Any]) -> str:
    """The figures as a table in Markdown."""
    rows = {
        "length": f"{found['minutes']:g} minutes, {found['clients']} clients beside one scan",
        "machine": "{cpu}, {cores} cores, {system}".format(**found["hardware"]),
        "requests": found["requests"],
        "requests lost": found["requests_lost"],
        "answers by code": _join(found["answers"]),
        "errors over good files, each after a fault": _join(found["good_files_failed"]),
        "faults": f"{sum(found['faults'].values())}: {_join(found['faults'])}",
        "scans finished, starts": f"{found['scans']}, {found['scan_starts']}",
        "rows of finished scans": found["scan_rows"],
        "inputs lost, doubled": f"{found['scan_lost']}, {found['scan_doubled']}",
        "rows by code": _join(found["scan_answers"]),
        "memory of the service with its decoders": f"{found['memory_start_mb']} MB at the start, "
        f"{found['memory_end_mb']} MB at the end, at most {found['memory_peak_mb']} MB",
        "open handles": f"{found['handles_start']} at the start, {found['handles_end']} at the end",
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _join(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def write_page(page: Path, table: str) -> None:
    """Put the table between the marks of a page."""
    before, _, rest = page.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}")


def main() -> None:
    """Soak, print the table, write what is asked for; exit status 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--bad", type=int, default=300, help="broken files in the load")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("soak.json"))
    parser.add_argument("--page", type=Path, help="a page whose table is replaced")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        soak = Soak(Path(place), asked.seed, asked.bad)
        try:
            soak.run(asked.minutes * 60, asked.clients)
        finally:
            soak.service.kill()
        found = summarise(soak.tally, asked.minutes, asked.clients)
    asked.out.write_text(json.dumps(found, indent=2) + "\n")
    table = render(found)
    print(table)
    if asked.page:
        write_page(asked.page, table)
    sys.exit(1 if found["requests_lost"] or found["scan_lost"] or found["scan_doubled"] else 0)


if __name__ == "__main__":
    main()
