"""Train the bundled detector: data, training, export, calibration and card in one command.

    uv run --extra train examples/bundled_detector.py \
        --rvf10k DIR   --more DIR --more-list CSV   --pretrained FILE --out runs/bundled

RVF10K's `valid` split is the test split: it is neither trained on nor calibrated on, it is read
once when all is decided, and training pictures that are near-identical to one of it are left out.
Validation is cut from the rest, seeded, near-duplicates kept together. The run resumes where it was
interrupted.
"""

import argparse
import csv
import hashlib
import json
from pathlib import Path

from unmask.data.duplicates import near_groups, near_pairs
from unmask.data.manifest import Manifest, Sample
from unmask.data.split import complete_splits
from unmask.detection.detector import Detector
from unmask.errors import DataError
from unmask.evaluation.evaluate import describe_metrics, predict, summarise
from unmask.media.faces import CropGeometry
from unmask.models.card import read_card
from unmask.training.crops import CropStore, build_crops
from unmask.training.fit import fit
from unmask.training.publish import About, publish
from unmask.training.settings import TrainSettings, load_settings

PRESET = "mobilenetv2-robust"
ABOUT = About(
    name="unmask-mobilenetv2",
    version="1",
    licence=(
        "Weights: MIT, as the code. Trained on FFHQ pictures (CC BY-NC-SA 4.0) and StyleGAN "
        "pictures (CC BY-NC 4.0): whether such weights may be used commercially is not settled; "
        "take advice."
    ),
    data_licences=(
        ("RVF10K", "real: FFHQ, CC BY-NC-SA 4.0; fake: StyleGAN, CC BY-NC 4.0"),
        ("140k", "real: FFHQ, CC BY-NC-SA 4.0; fake: StyleGAN, CC BY-NC 4.0"),
    ),
    intended_use=(
        "A first opinion on whether the face in a picture was made by a GAN of the StyleGAN "
        "family. Not a ground for a decision about a person on its own."
    ),
    limits=(
        "Trained on StyleGAN faces against FFHQ photographs only: faces of diffusion models, face "
        "swaps and lip-synced clips are mostly not recognised.",
        "False alarms on photographs unlike FFHQ (old, scanned, stylised, heavily retouched) are "
        "not bounded by the policies' rates, which hold for pictures like those of validation.",
        "Strong recompression, enlargement and filters remove evidence.",
    ),
)


def main() -> None:
    """Parse the command line and run every step that has not run yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rvf10k", type=Path, required=True, help="folder with train/ and valid/")
    parser.add_argument("--more", type=Path, required=True, help="folder with real/ and fake/")
    parser.add_argument("--more-list", type=Path, required=True, help="CSV: file, label, sha1")
    parser.add_argument("--pretrained", required=True, help="ImageNet weights (.safetensors)")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    arguments = parser.parse_args()
    samples = read_rvf10k(arguments.rvf10k) + read_listed(arguments.more, arguments.more_list)
    everything = Manifest(tuple(samples))
    settings = load_settings(PRESET, pretrained=arguments.pretrained)
    geometry = CropGeometry(size_px=settings.side_px())
    store = build_crops(everything, geometry, arguments.out / "crops")
    for row in store.left_out:
        print(f"left out {row.path}: {row.reason}")  # noqa: T201 - a script's output
    store = split(store, settings)
    print(store.manifest.counts())  # noqa: T201
    network = fit(store, settings, arguments.out, resume=True)
    folder = publish(network, store, settings, arguments.out, about=ABOUT)
    measure_test(folder, everything.select("test"), settings.seed)


def measure_test(folder: Path, test: Manifest, seed: int) -> None:
    """Read the test split once, through the detector, and write its figures into the card."""
    detector = Detector(folder)
    summary = summarise(list(predict(detector, test)), detector.policy.threshold, seed=seed)
    (folder.parent / "test_metrics.json").write_text(json.dumps(summary, indent=2))
    print(json.dumps(summary, indent=2))  # noqa: T201
    card = read_card(folder)
    metrics = describe_metrics(summary, "RVF10K valid")
    card.model_copy(update={"metrics": metrics}).write(folder)


def read_rvf10k(folder: Path) -> list[Sample]:
    """RVF10K's two splits; `valid` is called `test` from here on."""
    return [
        Sample(str(path), int(name == "fake"), split, dataset="RVF10K")
        for split, sub in (("train", "train"), ("test", "valid"))
        for name in ("real", "fake")
        for path in sorted((folder / sub / name).glob("*.jpg"))
    ]


def read_listed(folder: Path, table: Path) -> list[Sample]:
    """The listed pictures of the 140k family, each checked by its SHA-1."""
    samples = []
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            path = folder / row["label"] / row["file"]
            if hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest() != row["sha1"]:
                message = f"{path} is not the listed picture: its SHA-1 differs"
                raise DataError(message)
            samples.append(Sample(str(path), int(row["label"] == "fake"), "train", dataset="140k"))
    return samples


def split(store: CropStore, settings: TrainSettings) -> CropStore:
    """Drop train pictures near-identical to a test picture, then cut validation from train."""
    train, test = store.numbers("train"), store.numbers("test")
    leaks = set(train[near_pairs(store.hashes[train], store.hashes[test])[:, 0]].tolist())
    print(f"{len(leaks)} training pictures left out: near-identical to a test picture")  # noqa: T201
    groups = near_groups(list(store.hashes))
    manifest = store.manifest.with_groups(f"near-{group}" for group in groups)
    manifest = manifest.with_splits(
        "" if number in leaks else sample.split for number, sample in enumerate(manifest)
    )
    manifest = complete_splits(
        manifest, val_share=settings.val_share, test_share=0, seed=settings.seed
    )
    return CropStore(manifest, store.pixels, store.hashes, store.left_out)


if __name__ == "__main__":
    main()
