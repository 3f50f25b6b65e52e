"""The plain convolutional networks that students of the field begin with.

They speak timm's language (`forward_features`, `forward_head`, `head_hidden_size`,
`feature_info`, `pretrained_cfg`), so that everything that works with a timm backbone works with
them.
"""

from typing import Any, Final

from torch import Tensor, nn

_PLAIN_INPUT: Final[dict[str, Any]] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
"""Pictures in [0, 1] as they are."""


class ConvNet(nn.Module):
    """Convolution blocks, then flattened maps into one dense layer.

    Args:
        widths: channels of each block; every block halves the side.
        input_px: side S of the pictures, which the dense layer is made for.
        dense: width of the dense layer.
        dropout: share dropped after each block, and half of the dense layer; None leaves dropout
            and batch normalisation out.
    """

    def __init__(
        self, widths: tuple[int, ...], input_px: int, *, dense: int, dropout: float | None
    ) -> None:
        super().__init__()
        pairs = zip((3, *widths[:-1]), widths, strict=True)
        self.blocks = nn.Sequential(*(_block(into, out, dropout) for into, out in pairs))
        side = input_px // 2 ** len(widths)
        layers: list[nn.Module] = [nn.Flatten(), nn.Linear(widths[-1] * side * side, dense)]
        layers += [nn.ReLU()] if dropout is None else [nn.ReLU(), nn.Dropout(0.5)]
        self.dense = nn.Sequential(*layers)
        self.head_hidden_size = dense
        self.pretrained_cfg = _PLAIN_INPUT
        self.feature_info = [
            {"module": f"blocks.{number}", "reduction": 2 ** (number + 1)}
            for number in range(len(widths))
        ]

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (N, 3, S, S) to maps (N, C, h, w)."""
        maps: Tensor = self.blocks(images)
        return maps

    def forward_head(self, maps: Tensor, *, pre_logits: bool) -> Tensor:  # noqa: ARG002 (timm asks so)
        """Maps (N, C, h, w) to features (N, D)."""
        features: Tensor = self.dense(maps)
        return features


def _block(into: int, out: int, dropout: float | None) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(into, out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    if dropout is not None:
        layers += [nn.BatchNorm2d(out), nn.Dropout(dropout)]
    return nn.Sequential(*layers)


def build_cnn128(input_px: int = 128) -> ConvNet:
    """Blocks of Conv, ReLU, MaxPool, BatchNorm, Dropout."""
    return ConvNet((32, 64, 128, 128), input_px, dense=128, dropout=0.25)


def build_cnn256(input_px: int = 256) -> ConvNet:
    """Conv, ReLU, MaxPool, then Flatten and Dense, nothing else."""
    return ConvNet((32, 64, 128, 128), input_px, dense=128, dropout=None)
