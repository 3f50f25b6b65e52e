"""Plots of an audit: arrays and plain records in, PNG bytes out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from unmask.reporting.plots import FAKE, REAL, SOFT, encode_png

_BINS: Final = 30
_CLASSES: Final = ((0, "real", REAL, "o", "-"), (1, "fake", FAKE, "s", "--"))


def draw_shortcuts(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The AUC of each kind of trivia with its interval, by a line and by trees."""
    figure = Figure(figsize=(8, 1.4 + 0.45 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.5, color=SOFT, linewidth=0.8, linestyle=":")
    for shift, kind, marker, colour in ((-0.14, "linear", "o", REAL), (0.14, "trees", "^", FAKE)):
        values = np.array([row[kind]["auc"] for row in rows])
        ends = np.array([row[kind]["ci"]["auc"] for row in rows])
        spread = np.maximum(np.abs(ends.T - values), 0)
        places = np.arange(len(rows)) + shift
        axes.errorbar(
            values, places, xerr=spread, marker=marker, color=colour, capsize=3,
            linestyle="none", label=kind,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(min(0.45, *(row["linear"]["auc"] for row in rows)), 1.02)
    axes.set_xlabel("AUC, 95 % interval (dotted: chance)")
    axes.set_title("What can be reached without looking at a face")
    axes.legend(loc="lower right")
    return encode_png(figure)


def draw_spectra(spectra: npt.NDArray[np.float32], labels: npt.NDArray[np.integer[Any]]) -> bytes:
    """Mean spectrum of each class with the middle half of its pictures.

    Args:
        spectra: (N, rings) logarithms of power, see `data.facts.ring_spectrum`.
        labels: (N,) 1 fake, 0 real.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    frequency = (np.arange(spectra.shape[1]) + 0.5) / (2 * spectra.shape[1])
    for label, name, colour, marker, dashes in _CLASSES:
        part = spectra[labels == label]
        if not len(part):
            continue
        low, middle, high = np.percentile(part, (25, 50, 75), axis=0)
        axes.fill_between(frequency, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(
            frequency, middle, color=colour, marker=marker, markersize=4, linestyle=dashes,
            label=f"{name} (n = {len(part)})",
        )  # fmt: skip
    axes.set_xlabel("cycles per pixel")
    axes.set_ylabel("power, decimal logarithm, mean 0")
    axes.set_title("Spectra (band: the middle half of the pictures)")
    axes.legend()
    return encode_png(figure)


def draw_faces(
    measured: Mapping[str, Sequence[float | None]], labels: npt.NDArray[np.integer[Any]]
) -> bytes:
    """How each measure of the faces is spread in each class; None stands for no face."""
    figure = Figure(figsize=(3.4 * len(measured), 3.4), layout="constrained")
    panels = figure.subplots(1, len(measured), squeeze=False)[0]
    for axes, (title, given) in zip(panels, measured.items(), strict=True):
        values = np.array([np.nan if value is None else value for value in given], np.float64)
        there = np.isfinite(values)
        if there.any():
            bins = np.histogram_bin_edges(values[there], _BINS)
            for label, name, colour, _, dashes in _CLASSES:
                axes.hist(
                    values[there & (labels == label)], list(bins), histtype="step", color=colour,
                    linestyle=dashes, linewidth=1.4, label=name,
                )  # fmt: skip
        axes.set_xlabel(title)
    panels[0].set_ylabel("files")
    if panels[0].get_legend_handles_labels()[0]:
        panels[0].legend()
    return encode_png(figure)
