"""From a file that Keras wrote to a model folder: checked, loaded, opened, exported, compared."""

import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from unmask.errors import ModelError, UsageError
from unmask.media.faces import CropGeometry
from unmask.models.card import (
    WEIGHTS_NAME,
    CalibrationCard,
    CropCard,
    ModelCard,
    PolicyCard,
    plain_name,
)
from unmask.models.engine import open_engine
from unmask.models.export import describe_weights, export_onnx
from unmask.models.keras_file import KerasFile, check_file
from unmask.models.keras_graph import End, find_range, open_output
from unmask.models.keras_samples import cut_pictures, draw_samples
from unmask.models.library import write_model
from unmask.models.zoo import TENSORFLOW_NORM, FaceNet, Normalisation, Outputs
from unmask.records import Pixels

TOLERANCE: Final = 1e-4
"""How far a probability may lie from the one that Keras gives."""
EVEN_ODDS: Final = 0.5
MIN_SIDE_PX: Final = 16
MAX_SIDE_PX: Final = 2048
_BATCH: Final = 8

_CLIP: Final = 1e-7
"""Keras' own epsilon, to which its losses clip probabilities."""


ASK_POSITIVE: Final = (
    "--positive real|fake: what an output of 1 (of two outputs, the second) stands for. Keras "
    "sorts class folders by name, so after flow_from_directory on fake/ and real/ it is real; "
    "train.class_indices tells, or the prediction for a picture that you know"
)
ASK_RANGE: Final = (
    "--input-range: what was done to pictures before the network. 0-1: rescale=1/255 or x/255; "
    "-1-1: preprocess_input of xception, mobilenet, inception, resnet_v2; caffe: preprocess_input "
    "of resnet50, vgg; imagenet: preprocess_input of densenet; 0-255: nothing, or it is done inside"
)
ASK_SIZE: Final = (
    "--size: the side in pixels of the pictures it was trained on (target_size, image_size), since "
    "the file takes any"
)


class InputRange(NamedTuple):
    """What a network wants its pictures to be."""

    norm: Normalisation
    """Of a picture in [0, 1], in the order red, green, blue."""
    bgr: bool = False
    """Whether it wants blue first."""


_BYTES: Final = (1 / 255, 1 / 255, 1 / 255)
RANGES: Final[Mapping[str, InputRange]] = {
    "0-1": InputRange(Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))),
    "0-255": InputRange(Normalisation((0.0, 0.0, 0.0), _BYTES)),
    "-1-1": InputRange(TENSORFLOW_NORM),
    "imagenet": InputRange(Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))),
    "caffe": InputRange(
        Normalisation((123.68 / 255, 116.779 / 255, 103.939 / 255), _BYTES), bgr=True
    ),
}
"""By name; the last two are the modes `torch` and `caffe` of Keras' preprocess_input.

Source: keras/src/applications/imagenet_utils.py (Apache 2.0).
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person knows of a file that the file does not say; None where it was not said."""

    positive: Literal["real", "fake"] | None = None
    """What an output of 1 stands for."""
    input_range: str | None = None
    """One of `RANGES`."""
    size_px: int | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A model folder that was made from a Keras file."""

    folder: Path
    card: ModelCard
    checked: int
    """How many pictures Keras and the exported network agreed on."""
    worst: float
    """The largest difference of their probabilities."""
    scores: tuple[tuple[str, float], ...]
    """Probability of fake of each picture of the folder to check on."""
    left_out: tuple[str, ...]
    """What could not be read in that folder."""
    notes: tuple[str, ...]
    """What a person should know of the choices."""


def import_keras(
    path: Path, answers: Answers, out: Path, *, name: str | None = None, check: Path | None = None
) -> Imported:
    """Make a model folder of a `.keras` or `.h5` file.

    Args:
        path: the file; code in it is refused, never executed.
        answers: what the file does not say.
        out: the model folder to write; an earlier one is replaced.
        name: the model's name; the file's where None.
        check: a folder of pictures on which both must agree, besides drawn ones.

    Raises:
        ModelError: the file is damaged, needs code, or is no network for one face crop.
        UsageError: something was not said that the file does not say, or contradicts it.
    """
    chosen = _choose_name(name, path)
    with tempfile.TemporaryDirectory() as scratch, _keras_on_torch() as keras:
        file = check_file(path, Path(scratch))
        model = _load(keras, file, path)
        plan = _settle(model, answers)
        pictures = cut_pictures(check, CropGeometry(size_px=plan.size_px))
        samples = np.concatenate([draw_samples(plan.size_px), *pictures.crops])
        given = _predict(model, plan.wanted, samples)
        end = open_output(model, given.shape[1], from_logits=file.from_logits)
        network = KerasNet(model, plan.wanted, sign=plan.sign, end=end)
        weights = Path(scratch) / WEIGHTS_NAME
        export_onnx(network, plan.size_px, weights, samples[::-1])
        fake = _run_exported(weights, samples)
        worst = _compare(fake, _fake_probability(given, plan.sign, end))
        card = _describe(chosen, network, plan, weights)
        write_model(card, weights, out)
    own = fake[len(samples) - len(pictures.sources) :]
    scores = tuple(zip(pictures.sources, map(float, own), strict=True))
    return Imported(out, card, len(samples), worst, scores, pictures.left_out, plan.notes)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known of a network, from its file and from a person."""

    architecture: str
    size_px: int
    wanted: InputRange
    sign: int
    notes: tuple[str, ...]


def _choose_name(name: str | None, path: Path) -> str:
    if name is None:
        return plain_name(path.stem, "keras")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        message = f"name must be letters, digits, dots, dashes, at most 64, got {name!r}"
        raise UsageError(message)
    return name


@contextmanager
def _keras_on_torch() -> Iterator[Any]:
    """Keras on the torch backend and the CPU, whatever this user's settings of it are."""
    keras = start_keras()
    with keras.device("cpu"), warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"keras\.")
        warnings.filterwarnings(
            "ignore", r"[^Y]*You are using a softmax over axis"
        )  # refused later
        yield keras


def start_keras() -> Any:
    """Import Keras on the torch backend, without its settings file in the home folder.

    Raises:
        UsageError: this process uses Keras on another backend already.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "torch"
        before = os.environ.get("KERAS_HOME")
        with tempfile.TemporaryDirectory() as home:
            os.environ["KERAS_HOME"] = home
            try:
                import keras  # type: ignore[import-untyped]
            finally:
                del os.environ["KERAS_HOME"]
                if before is not None:
                    os.environ["KERAS_HOME"] = before
    import keras

    if keras.backend.backend() != "torch":
        message = (
            f"this process uses Keras on {keras.backend.backend()}, but importing needs it on "
            "torch; import the file in a process of its own"
        )
        raise UsageError(message)
    return keras


def _load(keras: Any, file: KerasFile, path: Path) -> Any:
    try:
        return keras.saving.load_model(file.path, compile=False, safe_mode=True)
    except Exception as error:  # Keras has no base of its errors
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        first = lines[0][:300] if lines else type(error).__name__
        message = (
            f"{path} holds a network that Keras {keras.__version__} cannot rebuild: {first}; "
            "load it in the Keras that wrote it and save it in the other format, .keras or .h5"
        )
        raise ModelError(message) from error


def _settle(model: Any, answers: Answers) -> _Plan:
    """Put together what the file and what a person says; complain of all that lacks at once."""
    side = _find_side(model)
    said = find_range(model)
    size, given = answers.size_px or side, answers.input_range or said
    lacking = [] if answers.positive else [ASK_POSITIVE]
    lacking += [] if given else [ASK_RANGE]
    lacking += [] if size else [ASK_SIZE]
    if lacking or given is None or size is None:
        message = "the file does not say, and it is not guessed:\n  " + "\n  ".join(lacking)
        raise UsageError(message)
    if side and size != side:
        message = f"size {size} was asked for, but the network takes pictures of {side} px"
        raise UsageError(message)
    if given not in RANGES:
        message = f"input range must be one of {', '.join(RANGES)}, got {given!r}"
        raise UsageError(message)
    if not MIN_SIDE_PX <= size <= MAX_SIDE_PX:
        message = f"size must lie in {MIN_SIDE_PX} to {MAX_SIDE_PX} px, got {size}"
        raise UsageError(message)
    notes = [f"pictures of {size} px, range {given}" + ("" if said is None else " (from the file)")]
    if said not in (None, given):
        notes = [
            f"the network begins with a layer made for pictures in {said}, but {given} was said; "
            f"right only if its training pictures were in {given} too"
        ]
    sign = 1 if answers.positive == "fake" else -1
    return _Plan(f"keras {model.name}"[:80], size, RANGES[given], sign, tuple(notes))


def _find_side(model: Any) -> int | None:
    """Side of the pictures that a network takes, None where it takes any."""
    try:
        given, gives = model.input_shape, model.output_shape
    except AttributeError:
        message = "the file does not say what pictures the network takes; save it after training"
        raise ModelError(message) from None
    shapes = (given, gives)
    if not all(
        isinstance(s, tuple) and all(d is None or isinstance(d, int) for d in s) for s in shapes
    ):
        message = f"the network must take one picture and give one answer, got {given} to {gives}"
        raise ModelError(message)
    if len(given) != 4 or given[3] != 3:
        message = f"the network must take colour pictures (N, S, S, 3), got {given}"
        raise ModelError(message)
    if given[1] != given[2]:
        message = (
            f"the network takes pictures of {given[2]}x{given[1]} px; only squares are supported, "
            "since faces are cut out as squares and must not be stretched"
        )
        raise ModelError(message)
    if len(gives) != 2 or gives[1] not in (1, 2):
        message = (
            f"the network gives {gives}, expected (N, 1) or (N, 2): one sigmoid output or two "
            "softmax outputs for real and fake; networks with more classes cannot be imported"
        )
        raise ModelError(message)
    side: int | None = given[1]
    return side


def _predict(model: Any, wanted: InputRange, samples: Pixels) -> npt.NDArray[np.float64]:
    """What Keras gives for pictures (N, S, S, 3), as the file has it."""
    given = []
    for start in range(0, len(samples), _BATCH):
        scaled = (samples[start : start + _BATCH] / 255 - wanted.norm.mean) / wanted.norm.std
        ordered = scaled[..., ::-1] if wanted.bgr else scaled
        batch = torch.from_numpy(ordered.astype(np.float32))
        given.append(model(batch, training=False).detach().numpy().astype(np.float64))
    return np.concatenate(given)


def _fake_probability(
    given: npt.NDArray[np.float64], sign: int, end: End
) -> npt.NDArray[np.float64]:
    """Probability of fake (N,) from what Keras gave."""
    if end is End.LOGITS:
        logit = given[:, 0] if given.shape[1] == 1 else given[:, 1] - given[:, 0]
        return _sigmoid(sign * logit)
    positive = given[:, -1]
    return positive if sign > 0 else 1 - positive


def _sigmoid(logit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    scores: npt.NDArray[np.float64] = np.exp(-np.logaddexp(0, -logit))
    return scores


def _run_exported(weights: Path, samples: Pixels) -> npt.NDArray[np.float64]:
    engine = open_engine(weights, "onnxruntime")
    starts = range(0, len(samples), _BATCH)
    logits = [engine.run(samples[start : start + _BATCH]).logit for start in starts]
    return _sigmoid(np.concatenate(logits).astype(np.float64))


def _compare(exported: npt.NDArray[np.float64], keras: npt.NDArray[np.float64]) -> float:
    worst = float(np.abs(exported - keras).max())
    if not worst <= TOLERANCE:  # also where either is NaN
        message = (
            f"the exported network differs from Keras by {worst:.4g} in the probability "
            f"(at most {TOLERANCE} expected); it was not written"
        )
        raise ModelError(message)
    return worst


@dataclass(slots=True)
class _Taps:
    """What was seen on the way through a network."""

    features: list[Tensor] = field(default_factory=list)
    """What each dense layer read."""
    maps: list[Tensor] = field(default_factory=list)
    """What each layer gave that is larger than one place."""


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _tap(layer: Any, taps: _Taps) -> None:
    original: Callable[..., Any] = layer.call
    reads = type(layer).__name__ == "Dense"

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = original(*args, **kwargs)
        if reads and args:
            taps.features[:] = [args[0]]
        if isinstance(given, Tensor) and given.ndim == 4 and given.shape[1] > 1:
            taps.maps[:] = [given]
        return given

    layer.call = call


class KerasNet(FaceNet):
    """An opened Keras network in the place of ours.

    Args:
        model: the Keras model on the torch backend, after `open_output`.
        wanted: what its pictures must be.
        sign: 1 where its output 1 stands for fake, -1 for real.
        end: what `open_output` returned.
    """

    def __init__(self, model: Any, wanted: InputRange, *, sign: int, end: End) -> None:
        super().__init__(model, wanted.norm, nn.Identity())
        self._bgr, self._sign, self._end = wanted.bgr, sign, end
        self._taps = _Taps()
        for layer in {id(leaf): leaf for leaf in _leaves(model)}.values():
            _tap(layer, self._taps)

    def forward(self, images: Tensor) -> Outputs:
        """Images (N, 3, S, S) in [0, 1] to logit, features and maps."""
        self._taps.features.clear()
        self._taps.maps.clear()
        scaled = ((images - self.mean) / self.std).permute(0, 2, 3, 1)
        given = self.backbone(scaled.flip(-1) if self._bgr else scaled, training=False)
        maps = self._taps.maps[0].permute(0, 3, 1, 2) if self._taps.maps else images
        features = self._taps.features[0] if self._taps.features else maps.mean((2, 3))
        return Outputs(self._sign * self._as_logit(given), features.flatten(1), maps)

    def _as_logit(self, given: Tensor) -> Tensor:
        if self._end is End.PROBABILITIES:
            given = given.clamp(_CLIP, 1 - _CLIP)
            given = given.log() - (torch.log1p(-given) if given.shape[1] == 1 else 0)
        return given[:, 0] if given.shape[1] == 1 else given[:, 1] - given[:, 0]


def _describe(name: str, network: KerasNet, plan: _Plan, weights: Path) -> ModelCard:
    mean, std = plan.wanted.norm
    return ModelCard(
        name=name,
        version="1",
        architecture=plan.architecture,
        crop=CropCard(**asdict(CropGeometry(size_px=plan.size_px))),
        mean=mean,
        std=std,
        calibration=CalibrationCard(
            data="none: uncalibrated, the probability is the network's own"
        ),
        policies={
            "balanced": PolicyCard(
                threshold=EVEN_ODDS,
                real_below=EVEN_ODDS,
                meaning="even odds, as it was trained; not chosen on any data",
            )
        },
        weights=describe_weights(weights, network),
        versions={package: version(package) for package in ("unmask", "keras", "torch")},
        limits=(
            "imported from a Keras file: its training data and its quality are unknown",
            "uncalibrated: a score is no probability that was checked on any data",
            "made for the crops it was trained on, which may be framed otherwise than here",
        ),
    )
