"""What a model costs, from its graph and its clock."""

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from unmask.evaluation.cost import count_multiply_adds, measure_cost
from unmask.models.library import open_model


def build(path):
    """8 x 8 pixels: a 3 x 3 convolution to 4 channels, a depthwise one, a product to 5 outputs."""
    pixels = ops.parameter([-1, 8, 8, 3], np.float32, name="pixels")
    pixels.output(0).set_names({"pixels"})
    turned = ops.transpose(pixels, np.array([0, 3, 1, 2]))
    one = ops.convolution(turned, np.ones((4, 3, 3, 3), np.float32), [1, 1], [1, 1], [1, 1], [1, 1])
    two = ops.group_convolution(
        one, np.ones((4, 1, 1, 3, 3), np.float32), [2, 2], [1, 1], [1, 1], [1, 1]
    )
    flat = ops.reshape(two, np.array([-1, 64]), special_zero=False)
    logit = ops.matmul(flat, np.ones((5, 64), np.float32), transpose_a=False, transpose_b=True)
    openvino.save_model(openvino.Model([logit], [pixels], "tiny"), path, compress_to_fp16=False)


def test_multiply_adds_by_hand(tmp_path):
    path = tmp_path / "tiny.xml"
    build(path)
    expected = 8 * 8 * 4 * 27 + 4 * 4 * 4 * 9 + 5 * 64
    assert count_multiply_adds(path, 8) == expected


def test_an_unreadable_network_has_no_count(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nothing")
    assert count_multiply_adds(path, 8) is None


def test_the_bundled_model(detector):
    folder = open_model()
    cost = measure_cost(detector)
    assert cost.parameters == folder.card.weights.parameters
    assert cost.size_bytes == folder.weights_path.stat().st_size
    # MobileNetV2 has 300 million at 224 px (Sandler et al. 2018, table 4), in proportion to area.
    share = (folder.card.crop.size_px / 224) ** 2
    if folder.card.architecture == "mobilenetv2":
        assert cost.multiply_adds == pytest.approx(300e6 * share, rel=0.02)
    assert cost.crops_per_s > 0
