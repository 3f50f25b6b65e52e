"""Measure which pictures a detector calls unlike the faces it was trained on.

    uv run --extra train examples/bundled_unlike.py --rvf10k DIR --generators DIR --out FILE.md

Photographs and fakes of RVF10K's `valid`; each folder `real_*` and `fake_*` of --generators; crops
of these photographs altered into drawings, masks and the like; drawn pictures; squares cut out of
pictures that scikit-image and scikit-learn carry. A crop is what the face search finds in a
picture; where the whole square stands for it, the share in which a face is found is given as well,
since what shows no face is answered with `no_face` and never reaches the network.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from strange_pictures import ALTERED, CUT, DRAWN

from unmask.detection.detector import Detector
from unmask.media.images import read_image
from unmask.models.domain import read_domain
from unmask.records import Frame, Pixels

PHOTOGRAPHS = 300
STRANGE = 60
BATCH = 16
SEED = 2027
Z = 1.96
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Row:
    """One kind of pictures."""

    name: str
    distances: np.ndarray
    found: float | None = None
    """Share in which a face is found, where the whole square was taken."""

    def __str__(self) -> str:
        beyond = self.distances > 1
        low, high = interval(int(beyond.sum()), len(beyond))
        share = f"{100 * beyond.mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        found = "" if self.found is None else f"{100 * self.found:.0f} %"
        middle = np.median(self.distances)
        return f"| {self.name} | {len(beyond)} | {share} | {middle:.2f} | {found} |"


def main() -> None:
    """Parse the command line, measure every kind, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None, help="a model folder; the bundled one otherwise")
    parser.add_argument("--engine", default="auto", help="auto, openvino or onnxruntime")
    parser.add_argument("--rvf10k", type=Path, required=True, help="folder with valid/real|fake")
    parser.add_argument("--generators", type=Path, required=True, help="folders fake_* and real_*")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown table")
    arguments = parser.parse_args()
    detector = Detector(arguments.model, engine=arguments.engine)
    text = [
        "| crops | n | called unlike | median distance | a face is found |",
        "|---|---|---|---|---|",
        *map(str, measure_all(detector, arguments.rvf10k / "valid", arguments.generators)),
    ]
    arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


def measure_all(detector: Detector, valid: Path, generators: Path) -> Iterator[Row]:
    """Every kind of pictures, one after the other."""
    photographs = cut_faces(detector, choose(valid / "real"))
    yield Row("RVF10K valid, photographs", measure(detector, photographs))
    fakes = cut_faces(detector, choose(valid / "fake"))
    yield Row("RVF10K valid, fakes", measure(detector, fakes))
    for kind in ("real_*", "fake_*"):
        for folder in sorted(generators.glob(kind)):
            crops = cut_faces(detector, sorted(folder.iterdir()))
            yield Row(folder.name.replace("_", " "), measure(detector, crops))
    chance = np.random.default_rng(SEED)
    for name, make in {**DRAWN, **CUT}.items():
        yield try_squares(detector, name, [make(chance) for _ in range(STRANGE)])
    for name, alter in ALTERED.items():
        squares = [alter(photograph, chance) for photograph in photographs[:STRANGE]]
        yield try_squares(detector, f"photographs {name}", squares)


def choose(folder: Path) -> Sequence[Path]:
    """So many files of a folder, drawn by chance."""
    paths = sorted(folder.iterdir())
    order = np.random.default_rng(SEED).permutation(len(paths))
    return [paths[number] for number in order[:PHOTOGRAPHS]]


def cut_faces(detector: Detector, paths: Iterable[Path]) -> list[Pixels]:
    """The largest face of every picture that shows one."""
    found = (detector.find_faces(Frame(read_image(path))) for path in paths)
    return [faces[0].pixels for faces in found if faces]


def try_squares(detector: Detector, name: str, squares: Sequence[Pixels]) -> Row:
    """Measure squares, and look for faces in them."""
    found = np.mean([bool(detector.find_faces(Frame(square))) for square in squares])
    return Row(name, measure(detector, squares), float(found))


def measure(detector: Detector, crops: Sequence[Pixels]) -> np.ndarray:
    """How unlike the training faces each crop is, (N,)."""
    folder = detector.folder
    if folder.domain_path is None or folder.card.domain is None:
        message = f"{folder.path} does not describe its training faces"
        raise SystemExit(message)
    domain = read_domain(folder.domain_path, folder.card.domain)
    batches = [np.stack(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)]
    return np.concatenate([domain.measure(detector.run_network(batch).look) for batch in batches])


def interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    share, room = hits / count, Z**2 / count
    middle = (share + room / 2) / (1 + room)
    half = Z * np.sqrt(share * (1 - share) / count + room / 4 / count) / (1 + room)
    return max(0.0, middle - half), min(1.0, middle + half)


if __name__ == "__main__":
    main()
