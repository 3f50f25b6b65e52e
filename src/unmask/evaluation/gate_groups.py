"""By what samples are told apart to see for whom an update changes something."""

from collections.abc import Iterable, Sequence
from typing import Final

from unmask.data.grouping import map_files
from unmask.data.manifest import LABEL_NAMES
from unmask.errors import MediaError
from unmask.evaluation.evaluate import Prediction
from unmask.media.images import read_image
from unmask.records import Kind

SIZES_PX: Final = (256, 512, 1024)
"""Bounds of the shorter side."""
LEVELS: Final = (85.0, 170.0)
"""Bounds of the mean level of 255."""

Groupings = dict[str, dict[str, list[int]]]


def find_groupings(predictions: Sequence[Prediction]) -> Groupings:
    """Places by what the data say and by what the pictures are, where that tells samples apart."""
    samples = [p.sample for p in predictions]
    measured = _measure(predictions)
    names: dict[str, list[str]] = {
        "label": [LABEL_NAMES[sample.label] for sample in samples],
        "data set": [sample.dataset for sample in samples],
        "split": [sample.split for sample in samples],
        "kind": [p.kind.value if p.kind else "" for p in predictions],
        "shorter side": [size for size, _ in measured],
        "brightness": [level for _, level in measured],
    }
    found = {by: _collect(values) for by, values in names.items()}
    return {by: parts for by, parts in found.items() if len(parts) > 1}


def _collect(values: Iterable[str]) -> dict[str, list[int]]:
    parts: dict[str, list[int]] = {}
    for at, value in enumerate(values):
        if value:
            parts.setdefault(value, []).append(at)
    return dict(sorted(parts.items()))


def _measure(predictions: Sequence[Prediction]) -> list[tuple[str, str]]:
    """Size and brightness of each picture in words; empty for clips and what cannot be read."""
    paths = [p.sample.path for p in predictions if p.kind is Kind.IMAGE and p.error is None]
    found = iter(map_files(_measure_file, paths))
    return [
        next(found) if p.kind is Kind.IMAGE and p.error is None else ("", "") for p in predictions
    ]


def _measure_file(path: str) -> tuple[str, str]:
    try:
        pixels = read_image(path)
    except MediaError:
        return "", ""
    side, level = min(pixels.shape[:2]), float(pixels.mean())
    below = next((bound for bound in SIZES_PX if side < bound), None)
    size = f"below {below} px" if below else f"{SIZES_PX[-1]} px and more"
    darkness = "dark" if level < LEVELS[0] else "medium" if level <= LEVELS[1] else "bright"
    return size, darkness
