"""Networks by name: one function builds any of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from unmask.errors import UsageError
from unmask.files import write_whole
from unmask.models.nets import build_cnn128, build_cnn256

ALIASES: Final[Mapping[str, str]] = {
    "mobilenetv2": "mobilenetv2_100",
    "xception": "legacy_xception",
    "vit_tiny": "vit_tiny_patch16_224",
}
"""Short names of the field for names of timm."""
PLAIN: Final = {"cnn128": build_cnn128, "cnn256": build_cnn256}
"""Our own plain networks."""
INPUT_PX: Final[Mapping[str, int]] = {"cnn128": 128, "cnn256": 256}
"""Side of the pictures that a network is made for, where it is not the field's 224."""
DEFAULT_INPUT_PX: Final = 224
TRANSFER_WIDTH: Final = 256
"""Width of the transfer head's dense layer."""

Head = Literal["linear", "transfer", "softmax", "transfer-softmax"]


NETWORK_NAME: Final = "network.safetensors"
"""What a run folder keeps for others to go on from."""
_OURS: Final = "backbone."
_PADDING: Final = "padding"
_LIKE_TENSORFLOW: Final = "same"


class Outputs(NamedTuple):
    """What every network gives."""

    logit: Tensor
    """(N,)"""
    features: Tensor
    """(N, D), what the head reads."""
    maps: Tensor
    """(N, C, h, w), the last maps before pooling."""


class Normalisation(NamedTuple):
    """What is taken from and divided out of each channel of a picture in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


TENSORFLOW_NORM: Final = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Weights converted from TensorFlow expect [-1, 1]."""


class FaceNet(nn.Module):
    """A backbone with one logit for fake.

    A head with two softmax outputs, real and fake, gives their difference as the logit: categorical
    cross-entropy over two outputs is binary cross-entropy on their difference.
    """

    backbone: Any  # timm's backbones share methods, but no typed base
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, norm: Normalisation, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(norm.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(norm.std).view(1, 3, 1, 1))
        self.head = head

    def forward(self, images: Tensor) -> Outputs:
        """Images (N, 3, S, S) in [0, 1] to logit, features and maps."""
        maps = self.backbone.forward_features((images - self.mean) / self.std)
        features = self.backbone.forward_head(maps, pre_logits=True)
        scores = self.head(features)
        logit = scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]
        return Outputs(logit, features, self._as_maps(maps))

    def _as_maps(self, maps: Tensor) -> Tensor:
        """Tokens (N, T, D) or channels-last maps as (N, C, h, w)."""
        if maps.ndim == 3:
            tokens: Tensor = maps[:, self.backbone.num_prefix_tokens :]
            rows, columns = self.backbone.patch_embed.grid_size
            return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, rows, columns)
        if getattr(self.backbone, "output_fmt", "NCHW") == "NHWC":
            return maps.permute(0, 3, 1, 2)
        return maps


def input_side(name: str) -> int:
    """Side S of the pictures that a network is made for, in pixels."""
    return INPUT_PX.get(name, DEFAULT_INPUT_PX)


def build_model(
    name: str,
    *,
    input_px: int | None = None,
    pretrained: str = "no",
    head: Head = "linear",
    dropout: float = 0.2,
) -> FaceNet:
    """Build a network by its name in the field or in timm.

    Args:
        name: for instance `cnn128`, `mobilenetv2`, `resnet50`, `xception`, `vit_tiny`.
        input_px: side S of the pictures; the network's own where None.
        pretrained: `yes` for timm's ImageNet weights (from the hub), `no`, a safetensors file, or
            the folder of a run whose network is gone on with; the head begins anew.
        head: `linear`, or `transfer` (dense layer, dropout, batch normalisation); each also with
            two softmax outputs.
        dropout: share of features dropped while training.

    Raises:
        UsageError: there is no such network, or the weights file does not fit it.
    """
    side = input_px or input_side(name)
    if name in PLAIN:
        if pretrained == "yes":
            message = f"there are no pretrained weights for {name}; use --pretrained no"
            raise UsageError(message)
        backbone: Any = PLAIN[name](side)
        _load_backbone(backbone, pretrained)
    else:
        backbone = _build_timm(name, side, pretrained)
    norm = Normalisation(backbone.pretrained_cfg["mean"], backbone.pretrained_cfg["std"])
    if _from_tensorflow(pretrained):
        norm = TENSORFLOW_NORM
    return FaceNet(backbone, norm, _build_head(head, backbone.head_hidden_size, dropout))


def save_network(network: FaceNet, path: Path, pretrained: str) -> None:
    """Write a network as it is in torch, so that another training can go on from it.

    Args:
        network: was built with `pretrained`, which decides how it pads.
        path: the safetensors file.
        pretrained: as `build_model` takes it.
    """
    padding = {_PADDING: _LIKE_TENSORFLOW} if _from_tensorflow(pretrained) else {}
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    write_whole(path, save(state, metadata=padding))


def count_parameters(model: nn.Module) -> int:
    """The number of trainable values."""
    return sum(parameter.numel() for parameter in model.parameters())


def _build_timm(name: str, input_px: int, pretrained: str) -> nn.Module:
    architecture = ALIASES.get(name, name)
    if not timm.is_model(architecture):
        near = timm.list_models(f"*{architecture[:6]}*")[:5]
        own = [*PLAIN, *ALIASES, "resnet50", "efficientnet_b0", "efficientnet_b4"]
        message = f"no network is called {name!r}; there are {', '.join([*own, *near])}, ..."
        raise UsageError(message)
    options: dict[str, Any] = {"pad_type": "same"} if _from_tensorflow(pretrained) else {}
    if "vit" in architecture or "swin" in architecture:
        options["img_size"] = input_px  # their positions are made for one size
    try:
        backbone: nn.Module = timm.create_model(
            architecture, pretrained=pretrained == "yes", num_classes=0, **options
        )
    except (OSError, RuntimeError) as error:
        if pretrained != "yes":
            raise
        message = (
            f"the ImageNet weights of {name} could not be fetched ({type(error).__name__}); give a "
            "safetensors file with --pretrained FILE, or train from scratch with --pretrained no"
        )
        raise UsageError(message) from error
    _load_backbone(backbone, pretrained)
    return backbone


def _find_weights(pretrained: str) -> Path | None:
    """The file that holds the weights; None where there is none to read."""
    if pretrained in {"yes", "no"}:
        return None
    path = Path(pretrained)
    return path / NETWORK_NAME if path.is_dir() else path


def _from_tensorflow(pretrained: str) -> bool:
    """Whether weights came from TensorFlow and pad as it does: by its file's name or its notes."""
    path = _find_weights(pretrained)
    if path is None or not path.is_file():
        return False
    if "_same_" in path.name:
        return True
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get(_PADDING) == _LIKE_TENSORFLOW
    except SafetensorError:
        return False  # is refused where it is read


def _build_head(head: Head, width: int, dropout: float) -> nn.Module:
    outputs = 2 if head.endswith("softmax") else 1
    if not head.startswith("transfer"):
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, outputs))
    return nn.Sequential(
        nn.Linear(width, TRANSFER_WIDTH),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.BatchNorm1d(TRANSFER_WIDTH),
        nn.Linear(TRANSFER_WIDTH, outputs),
    )


def _load_backbone(backbone: nn.Module, pretrained: str) -> None:
    path = _find_weights(pretrained)
    if path is None:
        return
    if not path.is_file():
        message = (
            "pretrained must be yes, no, a safetensors file or a run folder with "
            f"{NETWORK_NAME}, got {pretrained!r}"
        )
        raise UsageError(message)
    try:
        state = load_file(path)
        if any(name.startswith(_OURS) for name in state):  # a whole network of ours
            state = {n.removeprefix(_OURS): v for n, v in state.items() if n.startswith(_OURS)}
        missing, _ = backbone.load_state_dict(state, strict=False)  # its classifier is left over
    except (SafetensorError, RuntimeError) as error:
        first = str(error).splitlines()[-1].strip()
        message = f"{path} does not fit the network: {first}"
        raise UsageError(message) from error
    if missing:
        message = f"{path} lacks {len(missing)} tensors of the network, first {missing[:3]}"
        raise UsageError(message)
