"""`unmask calibrate`: a model for somebody's own cameras and pictures."""

from typing import Annotated, Final

import typer

from unmask.doors.commands.data import PositiveOption
from unmask.doors.commands.evaluate import Split, show_progress
from unmask.doors.commands.export import ModelFolderOption
from unmask.doors.commands.options import DataOption, Device, DeviceOption, ModelArgument

CALIBRATE_HELP: Final = """Fit a model's scores and thresholds to your own pictures.

The network stays as it is; its calibration and the thresholds of every policy are fitted anew to \
labelled pictures and clips like those that it will be asked about, and written as a new model \
with a card of its own. Uses the validation split where the data have splits, else all of them.

\b
Examples:
  unmask calibrate unmask-mobilenetv2 --data our-cameras/ --out models/ours
  unmask detect --model models/ours --policy fpr_1 photo.jpg
"""


def calibrate(
    model: ModelArgument,
    data: DataOption,
    out: ModelFolderOption,
    split: Annotated[
        Split | None,
        typer.Option(
            "--split",
            help="Which part of the data. Default: val, or all where the data have no splits.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = Device.AUTO,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of the folds that are judged.")
    ] = 42,
    positive: PositiveOption = None,
) -> None:
    """Parse, read the data, fit, write, print."""
    from unmask.data.reading import read_data
    from unmask.evaluation.assess import choose_samples
    from unmask.evaluation.recalibrate import recalibrate, rename
    from unmask.models.library import check_place, open_model, write_model

    folder = open_model(model)
    check_place(out)
    dataset = read_data(data, positive=positive.value if positive else None)
    typer.echo(dataset.describe())
    has_splits = any(sample.split for sample in dataset.manifest)
    wished = split.value if split else ("val" if has_splits else "all")
    samples, chosen = choose_samples(dataset.manifest, wished)
    found = recalibrate(
        folder,
        samples,
        dataset.name,
        seed=seed,
        device=device.value,
        observe=show_progress(len(samples)),
    )
    write_model(rename(found.card, out), folder.weights_path, out, domain=folder.domain_path)
    counts = found.counts
    typer.echo(
        f"\nfitted to {counts['real']} reals and {counts['fake']} fakes, split {chosen}; "
        f"{counts['not_scored']} were not scored"
    )
    typer.echo(f"{'policy balanced':18} {'before':>8} {'after':>8}   (after: cross-fitted)")
    for key, value in found.before.items():
        typer.echo(f"{key.replace('_', ' '):18} {value:8.4f} {found.after[key]:8.4f}")
    for warning in found.warnings:
        typer.echo(f"unmask: {warning}", err=True)
    typer.echo(f"written to {out}; use it with: unmask detect --model {out}")
