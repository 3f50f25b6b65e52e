"""Compare networks on RVF10K under one recipe and one budget, by the commands that a user has.

    uv run --extra train examples/rvf10k_comparison.py --rvf10k DIR --pretrained FILE --out DIR

Each network gets at most ten epochs, and at most what 60 minutes of two cores allow. Epochs are
counted rather than minutes, so that the outcome does not depend on what else the machine does; the
counts below come from the speeds measured on two AMD EPYC cores with bf16 instructions. RVF10K's
`valid` split is the test; it is read once, when all is trained. Every step that was done is kept:
start again where it was interrupted, or name single networks with --only.
"""

import argparse
import csv
import shutil
import subprocess
import sys
from pathlib import Path

from unmask.data.manifest import LABEL_NAMES, Manifest, Sample

RECIPE = Path(__file__).with_suffix(".toml")
SPLITS = Path(__file__).with_name("rvf10k_splits.csv")
CROPPED = ("input_px=256", "crop_px=224")
"""Trained on random crops at native pixels, asked about the whole face."""
NETWORKS: dict[str, tuple[int, tuple[str, ...]]] = {
    "mobilenetv2": (10, (*CROPPED, "phases.0.learning_rate=6e-4")),
    "cnn128": (10, ()),
    "cnn256": (10, ()),
    "efficientnet_b0": (9, CROPPED),
    "resnet50": (6, CROPPED),
    "xception": (5, CROPPED),
}
"""Epochs and settings besides the recipe's."""
FINE_TUNED = frozenset({"mobilenetv2"})
"""Those whose ImageNet weights are at hand; the others begin at random."""
BUNDLED = "unmask-mobilenetv2"
KEPT = ("metrics.json", "predictions.csv")


def main() -> None:
    """Parse the command line and run every step that has not run yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rvf10k", type=Path, required=True, help="folder with train/ and valid/")
    parser.add_argument("--pretrained", type=Path, required=True, help="MobileNetV2's weights")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", nargs="*", choices=NETWORKS, help="train these alone")
    parser.add_argument("--results", type=Path, help="keep each network's answers there too")
    arguments = parser.parse_args()
    data, out = arguments.rvf10k.resolve(), arguments.out.resolve()
    results = (arguments.results or out / "results").resolve()
    out.mkdir(parents=True, exist_ok=True)
    manifest = out / "manifest.csv"
    if not manifest.is_file():
        read_splits(data).relative_to(out).write_csv(manifest)
    for name in arguments.only or NETWORKS:
        train(name, manifest, arguments.pretrained.resolve(), out / name)
        measure(out / name, name, data, out, results)
    measure(BUNDLED, BUNDLED, data, out, results)
    measured = [results / name for name in (*NETWORKS, BUNDLED) if (results / name).is_dir()]
    if len(measured) > 1:
        call("compare", *measured, "--out", results / "comparison")


def read_splits(data: Path) -> Manifest:
    """The split that all networks share, as `unmask data split --drop-leaks` once cut it.

    `rvf10k_splits.csv` names validation and the training pictures that look like one of the test.
    """
    with SPLITS.open(newline="", encoding="utf-8") as stream:
        named = {row["file"]: row["split"] for row in csv.DictReader(stream)}
    samples = []
    for folder, split in (("train", "train"), ("valid", "test")):
        for label, name in LABEL_NAMES.items():
            for path in sorted((data / folder / name).glob("*.jpg")):
                part = named.get(f"{folder}/{name}/{path.name}", split)
                if part != "leak":
                    samples.append(Sample(str(path), label, part))
    return Manifest(tuple(samples))


def train(name: str, manifest: Path, pretrained: Path, run: Path) -> None:
    """Train one network, or go on with it."""
    if (run / "model" / "card.json").is_file():
        return
    epochs, changes = NETWORKS[name]
    options = [part for change in changes for part in ("--set", change)]
    if name in FINE_TUNED:
        options += ["--pretrained", str(pretrained)]
    recipe = ("--preset", RECIPE, "--model", name, "--epochs", epochs, *options)
    call("train", "--data", manifest, "--out", run, "--resume", *recipe)


def measure(model: Path | str, name: str, data: Path, out: Path, results: Path) -> None:
    """Have one model answer the test split, once, and keep figures and answers.

    Runs beside the data, so that the files' names are the same on every machine.
    """
    kept = results / name
    if all((kept / file).is_file() for file in KEPT):
        return
    whole = out / "evaluations" / name
    call("evaluate", "--model", model, "--data", data.name, "--out", whole, folder=data.parent)
    kept.mkdir(parents=True, exist_ok=True)
    for file in KEPT:
        shutil.copy(whole / file, kept / file)


def call(*arguments: object, folder: Path | None = None) -> None:
    """Run one command of ours, showing it first."""
    words = [str(argument) for argument in arguments]
    print("unmask", *words, flush=True)
    done = subprocess.run([sys.executable, "-m", "unmask", *words], check=False, cwd=folder)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
