"""Which samples a report shows: some at random, and the worst mistakes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from unmask.data.manifest import LABEL_NAMES
from unmask.errors import MediaError
from unmask.evaluation.evaluate import Prediction, called
from unmask.media.images import read_image
from unmask.media.video import sample_frames
from unmask.records import Kind, Pixels
from unmask.reporting.picture_grid import Tile, fit_square

SHOWN: Final = 16


def choose_random(predictions: Sequence[Prediction], seed: int) -> list[Prediction]:
    """Sixteen samples (all, where there are fewer) in random order."""
    order = np.random.default_rng(seed).permutation(len(predictions))[:SHOWN]
    return [predictions[place] for place in order]


def choose_worst(predictions: Sequence[Prediction], threshold: float) -> list[Prediction]:
    """The sixteen samples that were called wrongly with the scores furthest from the truth."""
    distances = {
        place: abs(p.score - p.sample.label)
        for place, p in enumerate(predictions)
        if p.score is not None and not is_right(p, threshold)
    }
    places = sorted(distances, key=lambda place: (-distances[place], place))
    return [predictions[place] for place in places[:SHOWN]]


def is_right(prediction: Prediction, threshold: float) -> bool | None:
    """Whether a sample was called what it is; None where it was not called anything."""
    name = called(prediction, threshold)
    return None if name is None else name == LABEL_NAMES[prediction.sample.label]


def make_tile(prediction: Prediction, threshold: float) -> Tile:
    """The sample's picture, read once more, with what was said of it."""
    pixels = _read(prediction)
    return Tile(
        pixels=None if pixels is None else fit_square(pixels),
        name=Path(prediction.sample.path).name,
        truth=LABEL_NAMES[prediction.sample.label],
        verdict=prediction.verdict_name,
        score=prediction.score,
        right=is_right(prediction, threshold),
    )


def _read(prediction: Prediction) -> Pixels | None:
    path = prediction.sample.path
    try:
        if prediction.kind is not Kind.VIDEO:
            return read_image(path)
        with sample_frames(path, frames=1) as frames:
            return next((frame.pixels for frame in frames), None)
    except MediaError:
        return None
