"""Plots of the judgement of an update: plain records in, PNG bytes out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from unmask.reporting.plots import COLOURS, SOFT, encode_png

_PANELS: Final = {
    "flips": "verdicts that flipped",
    "new_false_alarms": "reals newly called fake",
    "new_misses": "fakes newly called real",
    "auc_loss": "AUC lost",
}


def draw_gate(rows: Sequence[Mapping[str, Any]], budget: Mapping[str, float]) -> bytes:
    """A row per condition, a panel per budget, which the dashed line shows."""
    figure = Figure(figsize=(2 + 3 * len(_PANELS), 1.6 + 0.34 * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(_PANELS), sharey=True, squeeze=False)[0]
    places = np.arange(len(rows))
    for axes, (key, title) in zip(panels, _PANELS.items(), strict=True):
        axes.axvline(0, color=SOFT, linewidth=0.8, linestyle=":")
        axes.axvline(budget[key], color="black", linewidth=1, linestyle="--")
        for place, row in zip(places, rows, strict=True):
            value, ends = _read(row, key)
            if value is not None and ends is not None:
                spread = [[max(value - ends[0], 0)], [max(ends[1] - value, 0)]]
                axes.errorbar(
                    value, place, xerr=spread, marker="o", color=COLOURS[0], capsize=3
                )  # fmt: skip
        axes.set_title(title)
        axes.set_xlabel("95 % interval (dashed: budget)")
    panels[0].set_yticks(places, [row["name"] for row in rows])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    return encode_png(figure)


def _read(row: Mapping[str, Any], key: str) -> tuple[float | None, Sequence[float] | None]:
    if key != "auc_loss":
        return row[key]["share"], row[key]["ci"]
    difference, ends = row["auc"]["difference"], row["auc"]["ci"]
    return (None, None) if difference is None else (-difference, (-ends[1], -ends[0]))
