"""A training command that is killed at many moments and begun again each time, until it ends.

    python killed.py train|crossval|tune|export FACES OUT KILLS SEED

Every start is a process of its own, forked from this one. After each kill what lies under its final
name is read: it is whole. What came to an end is compared with a run that nobody killed.
"""

import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import torch
from PIL import Image
from safetensors import safe_open
from typer.testing import CliRunner

from unmask.doors.cli import app
from unmask.files import DRAFTS
from unmask.models.library import open_model

LATER = ("convert", "crossval", "tune")
"""What the commands import late: imported once, before the forks."""

QUICK = (
    "input_px=48",
    "batch_size=16",
    "precision=fp32",
    "device=cpu",
    "workers=0",
    "val_share=0.3",
    "phases=[{epochs = 3, learning_rate = 2e-3}, {epochs = 2, learning_rate = 1e-3}]",
)
FOLDS = (
    "input_px=64",
    "batch_size=8",
    "phases=[{epochs = 2, learning_rate = 2e-3, schedule = 'onecycle'}]",
)
"""So that each of two folds learns something."""
TRIALS = 4
RUN_OF_THE_MILL = {"seconds", "images_per_s", "wait_share"}
"""What differs between two runs that are the same."""


def arguments(command, faces, out):
    if command == "export":
        return ["export", str(open_model(None).path), "--format", "openvino", "--out", str(out)]
    given = [command, "--data", faces, "--out", out, "--model", "resnet10t"]
    given += [part for change in QUICK for part in ("--set", change)]
    if command == "crossval":
        given += ["--folds", "2", *(part for change in FOLDS for part in ("--set", change))]
    if command == "tune":
        return [*map(str, given), "--epochs", "1", "--trials", str(TRIALS)]
    resume = (Path(out) / "settings.json").is_file()
    return [*map(str, given), *(["--resume"] if resume else [])]


def start(command, faces, out):
    child = os.fork()
    if child == 0:
        log = os.open(f"{out}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            result = CliRunner().invoke(app, arguments(command, faces, out))
            os.write(log, result.output.encode())
            if result.exception:
                traceback.print_exception(result.exception)
            sys.stderr.flush()
        finally:
            os._exit(result.exit_code)
    return child


def end(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read_all(out):
    """Read every file that lies under its final name; how far the run is, in words."""
    known = []
    for path in sorted(Path(out).rglob("*")):
        inner = path.relative_to(out).parts
        if path.is_dir() or any(part.startswith(".") for part in inner):
            continue
        if inner[0] in {"logs", "tensorboard"}:  # they grow, line by line
            continue
        read_one(path)
        known.append(path.name)
    for card in Path(out).rglob("card.json"):
        if not any(part.startswith(DRAFTS) for part in card.parts):
            open_model(card.parent)  # compares each file with its hash
    return tuple(known)


def read_one(path):
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".png":
        Image.open(path).load()
    elif path.suffix == ".ckpt":
        torch.load(path, weights_only=True)
    elif path.suffix == ".safetensors":
        with safe_open(path, "pt") as tensors:
            assert list(tensors.keys())
    elif path.suffix == ".csv":
        assert path.read_text().endswith("\n")
    elif path.suffix == ".html":
        assert path.read_text().rstrip().endswith("</html>")


def outcome(command, out):
    """What must be the same whether a run was killed or not."""
    names = sorted({path.name for path in Path(out).iterdir() if not path.name.startswith(".")})
    found = {"names": names}
    if command == "crossval":
        summary = json.loads((Path(out) / "crossval.json").read_text())
        found["folds"] = [fold["auc"] for fold in summary["folds"]]
        found["weights"] = [
            open_model(Path(out) / f"fold-{number}").card.weights.sha256 for number in (1, 2)
        ]
    elif command == "tune":
        trials = json.loads((Path(out) / "trials.json").read_text())
        done = [trial for trial in trials if trial["state"] in {"complete", "pruned"}]
        numbers = [trial["number"] for trial in trials]
        found = {"done": len(done), "twice": len(numbers) - len(set(numbers))}
    else:
        card = open_model(out).card.model_dump(mode="json")
        found["weights"], found["policies"] = card["weights"], card["policies"]
        if card["training"] and command == "train":
            found["training"] = {
                key: value for key, value in card["training"].items() if key not in RUN_OF_THE_MILL
            }
    return found


def main():
    command, faces, out, kills, seed = sys.argv[1:]
    torch.set_num_threads(1)
    for name in LATER:
        importlib.import_module(f"unmask.training.{name}")
    generator = random.Random(f"{command} {seed}")
    whole = f"{out}-whole"
    begun_s = time.perf_counter()
    assert end(start(command, faces, whole)) == 0, Path(f"{whole}.log").read_text()
    whole_s = time.perf_counter() - begun_s
    expected = outcome(command, whole)
    killed, heights, rounds, place = 0, set(), 1, f"{out}-1"
    while killed < int(kills):
        child = start(command, faces, place)
        time.sleep(generator.uniform(0, whole_s * 0.7))
        os.kill(child, signal.SIGKILL)
        status = end(child)
        assert status in {0, -signal.SIGKILL}, Path(f"{place}.log").read_text()[-3000:]
        killed += status != 0
        heights.add(read_all(place))
        if status == 0:
            assert outcome(command, place) == expected, (outcome(command, place), expected)
            if command != "export":  # which writes over what is there
                rounds += 1
                shutil.rmtree(place)
                place = f"{out}-{rounds}"
    assert end(start(command, faces, place)) == 0, Path(f"{place}.log").read_text()[-3000:]
    assert outcome(command, place) == expected, (outcome(command, place), expected)
    read_all(place)
    left = [path.name for path in Path(place).rglob(f"{DRAFTS}*")]
    report = {"killed": killed, "rounds": rounds, "heights": len(heights), "left": left}
    sys.stdout.write(json.dumps({**report, "whole_s": round(whole_s, 1)}))


if __name__ == "__main__":
    main()
