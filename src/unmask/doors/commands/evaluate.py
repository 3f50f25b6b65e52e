"""`unmask evaluate`: how good a model is on labelled data."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.options import (
    DataOption,
    Device,
    DeviceOption,
    Engine,
    EngineOption,
    ModelOption,
    PolicyOption,
)

if TYPE_CHECKING:
    from unmask.records import Report

EVALUATE_HELP: Final = """Measure a model on labelled pictures and clips.

Writes metrics.json, predictions.csv, report.html and plots into a folder. Every figure has a 95 % \
interval; samples of one group are drawn together. Fake is the positive class. Uncertain answers \
count by their score; samples without a face count in n, not in n_scored. Data may lie in folders \
real and fake, with or without train, valid and test above them, in a CSV or Parquet table, or in \
a zip. --robustness measures again under recompression, resizing, blur, noise and a social-media \
chain, applied to the decoded pictures (clips are left out of that).

\b
Examples:
  unmask evaluate --data faces/ --out results/
  unmask evaluate --data faces.csv --out results/ --model runs/mine --split val
  unmask evaluate --data faces.zip --out results/ --robustness
"""


class Split(StrEnum):
    """Which part of the data is measured on."""

    TEST = "test"
    VAL = "val"
    ALL = "all"


OutOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        help="A new or empty folder, or one with an earlier result, which is replaced.",
        show_default=False,
    ),
]
SplitOption = Annotated[
    Split | None,
    typer.Option(
        "--split",
        help="Which part of the data. Default: test, or all where the data have no splits.",
        show_default=False,
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Of resampling, noise and what is shown.")
]


def evaluate(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    policy: PolicyOption = "balanced",
    split: SplitOption = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Measure again under changes of the pictures.")
    ] = False,
    seed: SeedOption = 42,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = Device.AUTO,
    one_class: Annotated[
        bool, typer.Option("--one-class", help="Allow data with real or fake samples alone.")
    ] = False,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, evaluate, write, print."""
    from unmask.data.reading import read_data
    from unmask.detection.detector import Detector
    from unmask.evaluation import assess
    from unmask.evaluation.history import read_history
    from unmask.media.perturb import PERTURBATIONS
    from unmask.models.library import open_model
    from unmask.reporting.evaluation import print_evaluation

    assess.EVALUATION.check(out)
    folder = open_model(model)
    detector = Detector(folder.path, policy=policy, engine=engine.value, device=device.value)
    dataset = read_data(data, positive=positive.value if positive else None, one_class=one_class)
    typer.echo(dataset.describe())
    samples, chosen = assess.choose_samples(dataset.manifest, split.value if split else None)
    plan = assess.Plan(
        seed=seed,
        conditions=PERTURBATIONS if robustness else {},
        history=read_history(folder.path),
        data={"source": str(data), "split": chosen, "left_out": len(dataset.left_out)},
        observe=show_progress(len(samples)),
    )
    found = assess.evaluate(detector, samples, plan)
    found.write(out)
    typer.echo(f"\nmeasured on {len(samples)} samples, split {chosen}")
    print_evaluation(found.summary)
    typer.echo(f"written to {out}; open {out / 'report.html'}")


def show_progress(
    total: int,
) -> "Callable[[Iterable[Report]], Iterable[Report]]":
    """A bar on standard error for each pass over the samples, where somebody sees it."""
    from rich.console import Console

    from unmask.reporting.progress import watch

    errors = Console(stderr=True)
    console = errors if errors.is_terminal else None
    return lambda reports: watch(reports, console, lambda: total)
