"""Crops of a data set for what is fitted or checked after training; never of its test split."""

import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt

from unmask.data.manifest import LABEL_NAMES, Manifest, Sample
from unmask.errors import DataError
from unmask.media.faces import CropGeometry
from unmask.models.card import ModelCard
from unmask.records import Pixels
from unmask.training.crops import build_crops


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCrops:
    """Crops and what they show."""

    pixels: Pixels
    """(M, S, S, 3)"""
    labels: npt.NDArray[np.int64]
    """(M,), 1 fake and 0 real."""


def gather_crops(manifest: Manifest, card: ModelCard, *, most: int, seed: int) -> LabelledCrops:
    """Crops as a model sees them, of both classes in turn, at random among the samples.

    Where the data have splits, the test split is left out; clips give one crop each.

    Raises:
        DataError: there are no other samples, or none gave a crop.
    """
    known = [sample for sample in manifest if sample.split != "test"]
    if not known:
        message = (
            "the data have nothing but a test split, which must not decide anything; "
            "give data with train or val, or without splits"
        )
        raise DataError(message)
    chosen = Manifest(tuple(_alternate(known, seed)[:most]))
    geometry = CropGeometry(**card.crop.model_dump())
    with tempfile.TemporaryDirectory() as folder:
        store = build_crops(chosen, geometry, Path(folder), clip_frames=1)
        return LabelledCrops(np.array(store.pixels), store.labels().astype(np.int64))


def _alternate(samples: list[Sample], seed: int) -> list[Sample]:
    """Reals and fakes in turn; what one class has more comes last."""
    mixed = list(samples)
    Random(seed).shuffle(mixed)
    classes = [deque(s for s in mixed if s.label == label) for label in LABEL_NAMES]
    turns: list[Sample] = []
    while any(classes):
        turns += [side.popleft() for side in classes if side]
    return turns
