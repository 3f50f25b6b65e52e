"""What a Keras network begins and ends with: range of its pictures, sigmoid or softmax.

Nothing here imports Keras: what a layer is, is read from its class name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Any, Final

import numpy as np

from unmask.errors import ModelError

_KEEP_RANGE: Final = frozenset(
    {
        "CenterCrop",
        "Cropping2D",
        "Dropout",
        "GaussianNoise",
        "InputLayer",
        "Permute",
        "RandomBrightness",
        "RandomContrast",
        "RandomCrop",
        "RandomFlip",
        "RandomHeight",
        "RandomRotation",
        "RandomTranslation",
        "RandomWidth",
        "RandomZoom",
        "Resizing",
        "ZeroPadding2D",
    }
)
"""Layers before which and after which pictures have the same range."""
_KEEP_VALUES: Final = frozenset({"Dropout", "Flatten", "Reshape"})
_BYTE_MEAN: Final = 5.0
"""A mean of at least this can only be of pictures in [0, 255]."""


@dataclass(frozen=True, slots=True)
class _Graph:
    """Which layer reads which, by name; the input of a Sequential is the empty name."""

    layers: dict[str, Any]
    sources: dict[str, list[str]]
    first: str
    last: str


def _kind(layer: Any) -> str:
    return type(layer).__name__


def _draw(model: Any) -> _Graph:
    layers = {layer.name: layer for layer in model.layers}
    if _kind(model) == "Sequential":
        names = ["", *layers]
        sources = {name: [before] for before, name in pairwise(names)}
        return _Graph(layers, sources, "", names[-1])
    config = model.get_config()
    sources = {
        entry["name"]: list(_find_histories(entry["inbound_nodes"])) for entry in config["layers"]
    }
    first, last = (_first_name(config[key]) for key in ("input_layers", "output_layers"))
    return _Graph(layers, sources, first, last)


def _first_name(ends: Any) -> str:
    while not isinstance(ends, str):
        ends = next(iter(ends.values())) if isinstance(ends, dict) else ends[0]
    return ends


def _find_histories(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "keras_history" in value:
            yield value["keras_history"][0]
        for item in value.values():
            yield from _find_histories(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _find_histories(item)


def find_range(model: Any) -> str | None:
    """The range of pictures that a network's own first layer is made for, None where unsaid."""
    graph = _draw(model)
    name = graph.first
    while True:
        readers = [reader for reader, sources in graph.sources.items() if name in sources]
        layer = graph.layers.get(readers[0]) if len(readers) == 1 else None
        if layer is None:
            return None
        if hasattr(layer, "layers"):
            return find_range(layer)
        if _kind(layer) not in _KEEP_RANGE:
            return _range_of(layer)
        name = readers[0]


def _range_of(layer: Any) -> str | None:
    if _kind(layer) == "Rescaling":
        scale = float(np.max(layer.scale))
        if 0.9 / 255 < scale <= 5 / 255:  # 1/255, 1/127.5, 1/(255 * deviation)
            return "0-255"
        return "0-1" if 1 < scale <= 5 else None  # 2, with the offset -1
    if _kind(layer) == "Normalization" and layer.mean is not None:
        return "0-255" if float(layer.mean.max()) >= _BYTE_MEAN else None
    return None


class End(Enum):
    """What a network gives, before and after it was opened."""

    OPENED = auto()
    """It gave probabilities and gives logits now."""
    LOGITS = auto()
    """It gave and gives logits."""
    PROBABILITIES = auto()
    """It gave and gives probabilities."""


def open_output(model: Any, outputs: int, *, from_logits: bool) -> End:
    """Let a network give what is before its last sigmoid or softmax.

    Args:
        model: the Keras model, which is changed.
        outputs: how many values it gives for a picture.
        from_logits: whether the loss it was trained with took logits.

    Raises:
        ModelError: it ends in something of which no logit can be told.
    """
    graph = _draw(model)
    name = graph.last
    while True:
        layer = graph.layers.get(name)
        if hasattr(layer, "layers"):
            return open_output(layer, outputs, from_logits=from_logits)
        linear = _squash_of(layer) == "linear"
        skipped = _kind(layer) in _KEEP_VALUES or (_kind(layer) == "Activation" and linear)
        if not skipped or len(graph.sources[name]) != 1:
            break
        name = graph.sources[name][0]
    if _kind(layer) == "Average":
        for source in graph.sources[name]:
            _check_end(graph.layers.get(source), outputs)
        return End.PROBABILITIES
    if linear and from_logits:
        return End.LOGITS
    _check_end(layer, outputs)
    _remove_squash(layer)
    return End.OPENED


def _squash_of(layer: Any) -> str:
    if _kind(layer) == "Softmax":
        return "softmax"
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _check_end(layer: Any, outputs: int) -> None:
    squash = _squash_of(layer)
    if (outputs, squash) in {(1, "sigmoid"), (2, "softmax")}:
        return
    hint = {
        (1, "softmax"): "a softmax over one output is always 1, so it has learnt nothing",
        (1, "linear"): "whether its output is a logit is unknown; compile it with its loss "
        "(from_logits=True) before saving, or add a sigmoid",
        (2, "sigmoid"): "two sigmoids do not add up to 1, so they are no probabilities of a pair",
    }.get((outputs, squash), "what its output means cannot be told")
    ending = f"{_kind(layer)} ({squash})" if squash else _kind(layer)
    message = (
        f"the network ends in {ending} with {outputs} output(s), expected one sigmoid or two "
        f"softmax outputs: {hint}"
    )
    raise ModelError(message)


def _remove_squash(layer: Any) -> None:
    if _kind(layer) == "Softmax":
        layer.call = lambda inputs, mask=None: inputs  # noqa: ARG005 (Keras passes it)
    else:
        layer.activation = _linear


def _linear(values: Any) -> Any:
    return values
