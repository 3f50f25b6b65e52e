"""`unmask export`: a model in another form."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.options import Device, DeviceOption, ModelArgument

if TYPE_CHECKING:
    from unmask.models.card import ModelCard
    from unmask.training.gather import LabelledCrops

EXPORT_HELP: Final = """Write a model in another form, checked against the original.

onnx copies the model into a folder of its own; openvino writes OpenVINO's IR (model.xml, \
model.bin), which runs with --engine openvino alone; int8 computes in 8-bit integers: smaller and \
faster, a little less exact. The folder is a model like any other for detect and all other \
commands. Nothing is written where the new form does not answer as the original: the same logits, \
and for int8 the same calls on 95 % of faces and at most 0.01 of AUC lost.

--data gives faces to check on, and int8 its faces to calibrate on; their test split stays unseen.

\b
Examples:
  unmask export runs/mine --format openvino --out mine-ir/
  unmask export runs/mine --format int8 --data faces/ --out mine-int8/
"""


class ExportFormat(StrEnum):
    """The forms of a model."""

    ONNX = "onnx"
    OPENVINO = "openvino"
    INT8 = "int8"


ModelFolderOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        help="A new or empty folder, or one with an earlier model, which is replaced.",
        show_default=False,
    ),
]


def export(
    model: ModelArgument,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="The form to write.", show_default=False)
    ],
    out: ModelFolderOption,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="PATH", help="A folder, a table or a zip file.", show_default=False
        ),
    ] = None,
    positive: PositiveOption = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of the choice of faces.")
    ] = 42,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Parse, gather faces, convert, print."""
    from unmask.models.library import check_place, open_model
    from unmask.training.convert import convert

    folder = open_model(model)
    check_place(out)
    word = positive.value if positive else None
    crops = _gather(data, word, folder.card, seed) if data else None
    if crops is None and form is not ExportFormat.INT8:
        typer.echo("checked on generated pictures; --data checks on faces")
    for agreement in convert(folder, form.value, out, crops, device=device.value):
        typer.echo(agreement.describe())
    typer.echo(f"written to {out}; use it with: unmask detect --model {out}")


def _gather(data: Path, positive: str | None, card: "ModelCard", seed: int) -> "LabelledCrops":
    from unmask.data.reading import read_data
    from unmask.training.convert import MOST_CROPS
    from unmask.training.gather import gather_crops

    dataset = read_data(data, positive=positive)
    typer.echo(dataset.describe())
    return gather_crops(dataset.manifest, card, most=MOST_CROPS, seed=seed)
