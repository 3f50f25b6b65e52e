"""`unmask import-keras`: a network that was trained in Keras, as a model folder."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import Annotated, Final

import typer

from unmask.doors.commands.data import Positive

IMPORT_KERAS_HELP: Final = """Make a model folder of a network that was trained in Keras.

FILE is a .keras or .h5 file of a whole network (one sigmoid or two softmax outputs). It is loaded \
without TensorFlow; a file that needs code of its own (a Lambda layer, a custom class) is refused, \
never executed. The exported network must give what Keras gives on drawn pictures and on those of \
--check. What the file does not say is asked for, not guessed.

\b
Examples:
  unmask import-keras model.h5 --positive real --input-range 0-1 --out models/mine
  unmask import-keras best.keras --positive fake --out models/mine --check some/pictures
  unmask detect --model models/mine photo.jpg
"""
SHOWN: Final = 20
"""Most pictures whose scores are printed."""


class InputRange(StrEnum):
    """What pictures are before they go into the network."""

    UNIT = "0-1"
    BYTES = "0-255"
    SIGNED = "-1-1"
    IMAGENET = "imagenet"
    CAFFE = "caffe"


def import_keras(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .keras or .h5 file.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="The model folder to write.", show_default=False),
    ],
    positive: Annotated[
        Positive | None,
        typer.Option(
            "--positive",
            help="What an output of 1 (of two outputs, the second) stands for.",
            show_default=False,
        ),
    ] = None,
    input_range: Annotated[
        InputRange | None,
        typer.Option(
            "--input-range",
            help="Range of the pictures that the network was fed with; imagenet and caffe are "
            "preprocess_input of densenet and of resnet50. Default: what its first layer says.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            metavar="S",
            min=1,
            help="Side of the pictures in pixels. Default: what the file says.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the model. Default: the file's.", show_default=False),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="DIR",
            help="Pictures to compare on and to show the scores of; folders real and fake in it "
            "also tell whether --positive is right.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Parse, import, say what was found."""
    from unmask.models import keras_import as verb

    answers = verb.Answers(
        positive=positive.value if positive else None,
        input_range=input_range.value if input_range else None,
        size_px=size,
    )
    done = verb.import_keras(file, answers, out, name=name, check=check)
    for source, score in done.scores[:SHOWN]:
        typer.echo(f"{score:.4f}  {source}")
    for left_out in done.left_out:
        typer.echo(f"unmask: left out: {left_out}", err=True)
    for note in (*done.notes, *_warn_if_reversed(done.scores)):
        typer.echo(f"note: {note}")
    typer.echo(f"same as Keras on {done.checked} pictures (largest difference {done.worst:.1e})")
    typer.echo(f"written to {done.folder}; uncalibrated: unmask detect --model {done.folder} FILE")


def _warn_if_reversed(scores: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    """Whether pictures in folders called real score higher than those in folders called fake."""
    means = {}
    for kind in Positive:
        known = [score for source, score in scores if Path(source).parent.name.lower() == kind]
        if not known:
            return ()
        means[kind] = fmean(known)
    said = (
        f"mean score {means[Positive.REAL]:.3f} under real, {means[Positive.FAKE]:.3f} under fake"
    )
    if means[Positive.REAL] > means[Positive.FAKE]:
        return (f"{said}: the wrong way around; is --positive right?",)
    return (said,)
