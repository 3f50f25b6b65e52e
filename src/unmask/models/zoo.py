"""Networks by name: one function builds any of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from unmask.errors import UsageError

ALIASES: Final[Mapping[str, str]] = {
    "mobilenetv2": "mobilenetv2_100",
    "xception": "legacy_xception",
    "vit_tiny": "vit_tiny_patch16_224",
}
"""Short names of the field for names of timm."""


class Outputs(NamedTuple):
    """What every network gives."""

    logit: Tensor
    """(N,)"""
    features: Tensor
    """(N, D), what the last layer reads."""
    maps: Tensor
    """(N, C, h, w), the last maps before pooling."""


class Normalisation(NamedTuple):
    """What is taken from and divided out of each channel of a picture in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


TENSORFLOW_NORM: Final = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Weights converted from TensorFlow expect [-1, 1]."""


class FaceNet(nn.Module):
    """A timm backbone with one logit for fake."""

    backbone: Any  # timm's backbones share methods, but no typed base
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, norm: "Normalisation", dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(norm.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(norm.std).view(1, 3, 1, 1))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.backbone.head_hidden_size, 1))

    def forward(self, images: Tensor) -> Outputs:
        """Images (N, 3, S, S) in [0, 1] to logit, features and maps."""
        maps = self.backbone.forward_features((images - self.mean) / self.std)
        features = self.backbone.forward_head(maps, pre_logits=True)
        return Outputs(self.head(features)[:, 0], features, maps)


def build_model(name: str, *, pretrained: str = "no", dropout: float = 0.2) -> FaceNet:
    """Build a network by its name in the field or in timm.

    Args:
        name: for instance `mobilenetv2`, `resnet50`, `xception`.
        pretrained: `yes` for timm's ImageNet weights (from the hub), `no`, or a safetensors file.
        dropout: share of features dropped before the last layer while training.

    Raises:
        UsageError: timm knows no such network, or the weights file does not fit it.
    """
    architecture = ALIASES.get(name, name)
    if not timm.is_model(architecture):
        near = timm.list_models(f"*{architecture[:6]}*")[:5]
        message = f"no network is called {name!r}; similar names: {', '.join(near) or 'none'}"
        raise UsageError(message)
    from_tensorflow = "_same_" in Path(pretrained).name  # such weights pad as TensorFlow does
    options: dict[str, Any] = {"pad_type": "same"} if from_tensorflow else {}
    backbone: Any = timm.create_model(
        architecture, pretrained=pretrained == "yes", num_classes=0, **options
    )
    if pretrained not in {"yes", "no"}:
        _load_backbone(backbone, Path(pretrained))
    config = backbone.pretrained_cfg
    norm = TENSORFLOW_NORM if from_tensorflow else Normalisation(config["mean"], config["std"])
    return FaceNet(backbone, norm, dropout)


def _load_backbone(backbone: nn.Module, path: Path) -> None:
    if not path.is_file():
        message = f"pretrained must be yes, no or a safetensors file, got {str(path)!r}"
        raise UsageError(message)
    state = load_file(path)
    missing, _ = backbone.load_state_dict(state, strict=False)  # its classifier is left over
    if missing:
        message = f"{path} lacks {len(missing)} tensors of the network, first {missing[:3]}"
        raise UsageError(message)


def count_parameters(model: nn.Module) -> int:
    """The number of trainable values."""
    return sum(parameter.numel() for parameter in model.parameters())
