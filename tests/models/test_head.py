"""The head is read out of the graph, and nothing is read where there is none."""

import numpy as np
import pytest
from openvino import Model, opset13, save_model

from unmask.models.engine import open_engine
from unmask.models.formats import write_ir
from unmask.models.head import read_head
from unmask.models.library import open_model


def test_the_bundled_head_gives_the_logit():
    folder = open_model()
    weights = read_head(folder.weights_path)
    crops = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)
    outputs = open_engine(folder.weights_path, precision="fp32").run(crops)
    constants = outputs.logit - outputs.features @ weights
    assert np.ptp(constants) < 1e-3
    assert outputs.logit.std() > 1e-3


def test_an_ir_has_the_same_head(tmp_path):
    folder = open_model()
    xml, _ = write_ir(folder.weights_path, tmp_path)
    assert np.array_equal(read_head(xml), read_head(folder.weights_path))


def build(path, ending):
    """A network whose logit is a function of the mean colour."""
    pixels = opset13.parameter([1, 8, 8, 3], np.uint8, name="pixels")
    means = opset13.reduce_mean(opset13.convert(pixels, np.float32), np.array([1, 2]))
    logit = ending(means)
    logit.output(0).set_names({"logit"})
    save_model(Model([logit], [pixels]), path, compress_to_fp16=False)
    return path


def product(values, weights):
    return opset13.matmul(values, opset13.constant(weights), False, False)  # noqa: FBT003


LINEAR = np.array([[1], [2], [3]], np.float32)
BIAS = opset13.constant(np.ones(1, np.float32))
WIDE = np.ones((3, 4), np.float32)


@pytest.mark.parametrize(
    ("ending", "weights"),
    [
        (lambda means: product(means, LINEAR), [1, 2, 3]),
        (lambda means: opset13.add(product(means, LINEAR), BIAS), [1, 2, 3]),
        (lambda means: opset13.tanh(product(means, LINEAR)), None),  # bent
        (lambda means: opset13.multiply(product(means, LINEAR), means), None),  # of two ways
        (lambda means: opset13.reduce_sum(product(means, WIDE), np.array([1])), None),  # summed up
        (lambda means: product(means, WIDE), None),  # no single logit
    ],
)
def test_only_a_linear_head_is_read(tmp_path, ending, weights):
    found = read_head(build(tmp_path / "m.xml", ending))
    assert (found is None) if weights is None else list(found) == weights


def test_what_is_no_network_has_no_head(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no network")
    assert read_head(path) is None
