"""What an audit's figures mean, in sentences, the worst first."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

LEVELS: Final = ("serious", "warning", "note")
SERIOUS_AUC: Final = 0.8
WARNING_AUC: Final = 0.6
"""Trivia that reach less with a linear model are no worse than those of an honest set."""
MOST_IMBALANCE: Final = 3.0
POOR_SHARE: Final = 0.05
"""Share of the examined faces with a fault from which it is worth a word."""
UNEVEN: Final = 0.1
"""Difference of the classes' shares of a fault that a model could learn."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the data that their user should know."""

    level: str
    """One of `LEVELS`."""
    code: str
    """A short stable word."""
    text: str

    def to_dict(self) -> dict[str, str]:
        """The finding as plain JSON values."""
        return asdict(self)


def find_all(summary: Mapping[str, Any]) -> list[Finding]:
    """Everything that the figures of an audit say, the worst first."""
    found = [
        *_judge_shortcuts(summary["shortcuts"]),
        *_judge_copies(summary["duplicates"], summary["data"]["against"]),
        *_judge_groups(summary["groups_across_splits"]),
        *_judge_series(summary["series"]),
        *_judge_balance(summary["counts"]),
        *_judge_faces(summary["faces"]),
        *_judge_broken(summary["broken"], summary["data"]["n"]),
    ]
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def _judge_shortcuts(shortcuts: Mapping[str, Any]) -> Iterator[Finding]:
    rows = shortcuts["rows"]
    if not rows:
        yield Finding("note", "not_probed", f"shortcuts were not probed: {shortcuts['reason']}")
        return
    *single, together = rows
    linear, trees = together["linear"], together["trees"]
    level = "note"
    if linear["auc"] >= WARNING_AUC:
        level = "serious" if linear["auc"] >= SERIOUS_AUC else "warning"
    best = max(single, key=lambda row: row["linear"]["auc"])
    yield Finding(
        level,
        "shortcuts",
        "your accuracy may be this: without looking at a face, a linear model reaches AUC "
        f"{_with_ends(linear, 'auc')} and accuracy {_with_ends(linear, 'accuracy')}; boosted trees "
        f"AUC {trees['auc']:.2f} and accuracy {trees['accuracy']:.2f} (0.5 is chance); alone "
        f"{best['name']} says most, AUC {best['linear']['auc']:.2f}",
    )
    for row in single:
        linear, trees = row["linear"]["auc"], row["trees"]["auc"]
        if max(linear, trees) >= SERIOUS_AUC:
            text = (
                f"{row['name']} alone tells the classes apart: AUC {linear:.2f} by a linear model, "
                f"{trees:.2f} by trees"
            )
            level = "serious" if linear >= SERIOUS_AUC else "warning"
            yield Finding(level, "shortcut", text)


def _judge_copies(
    copies: Mapping[str, Any], against: Mapping[str, Any] | None
) -> Iterator[Finding]:
    crossing = copies["crossing"]
    if copies["label_conflicts"]:
        count = copies["label_conflicts"]
        text = f"{count} files are there as real and as fake, byte for byte"
        yield Finding("serious", "label_conflict", text)
    if crossing["splits"]:
        text = f"{crossing['splits']} pairs of pictures that show the same lie in different splits"
        yield Finding("serious", "leak", text)
    if (seen := copies["files_in_other_set"]) and against:
        text = f"{seen} pictures show the same as one of {against['source']}"
        yield Finding("serious", "in_other_set", text)
    if near := copies["alike_across_classes"]:
        text = (
            f"{near} pairs of a real and a fake picture show the same: altered versions, or wrong "
            "labels; look at them"
        )
        yield Finding("warning", "alike_across_classes", text)
    if crossing["datasets"]:
        text = f"{crossing['datasets']} pairs that show the same lie in different sources"
        yield Finding("warning", "alike_across_sources", text)
    if exact := copies["exact"]["groups"]:
        text = f"{copies['exact']['files']} files are only {exact} different ones, byte for byte"
        yield Finding("warning", "copies", text)
    if alike := copies["alike"]["groups"]:
        text = f"{copies['alike']['files']} files show the same as another, in {alike} groups"
        yield Finding("note", "alike", text)


def _judge_groups(count: int) -> Iterator[Finding]:
    if count:
        text = f"{count} groups of the data's own (clips, people) lie in more than one split"
        yield Finding("serious", "groups_across_splits", text)


def _judge_series(series: Mapping[str, int] | None) -> Iterator[Finding]:
    if series is None:
        return
    across = series["across_splits"]
    where = f"{across} of them lie in more than one split" if across else "split them whole"
    text = (
        f"the names look like frames of {series['groups']} clips; {where}; a column `group` says "
        "for sure what belongs together"
    )
    yield Finding("warning" if across else "note", "series", text)


def _judge_balance(counts: list[dict[str, Any]]) -> Iterator[Finding]:
    for row in counts:
        where = f"the split {row['split']}" if row["split"] else "the data"
        if not row["real"] or not row["fake"]:
            yield Finding("serious", "one_class", f"{where} has only one class")
            continue
        ratio = max(row["real"], row["fake"]) / min(row["real"], row["fake"])
        if ratio > MOST_IMBALANCE:
            text = f"{where} is uneven: {row['real']} real, {row['fake']} fake"
            yield Finding("warning", "imbalance", text)


def _judge_faces(faces: Mapping[str, Any]) -> Iterator[Finding]:
    examined = faces["examined"]
    total = sum(examined.values())
    for code, by_label in faces["codes"].items():
        shares = {name: by_label[name] / examined[name] for name in by_label if examined[name]}
        if len(shares) == 2 and abs(shares["real"] - shares["fake"]) >= UNEVEN:
            text = (
                f"{code} is uneven: {100 * shares['real']:.0f} % of the reals, "
                f"{100 * shares['fake']:.0f} % of the fakes"
            )
            yield Finding("warning", f"uneven_{code}", text)
        elif total and sum(by_label.values()) >= POOR_SHARE * total:
            text = f"{sum(by_label.values())} of {total} examined files are {code}"
            yield Finding("note", code, text)


def _judge_broken(broken: list[Any], count: int) -> Iterator[Finding]:
    if broken:
        level = "warning" if len(broken) > 0.01 * count else "note"
        yield Finding(level, "broken", f"{len(broken)} files cannot be used as they are")


def _with_ends(row: Mapping[str, Any], name: str) -> str:
    low, high = row["ci"][name]
    return f"{row[name]:.2f} [{low:.2f}, {high:.2f}]"
