"""`unmask ensemble`: several models as one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.export import ModelFolderOption
from unmask.doors.commands.options import Device, DeviceOption

ENSEMBLE_HELP: Final = """Combine models into one that is used like any other.

mean gives each the same say and needs no data; weighted fits a share of it to each, stacked a \
logistic regression on what they say, both on the validation split of --data (the test split stays \
unseen). With data the result is calibrated anew and gets its own thresholds; without, it takes \
over its members'. Members may take pictures of different sizes, but must cut faces alike. Their \
maps are the first one's.

\b
Examples:
  unmask ensemble runs/one runs/two --out both/
  unmask ensemble runs/one runs/two runs/three --method stacked --data faces/ --out all/
  unmask detect --model all/ photo.jpg
"""


class Method(StrEnum):
    """How the members are weighted."""

    MEAN = "mean"
    WEIGHTED = "weighted"
    STACKED = "stacked"


def ensemble(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Two or more models by name (see unmask models) or folder.",
            show_default=False,
        ),
    ],
    out: ModelFolderOption,
    method: Annotated[
        Method, typer.Option("--method", help="How they are weighted.")
    ] = Method.MEAN,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="PATH",
            help="A folder, a table or a zip file with a validation split.",
            show_default=False,
        ),
    ] = None,
    positive: PositiveOption = None,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", min=0, help="Of the changes that calibration sees."),
    ] = 42,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Parse, read the data, combine, print."""
    from unmask.data.reading import read_data
    from unmask.models.ensemble import check_members
    from unmask.models.library import check_place, open_model
    from unmask.training.combine import combine

    check_place(out)
    folders = [open_model(model) for model in models]
    check_members(folders)
    manifest = None
    if data:
        dataset = read_data(data, positive=positive.value if positive else None)
        typer.echo(dataset.describe())
        manifest = dataset.manifest
    found = combine(
        folders, out, method=method.value, manifest=manifest, seed=seed, device=device.value
    )
    for member in found.card.members:
        typer.echo(f"{member.name} {member.version}: weight {member.weight:.4g}")
    typer.echo(f"the one graph answers as its members do: logit within {found.gap:.2g}")
    typer.echo(f"written to {out}; use it with: unmask detect --model {out}")
