"""Measure a detector on everything that its card speaks of: one command, one folder of figures.

    uv run --extra train examples/bundled_figures.py --rvf10k DIR --generators DIR --clips DIR \
        --ages DIR --out docs/results/bundled

RVF10K's `valid` split under every change of the robustness grid; each folder `fake_*` of
--generators against all its folders `real_*`; clips under the policies `balanced` and `fpr_1`;
false alarms by age on photographs of All-Age-Faces that bundled_data.py does not train on.
Puts the first into the card of --model.
Writes each evaluation's metrics.json and predictions.csv, and figures.md with a table of them all.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bundled_data import choose_ages
from rvf10k_comparison import KEPT, call

from unmask.evaluation.evaluate import describe_metrics
from unmask.models.library import open_model

AGE_GROUPS = ((0, 12), (13, 19), (20, 34), (35, 49), (50, 64), (65, 80))
PHOTOGRAPHS = 2000

Row = tuple[Path, str, str]
"""Path, label, data set."""


def main() -> None:
    """Parse the command line, evaluate on every set, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", default=None, help="a model folder; the bundled one if not given"
    )
    parser.add_argument("--rvf10k", type=Path, required=True, help="folder with valid/")
    parser.add_argument("--generators", type=Path, required=True, help="folders fake_* and real_*")
    parser.add_argument("--clips", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--ages", type=Path, required=True, help="photographs NNNNNAyy.jpg")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    model = ["--model", Path(arguments.model).resolve()] if arguments.model else []
    data = arguments.rvf10k.resolve()
    measure(out / "rvf10k", data.parent, data.name, [*model, "--robustness"])
    generators = arguments.generators.resolve()
    for fakes in sorted(generators.glob("fake_*")):
        name = fakes.name.removeprefix("fake_")
        rows = [
            (path, "fake" if kind is fakes else "real", kind.name)
            for kind in (fakes, *sorted(generators.glob("real_*")))
            for path in sorted(kind.glob("*.jpg"))
        ]
        measure_rows(out / name, generators, rows, model)
    clips = arguments.clips.resolve()
    for policy in ("balanced", "fpr_1"):
        options = [*model, "--policy", policy]
        measure(out / f"clips-{policy}", clips, "manifest.csv", options)
    ages = choose_ages(arguments.ages.resolve())[1][:PHOTOGRAPHS]
    rows = [(path, "real", name_age(path)) for path in ages]
    measure_rows(out / "ages", arguments.ages, rows, [*model, "--one-class"])
    if arguments.model:
        describe_test(Path(arguments.model), out / "rvf10k")
    text = "\n".join(describe(out))
    (out / "figures.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def describe_test(model: Path, measured: Path) -> None:
    """Put the figures of the test, which was read once, into the model's card."""
    summary = json.loads((measured / "metrics.json").read_text("utf-8"))
    folder = open_model(model)
    metrics = describe_metrics(summary, "RVF10K valid")
    folder.card.model_copy(update={"metrics": metrics}).write(folder.path)


def name_age(path: Path) -> str:
    """The age group of a photograph, whose name ends in the age."""
    age = int(path.stem.rpartition("A")[2])
    return next(f"age {low:02} to {high}" for low, high in AGE_GROUPS if low <= age <= high)


def measure_rows(kept: Path, folder: Path, rows: Iterable[Row], options: list[Any]) -> None:
    """Evaluate on single pictures: path, label, data set."""
    table = kept.with_suffix(".csv")
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows([("path", "label", "dataset"), *rows])
    measure(kept, folder, table, options)
    table.unlink()


def measure(kept: Path, folder: Path, data: Path | str, options: list[Any]) -> None:
    """Evaluate on one set, unless that was done, and keep figures and answers."""
    if all((kept / name).is_file() for name in KEPT):
        return
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "evaluation"
        call("evaluate", "--data", data, "--out", whole, *options, folder=folder)
        kept.mkdir(parents=True, exist_ok=True)
        for name in KEPT:  # names alone: where the files lay is of no interest
            text = (whole / name).read_text("utf-8")
            for place in (folder, kept.parent):
                text = text.replace(f"{place}/", "")
            (kept / name).write_text(text, "utf-8")


def describe(out: Path) -> Iterator[str]:
    """The table, line by line."""
    yield "| set | n | AUC | accuracy | false alarms | found | decided |"
    yield "|---|---|---|---|---|---|---|"
    for folder in sorted(out.iterdir()):
        if not (folder / "metrics.json").is_file():
            continue
        found = json.loads((folder / "metrics.json").read_text("utf-8"))
        yield row(folder.name, found, share(found["coverage"]))
        for change in (found["robustness"] or {"rows": []})["rows"]:
            if change["name"] != "unchanged":
                yield row(f"{folder.name}, {change['name']}", change, "")
        if folder.name == "ages":
            for name, part in sorted(found["datasets"].items()):
                yield row(f"{folder.name}, {name}", part, "")


def row(name: str, found: dict[str, Any], decided: str) -> str:
    """One line of the table."""
    figures = (
        interval(found, "auc", 4),
        interval(found, "accuracy", 3),
        interval(found, "false_alarm_rate", 3),
        interval(found, "recall", 3),
    )
    return f"| {name} | {found.get('n_scored', found['n'])} | {' | '.join(figures)} | {decided} |"


def interval(found: dict[str, Any], name: str, digits: int) -> str:
    """A figure with its 95 % interval."""
    value, ends = found.get(name), found.get("ci", {}).get(name)
    if value is None:
        return ""
    if not ends:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"


def share(value: float | None) -> str:
    """A share in percent."""
    return "" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    main()
