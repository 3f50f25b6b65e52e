"""The settings of a training, one line each; presets are TOML files of them."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unmask.errors import UsageError
from unmask.models.zoo import Head, input_side

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

PRESETS: Final = files("unmask.training") / "presets"


class Phase(BaseModel):
    """One stretch of training with its own schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: Count
    learning_rate: Positive
    trains: Literal["all", "head"] = "all"
    """`head` keeps the backbone as it is, its normalisation statistics included."""
    schedule: Literal["constant", "onecycle", "cosine", "plateau"] = "constant"
    plateau_patience: Count = 4
    """Epochs without a lower validation loss before the rate falls to a tenth."""
    min_learning_rate: Annotated[float, Field(ge=0)] = 1e-7
    stop_patience: Count | None = None
    """Epochs without a lower validation loss before the phase ends; None trains all of them."""


class TrainSettings(BaseModel):
    """Everything that decides a training; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "mobilenetv2"
    head: Head = "linear"
    pretrained: str = "no"
    """`yes`, `no`, a safetensors file or a run folder."""
    input_px: Annotated[int, Field(ge=16, le=2048)] | None = None
    """Side of the crops that detection sees; the network's own where None."""
    crop_px: Annotated[int, Field(ge=16)] | None = None
    """Side of the random crop that training sees of them; None for all."""
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)] = (
        Phase(epochs=10, learning_rate=1e-3, schedule="onecycle"),
    )
    batch_size: Annotated[int, Field(ge=2)] = 32
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    dense_l2: Annotated[float, Field(ge=0)] = 0.0
    """L2 penalty on the weights of the head's dense layer, as Keras adds it to the loss."""
    gradient_clip: Annotated[float, Field(ge=0)] = 1.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    label_smoothing: Share = 0.0
    dropout: Share = 0.2
    ema_decay: Share = 0.0
    """Of the averaged weights that are validated and kept; 0 keeps the last step's."""
    augment: dict[str, Share] = {"flip": 1.0}
    """Probability of each augmentation by name (see `unmask.training.transforms`)."""
    self_blend: Share = 0.0
    """Probability that a real face is blended into itself and becomes a fake (see `blending`)."""
    balance: Literal["none", "class", "source"] = "none"
    """What is drawn equally often: as it comes, both classes, or every data set of each class."""
    source_weights: dict[str, Positive] = {}
    """With balance `source`, how much more often than the others of its class a data set is drawn,
    by name; 1 where not named."""
    epoch_samples: Annotated[int, Field(ge=2)] | None = None
    """Faces drawn for an epoch, with replacement; all of them where None."""
    consistency: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the agreement between a face as it is and as delivery leaves it; each step sees
    both, which doubles its work. 0 leaves it out."""
    mixup: Annotated[float, Field(ge=0)] = 0.0
    """Alpha of MixUp (Zhang et al. 2018, arXiv 1710.09412); 0 leaves it out."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    processes: Count = 1
    """Processes that share each batch (distributed data parallel)."""
    workers: Annotated[int, Field(ge=0)] = 1
    clip_frames: Count = 8
    """Frames cut from each clip of the data."""
    val_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    seed: Annotated[int, Field(ge=0)] = 42

    @model_validator(mode="after")
    def _weighted_sources(self) -> "TrainSettings":
        if self.source_weights and self.balance != "source":
            message = f"source_weights need balance = 'source', got {self.balance!r}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _one_way_of_mixing(self) -> "TrainSettings":
        if self.mixup and self.consistency:
            message = "mixup and consistency cannot be combined: set one of them to 0"
            raise ValueError(message)
        return self

    def side_px(self) -> int:
        """Side S of the crops that detection sees."""
        return self.input_px or input_side(self.model)


def list_presets() -> list[str]:
    """The names of the presets in the package."""
    names = (entry.name for entry in PRESETS.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def limit_epochs(settings: TrainSettings, epochs: int) -> TrainSettings:
    """The same settings with at most so many epochs in every phase."""
    phases = tuple(
        phase.model_copy(update={"epochs": min(epochs, phase.epochs)}) for phase in settings.phases
    )
    return settings.model_copy(update={"phases": phases})


def load_settings(
    preset: str | None = None, overrides: Sequence[str] = (), **given: Any
) -> TrainSettings:
    """Settings from a preset, then single keys, then values given by name (None: not given).

    Args:
        preset: a preset's name, a TOML file or a run's settings.json; the defaults where None.
        overrides: `key=value` with a TOML value; `phases.0.epochs=3` reaches into phases.
        given: settings by name.

    Raises:
        UsageError: there is no such preset or key, or a value does not fit.
    """
    table = TrainSettings().model_dump(mode="json") | (_read_preset(preset) if preset else {})
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            message = f"--set expects key=value, got {override!r}"
            raise UsageError(message)
        _put(table, key.strip().split("."), _parse(text.strip()), override)
    table |= {key: value for key, value in given.items() if value is not None}
    try:
        return TrainSettings.model_validate(table)
    except ValidationError as error:
        raise UsageError(_explain(error)) from error


def _read_preset(preset: str) -> dict[str, Any]:
    path = Path(preset)
    if path.suffix in {".toml", ".json"}:
        if not path.is_file():
            message = f"there is no preset file {preset!r}"
            raise UsageError(message)
        text = path.read_text(encoding="utf-8")
    elif preset in list_presets():
        text = (PRESETS / f"{preset}.toml").read_text(encoding="utf-8")
    else:
        message = f"there is no preset {preset!r}; there are {', '.join(list_presets())}"
        raise UsageError(message)
    try:
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        message = f"preset {preset!r} is no valid {path.suffix[1:].upper() or 'TOML'}: {error}"
        raise UsageError(message) from error
    if not isinstance(table, dict):
        message = f"preset {preset!r} must hold a table of settings, got {type(table).__name__}"
        raise UsageError(message)
    return table


def _parse(text: str) -> Any:
    """A TOML value; what is none is taken as text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(table: Any, path: Sequence[str], value: Any, override: str) -> None:
    *above, last = path
    try:
        for key in above:
            table = table[int(key)] if isinstance(table, list) else table.setdefault(key, {})
        table[int(last) if isinstance(table, list) else last] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        message = f"--set {override}: there is no such place in the settings"
        raise UsageError(message) from error


def _explain(error: ValidationError) -> str:
    problems = [
        f"{'.'.join(map(str, item['loc']))}: {item['msg']} (got {_short(item['input'])})"
        for item in error.errors()[:5]
    ]
    return f"{error.error_count()} setting(s) do not fit: " + "; ".join(problems)


def _short(value: Any) -> str:
    text = repr(value if not isinstance(value, Mapping) else dict(value))
    return text if len(text) <= 60 else text[:57] + "..."
