"""`unmask tune`: search for better settings."""

from pathlib import Path
from typing import Annotated, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.options import DataOption, Device
from unmask.doors.commands.train import (
    EpochsOption,
    NetworkOption,
    PresetOption,
    PretrainedOption,
    SetOption,
    TrainDeviceOption,
    make_settings,
    quieten,
)

TUNE_HELP: Final = """Search for better settings with Optuna.

Each trial is a short training; bad ones are cut off early; the validation AUC decides and the \
test split is never opened. A search that was interrupted goes on when started again. The best \
settings are written to best.json, which train --preset takes.

\b
Examples:
  unmask tune --data faces/ --out runs/search --preset mobilenetv2-robust --trials 30 --epochs 2
  unmask tune --data faces/ --out runs/search --model cnn128 --search learning_rate --search dropout
  unmask train --data faces/ --out runs/best --preset runs/search/best.json
"""


def tune(
    data: DataOption,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="The folder of the search.", show_default=False),
    ],
    trials: Annotated[
        int, typer.Option("--trials", metavar="N", min=1, help="Trials in all.")
    ] = 20,
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            metavar="NAME",
            help="learning_rate, weight_decay, dropout, label_smoothing, batch_size, degradation; "
            "all where none is named.",
            show_default=False,
        ),
    ] = None,
    model: NetworkOption = None,
    preset: PresetOption = None,
    pretrained: PretrainedOption = None,
    epochs: EpochsOption = None,
    changes: SetOption = None,
    device: TrainDeviceOption = None,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, search, print."""
    from unmask.data.reading import read_data
    from unmask.errors import UsageError
    from unmask.training.tune import SPACE
    from unmask.training.tune import tune as tune_settings

    quieten()
    searched = tuple(search or SPACE)
    unknown = sorted(set(searched) - set(SPACE))
    if unknown:
        message = f"--search knows {', '.join(SPACE)}, got {unknown[0]!r}"
        raise UsageError(message)
    settings = make_settings(preset, changes, model, pretrained, _name(device), epochs)
    dataset = read_data(data, positive=positive.value if positive else None, val_share=0.0)
    typer.echo(dataset.describe())
    best = tune_settings(dataset.manifest, settings, out, trials=trials, searched=searched)
    rate = best.phases[0].learning_rate
    typer.echo(f"best settings written to {out / 'best.json'} (learning rate {rate:.3g})")


def _name(device: Device | None) -> str | None:
    return device.value if device else None
