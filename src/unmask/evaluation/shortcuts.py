"""What can be reached without looking at a face: linear models and trees on trivia of the files."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from unmask.data.facts import COLOUR_NAMES, RINGS, FactTable, jpeg_quality
from unmask.data.manifest import Manifest
from unmask.data.split import fold_numbers
from unmask.errors import DataError
from unmask.evaluation.metrics import (
    METRICS,
    FloatArray,
    IntArray,
    Scored,
    measure,
    measure_intervals,
)

FOLDS: Final = 5
MOST_SAMPLES: Final = 20_000
"""Of larger sets so many are drawn: intervals are narrow by then."""
MOST_KINDS: Final = 16
"""So many formats or codings have a column each."""
EVEN: Final = "balanced"
"""Both classes weigh the same, or the shares of the folds would pass for knowledge."""
TOGETHER: Final = "all together"
_FIGURES: Final = {name: METRICS[name] for name in ("auc", "accuracy")}
_THRESHOLD: Final = 0.5


def probe_shortcuts(manifest: Manifest, table: FactTable, seed: int) -> dict[str, Any]:
    """How well each kind of trivia, and all together, tell fakes from reals, cross-validated.

    A logistic regression and boosted trees are fitted on four fifths of the samples and asked of
    the rest, groups kept together. Trees find more than a line through the same numbers, such as
    combinations; what the line finds needs no learning worth the name.

    Args:
        manifest: The samples of the table, grouped.
        table: Their facts.
        seed: Of what is drawn and of the folds.

    Returns:
        `rows` with the figures of each kind and their intervals, or `reason` why there are none.
    """
    places = _draw(table, seed)
    samples = Manifest(tuple(manifest.samples[at] for at in places))
    labels = np.array([sample.label for sample in samples], np.int64)
    try:
        folds = np.array(fold_numbers(samples, FOLDS, seed))
    except DataError as error:
        return {"n": len(samples), "rows": [], "reason": str(error)}
    groups = [sample.group or sample.path for sample in samples]
    kinds = build_features(table, places)
    rows = []
    for name, columns in {**kinds, TOGETHER: np.hstack(list(kinds.values()))}.items():
        varying = columns[:, np.ptp(columns, axis=0) > 0]
        row: dict[str, Any] = {"name": name, "columns": columns.shape[1]}
        for kind in ("linear", "trees"):
            scores = _predict_folds(kind, varying, labels, folds, seed)
            data = Scored(labels, scores, _THRESHOLD)
            ends = measure_intervals(data, groups=groups, seed=seed, figures=_FIGURES)
            row[kind] = {**measure(data, _FIGURES), "ci": ends}
        rows.append(row)
    return {"n": len(samples), "of": len(manifest), "folds": FOLDS, "rows": rows, "reason": None}


def build_features(table: FactTable, places: IntArray) -> dict[str, FloatArray]:
    """The columns (N, D) of each kind of trivia, for some places of the table."""
    rows = table.rows[places]
    width, height = rows["width_px"].astype(np.float64), rows["height_px"].astype(np.float64)
    size = rows["size_bytes"].astype(np.float64)
    metadata = [rows[name].astype(np.float64) for name in ("exif", "xmp", "icc", "comment")]
    return {
        "file format": _one_hot(rows["format"]),
        "picture size": np.stack([width, height, width / height, np.log(width * height)], axis=1),
        "file size": np.stack([np.log(size), 8 * size / (width * height)], axis=1),
        "JPEG tables": np.hstack(
            [_describe_codings(table)[rows["coding"]], _one_hot(rows["coding"])]
        ),
        "metadata": np.stack(metadata, axis=1),
        "colours": rows["colour"].astype(np.float64),
        "spectrum": rows["spectrum"].astype(np.float64),
    }


def describe_features() -> Mapping[str, str]:
    """What each kind of trivia consists of, in words."""
    return {
        "file format": "format and kind of pixels",
        "picture size": "width, height, their ratio and product",
        "file size": "bytes, and bits per pixel",
        "JPEG tables": "quantisation tables, quality, chroma sampling, progressive",
        "metadata": "whether there is EXIF, XMP, a colour profile, a comment",
        "colours": f"{len(COLOUR_NAMES)} statistics of colour and brightness",
        "spectrum": f"power in {RINGS} rings of the spectrum",
        TOGETHER: "all of these",
    }


def _draw(table: FactTable, seed: int) -> IntArray:
    good = table.good
    if len(good) > MOST_SAMPLES:
        good = np.sort(np.random.default_rng(seed).choice(good, MOST_SAMPLES, replace=False))
    return good.astype(np.int64)


def _one_hot(numbers: Any) -> FloatArray:
    """A column for each of the most frequent numbers."""
    values, counts = np.unique(numbers, return_counts=True)
    chosen = values[np.argsort(-counts, kind="stable")[:MOST_KINDS]]
    columns: FloatArray = (numbers[:, None] == chosen[None, :]).astype(np.float64)
    return columns


def _describe_codings(table: FactTable) -> FloatArray:
    """(K, 6) numbers of each coding: JPEG or not, quality, chroma step, sampling, progressive."""
    described = np.zeros((len(table.codings), 6))
    for number, coding in enumerate(table.codings):
        if coding is not None:
            chroma = np.mean(coding.tables[1]) if len(coding.tables) > 1 else 0.0
            samplings = [float(coding.sampling == name) for name in ("4:4:4", "4:2:0")]
            described[number] = (
                1, jpeg_quality(coding), chroma, *samplings, coding.progressive
            )  # fmt: skip
    return described


def _predict_folds(
    kind: str, columns: FloatArray, labels: IntArray, folds: IntArray, seed: int
) -> FloatArray:
    """The probability of fake of each sample (N,), by a model that did not see its fold."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    scores = np.empty(len(labels))
    for fold in np.unique(folds):
        held_out = folds == fold
        if not columns.shape[1]:
            scores[held_out] = _THRESHOLD
            continue
        model: Any = make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=2000, class_weight=EVEN)
        )
        if kind == "trees":
            model = HistGradientBoostingClassifier(
                early_stopping=False, class_weight=EVEN, random_state=seed
            )
        # On tables so small the threads of a busy machine wait for each other far longer than they
        # work: 67 pictures took minutes.
        with threadpool_limits(1):
            model.fit(columns[~held_out], labels[~held_out])
            scores[held_out] = model.predict_proba(columns[held_out])[:, 1]
    return scores
