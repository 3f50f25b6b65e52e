"""A file that Keras wrote, checked before Keras reads it.

Loading such a file builds whatever its configuration names, code included. So the configuration is
read here as plain JSON; only layers on the list below pass, and Keras gets a copy that holds the
checked configuration and the weights, nothing else.

Source: formats as in keras/src/saving/saving_lib.py and keras/src/legacy/saving (Apache 2.0).
"""

import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py  # type: ignore[import-untyped]

from unmask.errors import ModelError

MAX_CONFIG_BYTES: Final = 64 * 1024 * 1024
MAX_WEIGHTS_BYTES: Final = 8 * 1024**3
"""The largest applications of Keras take 1.6 GB."""
_HDF5_MAGIC: Final = b"\x89HDF\r\n\x1a\n"
_ZIP_MAGIC: Final = b"PK\x03\x04"
_PICKLE_MAGIC: Final = b"\x80"
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,
    KeyError,
    ValueError,
)
"""What the readers raise on broken files."""
_WEIGHTS: Final = "model.weights.h5"
_MEMBERS: Final = frozenset({"config.json", "metadata.json", _WEIGHTS})

MODELS: Final = frozenset({"Functional", "Model", "Sequential"})
LAYERS: Final = frozenset(
    [
        "Activation",
        "ActivityRegularization",
        "Add",
        "AlphaDropout",
        "Average",
        "AveragePooling2D",
        "BatchNormalization",
        "CenterCrop",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Cropping2D",
        "Dense",
        "DepthwiseConv2D",
        "Dot",
        "Dropout",
        "ELU",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "GroupNormalization",
        "InputLayer",
        "LayerNormalization",
        "LeakyReLU",
        "MaxPooling2D",
        "Maximum",
        "Minimum",
        "MultiHeadAttention",
        "Multiply",
        "Normalization",
        "PReLU",
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
        "ReLU",
        "Rescaling",
        "Reshape",
        "Resizing",
        "SeparableConv2D",
        "Softmax",
        "SpatialDropout2D",
        "Subtract",
        "UpSampling2D",
        "ZeroPadding2D",
    ]
)
_OPERATIONS: Final = frozenset({"Divide", "GetItem", "Mean", "Stack", "TrueDivide"})
"""Arithmetic between layers; Add, Multiply and Subtract bear the names of layers."""
_PARTS: Final = frozenset(
    [
        "Constant",
        "DTypePolicy",
        "GlorotNormal",
        "GlorotUniform",
        "HeNormal",
        "HeUniform",
        "Identity",
        "L1",
        "L1L2",
        "L2",
        "LecunNormal",
        "LecunUniform",
        "MaxNorm",
        "MinMaxNorm",
        "NonNeg",
        "Ones",
        "Orthogonal",
        "Policy",
        "RandomNormal",
        "RandomUniform",
        "SeedGenerator",
        "TruncatedNormal",
        "UnitNorm",
        "VarianceScaling",
        "Zeros",
        "__ellipsis__",
        "__keras_tensor__",
        "__slice__",
        "__tensor__",
    ]
)
_ALLOWED: Final = MODELS | LAYERS | _OPERATIONS | _PARTS
_MIXED: Final = ("float32", "mixed_float16", "mixed_bfloat16")
_GONE: Final = {
    "Conv2DTranspose": ("groups",),
    "DepthwiseConv2D": ("groups",),
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
"""What Keras 2 wrote of layers that Keras 3 does not take; without effect on what they compute."""
_SAVE_AGAIN: Final = "save the whole network with model.save('model.keras') and import that file"


@dataclass(frozen=True, slots=True)
class KerasFile:
    """A private copy of a file, whose contents were checked."""

    path: Path
    from_logits: bool
    """Whether the loss it was trained with took logits."""


def check_file(source: Path, folder: Path) -> KerasFile:
    """Check a `.keras` or `.h5` file and write a copy without anything else into a folder.

    Nothing that the file names is executed or imported.

    Raises:
        ModelError: the file is none that Keras wrote, is damaged, has no network in it, or needs
            code that is not part of Keras.
    """
    magic = _read_magic(source)
    try:
        if magic.startswith(_ZIP_MAGIC):
            return _check_zip(source, folder)
        if magic.startswith(_HDF5_MAGIC):
            return _check_hdf5(source, folder)
    except _DAMAGE as error:
        message = f"{source} is damaged or incomplete: {error}; copy it anew"
        raise ModelError(message) from error
    kind = "a pickle, which may run any code" if magic.startswith(_PICKLE_MAGIC) else "neither"
    message = f"{source} must be a .keras (zip) or .h5 (HDF5) file, but it is {kind}; {_SAVE_AGAIN}"
    raise ModelError(message)


def _read_magic(source: Path) -> bytes:
    if source.is_dir():
        message = (
            f"{source} is a folder (a SavedModel?), which needs TensorFlow to be read; "
            f"load it there and {_SAVE_AGAIN}"
        )
        raise ModelError(message)
    try:
        with source.open("rb") as stream:
            return stream.read(len(_HDF5_MAGIC))
    except OSError as error:
        message = f"{source} cannot be read: {error.strerror}"
        raise ModelError(message) from error


def _check_zip(source: Path, folder: Path) -> KerasFile:
    path = folder / "model.keras"
    with zipfile.ZipFile(source) as archive:
        names = archive.namelist()
        strangers = sorted(set(names) - _MEMBERS)
        if strangers or len(set(names)) < len(names):
            what = f"{strangers[0]!r} in it" if strangers else "names twice in it"
            message = f"{source} has {what}; a .keras file holds only {sorted(_MEMBERS)}"
            raise ModelError(message)
        missing = sorted({"config.json", _WEIGHTS} - set(names))
        if missing:
            message = f"{source} is a zip, but no whole .keras file: it lacks {missing[0]}"
            raise ModelError(message)
        config = _parse(_read_member(archive, "config.json"), source)
        from_logits = _took_logits(config.get("compile_config"))
        checked = _check_config(config, source)
        weights = folder / _WEIGHTS
        _extract(archive, weights)
    with h5py.File(weights, "r") as file:
        _check_datasets(file, source)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3"}))
        archive.writestr("config.json", json.dumps(checked))
        archive.write(weights, _WEIGHTS)
    weights.unlink()
    return KerasFile(path, from_logits)


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        text = stream.read(MAX_CONFIG_BYTES + 1)
    if len(text) > MAX_CONFIG_BYTES:
        message = f"{name} is larger than {MAX_CONFIG_BYTES} bytes"
        raise ValueError(message)
    return text


def _extract(archive: zipfile.ZipFile, path: Path) -> None:
    """Unpack the weights; what an entry claims of its size is not believed."""
    left = MAX_WEIGHTS_BYTES
    with archive.open(_WEIGHTS) as stream, path.open("wb") as out:
        while chunk := stream.read(1 << 20):
            left -= len(chunk)
            if left < 0:
                message = f"{_WEIGHTS} unpacks to more than {MAX_WEIGHTS_BYTES} bytes"
                raise ValueError(message)
            out.write(chunk)


def _check_hdf5(source: Path, folder: Path) -> KerasFile:
    path = folder / "model.h5"
    shutil.copyfile(source, path)
    with h5py.File(path, "r+") as file:
        _check_datasets(file, source)
        text = file.attrs.get("model_config")
        if text is None:
            message = f"{source} holds weights without the network they belong to; {_SAVE_AGAIN}"
            raise ModelError(message)
        training = file.attrs.get("training_config")
        from_logits = training is not None and _took_logits(_parse(training, source))
        checked = _check_config(_parse(text, source), source)
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(checked)
    return KerasFile(path, from_logits)


def _check_datasets(file: h5py.File, source: Path) -> None:
    """Refuse data that lie in other files, and sizes that the file only claims."""
    claimed = 0
    for name, group in _groups(file):
        for key in group:
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                message = f"{source} links to {name}/{key} elsewhere; {_SAVE_AGAIN}"
                raise ModelError(message)
            item = group[key]
            if isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    message = f"{source} keeps {name}/{key} in other files; {_SAVE_AGAIN}"
                    raise ModelError(message)
                claimed += item.nbytes
    if claimed > MAX_WEIGHTS_BYTES:
        message = (
            f"{source} claims {claimed} bytes of weights, at most {MAX_WEIGHTS_BYTES} expected"
        )
        raise ModelError(message)


def _groups(file: h5py.File) -> Iterator[tuple[str, Any]]:
    """Every group of a file once; only true children are followed."""
    waiting: list[tuple[str, Any]] = [("", file)]
    seen: set[int] = set()
    while waiting:
        name, group = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        yield name, group
        for key in group:
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.HardLink) and group.get(key, getclass=True) is h5py.Group:
                waiting.append((f"{name}/{key}", group[key]))


def _parse(text: Any, source: Path) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        message = f"{source} has a configuration that is no JSON: {error}"
        raise ModelError(message) from error
    if not isinstance(config, dict):
        message = f"{source} has a configuration that is no network: {type(config).__name__}"
        raise ModelError(message)
    return config


def _took_logits(training: Any) -> bool:
    """Whether a training configuration has a loss with `from_logits`."""
    loss = training.get("loss") if isinstance(training, dict) else None
    config = loss.get("config") if isinstance(loss, dict) else None
    return isinstance(config, dict) and config.get("from_logits") is True


def _check_config(config: dict[str, Any], source: Path) -> dict[str, Any]:
    """The configuration as Keras may have it: known classes only, nothing of the training."""
    if config.get("class_name") not in MODELS:
        message = (
            f"{source} holds {config.get('class_name')!r}, a class of its own; expected one of "
            f"{sorted(MODELS)}: rebuild it as such a model, set its weights, and {_SAVE_AGAIN}"
        )
        raise ModelError(message)
    try:
        checked: dict[str, Any] = _clean(config, source)
    except RecursionError as error:
        message = f"{source} has a configuration that is nested too deep for a network"
        raise ModelError(message) from error
    return checked


def _clean(value: Any, source: Path) -> Any:
    if isinstance(value, list):
        return [_clean(item, source) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value:
        _check_class(value, source)
    kept = {key: item for key, item in value.items() if key != "compile_config"}
    if "dtype" in kept:
        kept["dtype"] = _plain_dtype(kept["dtype"])
    cleaned = {key: _clean(item, source) for key, item in kept.items()}
    return _as_keras_3(cleaned)


def _check_class(entry: dict[str, Any], source: Path) -> None:
    """Refuse a class or function that is not on the list, or does not come from Keras."""
    name, module = entry["class_name"], entry.get("module")
    registered = entry.get("registered_name")
    known = isinstance(name, str) and name in _ALLOWED
    ours = module is None or (isinstance(module, str) and f"{module}.".startswith("keras."))
    plain = registered in (None, "", name)
    if known and ours and plain:
        return
    what = registered if known and ours else f"{module}.{name}" if module else name
    hint = {
        "Lambda": "a Lambda layer holds code as bytes",
        "TFOpLambda": "a TensorFlow operation between layers; use layers, such as Rescaling",
        "SlicingOpLambda": "a TensorFlow operation between layers; use layers",
    }.get(str(name), "it is not on the list of layers that are known")
    message = (
        f"{source} needs {str(what)[:120]!r}, which is refused and was not run: {hint}; rebuild "
        "the network from plain Keras layers, set its weights, and save that"
    )
    raise ModelError(message)


def _plain_dtype(dtype: Any) -> Any:
    """Mixed precision is for training; the weights are float32 either way."""
    name = dtype
    if isinstance(dtype, dict) and isinstance(dtype.get("config"), dict):
        name = dtype["config"].get("name") or dtype["config"].get("dtype")
    return "float32" if isinstance(name, str) and name in _MIXED else dtype


def _as_keras_3(entry: dict[str, Any]) -> dict[str, Any]:
    """Without what Keras 2 wrote and Keras 3 does not take."""
    name, config = entry.get("class_name"), entry.get("config")
    if not isinstance(config, dict):
        return entry
    for ends in ("input_layers", "output_layers"):
        if _is_single_end(config.get(ends)):  # Keras 3 would take it for a list of one picture
            config[ends] = config[ends][0]
    for key in _GONE.get(str(name), ()):
        if key != "groups" or config.get(key) == 1:
            config.pop(key, None)
    axis = config.get("axis")
    if name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    return entry


def _is_single_end(ends: Any) -> bool:
    """Whether inputs or outputs of a network are a list of one `[layer, node, tensor]`."""
    return isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list)
