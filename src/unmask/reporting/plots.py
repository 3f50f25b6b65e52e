"""Plots: arrays and plain records in, PNG bytes out.

Colours are told apart with colour-blind eyes and never stand alone: lines differ in their dashes
too, points in their shape, and every axis says what it shows. No state is kept between plots.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, ScalarFormatter

from unmask.reporting.wording import VERDICT_COLOURS

FloatArray = npt.NDArray[np.float64]

COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Source: M. Okabe and K. Ito, "Color Universal Design" (2008), without the yellow."""
DASHES: Final = ("-", "--", "-.", ":")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
REAL, FAKE, SOFT = VERDICT_COLOURS["real"], VERDICT_COLOURS["fake"], "#767676"
DPI: Final = 110
MAX_NAME: Final = 40
LOW_RATES: Final = (1e-3, 1.0)
"""Range of false alarm rates on the logarithmic axis."""
DET_RANGE: Final = (5e-4, 0.6)
_DET_TICKS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
_FONT_PT: Final = 10
_ROOM: Final = 3.2
"""Factor between the outermost points and the ends of a cost axis, about half a decade."""
_TOP: Final = 1.005
"""Upper end of the axis of a quality that is at most 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A line of a plot."""

    name: str
    x: FloatArray
    y: FloatArray
    note: str = ""
    """Stands behind the name in the legend, such as an area with its interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; None where it could not be had."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """One bin of a reliability diagram."""

    mean_score: float
    fake_share: float
    low: float
    """Ends of the share's 95 % interval."""
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class CostPoint:
    """A model between what it costs and how good it is."""

    name: str
    quality: Estimate
    costs: Mapping[str, float | None]
    """By the name of the axis; the axes are those of the first point."""


def draw_roc(curves: Sequence[Curve]) -> bytes:
    """Hits against false alarms, once whole and once with the low false alarm rates spread."""
    figure, (whole, low) = _figure(10, 4.8, columns=2)
    for axes in (whole, low):
        _lines(axes, curves)
        axes.set_xlabel("false alarm rate (reals called fake)")
        axes.set_ylim(-0.02, 1.02)
    whole.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle=":")
    whole.set_xlim(-0.02, 1.02)
    whole.set_ylabel("hit rate (fakes called fake)")
    whole.set_title("ROC")
    low.set_xscale("log")
    low.set_xlim(*LOW_RATES)
    low.axvline(0.01, color=SOFT, linewidth=0.8, linestyle=":")
    low.set_title("ROC, logarithmic false alarm rate (dotted: 1 %)")
    _legend(whole, "lower right")
    return encode_png(figure)


def draw_precision_recall(curves: Sequence[Curve], fake_share: float) -> bytes:
    """Precision against recall; the dotted line is what guessing gives."""
    figure, (axes,) = _figure(5.6, 4.8)
    _lines(axes, curves, steps=True)
    axes.axhline(fake_share, color=SOFT, linewidth=0.8, linestyle=":")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xlabel("recall (share of fakes found)")
    axes.set_ylabel("precision (true fakes among those called)")
    axes.set_title("Precision and recall")
    _legend(axes, "lower left")
    return encode_png(figure)


def draw_det(curves: Sequence[Curve]) -> bytes:
    """Misses against false alarms on normal-deviate axes.

    Source: A. Martin et al., "The DET curve in assessment of detection task performance",
    Eurospeech 1997.
    """
    figure, (axes,) = _figure(5.6, 5.2)
    _lines(axes, [Curve(c.name, _deviates(c.x), _deviates(c.y), c.note) for c in curves])
    ends = _deviates(DET_RANGE)
    axes.plot(ends, ends, color=SOFT, linewidth=0.8, linestyle=":")
    axes.set(xlim=ends, ylim=ends)
    names = [f"{100 * tick:g}" for tick in _DET_TICKS]
    axes.set_xticks(_deviates(_DET_TICKS), names)
    axes.set_yticks(_deviates(_DET_TICKS), names)
    axes.set_xlabel("false alarm rate, % of reals")
    axes.set_ylabel("miss rate, % of fakes")
    axes.set_title("DET (dotted: equal error rates)")
    _legend(axes, "upper right")
    return encode_png(figure)


def draw_confusion(counts: npt.NDArray[np.int64], columns: Sequence[str]) -> bytes:
    """What reals and fakes, the rows, were called; counts and shares of the row.

    Args:
        counts: (2, columns), the real row first.
        columns: what they were called.
    """
    figure, (axes,) = _figure(1.8 + 1.5 * len(columns), 3.6)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(counts.shape):
        axes.text(
            column,
            row,
            f"{counts[row, column]}\n{100 * shares[row, column]:.1f} %",
            ha="center",
            va="center",
            fontsize=_FONT_PT + 2,
            color="white" if shares[row, column] > 0.55 else "black",
        )
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks([0, 1], ["real", "fake"])
    axes.set_xlabel("called")
    axes.set_ylabel("truth")
    axes.set_title("Confusion matrix")
    axes.grid(visible=False)
    return encode_png(figure)


def draw_calibration(bins: Sequence[CalibrationBin]) -> bytes:
    """Share of fakes against mean score of each bin, over a histogram of how many lie in it."""
    figure = Figure(figsize=(5.6, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    x = np.array([b.mean_score for b in bins])
    y = np.array([b.fake_share for b in bins])
    spread = np.abs(np.array([[b.low for b in bins], [b.high for b in bins]]) - y)
    upper.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle=":", label="honest")
    upper.errorbar(x, y, yerr=spread, color=COLOURS[0], marker="o", capsize=3, label="measured")
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    upper.set_ylabel("share of fakes, 95 % interval")
    upper.set_title("Calibration: does a score of 0.8 mean 80 % fakes?")
    lower.bar(x, [b.count for b in bins], width=0.03, color=COLOURS[0])
    _count_axis(lower)
    lower.set_xlabel("score, mean of the bin")
    lower.set_ylabel("samples")
    _legend(upper, "upper left")
    return encode_png(figure)


def draw_scores(
    reals: FloatArray, fakes: FloatArray, *, threshold: float, real_below: float
) -> bytes:
    """How the scores of reals and fakes are spread; the grey band is that of "uncertain"."""
    figure, (axes,) = _figure(7, 4)
    bins = list(np.linspace(0, 1, 41))
    if real_below < threshold:
        axes.axvspan(real_below, threshold, color=SOFT, alpha=0.15, linewidth=0)
    axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label="threshold")
    for values, name, colour, hatch in (
        (reals, "real", REAL, "///"),
        (fakes, "fake", FAKE, "\\\\\\"),
    ):
        if len(values):
            label = f"{name} (n = {len(values)})"
            axes.hist(values, bins, label=label, histtype="stepfilled", alpha=0.35, color=colour)
            axes.hist(values, bins, histtype="step", color=colour, hatch=hatch, linewidth=1.2)
    _count_axis(axes)
    axes.set_xlim(0, 1)
    axes.set_xlabel("score (probability of fake)")
    axes.set_ylabel("samples, logarithmic")
    axes.set_title("Scores (grey: uncertain)")
    _legend(axes, "upper center")
    return encode_png(figure)


def draw_history(series: Mapping[str, Sequence[tuple[float, float]]]) -> bytes:
    """The course of a training: a panel of losses, one of rates, one of the rest.

    Args:
        series: (epoch, value) by name, such as `train_loss` or `val_auc`.
    """
    panels = _sort_series(series)
    figure, all_axes = _figure(1 + 4.2 * len(panels), 3.8, columns=len(panels))
    for axes, (title, names) in zip(all_axes, panels.items(), strict=True):
        curves = [
            Curve(
                name, np.array([e for e, _ in series[name]]), np.array([v for _, v in series[name]])
            )
            for name in names
        ]
        _lines(axes, curves, markers=True)
        axes.set_xlabel("epoch")
        axes.set_title(title)
        if title == "learning rate":
            axes.set_yscale("log")
        _legend(axes, "best")
    return encode_png(figure)


def draw_robustness(names: Sequence[str], panels: Mapping[str, Sequence[Estimate]]) -> bytes:
    """A row per change of the pictures, a panel per figure; the first row is the unchanged one."""
    figure, all_axes = _figure(2 + 4.2 * len(panels), 1.4 + 0.32 * len(names), columns=len(panels))
    rows = np.arange(len(names))
    for axes, (title, estimates) in zip(all_axes, panels.items(), strict=True):
        clean = estimates[0].value
        if clean is not None:
            axes.axvline(clean, color=SOFT, linewidth=0.8, linestyle=":")
        for row, estimate in zip(rows, estimates, strict=True):
            _point(axes, estimate, at=(None, float(row)), style=0)
        axes.set_yticks(rows, names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(f"{title}, 95 % interval")
        axes.set_title(f"{title} (dotted: unchanged)")
    return encode_png(figure)


def draw_costs(points: Sequence[CostPoint], quality: str) -> bytes:
    """Quality against each cost, a panel each with a logarithmic axis."""
    kinds = list(points[0].costs)
    figure, all_axes = _figure(1 + 4 * len(kinds), 4.2, columns=len(kinds))
    for axes, kind in zip(all_axes, kinds, strict=True):
        for number, point in enumerate(points):
            cost = point.costs[kind]
            if cost is not None:
                _point(axes, point.quality, at=(cost, None), style=number, name=point.name)
        _cost_axis(axes, [point.costs[kind] for point in points])
        axes.margins(y=0.15)
        axes.set_ylim(top=min(axes.get_ylim()[1], _TOP))
        axes.set_xlabel(kind)
        axes.set_ylabel(f"{quality}, 95 % interval")
    handles, names = all_axes[0].get_legend_handles_labels()
    legend = figure.legend(handles, names, loc="outside lower center", ncols=3)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return encode_png(figure)


def encode_png(figure: Figure) -> bytes:
    """A figure as a PNG file that depends on nothing but what it shows."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": ""})
    return buffer.getvalue()


def plain(name: str, longest: int = MAX_NAME) -> str:
    """A name that every font can write: cut in its middle, other scripts' letters replaced."""
    text = name.encode("latin-1", "replace").decode("latin-1")
    text = "".join(char if char.isprintable() else "?" for char in text)
    text = f" {text}" if text.startswith("_") else text  # matplotlib hides labels that begin so
    if len(text) <= longest:
        return text
    head = longest // 3
    return text[:head] + "..." + text[len(text) - (longest - head - 3) :]


def _figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """A figure in inches with axes side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    all_axes = list(figure.subplots(1, columns, squeeze=False)[0])
    for axes in all_axes:
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, all_axes


def _lines(
    axes: Any, curves: Sequence[Curve], *, steps: bool = False, markers: bool = False
) -> None:
    for number, curve in enumerate(curves):
        name = plain(curve.name)
        axes.plot(
            curve.x,
            curve.y,
            label=f"{name}: {curve.note}" if curve.note else name,
            color=_nth(COLOURS, number),
            linestyle=_nth(DASHES, number),
            marker=_nth(MARKERS, number) if markers else None,
            markersize=3.5,
            linewidth=1.6,
            drawstyle="steps-pre" if steps else "default",
        )


def _point(
    axes: Any,
    estimate: Estimate,
    *,
    at: tuple[float | None, float | None],
    style: int,
    name: str = "",
) -> None:
    """A point with its interval: along x where `at` gives y alone, along y where it gives x."""
    if estimate.value is None:
        return
    low = estimate.value if estimate.low is None else min(estimate.low, estimate.value)
    high = estimate.value if estimate.high is None else max(estimate.high, estimate.value)
    spread = [[estimate.value - low], [high - estimate.value]]
    across = at[0] is None
    axes.errorbar(
        estimate.value if across else at[0],
        at[1] if across else estimate.value,
        xerr=spread if across else None,
        yerr=None if across else spread,
        label=plain(name) or None,
        color=_nth(COLOURS, style),
        marker=_nth(MARKERS, style),
        markersize=6,
        capsize=3,
        linestyle="none",
    )


def _deviates(rates: Iterable[float]) -> FloatArray:
    """Where rates lie on a normal-deviate axis, cut to `DET_RANGE`."""
    low, high = DET_RANGE
    normal = NormalDist()
    return np.array([normal.inv_cdf(min(max(float(rate), low), high)) for rate in rates])


def _cost_axis(axes: Any, costs: Iterable[float | None]) -> None:
    """Logarithmic, at least a decade wide, with ticks such as 200 k and 500 k."""
    known = [cost for cost in costs if cost is not None and cost > 0] or [1.0]
    axes.set_xscale("log")
    axes.set_xlim(min(known) / _ROOM, max(known) * _ROOM)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _count_axis(axes: Any) -> None:
    """Counts up to one as they are, beyond that by their logarithm, so that one can be seen."""
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(ScalarFormatter())


def _sort_series(series: Mapping[str, Any]) -> dict[str, list[str]]:
    panels: dict[str, list[str]] = {"loss": [], "quality": [], "learning rate": []}
    for name in series:
        rate = name.startswith("lr")
        panels["learning rate" if rate else "loss" if "loss" in name else "quality"].append(name)
    return {title: names for title, names in panels.items() if names}


def _legend(axes: Any, place: str) -> None:
    if axes.get_legend_handles_labels()[0]:
        legend = axes.legend(loc=place, fontsize=_FONT_PT - 1, framealpha=0.9)
        for text in legend.get_texts():
            text.set_parse_math(False)


def _nth(values: Iterable[str], number: int) -> str:
    return next(islice(cycle(values), number, None))
