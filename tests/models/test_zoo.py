"""Every network gives finite outputs of the right shapes, learns everywhere, and is as it says."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from unmask.errors import UsageError
from unmask.models.zoo import (
    NETWORK_NAME,
    build_model,
    count_parameters,
    input_side,
    save_network,
)

SMALL = [
    # name, side, head: every family, every head
    ("cnn128", 128, "linear"),  # plain, with batch normalisation and dropout
    ("cnn256", 64, "softmax"),  # plain, without; another size
    ("mobilenetv2", 64, "transfer"),  # inverted residuals
    ("resnet50", 64, "transfer-softmax"),  # residuals
    ("efficientnet_b0", 64, "linear"),  # squeeze and excitation
    ("xception", 96, "transfer"),  # separable convolutions
    ("vit_tiny", 64, "linear"),  # tokens instead of maps
    ("mobilenetv3_small_050", 64, "linear"),  # features wider than its maps
    ("convnext_atto", 64, "softmax"),  # layer normalisation
]


@pytest.mark.parametrize(("name", "side", "head"), SMALL)
def test_outputs_and_gradients(name, side, head):
    torch.manual_seed(0)
    network = build_model(name, input_px=side, head=head).train()
    logit, features, maps = network(torch.rand(4, 3, side, side))
    assert logit.shape == (4,)
    assert features.ndim == 2
    assert maps.ndim == 4
    assert len(features) == len(maps) == 4
    assert all(torch.isfinite(each).all() for each in (logit, features, maps))
    logit.square().sum().backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None]
    assert missing == []


@pytest.mark.parametrize("head", ["linear", "transfer"])
def test_two_outputs_are_one_logit(head):
    torch.manual_seed(0)
    network = build_model(
        "cnn128", input_px=32, head=f"{head}-softmax" if head != "linear" else "softmax"
    )
    network.eval()
    images = torch.rand(3, 3, 32, 32)
    outputs = network(images)
    two = network.head(outputs.features)
    labels = torch.tensor([0, 1, 1])
    categorical = nn.functional.cross_entropy(two, labels)
    binary = nn.functional.binary_cross_entropy_with_logits(outputs.logit, labels.float())
    assert torch.allclose(categorical, binary)
    assert torch.allclose(torch.softmax(two, 1)[:, 1], torch.sigmoid(outputs.logit))


def test_pictures_are_normalised_inside():
    network = build_model("resnet10t", input_px=64)
    config = network.backbone.pretrained_cfg
    assert network.mean.flatten().tolist() == pytest.approx(config["mean"])
    assert network.std.flatten().tolist() == pytest.approx(config["std"])


@pytest.mark.parametrize(
    ("name", "side"), [("cnn128", 128), ("cnn256", 256), ("resnet50", 224), ("xception", 224)]
)
def test_each_network_has_its_size(name, side):
    assert input_side(name) == side


@pytest.mark.parametrize(
    ("name", "pretrained", "complaint"),
    [
        ("resnet5", "no", "no network is called 'resnet5'; there are cnn128"),  # a slip
        ("cnn128", "yes", "no pretrained weights for cnn128"),  # there are none
        ("resnet10t", "nowhere.safetensors", "must be yes, no, a safetensors"),  # no file
        ("cnn128", ".", "a run folder with network.safetensors"),  # a folder that is no run
    ],
)
def test_what_cannot_be_built_is_refused(name, pretrained, complaint):
    with pytest.raises(UsageError, match=complaint):
        build_model(name, pretrained=pretrained)


@pytest.mark.parametrize(
    ("tensors", "complaint"),
    [
        ({"conv1.weight": torch.zeros(1)}, "lacks"),  # other names
        ({"conv1.0.weight": torch.zeros(1)}, "does not fit the network"),  # other shapes
        (None, "does not fit the network"),  # no safetensors at all
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, tensors, complaint):
    path = tmp_path / "weights.safetensors"
    if tensors is None:
        path.write_bytes(b"rubbish")
    else:
        save_file(tensors, path)
    with pytest.raises(UsageError, match=complaint):
        build_model("resnet10t", pretrained=str(path))


def test_weights_are_loaded(tmp_path):
    source = build_model("resnet10t")
    path = tmp_path / "weights.safetensors"
    save_file(source.backbone.state_dict(), path)
    loaded = build_model("resnet10t", pretrained=str(path))
    for name, value in source.backbone.state_dict().items():
        assert torch.equal(value, loaded.backbone.state_dict()[name])


@pytest.mark.parametrize("name", ["mobilenetv2", "cnn128"])
def test_a_network_goes_on_from_another(tmp_path, name):
    """Padding and normalisation as TensorFlow has them come along, whatever the file is called."""
    path = tmp_path / "mobilenetv2_100_same_imagenet.safetensors"
    first = "no"
    if name == "mobilenetv2":
        save_file(build_model(name, input_px=64).backbone.state_dict(), path)
        first = str(path)
    source = build_model(name, input_px=64, pretrained=first)
    save_network(source, tmp_path / NETWORK_NAME, first)
    target = build_model(name, input_px=64, pretrained=str(tmp_path))
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        one, other = (net.eval()(pixels).features for net in (source, target))
    assert torch.equal(one, other)


def test_parameters_are_counted():
    assert count_parameters(nn.Linear(3, 2)) == 8
