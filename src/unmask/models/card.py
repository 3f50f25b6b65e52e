"""The model card: all that decides besides the weights, in one JSON file next to them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from unmask.errors import ModelError
from unmask.files import write_whole

CARD_NAME: Final = "card.json"
WEIGHTS_NAME: Final = "model.onnx"
MAX_CARD_BYTES: Final = 4 * 1024 * 1024

Unit = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CropCard(_Part):
    """The crop geometry (see `unmask.media.faces.CropGeometry`)."""

    size_px: Annotated[int, Field(ge=16, le=2048)]
    margin: Annotated[float, Field(gt=0.5, le=4)]
    shift_y: Annotated[float, Field(ge=-1, le=1)]
    whole_frame_from: Annotated[float, Field(gt=0, le=1)]


class CalibrationCard(_Part):
    """Platt scaling: probability = sigmoid(slope * logit + offset)."""

    slope: Annotated[float, Field(gt=0)] = 1.0
    """The inverse of the temperature."""
    offset: float = 0.0
    data: str = ""
    """On which split it was fitted."""


MISSED_FAKES: Final = 0.01
"""REAL is said only of scores so low that at most this share of validation fakes lies there."""


class PolicyCard(_Part):
    """Where the verdicts lie on the score."""

    threshold: Unit
    """At or above it the verdict is FAKE."""
    real_below: Unit
    """Below it the verdict is REAL; between the two it is UNCERTAIN."""
    meaning: str

    @model_validator(mode="after")
    def _ordered(self) -> "PolicyCard":
        if self.real_below > self.threshold:
            message = (
                f"real_below must not exceed threshold, got {self.real_below} > {self.threshold}"
            )
            raise ValueError(message)
        return self


class DataCard(_Part):
    """One data set that the model was trained, calibrated or tested on."""

    name: str
    split: Literal["train", "val", "test"]
    real: Count
    fake: Count
    sha256: Sha256
    """Of names, labels and splits."""
    licence: str = ""


class MetricCard(_Part):
    """One measured figure."""

    name: str
    value: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    data: str
    level: Literal["frame", "video"] = "frame"
    n: Count


def _check_plain(name: str) -> str:
    if Path(name).name != name or name in {"", ".", ".."} or "\\" in name or ":" in name:
        message = f"the weights must lie beside the card, got {name!r}"
        raise ValueError(message)
    return name


PlainName = Annotated[str, AfterValidator(_check_plain)]


class FileCard(_Part):
    """A further file that the weights need, as the `.bin` of an OpenVINO IR."""

    file: PlainName
    sha256: Sha256


class WeightsCard(_Part):
    """The file that an engine opens, and what it needs beside it."""

    file: PlainName = WEIGHTS_NAME
    sha256: Sha256
    size_bytes: Count
    """Of all files together."""
    parameters: Count
    beside: tuple[FileCard, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> "WeightsCard":
        names = [self.file, *(part.file for part in self.beside)]
        if CARD_NAME in names or len(set(names)) < len(names):
            message = f"the weights' files must differ from each other and the card, got {names}"
            raise ValueError(message)
        return self


class TrainingCard(_Part):
    """How the weights came to be, as far as it was logged."""

    pretrained: str
    """`yes` (ImageNet, from the hub), `no`, or the name of a weights file."""
    epochs: Count
    """Of all phases together."""
    samples: Count
    """Faces trained on in an epoch."""
    seconds: Annotated[float, Field(ge=0)]
    """Of the steps of training; validation is not counted."""
    images_per_s: Annotated[float, Field(gt=0)]
    """Faces trained on in a second, waiting for them included."""
    wait_share: Annotated[float, Field(ge=0, le=1)]
    """Share of that time in which nothing was computed because no batch was ready."""


class EvidenceCard(_Part):
    """Bounds beyond which a face gives no ground for a verdict; None bounds nothing.

    The quantities are those of `unmask.records.Evidence`.
    """

    least_face_px: Annotated[float, Field(gt=0)] | None = None
    least_sharpness: Annotated[float, Field(gt=0)] | None = None
    most_blockiness: Annotated[float, Field(gt=1)] | None = None
    data: str = ""
    """On what they were chosen, and how."""

    @property
    def bounds_anything(self) -> bool:
        """Whether evidence is worth measuring."""
        bounds = (self.least_face_px, self.least_sharpness, self.most_blockiness)
        return any(bound is not None for bound in bounds)


class DomainCard(_Part):
    """The description of the training faces' features (see `unmask.models.domain`)."""

    file: PlainName = "domain.npz"
    sha256: Sha256
    limit: Annotated[float, Field(gt=0)]
    """The distance above which a face is unlike the training faces."""
    faces: Count
    """That were described."""
    kept_back: Count
    """Further ones, by which the limit was set."""
    beyond: Unit
    """The share of these that lies beyond it."""
    data: str = ""


class MemberCard(_Part):
    """A model that went into an ensemble."""

    name: str
    version: str
    sha256: Sha256
    weight: float
    """Factor of its calibrated log-odds."""


class ModelCard(_Part):
    """What decides, what it was made from, what it was measured at and what it is not for."""

    format: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: str
    architecture: str
    crop: CropCard
    mean: tuple[float, float, float]
    """Taken from each channel in [0, 1]; the exported network does it itself."""
    std: tuple[float, float, float]
    calibration: CalibrationCard
    policies: dict[str, PolicyCard]
    weights: WeightsCard
    evidence: EvidenceCard = EvidenceCard()
    domain: DomainCard | None = None
    """None where nobody described the training faces."""
    members: tuple[MemberCard, ...] = ()
    """The models that an ensemble was made of."""
    training: TrainingCard | None = None
    data: tuple[DataCard, ...] = ()
    metrics: tuple[MetricCard, ...] = ()
    seed: int | None = None
    versions: dict[str, str] = {}
    licence: str = ""
    intended_use: str = ""
    limits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_balanced(self) -> "ModelCard":
        if "balanced" not in self.policies:
            message = f"policies must contain 'balanced', got {sorted(self.policies)}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _domain_apart(self) -> "ModelCard":
        taken = {CARD_NAME, self.weights.file, *(part.file for part in self.weights.beside)}
        if self.domain and self.domain.file in taken:
            message = f"domain.file must differ from the other files, got {self.domain.file!r}"
            raise ValueError(message)
        return self

    def write(self, folder: Path) -> None:
        """Write `card.json` into the model folder."""
        text = json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)
        write_whole(folder / CARD_NAME, text + "\n")


def read_card(folder: Path) -> ModelCard:
    """Read and check `card.json` of a model folder.

    Raises:
        ModelError: the card is missing, no JSON, or has missing, unknown or impossible entries.
    """
    path = folder / CARD_NAME
    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            message = f"{path} is larger than {MAX_CARD_BYTES} bytes; this is no model card"
            raise ModelError(message)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        message = f"{folder} is no model folder: it has no {CARD_NAME}"
        raise ModelError(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise ModelError(message) from error
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        raise ModelError(_explain(path, error)) from error


def _explain(path: Path, error: ValidationError) -> str:
    problems = [
        f"{'.'.join(map(str, item['loc'])) or 'card'}: {item['msg']}" for item in error.errors()[:5]
    ]
    return f"{path} has {error.error_count()} error(s): " + "; ".join(problems)


def plain_name(text: str, otherwise: str) -> str:
    """A name that a card may have, made of any text; `otherwise` where nothing of it is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:64] or otherwise


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
