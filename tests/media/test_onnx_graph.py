from pathlib import Path

import mtcnnruntime
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from unmask.media.onnx_graph import replace_prelu

WEIGHTS = Path(mtcnnruntime.__file__).parent / "weights"


def run(model, pixels):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: pixels})


def operators(model):
    return [node.op_type for node in onnx.load_from_string(model).graph.node]


@pytest.mark.parametrize(("name", "side_px"), [("pnet", 61), ("rnet", 24), ("onet", 48)])
def test_gives_the_same_to_the_last_bit(name, side_px):
    model = (WEIGHTS / f"{name}.onnx").read_bytes()
    replaced = replace_prelu(model)
    assert "PRelu" in operators(model)
    assert "PRelu" not in operators(replaced)
    pixels = np.random.default_rng(0).normal(size=(1, 3, side_px, side_px)).astype(np.float32)
    for before, after in zip(run(model, pixels), run(replaced, pixels), strict=True):
        np.testing.assert_array_equal(before, after)


def test_leaves_other_networks_alone():
    numbers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    relu = helper.make_node("Relu", ["x"], ["y"])
    model = helper.make_model(helper.make_graph([relu], "g", numbers[:1], numbers[1:]))
    content = model.SerializeToString()
    assert replace_prelu(content) == content


@pytest.mark.parametrize(
    "content",
    [
        b"\x3a\x7f\x0a",  # a length beyond the end
        b"\x80",  # a number that does not end
        b"\x0b",  # a kind of field that is none
    ],
)
def test_refuses_what_is_no_network(content):
    with pytest.raises(ValueError, match="no ONNX file"):
        replace_prelu(content)
