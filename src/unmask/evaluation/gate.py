"""May a new model take the place of an old one: which verdicts flip, for whom, under what."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest

from unmask.data.manifest import LABEL_NAMES, Manifest
from unmask.detection.detector import Detector
from unmask.evaluation.assess import SEED
from unmask.evaluation.compare import compare_pairs
from unmask.evaluation.evaluate import (
    Observer,
    Prediction,
    called,
    counting_threshold,
    group_names,
    predict,
    predict_changed,
    to_scored,
)
from unmask.evaluation.gate_groups import find_groupings
from unmask.evaluation.machine import describe_hardware, describe_versions
from unmask.evaluation.paired import compare_accuracies
from unmask.evaluation.results import ResultKind, png_names, write_json
from unmask.media.perturb import Perturbation
from unmask.records import Kind, Verdict
from unmask.reporting.gate import gate_page
from unmask.reporting.gate_plots import draw_gate
from unmask.reporting.tables import write_csv

UNCHANGED: Final = "unchanged"
GATE: Final = ResultKind(
    made_by="unmask gate",
    main="gate.json",
    others=png_names(["gate"]) | {"flips.csv", "gate.html"},
)
FLIP_COLUMNS: Final = (
    "condition",
    "path",
    "label",
    "split",
    "dataset",
    "old_verdict",
    "old_score",
    "new_verdict",
    "new_score",
)


@dataclass(frozen=True, slots=True)
class Budget:
    """What an update may cost; it holds for the data as they are and under every change."""

    flips: float = 0.05
    """Share of samples whose verdict differs."""
    new_false_alarms: float = 0.01
    """Share of reals that only the new model calls fake."""
    new_misses: float = 0.02
    """Share of fakes that the old model did not call real, and the new one does."""
    auc_loss: float = 0.01


@dataclass(frozen=True, slots=True)
class GatePlan:
    """How an update is judged."""

    budget: Budget = field(default_factory=Budget)
    conditions: Mapping[str, Perturbation] = field(default_factory=dict)
    """Changes of the pictures to judge under too, by name."""
    seed: int = SEED
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else is known of the data, such as their source."""
    observe: Observer | None = None
    tell: Callable[[str], None] = lambda _: None
    """Is told the name of each condition before it is looked at."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What both models said of the same samples."""

    old: tuple[Prediction, ...]
    new: tuple[Prediction, ...]

    def pairs(self) -> Iterator[tuple[Prediction, Prediction]]:
        """Old and new answer to each sample."""
        return zip(self.old, self.new, strict=True)

    def take(self, places: Iterable[int]) -> "Answers":
        """The answers to some of the samples."""
        chosen = list(places)
        return Answers(tuple(self.old[at] for at in chosen), tuple(self.new[at] for at in chosen))


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """What the judgement of an update found."""

    summary: dict[str, Any]
    """The content of `gate.json`."""
    answers: Mapping[str, Answers]
    """By condition."""
    plots: Mapping[str, bytes]
    """PNG by name."""

    @property
    def passed(self) -> bool:
        """Whether every budget was kept."""
        return not self.summary["exceeded"]

    def write(self, out: Path) -> None:
        """Write the folder: JSON, CSV of the flips, plot and page.

        Raises:
            UsageError: the folder holds something that is no earlier judgement.
        """
        with GATE.open(out) as part:
            for name, png in self.plots.items():
                (part / f"{name}.png").write_bytes(png)
            write_csv(part / "flips.csv", FLIP_COLUMNS, _flip_rows(self.answers))
            page = gate_page(self.summary, self.plots)
            (part / "gate.html").write_text(page, "utf-8", "backslashreplace")
            write_json(part / GATE.main, self.summary)


def gate(old: Detector, new: Detector, manifest: Manifest, plan: GatePlan | None = None) -> Gate:
    """Judge a new model against an old one on the same samples.

    Where both share a `detection.remembering.RememberingFinder` the faces of each picture are
    looked for once.
    """
    plan = plan or GatePlan()
    answers = _ask(old, new, manifest, plan)
    thresholds = tuple(counting_threshold(d.card, d.policy) for d in (old, new))
    rows = [{"name": name, **_judge(part, thresholds, plan.seed)} for name, part in answers.items()]
    clean = answers[UNCHANGED]
    groups = [
        {"by": by, "name": name, **_count(clean.take(places), thresholds)}
        for by, parts in find_groupings(clean.old).items()
        for name, places in parts.items()
    ]
    summary = {
        "made_by": GATE.made_by,
        "format": 1,
        "positive": LABEL_NAMES[1],
        "n": len(manifest),
        "budget": asdict(plan.budget),
        "exceeded": _find_exceeded(rows, plan.budget),
        "conditions": rows,
        "verdicts": _tabulate(clean),
        "groups": groups,
        "clips_left_out": sum(p.kind is Kind.VIDEO for p in clean.old) if plan.conditions else 0,
        "old": {**old.model_id.to_dict(), "policy": old.policy.name},
        "new": {**new.model_id.to_dict(), "policy": new.policy.name},
        "data": {**plan.data, "sha256": manifest.sha256()},
        "versions": describe_versions(),
        "hardware": describe_hardware(),
        "seed": plan.seed,
    }
    return Gate(summary, answers, {"gate": draw_gate(rows, asdict(plan.budget))})


def _ask(old: Detector, new: Detector, manifest: Manifest, plan: GatePlan) -> dict[str, Answers]:
    """What both say of the samples as they are, and of the pictures under each change."""
    plan.tell(UNCHANGED)
    both = [tuple(predict(model, manifest, plan.observe)) for model in (old, new)]
    answers = {UNCHANGED: Answers(*both)}
    pictures = Manifest(tuple(p.sample for p in both[0] if p.kind is not Kind.VIDEO))
    for name, change in plan.conditions.items():
        plan.tell(name)
        found = [
            tuple(predict_changed(model, pictures, change, seed=plan.seed, observe=plan.observe))
            for model in (old, new)
        ]
        answers[name] = Answers(*found)
    return answers


def _judge(answers: Answers, thresholds: tuple[float, ...], seed: int) -> dict[str, Any]:
    """Counts under one condition, and what quality was won or lost."""
    return {**_count(answers, thresholds), "auc": _compare_aucs(answers, thresholds, seed)}


def _count(answers: Answers, thresholds: tuple[float, ...]) -> dict[str, Any]:
    """What flipped among some samples, each count with its share and interval."""
    pairs = list(answers.pairs())
    reals = [pair for pair in pairs if pair[0].sample.label == 0]
    fakes = [pair for pair in pairs if pair[0].sample.label == 1]
    alarms = [pair for pair in reals if flipped(*pair) and pair[1].verdict is Verdict.FAKE]
    misses = [pair for pair in fakes if flipped(*pair) and pair[1].verdict is Verdict.REAL]
    lost = [p for p in pairs if p[0].score is not None and p[1].score is None]
    common = [p for p in pairs if p[0].score is not None and p[1].score is not None]
    test = compare_accuracies(*(_right(common, side, thresholds[side]) for side in (0, 1)))
    return {
        "n": len(pairs),
        "real": len(reals),
        "fake": len(fakes),
        "flips": _share(sum(flipped(*pair) for pair in pairs), len(pairs)),
        "new_false_alarms": _share(len(alarms), len(reals)),
        "new_misses": _share(len(misses), len(fakes)),
        "lost": len(lost),
        "n_common": len(common),
        "worse": test.only_first,
        "better": test.only_second,
        "p": test.p,
    }


def flipped(old: Prediction, new: Prediction) -> bool:
    """Whether two answers to one sample are different verdicts."""
    return old.verdict_name != new.verdict_name


def _right(pairs: Sequence[tuple[Prediction, Prediction]], side: int, threshold: float) -> Any:
    rights = [
        called(pair[side], threshold) == LABEL_NAMES[pair[side].sample.label] for pair in pairs
    ]
    return np.array(rights, np.bool_)


def _share(count: int, total: int) -> dict[str, Any]:
    if not total:
        return {"count": 0, "share": None, "ci": None}
    ends = binomtest(count, total).proportion_ci(method="wilson")
    return {"count": count, "share": count / total, "ci": [float(ends.low), float(ends.high)]}


def _compare_aucs(answers: Answers, thresholds: tuple[float, ...], seed: int) -> dict[str, Any]:
    """New minus old AUC on the samples that both scored; `reason` where there is none."""
    scored = [old.score is not None and new.score is not None for old, new in answers.pairs()]
    common = answers.take(at for at, both in enumerate(scored) if both)
    labels = [p.sample.label for p in common.old]
    if min(labels.count(0), labels.count(1)) < 2:
        reason = "an AUC needs two samples of each class that both models scored"
        return {"difference": None, "ci": None, "p": None, "reason": reason}
    data = {
        "new": to_scored(common.new, thresholds[1]),
        "old": to_scored(common.old, thresholds[0]),
    }
    pair = compare_pairs(data, group_names(common.old), seed)[0]
    keys = ("difference", "ci", "p")
    return {**{key: pair["auc"][key] for key in keys}, "reason": None}


def _find_exceeded(rows: Sequence[Mapping[str, Any]], budget: Budget) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        difference = row["auc"]["difference"]
        values = {
            **{key: row[key]["share"] for key in ("flips", "new_false_alarms", "new_misses")},
            "auc_loss": None if difference is None else -difference,
        }
        for name, value in values.items():
            limit = getattr(budget, name)
            if value is not None and value > limit:
                found.append(
                    {"condition": row["name"], "budget": name, "limit": limit, "value": value}
                )
    return found


def _tabulate(answers: Answers) -> dict[str, dict[str, int]]:
    """How many samples of each old verdict have each new one."""
    names = [*(verdict.value for verdict in Verdict), "error"]
    table = {old: dict.fromkeys(names, 0) for old in names}
    for old, new in answers.pairs():
        table[old.verdict_name][new.verdict_name] += 1
    return table


def _flip_rows(answers: Mapping[str, Answers]) -> Iterator[tuple[Any, ...]]:
    for condition, part in answers.items():
        for old, new in part.pairs():
            if flipped(old, new):
                sample = old.sample
                yield (
                    condition,
                    sample.path,
                    LABEL_NAMES[sample.label],
                    sample.split,
                    sample.dataset,
                    old.verdict_name,
                    None if old.score is None else round(old.score, 6),
                    new.verdict_name,
                    None if new.score is None else round(new.score, 6),
                )
