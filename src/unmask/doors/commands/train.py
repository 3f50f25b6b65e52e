"""`unmask train` and `unmask crossval`: from labelled data to a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.options import DataOption, Device

if TYPE_CHECKING:
    from unmask.training.publish import About
    from unmask.training.settings import TrainSettings

TRAIN_HELP: Final = """Train a model on labelled pictures and clips.

Writes a run folder with settings, splits, logs, checkpoints, history and the exported, calibrated \
model, which detect, evaluate and compare take by the folder's name. Data without validation get \
one cut from train; the test split is never opened. An interrupted run goes on with --resume and \
ends as it would have.

\b
Examples:
  unmask train --data faces/ --out runs/first --model cnn128
  unmask train --data faces/ --out runs/two --preset xception-two-phase --pretrained FILE
  unmask train --data faces.csv --out runs/three --preset mobilenetv2-robust --set batch_size=64
  unmask evaluate --model runs/first --data runs/first/manifest.csv --split test --out results/
"""
CROSSVAL_HELP: Final = """Cross-validate: one model per fold, each scored on the part it never saw.

Folds are stratified, keep groups together and are the same for every model with the same seed. \
Within a fold the best weights are chosen on a validation part of its training data. Writes \
crossval.html, crossval.json, predictions.csv and plots beside the folds' runs.

\b
Examples:
  unmask crossval --data faces/ --out runs/cv --preset mobilenetv2-robust
  unmask crossval --data faces/ --out runs/cv --folds 10 --model resnet50 --resume
"""


RunOption = Annotated[
    Path, typer.Option("--out", metavar="RUN", help="The run folder.", show_default=False)
]
NetworkOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="cnn128, cnn256, mobilenetv2, resnet50, xception, efficientnet_b0, efficientnet_b4, "
        "vit_tiny, or any network of timm.",
        show_default=False,
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME|FILE",
        help="A recipe by name or a TOML file.",
        show_default=False,
    ),
]
PretrainedOption = Annotated[
    str | None,
    typer.Option(
        "--pretrained",
        metavar="yes|no|FILE|RUN",
        help="ImageNet weights from timm's hub, none, a safetensors file, or a run to go on from.",
        show_default=False,
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        "--epochs", metavar="N", min=1, help="At most N in every phase.", show_default=False
    ),
]
AugmentOption = Annotated[
    bool, typer.Option("--augment", help="Use every augmentation, and MixUp.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting, such as batch_size=64 or phases.0.learning_rate=1e-4.",
        show_default=False,
    ),
]
TrainDeviceOption = Annotated[
    Device | None, typer.Option("--device", help="What computes.", show_default=False)
]
CropsOption = Annotated[
    Path | None,
    typer.Option(
        "--crops",
        metavar="DIR",
        help="Where face crops are kept, for several runs on the same data. Default: the run.",
        show_default=False,
    ),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]


def train(
    data: DataOption,
    out: RunOption,
    model: NetworkOption = None,
    preset: PresetOption = None,
    pretrained: PretrainedOption = None,
    epochs: EpochsOption = None,
    augment: AugmentOption = False,
    changes: SetOption = None,
    device: TrainDeviceOption = None,
    resume: ResumeOption = False,
    crops: CropsOption = None,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, train, print."""
    from unmask.data.reading import read_data
    from unmask.training.train import train as train_run

    quieten()
    chosen = device.value if device else None
    settings = make_settings(preset, changes, model, pretrained, chosen, epochs, augment)
    dataset = read_data(data, positive=positive.value if positive else None, val_share=0.0)
    typer.echo(dataset.describe())
    folder = train_run(
        dataset.manifest, settings, out, about=_about(out), resume=resume, crops=crops
    )
    table = out / "manifest.csv"
    typer.echo(f"written to {folder}")
    typer.echo(f"measure it: unmask evaluate --model {out} --data {table} --split test --out DIR")


def crossval(
    data: DataOption,
    out: RunOption,
    folds: Annotated[int, typer.Option("--folds", metavar="K", min=2)] = 5,
    model: NetworkOption = None,
    preset: PresetOption = None,
    pretrained: PretrainedOption = None,
    epochs: EpochsOption = None,
    augment: AugmentOption = False,
    changes: SetOption = None,
    device: TrainDeviceOption = None,
    resume: ResumeOption = False,
    crops: CropsOption = None,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, train every fold, write, print."""
    from unmask.data.reading import read_data
    from unmask.evaluation.folds import summarise_folds, write_folds
    from unmask.reporting.folds import describe_folds
    from unmask.training.crossval import cross_validate, describe_run

    quieten()
    chosen = device.value if device else None
    settings = make_settings(preset, changes, model, pretrained, chosen, epochs, augment)
    dataset = read_data(data, positive=positive.value if positive else None, val_share=0.0)
    typer.echo(dataset.describe())
    results = cross_validate(
        dataset.manifest, settings, out, about=_about(out), folds=folds, resume=resume, crops=crops
    )
    about = describe_run(dataset.manifest, settings)
    about["data"]["source"] = str(data)
    summary = summarise_folds(results, about, seed=settings.seed)
    write_folds(results, summary, out)
    for line in describe_folds(summary):
        typer.echo(line)
    typer.echo(f"written to {out}; open {out / 'crossval.html'}")


def quieten() -> None:
    """Keep Lightning's tips and tables from standing between the lines that matter."""
    import logging

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


def make_settings(
    preset: str | None,
    changes: list[str] | None,
    model: str | None,
    pretrained: str | None,
    device: str | None,
    epochs: int | None,
    augment: bool = False,
) -> "TrainSettings":
    """The settings that the options of a command ask for."""
    from unmask.training.settings import limit_epochs, load_settings
    from unmask.training.transforms import ALL_MIXUP, ALL_PROBABILITIES

    everything = {"augment": dict(ALL_PROBABILITIES), "mixup": ALL_MIXUP} if augment else {}
    settings = load_settings(
        preset, changes or (), model=model, pretrained=pretrained, device=device, **everything
    )
    return settings if epochs is None else limit_epochs(settings, epochs)


def _about(out: Path) -> "About":
    from unmask.models.card import plain_name
    from unmask.training.publish import About

    name = plain_name(out.resolve().name, "model")
    return About(name=name, version="1", limits=("Trained by its user; see the data above.",))
