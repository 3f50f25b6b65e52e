"""Every network of the workbench learns a step, is exported, and both engines equal torch."""

import numpy as np
import pytest
import torch

from unmask.models.engine import LOGIT_TOLERANCE, open_engine
from unmask.models.export import TORCH_TOLERANCE, export_onnx
from unmask.models.zoo import build_model

NETWORKS = [
    # name, side, head, length of the stages: mean and spread of each channel at 1/8 and 1/16
    ("cnn128", 128, "linear", 2 * (128 + 128)),
    ("cnn256", 256, "softmax", 2 * (128 + 128)),
    ("mobilenetv2", 96, "linear", 2 * (32 + 96)),
    ("resnet50", 64, "transfer-softmax", 2 * (512 + 1024)),
    ("xception", 96, "transfer", 2 * (256 + 728)),
    ("efficientnet_b0", 64, "linear", 2 * (40 + 112)),
    ("efficientnet_b4", 64, "linear", 2 * (56 + 160)),
    ("vit_tiny", 64, "linear", None),  # has tokens, no maps
]

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:.*`isinstance.treespec, LeafSpec.*",
)


def learn_a_step(network, pixels):
    """One step of gradient descent, which moves weights and normalisation statistics."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    network.train()(images).logit.square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize(("name", "side", "head", "stages"), NETWORKS)
def test_onnx_equals_torch(tmp_path, name, side, head, stages):
    torch.manual_seed(0)
    pixels = np.random.default_rng(1).integers(0, 256, (6, side, side, 3), dtype=np.uint8)
    network = build_model(name, input_px=side, head=head)
    learn_a_step(network, pixels)
    path = tmp_path / "model.onnx"
    export_onnx(network, side, path)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        expected = network.eval()(images)
    exact = open_engine(path, "onnxruntime").run(pixels)
    assert np.abs(exact.logit - expected.logit.numpy()).max() <= TORCH_TOLERANCE
    assert exact.features.shape == tuple(expected.features.shape)
    assert exact.maps.shape == tuple(expected.maps.shape)
    assert exact.look.shape[1] == (stages or exact.features.shape[1])
    assert np.isfinite(exact.look).all()
    fast = open_engine(path, "openvino").run(pixels)
    assert (fast.stages is None) == (exact.stages is None) == (stages is None)
    assert np.abs(fast.logit - expected.logit.numpy()).max() <= LOGIT_TOLERANCE
    assert list(tmp_path.iterdir()) == [path]  # one file, nothing beside it
