"""Several networks as one: a graph that holds them all and adds up what they say.

The members share `pixels`, the crops of the largest of them. A smaller member gets them shrunk by
averaging over areas, as `media.faces` shrinks faces: two products with constant matrices, which
every engine computes alike (the operator Resize has many modes, and engines differ in them).
`logit` is the weighted sum of the members' calibrated log-odds, `features` are theirs side by
side, `maps` are the first member's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from unmask.errors import ModelError, UsageError
from unmask.models.engine import IR_SUFFIX, OUTPUT_NAMES, Engine, EngineOutputs, open_engine
from unmask.models.library import ModelFolder
from unmask.records import Pixels

LEAST_MEMBERS: Final = 2
TOLERANCE: Final = 1e-2
"""How far the logit may lie from that of the members run apart, for weights that add up to 1: a
shrunk pixel at an exact half may be rounded the other way."""
_GREY: Final = np.float32(128)
"""Taken off before shrinking and given back after: bf16 is twice as fine around 0."""
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mix:
    """logit = sum of weight * calibrated log-odds + bias."""

    weights: tuple[float, ...]
    bias: float = 0.0

    def combine(self, log_odds: FloatArray) -> FloatArray:
        """Log-odds (N, K) of K members to logits (N,)."""
        return np.asarray(log_odds @ np.array(self.weights) + self.bias, np.float64)


class MembersApart:
    """The members run one by one: what the ensemble's graph must agree with."""

    def __init__(
        self,
        members: Sequence[ModelFolder],
        engine: str = "auto",
        *,
        precision: str = "auto",
        device: str = "auto",
    ) -> None:
        self._members = [
            (m.card, open_engine(m.weights_path, engine, precision=precision, device=device))
            for m in members
        ]
        self.name = self._members[0][1].name

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Crops (N, S, S, 3) to calibrated log-odds (N, K), features and the first one's maps."""
        outputs = [engine.run(shrink(pixels, card.crop.size_px)) for card, engine in self._members]
        log_odds = [
            card.calibration.slope * found.logit + card.calibration.offset
            for (card, _), found in zip(self._members, outputs, strict=True)
        ]
        features = np.concatenate([found.features for found in outputs], axis=1)
        return EngineOutputs(np.stack(log_odds, axis=1), features, outputs[0].maps)


def check_members(members: Sequence[ModelFolder]) -> None:
    """Refuse what cannot be combined.

    Raises:
        UsageError: fewer than two, one twice, or one that is no ONNX file.
        ModelError: they see different parts of a picture.
    """
    if len(members) < LEAST_MEMBERS:
        message = f"an ensemble needs at least {LEAST_MEMBERS} models, got {len(members)}"
        raise UsageError(message)
    first = members[0]
    seen: set[str] = set()
    for member in members:
        card = member.card
        if card.weights.sha256 in seen:
            message = f"model {card.name!r} is named twice; name different models"
            raise UsageError(message)
        seen.add(card.weights.sha256)
        if member.weights_path.suffix == IR_SUFFIX:
            message = f"model {card.name!r} is an OpenVINO IR; give the model in its ONNX form"
            raise UsageError(message)
        ours, other = (c.crop.model_dump(exclude={"size_px"}) for c in (first.card, card))
        if ours != other:
            message = (
                f"models {first.card.name!r} and {card.name!r} see different parts of a picture: "
                f"crop {ours} and {other}; members may differ in size_px alone"
            )
            raise ModelError(message)


def area_matrix(source_px: int, target_px: int) -> npt.NDArray[np.float32]:
    """The matrix (T, S) that averages S values over T equal stretches."""
    edges = np.linspace(0, source_px, target_px + 1)
    starts = np.arange(source_px)
    low = np.maximum(edges[:-1, None], starts[None, :])
    high = np.minimum(edges[1:, None], starts[None, :] + 1)
    overlaps = np.maximum(high - low, 0) * target_px / source_px
    return np.asarray(overlaps, np.float32)


def shrink(pixels: Pixels, size_px: int) -> Pixels:
    """Crops (N, S, S, 3) to (N, T, T, 3) by averaging over areas."""
    if pixels.shape[1] == size_px:
        return pixels
    matrix = area_matrix(pixels.shape[1], size_px)
    planes = pixels.transpose(0, 3, 1, 2).astype(np.float32) - _GREY
    small = (np.rint(matrix @ planes @ matrix.T) + _GREY).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(small.transpose(0, 2, 3, 1))


def write_ensemble(members: Sequence[ModelFolder], mix: Mix, path: Path) -> None:
    """Write one ONNX file that holds all members.

    Raises:
        ModelError: the graphs cannot be brought together.
    """
    models = _same_operators([onnx.load(member.weights_path) for member in members])
    prefixed = [
        compose.add_prefix(model, f"member{number}.") for number, model in enumerate(models)
    ]
    feed, total = _feed(members), _add_up(members, mix)
    parts: list[Any] = [feed, *(model.graph for model in prefixed), total]
    side = max(member.card.crop.size_px for member in members)
    graph = helper.make_graph(
        [node for part in parts for node in part.node],
        "ensemble",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", side, side, 3])],
        _outputs(models),
        initializer=[tensor for part in parts for tensor in part.initializer],
        value_info=[value for model in prefixed for value in model.graph.value_info],
    )
    whole = helper.make_model(
        graph,
        producer_name="unmask",
        opset_imports=_operator_sets(models),
        functions=[function for model in prefixed for function in model.functions],
    )
    whole.ir_version = max(model.ir_version for model in models)
    try:
        onnx.checker.check_model(whole)
    except onnx.checker.ValidationError as error:
        message = f"the members do not fit into one graph: {str(error).strip().splitlines()[0]}"
        raise ModelError(message) from error
    onnx.save(whole, path)


def check_ensemble(path: Path, members: Sequence[ModelFolder], mix: Mix, crops: Pixels) -> float:
    """Compare the ensemble's graph with its members run apart; returns the largest difference.

    Raises:
        ModelError: the logits or features differ.
    """
    allowed = TOLERANCE * max(1.0, sum(map(abs, mix.weights)))
    worst = 0.0
    for name in ("onnxruntime", "auto"):
        apart = MembersApart(members, name, precision="fp32")
        together: Engine = open_engine(path, name, precision="fp32")
        expected, found = apart.run(crops), together.run(crops)
        gap = float(np.abs(mix.combine(expected.logit.astype(np.float64)) - found.logit).max())
        if found.features.shape != expected.features.shape or not gap <= allowed:
            message = (
                f"the ensemble's logit differs from its members' by {gap:.4g} in {together.name} "
                f"(at most {allowed:.4g} expected); it was not written"
            )
            raise ModelError(message)
        worst = max(worst, gap)
    return worst


def _same_operators(models: Sequence[Any]) -> list[Any]:
    """The models with the newest operator set that one of them has."""
    versions = [_standard_version(model) for model in models]
    newest = max(versions)
    try:
        return [
            model if own == newest else version_converter.convert_version(model, newest)
            for model, own in zip(models, versions, strict=True)
        ]
    except RuntimeError as error:
        message = (
            f"the members use ONNX operator sets {sorted(set(versions))}, and one of them cannot "
            f"be brought to {newest}: {str(error).strip().splitlines()[0]}"
        )
        raise ModelError(message) from error


def _standard_version(model: Any) -> int:
    return next(int(entry.version) for entry in model.opset_import if not entry.domain)


def _operator_sets(models: Sequence[Any]) -> list[Any]:
    versions: dict[str, int] = {}
    for model in models:
        for entry in model.opset_import:
            if versions.setdefault(entry.domain, entry.version) != entry.version:
                message = f"the members use different versions of the operators {entry.domain!r}"
                raise ModelError(message)
    return [helper.make_opsetid(domain, version) for domain, version in versions.items()]


def _outputs(models: Sequence[Any]) -> list[Any]:
    """The types of the outputs; lengths are left open but for the features' width."""
    features = [
        next(output for output in model.graph.output if output.name == "features")
        for model in models
    ]
    widths = [output.type.tensor_type.shape.dim[1].dim_value for output in features]
    maps = ["n", "channels", "rows", "columns"]
    shapes = {"logit": ["n"], "features": ["n", sum(widths)], "maps": maps}
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name])
        for name in OUTPUT_NAMES
    ]


class _Joints:
    """Nodes and constants as they are made."""

    def __init__(self) -> None:
        self.node: list[Any] = []
        self.initializer: list[Any] = []

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """A node with one output, and that output's name."""
        name = f"ensemble.{output}"
        self.node.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def constant(self, name: str, values: npt.ArrayLike, kind: type = np.float32) -> str:
        """A constant and its name."""
        if all(tensor.name != name for tensor in self.initializer):
            array: npt.NDArray[Any] = np.array(values, kind, order="C")
            self.initializer.append(numpy_helper.from_array(array, name))
        return name


def _feed(members: Sequence[ModelFolder]) -> _Joints:
    """What gives each member the shared crops in its own size."""
    joints = _Joints()
    side = max(member.card.crop.size_px for member in members)
    for number, member in enumerate(members):
        own, target = member.card.crop.size_px, f"member{number}.pixels"
        if own == side:
            joints.add("Identity", ["pixels"], target)
        else:
            _shrink_to(joints, area_matrix(side, own), target)
    return joints


def _shrink_to(joints: _Joints, matrix: npt.NDArray[np.float32], target: str) -> None:
    """The nodes that do what `shrink` does."""
    rows = joints.constant(f"shrink{len(matrix)}.rows", matrix)
    columns = joints.constant(f"shrink{len(matrix)}.columns", matrix.T)
    low, high = joints.constant("shrink.low", 0), joints.constant("shrink.high", 255)
    grey = joints.constant("shrink.grey", _GREY)
    planes = joints.add("Transpose", ["pixels"], f"{target}.planes", perm=[0, 3, 1, 2])
    planes = joints.add("Cast", [planes], f"{target}.float", to=TensorProto.FLOAT)
    planes = joints.add("Sub", [planes, grey], f"{target}.centred")
    planes = joints.add("MatMul", [rows, planes], f"{target}.lower")
    planes = joints.add("MatMul", [planes, columns], f"{target}.small")
    planes = joints.add("Round", [planes], f"{target}.whole")
    planes = joints.add("Add", [planes, grey], f"{target}.bright")
    planes = joints.add("Clip", [planes, low, high], f"{target}.inside")
    planes = joints.add("Cast", [planes], f"{target}.bytes", to=TensorProto.UINT8)
    joints.add("Transpose", [planes], target, perm=[0, 2, 3, 1])


def _add_up(members: Sequence[ModelFolder], mix: Mix) -> _Joints:
    """What makes the outputs of the members' outputs."""
    joints = _Joints()
    flat = joints.constant("flat", [-1], np.int64)
    terms, constant = [], mix.bias
    for number, (member, weight) in enumerate(zip(members, mix.weights, strict=True)):
        logit, calibration = f"member{number}.logit", member.card.calibration
        factor = joints.constant(f"{logit}.factor", weight * calibration.slope)
        joints.add("Reshape", [logit, flat], f"{logit}.flat")
        terms.append(joints.add("Mul", [f"{logit}.flat", factor], f"{logit}.scaled"))
        constant += weight * calibration.offset
    total = joints.add("Sum", terms, "total")
    joints.add("Add", [total, joints.constant("constant", constant)], "logit")
    features = [f"member{number}.features" for number in range(len(members))]
    joints.add("Concat", features, "features", axis=1)
    joints.add("Identity", ["member0.maps"], "maps")
    return joints
