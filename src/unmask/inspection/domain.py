"""Describing the faces that a model was trained on, so that it knows what is unlike them.

Each training face is taken twice, as it is and after a change that pictures meet on their way, so
that a recompressed photograph is not strange. Real and fake faces count alike: the question is
not what is fake, but what the model has any experience of.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from unmask.data.manifest import Manifest, Sample
from unmask.detection.detector import Detector
from unmask.errors import DataError, MediaError
from unmask.media.faces import cut_square
from unmask.media.images import read_image
from unmask.media.perturb import PERTURBATIONS
from unmask.media.sources import kind_of
from unmask.models.domain import FittedDomain, fit_features
from unmask.records import Frame, Kind, Pixels

MOST_PICTURES: Final = 3000
"""Pictures that are worth going through; more change the description little."""


def fit_domain(
    model: str | Path | None,
    manifest: Manifest,
    *,
    seed: int = 42,
    observe: Callable[[int], None] = lambda _: None,
) -> FittedDomain:
    """Describe the faces of a model's training pictures.

    Args:
        model: by name or folder.
        manifest: of its pictures those of the split `train` count, or all where none has one; a
            random choice of `MOST_PICTURES` where there are more, clips are left out.
        seed: of that choice and of the changes.
        observe: is told after each picture how many were gone through.

    Raises:
        DataError: too few faces were found.
    """
    detector = Detector(model)
    samples = _choose(manifest, seed)
    generator = np.random.default_rng(seed)
    pairs = []
    for number, sample in enumerate(samples, start=1):
        crops = _cut_twice(detector, sample.path, generator)
        if crops is not None:
            pairs.append(detector.run_network(crops).features)
        observe(number)
    if not pairs:
        message = f"no face was found in {len(samples)} training pictures; name other data"
        raise DataError(message)
    names = sorted({sample.dataset for sample in samples if sample.dataset})
    return fit_features(np.stack(pairs), ", ".join(names))


def _choose(manifest: Manifest, seed: int) -> Sequence[Sample]:
    training = manifest.select("train")
    samples = (training if len(training) else manifest).samples
    order = np.random.default_rng(seed).permutation(len(samples))
    return [samples[number] for number in order[:MOST_PICTURES]]


def _cut_twice(detector: Detector, path: str, generator: np.random.Generator) -> Pixels | None:
    """The largest face of a picture as it is and changed, (2, S, S, 3); None without one."""
    try:
        if kind_of(path) is not Kind.IMAGE:
            return None
        pixels = read_image(path)
    except MediaError:
        return None
    names = tuple(PERTURBATIONS)
    change = PERTURBATIONS[names[int(generator.integers(len(names)))]]
    crops = detector.find_faces(Frame(pixels))
    if not crops:
        return None
    x1, y1, x2, y2 = (round(value) for value in crops[0].crop_xyxy)
    size = detector.card.crop.size_px
    changed = cut_square(change(pixels, generator), (x1, y1, x2, y2), size)
    return np.stack([crops[0].pixels, changed])
