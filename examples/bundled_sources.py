"""Bring the bundled detector's further sources into one form, so that their form tells nothing.

    uv run --extra train examples/bundled_sources.py --stylegan2 DIR --diffusion DIR --swaps DIR \
        --ages DIR --leave-out DIR --out sources/

Each set comes in sizes and JPEG qualities of its own, often other ones for reals and fakes: what a
network would learn first. Here every picture is cut to its central square, brought to 256 px and
saved as JPEG of a quality drawn alike for all; face-swap crops, whose fakes are smaller than their
reals, are first brought to a size drawn alike for both. Pictures that look like one of --leave-out
(sets that only measure) are left out. Writes pictures and `manifest.csv`.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from unmask.data.duplicates import near_pairs, perceptual_hash
from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.media.images import read_image

SIDE_PX = 256
QUALITIES = (75, 97)
SWAP_SIDES_PX = (120, 200)
"""Both classes of the swap crops are brought to a side drawn from here before they are enlarged."""
AGES = 4000
"""Of 13,322 photographs as many as the other sources can stand against."""
ALIKE_BITS = 8
"""Wider than for near-duplicates: better to leave out some strangers than to keep one twin."""
SEED = 42


@dataclass(frozen=True)
class Picture:
    """One picture of a source."""

    path: Path
    label: int
    source: str
    group: str = ""


def main() -> None:
    """Parse the command line, normalise every picture, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stylegan2", type=Path, required=True, help="train|val|test/real|fake")
    parser.add_argument("--diffusion", type=Path, required=True, help="folder of fakes")
    parser.add_argument("--swaps", type=Path, required=True, help="folders Real and DeepFake")
    parser.add_argument("--ages", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--leave-out", type=Path, required=True, help="pictures that only measure")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    measured = sorted(arguments.leave_out.rglob("*.jpg"))
    with ThreadPoolExecutor() as pool:
        known = np.array(list(pool.map(lambda path: perceptual_hash(square(path)), measured)))
        pictures = list(collect(arguments))
        hashes = np.array(list(pool.map(lambda one: perceptual_hash(square(one.path)), pictures)))
        alike = set(near_pairs(hashes, known, ALIKE_BITS)[:, 0].tolist())
        kept = [(n, one) for n, one in enumerate(pictures) if n not in alike]
        samples = list(pool.map(lambda pair: normalise(*pair, arguments.out), kept))
    gone = Counter(pictures[number].source for number in alike)
    print(f"left out, like a picture that only measures: {dict(gone)}")  # noqa: T201
    manifest = Manifest(tuple(samples))
    manifest.relative_to(arguments.out).write_csv(arguments.out / "manifest.csv")
    print(Counter((sample.dataset, LABEL_NAMES[sample.label]) for sample in manifest))  # noqa: T201


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
    ages = sorted(arguments.ages.glob("*.jpg"))
    for number in np.random.default_rng(SEED).permutation(len(ages))[:AGES]:
        yield Picture(ages[number], 0, "All-Age-Faces")


def square(path: Path) -> np.ndarray:
    """The central square of a picture at 256 px."""
    return np.asarray(_square(path).resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS))


def normalise(number: int, picture: Picture, out: Path) -> Sample:
    """Write one picture in the form that all have."""
    generator = np.random.default_rng((SEED, number))
    image = _square(picture.path)
    if picture.source == "face swaps":
        side = min(image.width, int(generator.integers(*SWAP_SIDES_PX)))
        image = image.resize((side, side), Image.Resampling.LANCZOS)
    image = image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    folder = out / picture.source.replace(" ", "-").lower() / LABEL_NAMES[picture.label]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:05}.jpg"
    image.save(path, quality=int(generator.integers(*QUALITIES)))
    return Sample(str(path), picture.label, "", picture.group, picture.source)


def _square(path: Path) -> Image.Image:
    pixels = read_image(path)
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return Image.fromarray(pixels[top : top + side, left : left + side])


if __name__ == "__main__":
    main()
