"""The course of a training, from the logs that lie beside a model in its run folder."""

import csv
import math
from pathlib import Path
from typing import Final

from unmask.models.library import MODEL_IN_RUN

PHASES: Final = "logs/*"
LOGS: Final = "*/metrics.csv"
_KEYS: Final = frozenset({"epoch", "step"})

History = dict[str, list[tuple[float, float]]]
"""(epoch, value) by name; epochs are counted on over the phases of a training."""


def read_history(model_folder: Path) -> History:
    """What was logged per epoch; empty where the model lies in no run folder.

    A resumed phase has several logs: where two speak of the same epoch the later one holds.
    """
    if model_folder.resolve().name != MODEL_IN_RUN:
        return {}
    merged: dict[str, dict[float, float]] = {}
    before = 0.0
    for phase in sorted(model_folder.resolve().parent.glob(PHASES)):
        last = -1.0
        for path in sorted(phase.glob(LOGS), key=lambda found: found.stat().st_mtime):
            for name, epoch, value in _read_log(path):
                merged.setdefault(name, {})[before + epoch] = value
                last = max(last, epoch)
        before += last + 1
    return {name: sorted(values.items()) for name, values in sorted(merged.items())}


def _read_log(path: Path) -> list[tuple[str, float, float]]:
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        return [
            (name, epoch, value)
            for row in csv.DictReader(stream)
            if (epoch := _number(row.get("epoch"))) is not None
            for name, text in row.items()
            if name and name not in _KEYS and (value := _number(text)) is not None
        ]


def _number(text: object) -> float | None:
    """A finite number from a cell; None from an empty or strange one."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
