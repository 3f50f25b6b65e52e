"""The settings of a training, one line each."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class TrainSettings(BaseModel):
    """Everything that decides a training; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "mobilenetv2"
    pretrained: str = "no"
    """`yes`, `no` or a safetensors file."""
    epochs: Annotated[int, Field(ge=1)] = 4
    batch_size: Annotated[int, Field(ge=2)] = 32
    learning_rate: Positive = 6e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    label_smoothing: Share = 0.01
    dropout: Share = 0.2
    ema_decay: Share = 0.998
    """Of the averaged weights that are validated and kept; 0 keeps the last step's."""
    crop_px: int | None = 224
    """Side of the random crop that training sees; validation and detection see the whole crop."""
    augment: dict[str, Share] = {"flip": 1.0}
    """Probability of each augmentation by name."""
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "bf16-mixed"
    seed: int = 42
    workers: Annotated[int, Field(ge=0)] = 1
