"""Gather the bundled detector's training data: one table, one form, nothing that measures.

    uv run --extra train examples/bundled_data.py --rvf10k DIR --more DIR --more-list CSV \
        --stylegan2 DIR --diffusion DIR --swaps DIR --ages DIR --leave-out DIR --out data/

RVF10K's `valid` split is the test split. Training pictures that look like one of it, or like one
of --leave-out (sets that only measure), are left out. Validation was cut from the rest once, in
whole groups (near-duplicates, frames of one clip), and stays: `bundled_splits.csv` names it, and
rvf10k_comparison.py RVF10K's, so that a network trained on either can be gone on with here. Of
--others (a folder of sources, each with real/, fake/ or both, frames of a clip in a folder of their
own) every tenth group is validation, and what shows much besides the face is cut to it.

The 140k family comes in one form, 256 px JPEG of one quality. Every other set comes in sizes and
qualities of its own, often other ones for reals and fakes: what a network would learn first. Their
pictures stay whole, as detection meets them, and are brought to a shorter side and a JPEG quality
drawn alike for all, never enlarged; face-swap crops to a side that nearly all of them have. Writes
these pictures and `manifest.csv`, data for every command; `resynthesise.py` could add to it.
"""

import argparse
import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
from PIL import Image
from rvf10k_comparison import read_splits

from unmask.data.duplicates import near_groups, near_pairs, perceptual_hash
from unmask.data.grouping import join_groups
from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.errors import DataError
from unmask.media.faces import Effort, MtcnnFinder
from unmask.media.images import read_image
from unmask.records import Pixels

HASHED_PX = 256
QUALITIES = (65, 97)
SIDES_PX = (180, 321)
SWAP_SIDES_PX = (110, 200)
"""Swap crops show nothing but the face."""
AGES = 4000
"""Of 13,322 photographs as many as the other sources can stand against."""
ALIKE_BITS = 8
"""Wider than for near-duplicates: better to leave out some strangers than to keep one twin."""
VALIDATION = Path(__file__).with_name("bundled_splits.csv")
EVERY = 10
SEED = 42
FRAME = 2.0
FINDER = MtcnnFinder()


@dataclass(frozen=True)
class Picture:
    """One picture of a source."""

    path: Path
    label: int
    source: str
    group: str = ""
    framed: bool = False
    """Cut around the face before anything else, if there is much besides it."""


def main() -> None:
    """Parse the command line, normalise, group, split, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rvf10k", type=Path, required=True, help="train|valid/real|fake")
    parser.add_argument("--more", type=Path, required=True, help="folder with real/ and fake/")
    parser.add_argument("--more-list", type=Path, required=True, help="CSV: file, label, sha1")
    parser.add_argument("--stylegan2", type=Path, required=True, help="train|val|test/real|fake")
    parser.add_argument("--diffusion", type=Path, required=True, help="folder of fakes")
    parser.add_argument("--swaps", type=Path, required=True, help="folders Real and DeepFake")
    parser.add_argument("--ages", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--others", type=Path, help="folder of SOURCE/real and SOURCE/fake")
    parser.add_argument("--leave-out", type=Path, required=True, help="pictures that only measure")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        tested = [one for one in read_rvf10k(arguments.rvf10k) if one.split == "test"]
        shown = [Path(one.path) for one in tested]
        measured = np.array(list(pool.map(hash_file, sorted(arguments.leave_out.rglob("*.jpg")))))
        known = np.array(list(pool.map(hash_file, shown)))
        others = list(collect(arguments))
        hashes = np.array(list(pool.map(lambda one: hash_file(one.path), others)))
        alike = set(near_pairs(hashes, measured, ALIKE_BITS)[:, 0].tolist())
        kept = [(n, one) for n, one in enumerate(others) if n not in alike]
        family = [one for one in read_rvf10k(arguments.rvf10k) if one.split != "test"]
        family += read_listed(arguments.more, arguments.more_list)
        samples = family + list(pool.map(lambda pair: normalise(*pair, arguments.out), kept))
        hashes = np.array(list(pool.map(lambda one: hash_file(Path(one.path)), samples)))
    tell("like a picture that only measures", (others[number].source for number in alike))
    leaks = set(near_pairs(hashes, known)[:, 0].tolist())
    tell("like a picture of the test", (samples[number].dataset for number in leaks))
    numbers = [number for number in range(len(samples)) if number not in leaks]
    manifest = Manifest(tuple(samples[number] for number in numbers))
    manifest = join_groups(manifest, [int(n) for n in near_groups(list(hashes[numbers]))])
    whole = Manifest((*assign(manifest, arguments.rvf10k), *tested))
    whole.relative_to(arguments.out).write_csv(arguments.out / "manifest.csv")
    for part, count in sorted(Counter((s.dataset, s.split, s.label) for s in whole).items()):
        print(*part[:2], LABEL_NAMES[part[2]], count)


def tell(reason: str, names: Iterable[str]) -> None:
    """Say how many pictures of each source were left out."""
    print(f"left out, {reason}: {dict(Counter(names))}")


def read_rvf10k(folder: Path) -> list[Sample]:
    """RVF10K's two splits; `valid` is called `test` from here on."""
    return [
        Sample(str(path), int(name == "fake"), split, dataset="RVF10K")
        for split, sub in (("train", "train"), ("test", "valid"))
        for name in ("real", "fake")
        for path in sorted((folder / sub / name).glob("*.jpg"))
    ]


def assign(samples: Iterable[Sample], rvf10k: Path) -> Iterator[Sample]:
    """The samples with their splits; what looks like a training picture is not validated on."""
    splits = {sample.path: sample.split for sample in read_splits(rvf10k)}
    with VALIDATION.open(newline="", encoding="utf-8") as stream:
        held = {(row["dataset"], row["label"], row["file"]) for row in csv.DictReader(stream)}
    listed = {dataset for dataset, _, _ in held}
    cut = []
    for one in samples:
        name = Path(one.path).name
        if one.dataset in listed:
            aside = (one.dataset, LABEL_NAMES[one.label], name) in held
        else:
            aside = crc32((one.group or name).encode()) % EVERY == 0
        cut.append(replace(one, split=splits.get(one.path, "val" if aside else "train")))
    trained = {one.group for one in cut if one.split == "train" and one.group}
    return (one for one in cut if one.split != "val" or one.group not in trained)


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


def hash_file(path: Path) -> np.uint64:
    """The perceptual hash of a picture's central square."""
    return perceptual_hash(square(path))


def collect(arguments: argparse.Namespace) -> Iterator[Picture]:
    """All pictures of all sources; frames of one clip share a group."""
    for name, label in (("real", 0), ("fake", 1)):
        source = "StyleGAN2" if label else "Unsplash"
        for path in sorted(arguments.stylegan2.glob(f"*/{name}/*")):
            yield Picture(path, label, source)
    for path in sorted(arguments.diffusion.glob("*.jpg")):
        yield Picture(path, 1, "Stable Diffusion 2.1")
    for name, label in (("Real", 0), ("DeepFake", 1)):
        for path in sorted((arguments.swaps / name).glob("*.jpg")):
            clip = path.stem.rpartition("_")[0]
            yield Picture(path, label, "face swaps", f"{name}-{clip}")
    for path in choose_ages(arguments.ages)[0]:
        yield Picture(path, 0, "All-Age-Faces")
    for folder in sorted(arguments.others.iterdir()) if arguments.others else ():
        for label, name in LABEL_NAMES.items():
            for path in sorted(p for p in folder.glob(f"{name}/**/*") if p.is_file()):
                inner = path.parent.relative_to(folder / name).as_posix()
                group = "" if inner == "." else f"{folder.name}-{inner}"
                yield Picture(path, label, folder.name, group, framed=True)


def choose_ages(folder: Path) -> tuple[list[Path], list[Path]]:
    """The photographs that are trained on, and the others."""
    ages = sorted(folder.glob("*.jpg"))
    order = np.random.default_rng(SEED).permutation(len(ages))
    return [ages[number] for number in order[:AGES]], [ages[number] for number in order[AGES:]]


def square(path: Path) -> np.ndarray:
    """The central square of a picture, brought to one size."""
    pixels = read_image(path)
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    image = Image.fromarray(pixels[top : top + side, left : left + side])
    return np.asarray(image.resize((HASHED_PX, HASHED_PX), Image.Resampling.LANCZOS))


def normalise(number: int, picture: Picture, out: Path) -> Sample:
    """Write one picture in the form that all have."""
    generator = np.random.default_rng((SEED, number))
    pixels = read_image(picture.path)
    image = Image.fromarray(frame_face(pixels) if picture.framed else pixels)
    sides = SWAP_SIDES_PX if picture.source == "face swaps" else SIDES_PX
    scale = min(1.0, int(generator.integers(*sides)) / min(image.size))
    size = (round(image.width * scale), round(image.height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS)
    folder = out / picture.source.replace(" ", "-").lower() / LABEL_NAMES[picture.label]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:05}.jpg"
    image.save(path, quality=int(generator.integers(*QUALITIES)))
    return Sample(str(path), picture.label, "train", picture.group, picture.source)


def frame_face(pixels: Pixels) -> Pixels:
    """The square around the largest face, `FRAME` times its size; all where there is no face."""
    faces = FINDER.find(pixels, Effort.MAIN)
    if not faces:
        return pixels
    x0, y0, x1, y1 = faces[0].box_xyxy
    half = FRAME * max(x1 - x0, y1 - y0) / 2
    left, top = (max(0, round(middle - half)) for middle in ((x0 + x1) / 2, (y0 + y1) / 2))
    right, bottom = (round(middle + half) for middle in ((x0 + x1) / 2, (y0 + y1) / 2))
    return pixels[top:bottom, left:right]


if __name__ == "__main__":
    main()
