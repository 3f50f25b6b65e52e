"""Options that several commands share."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How answers are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"


class Engine(StrEnum):
    """What runs the network."""

    AUTO = "auto"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"


class Device(StrEnum):
    """What computes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


def check_positive(value: float | None) -> float | None:
    """Refuse zero, negative numbers, infinity and NaN."""
    if value is not None and not (math.isfinite(value) and value > 0):
        message = f"must be a number above 0, got {value}"
        raise typer.BadParameter(message)
    return value


def check_unit(value: float | None) -> float | None:
    """Refuse what lies outside [0, 1], and NaN."""
    if value is not None and not 0.0 <= value <= 1.0:  # also refuses NaN
        message = f"must lie in [0, 1], got {value}"
        raise typer.BadParameter(message)
    return value


ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|PATH",
        help="A model by name (see unmask models) or its folder. Default: the first bundled one.",
        show_default=False,
    ),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model by name (see unmask models) or folder.",
        show_default=False,
    ),
]
DataOption = Annotated[
    Path,
    typer.Option(
        "--data", metavar="PATH", help="A folder, a table or a zip file.", show_default=False
    ),
]
PolicyOption = Annotated[
    str,
    typer.Option("--policy", metavar="NAME", help="Which thresholds of the model's card decide."),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="T",
        callback=check_unit,
        help="Score in [0, 1] from which the verdict is fake, below it real; replaces the policy.",
        show_default=False,
    ),
]
EngineOption = Annotated[Engine, typer.Option("--engine", help="What runs the network.")]
DeviceOption = Annotated[
    Device,
    typer.Option("--device", help="What computes; cuda and mps need a build of ONNX Runtime."),
]
HostOption = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Listen there; 0.0.0.0 is every network.")
]
PortOption = Annotated[
    int,
    typer.Option("--port", metavar="N", min=0, max=65535, help="Listen there; 0 takes a free one."),
]
FramesOption = Annotated[
    int,
    typer.Option("--frames", metavar="N", min=1, help="Clips: how many frames are looked at."),
]
FpsOption = Annotated[
    float | None,
    typer.Option(
        "--fps",
        metavar="F",
        callback=check_positive,
        help="Clips: look at F frames of each second instead of --frames in all.",
        show_default=False,
    ),
]
CropsOption = Annotated[
    bool,
    typer.Option(
        "--crops",
        help="Square pictures of up to 512 px are face crops, as in data sets: take them whole and "
        "look for no face.",
    ),
]
