"""Precision, recall, F1 and support of each class, with their macro and weighted means.

The table is that of scikit-learn's `classification_report`, with an interval for every figure.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from unmask.data.manifest import LABEL_NAMES
from unmask.evaluation.metrics import Counted, Figure, FloatArray, f1, precision, recall

MEANS: Final = ("macro", "weighted")
_OF_CLASS: Final = {"precision": precision, "recall": recall, "f1": f1}


def _mean(counted: Counted, *, figure: str, mean: str) -> FloatArray:
    of_real, of_fake = (_OF_CLASS[figure](counted, label) for label in (0, 1))
    if mean == "macro":
        return (of_real + of_fake) / 2
    return (of_real * counted.reals + of_fake * counted.fakes) / counted.total


CLASS_FIGURES: Final[Mapping[str, Figure]] = {
    **{
        f"{name}.{figure}": partial(of_class, label=label)
        for label, name in LABEL_NAMES.items()
        for figure, of_class in _OF_CLASS.items()
    },
    **{
        f"{mean}.{figure}": partial(_mean, figure=figure, mean=mean)
        for mean in MEANS
        for figure in _OF_CLASS
    },
}
"""`real.precision`, ..., `weighted.f1`."""


def arrange_classes(
    values: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    support: Mapping[str, int],
) -> dict[str, dict[str, Any]]:
    """The table of `CLASS_FIGURES`: a row per class and mean, with `support` and `ci`."""
    rows = {**support, **dict.fromkeys(MEANS, sum(support.values()))}
    return {
        row: {
            **{figure: values[f"{row}.{figure}"] for figure in _OF_CLASS},
            "support": count,
            "ci": {
                figure: list(intervals[f"{row}.{figure}"])
                for figure in _OF_CLASS
                if f"{row}.{figure}" in intervals
            },
        }
        for row, count in rows.items()
    }
