"""The last layer of an exported network, read out of its graph."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from unmask.models.engine import FloatArray

_MAX_STEPS: Final = 64
_PASSING: Final = frozenset(
    {"Result", "Gather", "Reshape", "Squeeze", "Unsqueeze", "Convert", "Multiply", "Add"}
)
"""Operations behind the product that a linear head may have: shape, bias and precision."""


def read_head(path: Path) -> FloatArray | None:
    """The weights (D,) of a linear head, up to a common factor; None where none is found.

    OpenVINO reads both an ONNX file and its own IR. From the output `logit` upwards, through
    operations that neither mix nor bend, lies the one product with a constant.
    """
    try:
        import openvino
    except ImportError:
        return None
    try:
        model = openvino.Core().read_model(path)
        node = model.output("logit").get_node()
    except RuntimeError:
        return None
    for _ in range(_MAX_STEPS):
        if node.get_type_name() == "MatMul":
            return _constant_factor(node)
        if node.get_type_name() not in _PASSING:
            return None
        sources = [source.get_source_output().get_node() for source in node.inputs()]
        live = [source for source in sources if not _is_constant(source)]
        if len(live) != 1:
            return None
        node = live[0]
    return None


def _constant_factor(product: Any) -> FloatArray | None:
    for source in product.inputs():
        node = source.get_source_output().get_node()
        if node.get_type_name() == "Convert":
            node = node.input(0).get_source_output().get_node()
        if node.get_type_name() == "Constant":
            weights = np.asarray(node.get_data(), np.float32)
            return weights.reshape(-1) if max(weights.shape) == weights.size else None
    return None


def _is_constant(node: Any) -> bool:
    """Whether all that goes into a node is constant; branches are short behind a head."""
    kind = node.get_type_name()
    if kind == "Constant":
        return True
    if kind == "Parameter":
        return False
    sources = [source.get_source_output().get_node() for source in node.inputs()]
    return bool(sources) and kind in _PASSING and all(map(_is_constant, sources))
