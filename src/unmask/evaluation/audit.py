"""The whole of an audit: a data set in, findings, plots and a clean table out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from unmask.data.checks import groups_across_splits
from unmask.data.cleaning import Cleaner, Removal
from unmask.data.copies import Copies, find_copies
from unmask.data.dataset import Dataset, LeftOut
from unmask.data.facts import FactTable, collect_facts, middle_frame
from unmask.data.grouping import join_groups, map_files
from unmask.data.manifest import LABEL_NAMES, Manifest
from unmask.data.series import guess_series
from unmask.errors import DataError, MediaError
from unmask.evaluation.audit_findings import find_all
from unmask.evaluation.machine import describe_versions
from unmask.evaluation.shortcuts import probe_shortcuts
from unmask.media.faces import MtcnnFinder
from unmask.media.images import read_image
from unmask.media.quality import FaceQuality, QualityCode, judge_faces
from unmask.media.sources import kind_of
from unmask.records import Kind
from unmask.reporting import audit_plots

MADE_BY: Final = "unmask data audit"
FACES: Final = 1000
"""So many files are searched for faces unless told otherwise; each takes some 50 ms."""
SEED: Final = 42
LISTED: Final = 200
"""Pairs, broken files and poor faces that the JSON names."""

Watch = Callable[[Sequence[str]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """How an audit is made."""

    against: Dataset | None = None
    """Another data set, whose pictures the audited one must not hold."""
    faces: int | None = FACES
    """How many files are searched for faces, drawn evenly from both classes; None for all."""
    seed: int = SEED
    watch: Watch = field(default=iter)


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an audit found."""

    summary: dict[str, Any]
    """The content of the JSON file."""
    plots: Mapping[str, bytes]
    """PNG by name."""
    clean: Manifest
    """What stays when everything that is wrong is left out; alike pictures share a group."""
    removals: tuple[Removal, ...]


def audit(dataset: Dataset, plan: AuditPlan | None = None) -> Audit:
    """Look at every file of a data set once, and at a part of them for faces.

    Raises:
        DataError: the data set has no samples, or none that can be decoded.
    """
    plan = plan or AuditPlan()
    manifest = dataset.manifest
    other = plan.against.manifest if plan.against else Manifest(())
    everything = Manifest((*manifest.samples, *other.samples))
    table = collect_facts([sample.path for sample in everything], plan.watch)
    own = _take(table, len(manifest))
    if not len(own.good):
        message = f"none of {len(manifest)} files of {dataset.root!r} could be decoded"
        raise DataError(message)
    copies = find_copies(table, _number_parts(everything, len(manifest)))
    series = guess_series(manifest)
    grouped = join_groups(series or manifest, [int(n) for n in copies.groups[: len(manifest)]])
    judged = _judge_faces(manifest, own, plan)
    faceless = [at for at, found in judged.items() if QualityCode.NO_FACE in found.codes]
    clean, removals = Cleaner(manifest, other, copies).clean(own.broken, faceless)
    summary: dict[str, Any] = {
        "made_by": MADE_BY,
        "format": 1,
        "positive": LABEL_NAMES[1],
        "data": _describe_data(dataset, plan.against),
        "counts": _count(manifest),
        "shortcuts": probe_shortcuts(grouped, own, plan.seed),
        "duplicates": _describe_copies(everything, copies, len(manifest)),
        "groups_across_splits": groups_across_splits(manifest),
        "series": _describe_series(series),
        "faces": _describe_faces(manifest, judged),
        "broken": [{"path": row.path, "reason": row.reason} for row in _broken(dataset, own)],
        "clean": {"kept": len(clean), "removed": _count_reasons(removals)},
        "seed": plan.seed,
        "versions": describe_versions(),
    }
    summary["findings"] = [finding.to_dict() for finding in find_all(summary)]
    summary["broken_count"] = len(summary["broken"])
    summary["broken"] = summary["broken"][:LISTED]
    return Audit(summary, _draw(summary, manifest, own, judged), clean, removals)


def _take(table: FactTable, count: int) -> FactTable:
    broken = {at: why for at, why in table.broken.items() if at < count}
    return FactTable(table.rows[:count], table.formats, table.codings, broken)


def _number_parts(everything: Manifest, own: int) -> npt.NDArray[np.intp]:
    numbers: dict[tuple[Any, ...], int] = {}
    return np.array(
        [
            numbers.setdefault((at >= own, s.split, s.label, s.dataset), len(numbers))
            for at, s in enumerate(everything)
        ],
        np.intp,
    )


def _judge_faces(manifest: Manifest, table: FactTable, plan: AuditPlan) -> dict[int, FaceQuality]:
    """What the faces of some or all samples are like, by place."""
    places = table.good
    if plan.faces is not None and plan.faces < len(places):
        order = np.random.default_rng(plan.seed).permutation(places)
        labels = np.array([manifest.samples[at].label for at in order])
        turn = np.empty(len(order), np.int64)  # the classes take turns
        for label in LABEL_NAMES:
            turn[labels == label] = np.arange(np.sum(labels == label))
        places = np.sort(order[np.argsort(turn, kind="stable")][: plan.faces])
    if not len(places):
        return {}
    judge = partial(_judge_file, MtcnnFinder())
    paths = plan.watch([manifest.samples[at].path for at in places])
    found = zip(places.tolist(), map_files(judge, paths), strict=True)
    return {at: quality for at, quality in found if quality is not None}


def _judge_file(finder: MtcnnFinder, path: str) -> FaceQuality | None:
    try:
        pixels = read_image(path) if kind_of(path) is Kind.IMAGE else middle_frame(path)
    except MediaError:  # it was there a moment ago
        return None
    return judge_faces(pixels, finder.find(pixels))


def _describe_data(dataset: Dataset, against: Dataset | None) -> dict[str, Any]:
    manifest = dataset.manifest
    return {
        "source": dataset.root,
        "layout": dataset.layout,
        "n": len(manifest),
        "sha256": manifest.sha256(),
        "notes": list(dataset.notes),
        "against": {"source": against.root, "n": len(against.manifest)} if against else None,
    }


def _count(manifest: Manifest) -> list[dict[str, Any]]:
    counts = manifest.counts()
    splits = [name for name in ("train", "val", "test", "") if any(s == name for s, _ in counts)]
    return [
        {"split": split, **{name: counts.get((split, name), 0) for name in LABEL_NAMES.values()}}
        for split in splits
    ]


def _describe_copies(everything: Manifest, copies: Copies, own: int) -> dict[str, Any]:
    samples = everything.samples
    crossing = dict.fromkeys(("splits", "classes", "datasets", "against"), 0)
    alike_across_classes = 0
    pairs: list[dict[str, Any]] = []
    for pair in copies.crossing:
        one, two = samples[pair.one], samples[pair.two]
        crosses = {
            "splits": one.split != two.split and bool(one.split and two.split) and pair.two < own,
            "classes": one.label != two.label,
            "datasets": one.dataset != two.dataset and pair.two < own,
            "against": pair.one < own <= pair.two,
        }
        if pair.one >= own:
            continue
        for name, does in crosses.items():
            crossing[name] += does
        alike_across_classes += crosses["classes"] and not pair.exact
        if len(pairs) < LISTED:
            pairs.append(
                {
                    "one": one.path,
                    "two": two.path,
                    "crosses": [name for name, does in crosses.items() if does],
                    "labels": [LABEL_NAMES[one.label], LABEL_NAMES[two.label]],
                    "splits": [one.split, two.split],
                    "bits": pair.bits,
                    "likeness": pair.likeness,
                    "exact": pair.exact,
                }
            )
    return {
        "exact": _describe_groups(copies.contents[:own]),
        "alike": _describe_groups(copies.groups[:own]),
        "crossing": crossing,
        "alike_across_classes": alike_across_classes,
        "label_conflicts": _count_conflicts(everything, copies, own),
        "files_in_other_set": int(np.isin(copies.groups[:own], copies.groups[own:]).sum()),
        "pairs": pairs,
        "all_pairs_named": copies.crossing_count == len(copies.crossing),
    }


def _count_conflicts(everything: Manifest, copies: Copies, own: int) -> int:
    """How many contents have both labels."""
    labels = np.array([sample.label for sample in everything.samples[:own]])
    real, fake = (np.unique(copies.contents[:own][labels == label]) for label in LABEL_NAMES)
    return len(np.intersect1d(real, fake))


def _describe_series(series: Manifest | None) -> dict[str, int] | None:
    if series is None:
        return None
    names = {sample.group for sample in series if sample.group}
    return {"groups": len(names), "across_splits": groups_across_splits(series)}


def _describe_groups(numbers: Any) -> dict[str, int]:
    sizes = np.unique(numbers, return_counts=True)[1]
    several = sizes[sizes > 1]
    return {
        "groups": len(several),
        "files": int(several.sum()),
        "largest": int(several.max(initial=0)),
    }


def _describe_faces(manifest: Manifest, judged: Mapping[int, FaceQuality]) -> dict[str, Any]:
    rows: dict[str, dict[str, int]] = {
        code.value: dict.fromkeys(LABEL_NAMES.values(), 0) for code in QualityCode
    }
    examined = dict.fromkeys(LABEL_NAMES.values(), 0)
    poor: list[dict[str, Any]] = []
    for at, quality in judged.items():
        sample = manifest.samples[at]
        label = LABEL_NAMES[sample.label]
        examined[label] += 1
        for code in quality.codes:
            rows[code.value][label] += 1
        if quality.codes and len(poor) < LISTED:
            poor.append({"path": sample.path, "codes": [code.value for code in quality.codes]})
    return {"examined": examined, "of": len(manifest), "codes": rows, "files": poor}


def _broken(dataset: Dataset, table: FactTable) -> list[LeftOut]:
    return [*dataset.left_out, *table.broken.values()]


def _count_reasons(removals: Sequence[Removal]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for removal in removals:
        counts[removal.reason] = counts.get(removal.reason, 0) + 1
    return counts


def _draw(
    summary: Mapping[str, Any],
    manifest: Manifest,
    table: FactTable,
    judged: Mapping[int, FaceQuality],
) -> dict[str, bytes]:
    labels = np.array([sample.label for sample in manifest])
    good = table.good
    plots = {}
    if summary["shortcuts"]["rows"]:
        plots["shortcuts"] = audit_plots.draw_shortcuts(summary["shortcuts"]["rows"])
    plots["spectra"] = audit_plots.draw_spectra(table.rows["spectrum"][good], labels[good])
    if judged:
        measured = {
            "face size, px": [q.size_px for q in judged.values()],
            "sharpness": [q.sharpness for q in judged.values()],
            "brightness": [q.brightness for q in judged.values()],
            "yaw, degrees": [q.pose.yaw_deg if q.pose else None for q in judged.values()],
        }
        plots["faces"] = audit_plots.draw_faces(measured, labels[list(judged)])
    return plots
