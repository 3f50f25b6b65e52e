"""Several detectors on the same samples: one table, paired tests, cost beside quality."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np

from unmask.data.manifest import LABEL_NAMES, Manifest
from unmask.errors import DataError, UsageError
from unmask.evaluation.contenders import (
    ComparisonPlan,
    Contender,
    EarlierEvaluation,
    answer,
)
from unmask.evaluation.evaluate import group_names, summarise, to_scored
from unmask.evaluation.figures import draw_curves, estimate
from unmask.evaluation.machine import describe_hardware, describe_versions
from unmask.evaluation.metrics import METRICS, Scored, interval, resample
from unmask.evaluation.paired import compare_accuracies, compare_aucs, correct_holm
from unmask.evaluation.results import ResultKind, png_names, write_json
from unmask.models.library import ModelFolder
from unmask.reporting.comparison import comparison_markdown, comparison_page
from unmask.reporting.plots import CostPoint, draw_costs
from unmask.reporting.tables import write_csv

COMPARISON_PLOTS: Final = ("roc", "pr", "det", "cost")
COMPARISON: Final = ResultKind(
    made_by="unmask compare",
    main="comparison.json",
    others=png_names(COMPARISON_PLOTS) | {"scores.csv", "comparison.html", "comparison.md"},
)
_COMPARED: Final = ("auc", "accuracy")


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What a comparison found."""

    summary: dict[str, Any]
    """The content of `comparison.json`."""
    contenders: tuple[Contender, ...]
    plots: Mapping[str, bytes]
    """PNG by name."""

    def write(self, out: Path) -> None:
        """Write the folder: JSON, CSV, plots and the page.

        Raises:
            UsageError: the folder holds something that is no earlier comparison.
        """
        with COMPARISON.open(out) as part:
            for name, png in self.plots.items():
                (part / f"{name}.png").write_bytes(png)
            columns = ("path", "label", *(c.name for c in self.contenders))
            write_csv(part / "scores.csv", columns, _score_rows(self.contenders))
            page = comparison_page(self.summary, self.plots)
            (part / "comparison.html").write_text(page, "utf-8", "backslashreplace")
            table = comparison_markdown(self.summary)
            (part / "comparison.md").write_text(table, "utf-8", "backslashreplace")
            write_json(part / COMPARISON.main, self.summary)


def compare(
    models: Mapping[str, ModelFolder | EarlierEvaluation],
    manifest: Manifest,
    plan: ComparisonPlan | None = None,
) -> Comparison:
    """Measure models, by name, on the samples that all of them scored.

    An earlier evaluation on the same samples stands for its model.

    Raises:
        UsageError: fewer than two models, or an evaluation was made under another policy.
        DataError: the samples that all scored do not hold two of each class, or an evaluation was
            made on others.
    """
    plan = plan or ComparisonPlan()
    if len(models) < 2:
        message = f"a comparison needs at least two models, got {len(models)}"
        raise UsageError(message)
    _check_labels([sample.label for sample in manifest], "")
    everyone = [answer(name, one, manifest, plan) for name, one in models.items()]
    common = _keep_common(everyone)
    rows = [
        {
            "name": c.name,
            "n_scored_alone": sum(p.score is not None for p in whole.predictions),
            **summarise(c.predictions, c.threshold, seed=plan.seed),
            **c.about,
        }
        for c, whole in zip(common, everyone, strict=True)
    ]
    data = {c.name: to_scored(c.predictions, c.threshold) for c in common}
    summary = {
        "made_by": COMPARISON.made_by,
        "format": 1,
        "positive": LABEL_NAMES[1],
        "n": len(manifest),
        "n_common": len(common[0].predictions),
        "policy": plan.policy,
        "models": rows,
        "pairs": compare_pairs(data, group_names(common[0].predictions), plan.seed),
        "data": {**plan.data, "sha256": manifest.sha256()},
        "versions": describe_versions(),
        "hardware": describe_hardware(),
        "seed": plan.seed,
    }
    drawn = draw_curves(data, {row["name"]: row for row in rows})
    drawn["cost"] = _draw_costs(rows)
    return Comparison(summary, tuple(everyone), drawn)


def _keep_common(contenders: Sequence[Contender]) -> list[Contender]:
    """The contenders with only those samples that every one of them scored."""
    rows = zip(*(c.predictions for c in contenders), strict=True)
    kept = [place for place, row in enumerate(rows) if all(p.score is not None for p in row)]
    labels = [contenders[0].predictions[place].sample.label for place in kept]
    _check_labels(labels, " that every model scored")
    return [
        Contender(c.name, tuple(c.predictions[place] for place in kept), c.threshold, c.about)
        for c in contenders
    ]


def _check_labels(labels: Sequence[int], which: str) -> None:
    reals, fakes = labels.count(0), labels.count(1)
    if min(reals, fakes) < 2:
        message = (
            f"a comparison needs at least two samples of each class{which}, "
            f"got {reals} real and {fakes} fake"
        )
        raise DataError(message)


def compare_pairs(
    data: Mapping[str, Scored], groups: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    """Every pair: differences with paired intervals, tests, and p-values corrected for all pairs.

    The intervals resample groups together; the tests take samples for independent.
    """
    figures = {name: METRICS[name] for name in _COMPARED}
    drawn = {
        name: resample(part, groups=groups, seed=seed, figures=figures)
        for name, part in data.items()
    }
    right = {
        name: (part.scores >= part.threshold) == (part.labels == 1) for name, part in data.items()
    }
    pairs: list[dict[str, Any]] = []
    for one, two in combinations(data, 2):
        aucs = compare_aucs(data[one].labels, data[one].scores, data[two].scores)
        sides = compare_accuracies(right[one], right[two])
        accuracy = float(np.mean(right[one]) - np.mean(right[two]))
        ends = {key: interval(drawn[one][key] - drawn[two][key]) for key in _COMPARED}
        pairs.append(
            {
                "first": one,
                "second": two,
                "auc": {"difference": aucs.difference, "ci": ends["auc"], "p": aucs.p},
                "accuracy": {
                    "difference": accuracy,
                    "ci": ends["accuracy"],
                    "p": sides.p,
                    "only_first": sides.only_first,
                    "only_second": sides.only_second,
                },
            }
        )
    for key in _COMPARED:
        for pair, p in zip(pairs, correct_holm([pair[key]["p"] for pair in pairs]), strict=True):
            pair[key]["p_corrected"] = p
    return pairs


def _draw_costs(rows: Sequence[Mapping[str, Any]]) -> bytes:
    points = [
        CostPoint(
            row["name"],
            estimate(row, "auc"),
            {
                "multiply-adds of one crop": row["cost"]["multiply_adds"],
                "crops per second, network alone": row["cost"]["crops_per_s"],
                "file size in MB": row["cost"]["size_bytes"] / 1e6,
            },
        )
        for row in rows
    ]
    return draw_costs(points, "AUC")


def _score_rows(contenders: Sequence[Contender]) -> Iterable[tuple[Any, ...]]:
    for row in zip(*(c.predictions for c in contenders), strict=True):
        scores = (None if p.score is None else round(p.score, 6) for p in row)
        yield (row[0].sample.path, LABEL_NAMES[row[0].sample.label], *scores)
