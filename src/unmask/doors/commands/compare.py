"""`unmask compare`: several models on the same data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.evaluate import (
    OutOption,
    SeedOption,
    Split,
    SplitOption,
    show_progress,
)
from unmask.doors.commands.options import (
    Device,
    DeviceOption,
    Engine,
    EngineOption,
    PolicyOption,
)

if TYPE_CHECKING:
    from unmask.data.manifest import Manifest
    from unmask.evaluation.contenders import EarlierEvaluation
    from unmask.models.library import ModelFolder

COMPARE_HELP: Final = """Compare models on the same labelled pictures and clips.

One table of quality and cost, paired tests of every pair (DeLong for the AUC, McNemar for the \
accuracy, corrected for their number by Holm), plots. Figures are of the samples that every model \
scored. A folder that unmask evaluate wrote on the same samples stands for its model. Writes \
comparison.json, comparison.html, comparison.md, scores.csv and plots into a folder.

\b
Examples:
  unmask compare runs/one runs/two --data faces/ --out comparison/
  unmask compare unmask-mobilenetv2 runs/mine --data faces.csv --split val --out comparison/
  unmask compare results/one results/two --out comparison/
"""


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Two or more models by name (see unmask models) or folder, or folders that "
            "unmask evaluate wrote.",
            show_default=False,
        ),
    ],
    out: OutOption,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="PATH",
            help="A folder, a table or a zip file; not needed where only earlier evaluations are "
            "compared.",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = "balanced",
    split: SplitOption = None,
    seed: SeedOption = 42,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = Device.AUTO,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, compare, write, print."""
    from unmask.evaluation import compare as verb
    from unmask.evaluation.contenders import ComparisonPlan, name_contenders, open_contender
    from unmask.reporting.comparison import print_comparison

    verb.COMPARISON.check(out)
    named = name_contenders([open_contender(model) for model in models], models)
    word = positive.value if positive else None
    if data is None:
        samples, about = _samples_of(named)
    else:
        samples, about = _read_samples(data, word, split)
    plan = ComparisonPlan(
        seed=seed,
        policy=policy,
        engine=engine.value,
        device=device.value,
        data=about,
        observe=show_progress(len(samples)),
    )
    found = verb.compare(named, samples, plan)
    found.write(out)
    typer.echo(f"\nmeasured on {len(samples)} samples, split {about['split']}")
    print_comparison(found.summary)
    typer.echo(f"written to {out}; open {out / 'comparison.html'}")


def _read_samples(
    path: Path, positive: str | None, split: Split | None
) -> "tuple[Manifest, dict[str, Any]]":
    from unmask.data.reading import read_data
    from unmask.evaluation.assess import choose_samples

    dataset = read_data(path, positive=positive)
    typer.echo(dataset.describe())
    samples, chosen = choose_samples(dataset.manifest, split.value if split else None)
    return samples, {"source": str(path), "split": chosen, "left_out": len(dataset.left_out)}


def _samples_of(
    named: "Mapping[str, ModelFolder | EarlierEvaluation]",
) -> "tuple[Manifest, dict[str, Any]]":
    """Those of the first evaluation; `compare` checks that the others were made on the same."""
    from unmask.errors import UsageError
    from unmask.evaluation.contenders import EarlierEvaluation

    earlier = [one for one in named.values() if isinstance(one, EarlierEvaluation)]
    if len(earlier) < len(named):
        message = "models are measured on --data; only earlier evaluations do without it"
        raise UsageError(message)
    about = {key: earlier[0].summary["data"].get(key) for key in ("source", "split", "left_out")}
    return earlier[0].manifest, about
