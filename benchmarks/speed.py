"""How fast Unmask is, as ratios: each figure against what it is to be measured by, in one run.

    uv run --extra train --extra scan benchmarks/speed.py      # every row
    uv run --extra scan benchmarks/speed.py --rows crops clip photo --rounds 3
    uv run --extra scan benchmarks/speed.py --rows precision --data faces/

The two sides of a ratio take turns, so that other load on the machine meets both; the median of
the turns is given, and all of them in the JSON. Media are made from the package's portrait, or are
those of `--data`, a folder with `real/` and `fake/`, with which the loss of AUC is measured too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from training_speed import run_quietly, time_unmask, write_faces

from unmask.detection.batching import BATCH_CROPS
from unmask.detection.detector import Detector
from unmask.evaluation.machine import count_cores, describe_hardware
from unmask.media.images import read_image
from unmask.media.samples import make_samples
from unmask.media.video import ClipWriter, sample_frames
from unmask.models.engine import Engine, open_engine
from unmask.models.library import open_model

HERE = Path(__file__).parent
CLIP_SIZE = (1920, 1080)
CLIP_FRAMES = 150
CLIP_FPS = 30
CAMERA_GRAIN = 2.0
"""Standard deviation, of 255 levels; a phone's 1080p clips have 10 to 20 Mbit/s."""
GRAIN_PATTERNS = 6
PHOTO_SIZE = (3000, 4000)
SCANNED_TIMES = 6
"""How often each face crop is scanned, so that workers that begin late do not count."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    aim: str
    ratios: list[float]
    facts: dict[str, Any]

    @property
    def ratio(self) -> float:
        """The median of the turns."""
        return statistics.median(self.ratios)


@dataclass(frozen=True)
class Bench:
    """What the rows share."""

    folder: Path
    faces: Path
    """Face crops of 256 px in `real/` and `fake/`."""
    rounds: int
    inputs: int
    data: Path | None


def main() -> None:
    """Run the rows that are asked for; print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side")
    parser.add_argument("--inputs", type=int, default=320, help="face crops to detect and to scan")
    parser.add_argument("--data", type=Path, help="labelled face crops instead of made ones")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    load = os.getloadavg()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        faces = arguments.data or Path(scratch) / "faces"
        if arguments.data is None:
            write_faces(faces, arguments.inputs)
        bench = Bench(Path(scratch), faces, arguments.rounds, arguments.inputs, arguments.data)
        print(f"{'row':<62} {'ratio':>7}  aim")
        for name in arguments.rows:
            for row in ROWS[name](bench):
                rows.append(row)
                print(f"{row.what:<62} {row.ratio:>7.2f}  {row.aim}   {row.facts}", flush=True)
    if arguments.out:
        report = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "hardware": describe_hardware(),
            "load_at_start": load,
            "rows": [vars(row) | {"ratio": row.ratio} for row in rows],
        }
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def seconds_of(work: Callable[[], Any]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def processor_seconds_of(work: Callable[[], Any]) -> float:
    """Processor time that a call takes in this process, all threads together."""
    started = time.process_time()
    work()
    return time.process_time() - started


def take_turns(
    rounds: int, ours: Callable[[], Any], theirs: Callable[[], Any]
) -> list[tuple[float, float]]:
    """Seconds of two calls in turns, after one of each to warm up."""
    ours()
    theirs()
    return [(seconds_of(ours), seconds_of(theirs)) for _ in range(rounds)]


def consume(results: Iterable[Any]) -> None:
    """Run an iterator to its end."""
    for _ in results:
        pass


def list_faces(bench: Bench) -> list[str]:
    """The face crops, real and fake in turns."""
    real, fake = (sorted(map(str, (bench.faces / name).iterdir())) for name in ("real", "fake"))
    mixed = [path for pair in zip(real, fake, strict=False) for path in pair]
    return mixed[: bench.inputs]


def compare_crops(bench: Bench) -> Iterable[Row]:
    """Files of face crops to reports, against the bare engine on preloaded batches."""
    paths = list_faces(bench)
    detector = Detector(crops=True)
    searching = Detector()
    batches = load_batches(paths)

    def bare() -> None:
        for batch in batches:
            detector.run_network(batch)

    for name, one, aim in (
        ("detect --crops on 256 px face crops / bare engine", detector, ">= 0.8"),
        ("detect on 256 px face crops, faces searched / bare engine", searching, "reported"),
    ):
        turns = take_turns(bench.rounds, lambda one=one: consume(one.detect_all(paths)), bare)
        facts = {
            "per_s": round(len(paths) / statistics.median(ours for ours, _ in turns), 1),
            "engine_per_s": round(len(paths) / statistics.median(bare for _, bare in turns), 1),
        }
        yield Row(name, aim, [bare_s / ours_s for ours_s, bare_s in turns], facts)


def load_batches(paths: list[str]) -> list[np.ndarray]:
    """Face crops as the network takes them."""
    side = open_model().card.crop.size_px
    pixels = [np.asarray(Image.fromarray(read_image(path)).resize((side, side))) for path in paths]
    return [np.stack(pixels[at : at + BATCH_CROPS]) for at in range(0, len(pixels), BATCH_CROPS)]


def compare_keras(bench: Bench) -> Iterable[Row]:
    """Files of face crops to reports, against Keras' Xception in the notebooks' way."""
    paths = list_faces(bench)
    detector = Detector(crops=True)
    consume(detector.detect_all(paths))
    singles, batches, facts = [], [], {}
    for _ in range(max(1, bench.rounds // 2)):
        rate = len(paths) / seconds_of(lambda: consume(detector.detect_all(paths)))
        command = ("uv", "run", "--no-project", "--script", HERE / "detect_keras.py", bench.faces)
        facts = json.loads(run_quietly([str(part) for part in command]).strip().splitlines()[-1])
        singles.append(rate / facts["one_by_one"])
        batches.append(rate / facts["batches"])
        facts["unmask_per_s"] = round(rate, 1)
    yield Row("detect --crops / Keras Xception, picture by picture", ">= 20", singles, facts)
    yield Row("detect --crops / Keras Xception in batches", ">= 5", batches, {})


def compare_clip(bench: Bench) -> Iterable[Row]:
    """1080p clips, 32 frames, against decoding these frames: a plain one, one with grain."""
    detector = Detector()
    for name, grain in (("plain", 0.0), ("with a camera's grain", CAMERA_GRAIN)):
        clip = write_clip(bench, grain)

        def decode(clip: Path = clip) -> None:
            with sample_frames(clip) as frames:
                consume(frames)

        yield compare_to_decoding(
            f"1080p clip {name}, 32 frames / decoding these",
            bench.rounds,
            (lambda clip=clip: detector.detect(clip), decode),
            {"mbit_per_s": round(clip.stat().st_size * 8e-6 * CLIP_FPS / CLIP_FRAMES, 1)},
        )


def write_clip(bench: Bench, grain: float) -> Path:
    """The portrait, moving over a grey picture, with noise of so many levels."""
    clip = bench.folder / f"clip-{grain:g}.mp4"
    portrait = load_portrait(bench).resize((600, 703))
    generator = np.random.default_rng(0)
    shape = (GRAIN_PATTERNS, *reversed(CLIP_SIZE), 1)
    patterns = generator.normal(0, 1, shape).astype(np.float32)
    with ClipWriter(clip, fps=CLIP_FPS) as writer:
        for number in range(CLIP_FRAMES):
            frame = Image.new("RGB", CLIP_SIZE, (70, 90, 110))
            frame.paste(portrait, (200 + 5 * number, 150))
            noise = grain * patterns[number % GRAIN_PATTERNS]
            writer.append((np.asarray(frame) + noise).clip(0, 255).astype(np.uint8))
    return clip


def compare_photo(bench: Bench) -> Iterable[Row]:
    """12-megapixel photographs, against decoding them at full size."""
    photo = bench.folder / "photo.jpg"
    load_portrait(bench).resize(PHOTO_SIZE, Image.Resampling.BICUBIC).save(photo, quality=92)
    detector = Detector()
    yield compare_to_decoding(
        "12-megapixel photograph / decoding it at full size",
        bench.rounds,
        (lambda: detector.detect(photo), lambda: read_image(photo)),
        {},
    )


def compare_to_decoding(
    what: str,
    rounds: int,
    sides: tuple[Callable[[], Any], Callable[[], Any]],
    facts: dict[str, Any],
) -> Row:
    """A row of detection against decoding, with the ratio of processor time of all threads too."""
    turns = take_turns(rounds, *sides)
    detecting_s, decoding_s = (processor_seconds_of(side) for side in sides)
    facts |= {
        "decode_s": round(statistics.median(alone for _, alone in turns), 3),
        "processor_ratio": round(detecting_s / decoding_s, 2),
    }
    return Row(what, "<= 1.5", [ours / alone for ours, alone in turns], facts)


def load_portrait(bench: Bench) -> Image.Image:
    """The package's own portrait."""
    make_samples(bench.folder / "samples")
    return Image.open(bench.folder / "samples" / "portrait.jpg").convert("RGB")


def compare_scan(bench: Bench) -> Iterable[Row]:
    """`unmask scan` with two workers on two cores, against one on one core; memory."""
    if count_cores() < 2:
        print("scan: needs two cores")
        return
    listed = bench.folder / "many"
    listed.mkdir()
    for number, face in enumerate(list_faces(bench) * SCANNED_TIMES):
        (listed / f"{number}.jpg").symlink_to(Path(face).resolve())
    ratios, rates, peaks = [], {1: [0.0], 2: [0.0]}, [0.0]
    spent_s = {1: [0.0], 2: [0.0]}
    for turn in range(bench.rounds):
        found = {}
        for workers in (1, 2):
            out = bench.folder / f"scan-{turn}-{workers}"
            found[workers], peak, processor_s = time_scan(listed, out, workers)
            spent_s[workers].append(processor_s)
            rates[workers].append(found[workers])
            peaks.append(peak)
        ratios.append(found[2] / found[1])
    facts = {f"per_s_{n}": round(statistics.median(rates[n][1:]), 1) for n in rates}
    facts["peak_mib"] = round(max(peaks))
    spent = {n: statistics.median(spent_s[n][1:]) for n in spent_s}
    facts["processor_ratio"] = round(spent[2] / spent[1], 2)
    yield Row("scan --crops, 2 one-core workers / 1", ">= 1.8", ratios, facts)


def time_scan(listed: Path, out: Path, workers: int) -> tuple[float, float, float]:
    """Inputs per second after the first quarter, most memory in MiB, processor time of all work.

    The time holds the start of each worker, about a second.
    """
    code = (
        "import resource, sys, time; from pathlib import Path\n"
        "from unmask.scan.scan import ScanPlan, scan\n"
        "if __name__ == '__main__':\n"
        "    at = []\n"
        "    plan = ScanPlan((sys.argv[1],), Path(sys.argv[2]), {'crops': True},"
        " workers=int(sys.argv[3]))\n"
        "    scan(plan, observe=lambda p: at.append((time.perf_counter(), p.answered)))\n"
        "    warm = next(i for i, (_, n) in enumerate(at) if 4 * n >= at[-1][1])\n"
        "    spent = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "    rate = (at[-1][1] - at[warm][1]) / (at[-1][0] - at[warm][0])\n"
        "    print(rate, spent.ru_utime + spent.ru_stime)\n"
    )
    script = out.with_suffix(".py")
    script.write_text(code)
    cores = sorted(os.sched_getaffinity(0))[:workers]
    process = subprocess.Popen(
        [sys.executable, script, listed, out, str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        start_new_session=True,
    )
    peak = [0.0]
    watcher = threading.Thread(target=watch_memory, args=(process, peak))
    watcher.start()
    said, _ = process.communicate()
    watcher.join()
    rate, processor_s = map(float, said.split())
    return rate, peak[0], processor_s


def watch_memory(process: "subprocess.Popen[str]", peak: list[float]) -> None:
    """Note the most memory that a session's processes hold together, in MiB."""
    while process.poll() is None:
        total_kib = 0
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if os.getsid(int(place.name)) == process.pid:
                    lines = (place / "status").read_text().splitlines()
                    total_kib += sum(int(x.split()[1]) for x in lines if x.startswith("RssAnon"))
            except (OSError, ValueError):
                continue
        peak[0] = max(peak[0], total_kib / 1024)
        time.sleep(0.5)


def compare_precision(bench: Bench) -> Iterable[Row]:
    """The engine in the precision that it chooses, against fp32; loss of AUC on labelled data."""
    weights = open_model().weights_path
    chosen, plain = open_engine(weights), open_engine(weights, precision="fp32")
    paths = list_faces(bench)
    batches = load_batches(paths)
    answers: dict[str, np.ndarray] = {}

    def run(engine: Engine, name: str) -> None:
        answers[name] = np.concatenate([engine.run(batch).logit for batch in batches])

    turns = take_turns(bench.rounds, lambda: run(chosen, "chosen"), lambda: run(plain, "fp32"))
    facts: dict[str, Any] = {"engine": chosen.name}
    if bench.data is not None:
        from sklearn.metrics import roc_auc_score

        labels = [Path(path).parent.name == "fake" for path in paths]
        loss = roc_auc_score(labels, answers["fp32"]) - roc_auc_score(labels, answers["chosen"])
        facts["auc_loss"] = round(float(loss), 5)
    yield Row(
        "engine as chosen / fp32 (AUC loss <= 0.001)",
        ">= 3",
        [full / fast for fast, full in turns],
        facts,
    )


def compare_training(bench: Bench) -> Iterable[Row]:
    """`unmask train`, against forward and backward passes on data that are in memory."""
    data = bench.folder / "training"
    write_faces(data, 320)
    ratios, rates = [], {}
    for turn in range(max(1, bench.rounds // 2)):
        rate, _ = time_unmask(data, "resnet50", bench.folder / f"run-{turn}")
        bare = time_bare_training("resnet50")
        ratios.append(rate / bare)
        rates = {"per_s": round(rate, 2), "bare_per_s": round(bare, 2)}
    yield Row("unmask train, ResNet50 at 224 px / bare loop in memory", ">= 0.9", ratios, rates)


def time_bare_training(network: str, batch: int = 32, steps: int = 8) -> float:
    """Pictures per second of forward and backward passes with an optimiser, nothing else."""
    import torch

    from unmask.models.zoo import build_model
    from unmask.training.fit import choose_bf16
    from unmask.training.settings import TrainSettings

    model = build_model(network).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-4)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(batch, 3, 224, 224, generator=generator)
    labels = torch.randint(0, 2, (batch,), generator=generator).float()
    bf16 = choose_bf16(TrainSettings(model=network))
    started = 0.0
    for step in range(steps + 2):
        if step == 2:
            started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logit = model(pixels).logit
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit.float(), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return batch * steps / (time.perf_counter() - started)


ROWS: dict[str, Callable[[Bench], Iterable[Row]]] = {
    "crops": compare_crops,
    "keras": compare_keras,
    "clip": compare_clip,
    "photo": compare_photo,
    "scan": compare_scan,
    "precision": compare_precision,
    "training": compare_training,
}

if __name__ == "__main__":
    main()
