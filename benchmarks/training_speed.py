"""How fast `unmask train` is, against the same job in the notebooks' way.

    uv run --extra train benchmarks/training_speed.py

ResNet50 and Xception at 224 px from scratch, batches of 32, rotation and flips, two classes: our
command, and Keras on TensorFlow with ImageDataGenerator and `model.fit` (in an environment of its
own, which uv makes). Both read the same JPEG files, made here from the package's portrait. The two
take turns, so that other load on the machine meets both; the first steps of each run are left out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from unmask.evaluation.history import read_history
from unmask.evaluation.machine import describe_hardware
from unmask.media.images import read_image
from unmask.media.samples import make_samples
from unmask.models.library import MODEL_IN_RUN

BATCH = 32
WARM_STEPS = 3
HERE = Path(__file__).parent
NETWORKS = ("resnet50", "xception")


def main() -> None:
    """Run both ways in turns and print a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--steps", type=int, default=10, help="batches that are timed in each run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "faces"
        write_faces(data, BATCH * arguments.steps)
        for network in arguments.networks:
            ours, theirs, waits = [], [], []
            for number in range(arguments.rounds):
                rate, wait = time_unmask(data, network, Path(scratch) / f"{network}-{number}")
                ours.append(rate)
                waits.append(wait)
                theirs.append(time_keras(data, network, arguments.steps))
            found[network] = {
                "unmask_images_per_s": statistics.median(ours),
                "keras_images_per_s": statistics.median(theirs),
                "ratio": statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
                "wait_share": statistics.median(waits),
            }
            print(network, {key: round(value, 3) for key, value in found[network].items()})
    report = {"hardware": describe_hardware(), "steps": arguments.steps, "networks": found}
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def write_faces(folder: Path, count: int) -> None:
    """Variations of one portrait, 256 px JPEG: reddish ones called real, bluish ones fake."""
    make_samples(folder.parent / "samples")
    portrait = read_image(folder.parent / "samples" / "portrait.jpg")
    generator = np.random.default_rng(0)
    side = min(portrait.shape[:2]) * 3 // 4
    for number in range(count):
        left, top = (
            generator.integers(0, portrait.shape[1] - side),
            generator.integers(0, side // 9),
        )
        square = Image.fromarray(portrait[top : top + side, left : left + side])
        pixels = np.asarray(square.resize((256, 256))).astype(np.float32)
        pixels += generator.normal(0, 6, pixels.shape)
        pixels *= (0.7, 0.85, 1) if number % 2 else (1, 0.85, 0.7)  # a little to learn
        place = folder / ("fake" if number % 2 else "real")
        place.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        image.save(place / f"{number}.jpg", quality=95)


def time_unmask(data: Path, network: str, run: Path) -> tuple[float, float]:
    """Pictures per second and share of waiting in the second epoch of `unmask train`."""
    changes = (
        *("phases.0.epochs=2", "phases.0.learning_rate=1e-4", "optimizer=adam"),
        *("weight_decay=0", f"batch_size={BATCH}", "input_px=224", "val_share=0.1"),
        "augment={flip = 1.0, rotation = 1.0}",
    )
    options = [part for change in changes for part in ("--set", change)]
    command = ("-m", "unmask", "train", "--data", data, "--out", run, "--model", network, *options)
    run_quietly([sys.executable, *map(str, command)])
    history = read_history(run / MODEL_IN_RUN)
    return history["images_per_s"][-1][1], history["wait_share"][-1][1]


def time_keras(data: Path, network: str, steps: int) -> float:
    """Pictures per second of Keras' `model.fit`, its first steps left out."""
    options = ("--data", data, "--network", network, "--batch", BATCH)
    counts = ("--steps", steps, "--warm", WARM_STEPS)
    script = HERE / "training_keras.py"
    command = ("uv", "run", "--no-project", "--script", script, *options, *counts)
    output = run_quietly([str(part) for part in command])
    return float(json.loads(output.strip().splitlines()[-1])["images_per_s"])


def run_quietly(command: list[str]) -> str:
    """Run a command, show what it said where it fails, and return its standard output."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
