"""`unmask compare`: several models on the same data."""

from typing import Annotated, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.evaluate import (
    DataOption,
    OutOption,
    SeedOption,
    SplitOption,
    show_progress,
)
from unmask.doors.commands.options import Engine, EngineOption, PolicyOption

COMPARE_HELP: Final = """Compare models on the same labelled pictures and clips.

One table of quality and cost, paired tests of every pair (DeLong for the AUC, McNemar for the \
accuracy, corrected for their number by Holm), plots. Figures are of the samples that every model \
scored. Writes comparison.json, comparison.html, scores.csv and plots into a folder.

\b
Examples:
  unmask compare runs/one runs/two --data faces/ --out comparison/
  unmask compare unmask-mobilenetv2 runs/mine --data faces.csv --split val --out comparison/
"""


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Two or more models by name (see unmask models) or folder.",
            show_default=False,
        ),
    ],
    data: DataOption,
    out: OutOption,
    policy: PolicyOption = "balanced",
    split: SplitOption = None,
    seed: SeedOption = 42,
    engine: EngineOption = Engine.AUTO,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, compare, write, print."""
    from unmask.data.reading import read_data
    from unmask.evaluation import compare as verb
    from unmask.evaluation.assess import choose_samples
    from unmask.models.library import open_model
    from unmask.reporting.comparison import print_comparison

    verb.COMPARISON.check(out)
    named = verb.name_models([open_model(model) for model in models], models)
    dataset = read_data(data, positive=positive.value if positive else None)
    typer.echo(dataset.describe())
    samples, chosen = choose_samples(dataset.manifest, split.value if split else None)
    plan = verb.ComparisonPlan(
        seed=seed,
        policy=policy,
        engine=engine.value,
        data={"source": str(data), "split": chosen, "left_out": len(dataset.left_out)},
        observe=show_progress(len(samples)),
    )
    found = verb.compare(named, samples, plan)
    found.write(out)
    typer.echo(f"\nmeasured on {len(samples)} samples, split {chosen}")
    print_comparison(found.summary)
    typer.echo(f"written to {out}; open {out / 'comparison.html'}")
