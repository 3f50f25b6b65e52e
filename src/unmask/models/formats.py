"""Other forms of an exported network: OpenVINO's IR, and 8-bit integers."""

import logging
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from unmask.errors import ModelError, UsageError
from unmask.models.card import WEIGHTS_NAME, hash_file
from unmask.models.library import IR_NAMES
from unmask.records import Pixels

_BATCH: Final = 8
_HEAVY: Final = frozenset({"Conv", "MatMul", "Gemm"})
FLOAT_AHEAD: Final = 3
"""Convolutions and products from the pixels on that stay in floating point, where the finest traces
are read; `examples/int8_layers.py` tries others."""
_FLOAT_BEHIND: Final = 1
"""Those before the outputs that stay in floating point: the head."""


def write_ir(weights: Path, folder: Path) -> list[Path]:
    """Write an ONNX file as an OpenVINO IR in fp32; returns the `.xml` and the `.bin`.

    The `.xml` names the SHA-256 of the `.bin`, so that its own hash stands for both.

    Raises:
        UsageError: OpenVINO cannot be loaded on this machine.
        ModelError: OpenVINO cannot read the network.
    """
    try:
        import openvino
    except ImportError as error:
        message = "OpenVINO cannot be loaded on this machine; use --format onnx"
        raise UsageError(message) from error
    xml, binary = (folder / name for name in IR_NAMES)
    try:
        model = openvino.Core().read_model(weights)
    except RuntimeError as error:
        message = f"{weights.name} cannot be read by OpenVINO: {str(error).strip()[:200]}"
        raise ModelError(message) from error
    openvino.save_model(model, xml, compress_to_fp16=False)
    model.set_rt_info(hash_file(binary), ["unmask", "weights_sha256"])
    openvino.save_model(model, xml, compress_to_fp16=False)
    return [xml, binary]


def write_int8(
    weights: Path, folder: Path, crops: Pixels, *, float_ahead: int = FLOAT_AHEAD
) -> list[Path]:
    """Write an ONNX file with 8-bit weights and activations, which both engines run.

    Static quantisation by ONNX Runtime with pairs of QuantizeLinear and DequantizeLinear: weights
    per channel, activations by the mean of the batches' extremes over the crops (M, S, S, 3). The
    first `float_ahead` convolutions and products behind the pixels stay as they are.

    Raises:
        ModelError: there is nothing to quantise, or it is done already.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    target = folder / WEIGHTS_NAME
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / WEIGHTS_NAME
        quant_pre_process(str(weights), str(prepared), skip_symbolic_shape=True)
        nodes = onnx.load(prepared, load_external_data=False).graph.node
        left_out = _float_nodes(nodes, float_ahead)
        _check_quantisable(nodes, left_out, float_ahead)
        with _quiet():
            quantization.quantize_static(
                prepared,
                target,
                _Batches(crops),
                nodes_to_exclude=left_out,
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={"CalibMovingAverage": True},
            )
    return [target]


def _check_quantisable(nodes: Any, left_out: list[str], float_ahead: int) -> None:
    if any(node.op_type == "QuantizeLinear" for node in nodes):
        message = "this network is quantised already; quantise the one that it was made from"
        raise ModelError(message)
    if all(node.op_type not in _HEAVY or node.name in left_out for node in nodes):
        message = (
            f"this network has nothing to quantise: the first {float_ahead} convolutions or "
            f"products and the last {_FLOAT_BEHIND} stay in floating point, and there are no others"
        )
        raise ModelError(message)


def _float_nodes(nodes: Any, float_ahead: int) -> list[str]:
    """The names of what lies near the pixels or the outputs."""
    ahead = _depths([(n.op_type, n.input, n.output) for n in nodes])
    behind = _depths([(n.op_type, n.output, n.input) for n in reversed(nodes)])
    return [
        node.name
        for node in nodes
        if max(ahead[name] for name in node.output) <= float_ahead
        or max((behind[name] for name in node.input if name), default=0) <= _FLOAT_BEHIND
    ]


def _depths(steps: list[tuple[str, Any, Any]]) -> Mapping[str, int]:
    """How many convolutions and products lie on the longest way to each tensor."""
    depths: defaultdict[str, int] = defaultdict(int)
    for kind, sources, targets in steps:
        depth = max((depths[name] for name in sources if name), default=0) + (kind in _HEAVY)
        for name in targets:
            depths[name] = max(depths[name], depth)
    return depths


class _Batches:
    """Calibration crops in the manner of ONNX Runtime's data readers."""

    def __init__(self, crops: Pixels) -> None:
        self._rest: Iterator[Pixels] = iter(
            [crops[start : start + _BATCH] for start in range(0, len(crops), _BATCH)]
        )

    def get_next(self) -> dict[str, Pixels] | None:
        """The next batch, None after the last."""
        batch = next(self._rest, None)
        return None if batch is None else {"pixels": batch}

    def __iter__(self) -> "_Batches":
        return self

    def __next__(self) -> dict[str, Pixels]:
        batch = self.get_next()
        if batch is None:
            raise StopIteration
        return batch


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the quantiser's advice off the terminal."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)
