"""Describing the faces that a model was trained on, so that it knows what is unlike them.

Each training face is taken twice, as it is and after a change that pictures meet on their way, so
that a recompressed photograph is not strange. Real and fake faces count alike: the question is
not what is fake, but what the model has any experience of. Some of the faces are also made strange
(`inspection.strange`), since what is a face for the most part lies near the others.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from unmask.data.manifest import Manifest, Sample
from unmask.detection.detector import Detector
from unmask.errors import DataError, MediaError
from unmask.inspection.strange import STRANGE
from unmask.media.faces import cut_square
from unmask.media.images import read_image
from unmask.media.perturb import PERTURBATIONS
from unmask.media.sources import kind_of
from unmask.models.domain import FittedDomain, fit_look, read_domain, tell_strange
from unmask.models.engine import FloatArray
from unmask.records import Frame, Kind, Pixels

MOST_PICTURES: Final = 3000
"""Training pictures that are worth going through; more change the description little."""
LEAST_REAL: Final = 50
MOST_KEPT_BACK: Final = 1000
"""Real validation pictures that the limit is set by."""
MOST_STRANGE: Final = 400
"""Training pictures that are made strange in every way."""
KEPT_BACK_EVERY: Final = 5
"""Of the training pictures, where validation has too few real faces."""


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
            random choice of `MOST_PICTURES` where there are more, clips are left out. The real ones
            of the split `val` are kept back; where they are too few, every fifth of the others.
        seed: of the choice and of the changes.
        observe: is told after each picture how many were gone through.

    Raises:
        DataError: too few faces were found.
    """
    looker = _Looker(Detector(model), seed, observe)
    training, kept_back = _choose(manifest, seed)
    described = looker.look_at(training, strange=MOST_STRANGE)
    others = looker.look_at(kept_back)
    names = sorted({sample.dataset for sample in training if sample.dataset})
    return fit_look(described, others, ", ".join(names), looker.strange)


def refit_strange(
    model: str | Path | None,
    manifest: Manifest,
    *,
    seed: int = 42,
    observe: Callable[[int], None] = lambda _: None,
) -> FittedDomain:
    """Tell a model's description of strange faces, and leave the rest of it.

    Takes a fraction of the time of `fit_domain`: `MOST_STRANGE` pictures and as many kept back.

    Raises:
        DataError: the model has no description, or too few faces were found.
    """
    detector = Detector(model)
    folder = detector.folder
    if folder.domain_path is None or folder.card.domain is None:
        message = f"{folder.path} describes no training faces; describe them first"
        raise DataError(message)
    domain, entry = read_domain(folder.domain_path, folder.card.domain), folder.card.domain
    looker = _Looker(detector, seed, observe)
    training, kept_back = (part[:MOST_STRANGE] for part in _choose(manifest, seed))
    usual = looker.look_at(training, strange=MOST_STRANGE)
    others = looker.look_at(kept_back)
    told = tell_strange(domain, usual, others, looker.strange)
    return FittedDomain(told, entry.faces, len(others), entry.data)


class _Looker:
    """Goes through pictures and keeps how their faces look to the network."""

    def __init__(self, detector: Detector, seed: int, observe: Callable[[int], None]) -> None:
        self._detector = detector
        self._generator = np.random.default_rng(seed)
        self._chance = np.random.default_rng([seed, 1])
        self._observe = observe
        self._done = 0
        self._strange: list[list[FloatArray]] = [[] for _ in STRANGE]

    @property
    def strange(self) -> list[FloatArray]:
        """The look (K, D) of faces made strange, for each kind."""
        return [np.concatenate(looks) for looks in self._strange]

    def look_at(self, samples: Sequence[Sample], *, strange: int = 0) -> FloatArray:
        """The look (N, D) of the pictures' faces; the first `strange` are made strange too.

        Raises:
            DataError: there is no face in any.
        """
        looks: list[FloatArray] = []
        for sample in samples:
            crops = _cut_twice(self._detector, sample.path, self._generator)
            if crops is not None:
                looks.append(self._detector.run_network(crops).look)
                if len(looks) <= strange:
                    self._make_strange(crops)
            self._done += 1
            self._observe(self._done)
        if not looks:
            message = f"no face was found in {len(samples)} training pictures; name other data"
            raise DataError(message)
        return np.concatenate(looks)

    def _make_strange(self, crops: Pixels) -> None:
        for looks, make in zip(self._strange, STRANGE.values(), strict=True):
            altered = np.stack([make(crop, self._chance) for crop in crops])
            looks.append(self._detector.run_network(altered).look)


def _choose(manifest: Manifest, seed: int) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The pictures to describe, and those to keep back."""
    generator = np.random.default_rng(seed)

    def draw(samples: Sequence[Sample], most: int) -> Sequence[Sample]:
        return [samples[number] for number in generator.permutation(len(samples))[:most]]

    training = manifest.select("train")
    described = draw((training if len(training) else manifest).samples, MOST_PICTURES)
    real = [sample for sample in manifest.select("val").samples if not sample.label]
    if len(real) >= LEAST_REAL:
        return described, draw(real, MOST_KEPT_BACK)
    kept_back = described[::KEPT_BACK_EVERY]
    rest = [s for number, s in enumerate(described) if number % KEPT_BACK_EVERY]
    return rest, kept_back


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
