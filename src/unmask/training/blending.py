"""Face swaps without fakes: a real face blended into itself.

The idea of self-blended images (Shiohara and Yamasaki 2022, arXiv 2204.08376): of one picture two
versions are made that differ a little in colour, sharpness and place, and the face of one is put
into the other along a soft mask. What remains to be seen is what face swaps leave: a seam, and two
sides that do not match.
"""

from typing import Final

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F  # noqa: N812 - torchvision's own convention

CENTRE: Final = (0.5, 0.53)
"""Where the face lies in a crop as detection cuts it: share of width and height."""
HALF_AXES: Final = (0.25, 0.34)
"""Of the ellipse around it."""
SPREAD: Final = 0.18
"""How much place and axes of the mask vary, as a share of the axes."""
WAVES: Final = 4
"""The mask's edge waves at most so often around it."""
RATIOS: Final = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
"""How much of the face is put in, one of them at random."""

_COLOURS: Final = v2.ColorJitter(brightness=0.1, contrast=0.1, saturation=0.2, hue=0.03)


def blend_into_itself(image: Tensor) -> Tensor:
    """Make a self-blended picture of a face crop (3, H, W) uint8."""
    inside, outside = image, image
    if torch.rand(()).item() < 0.5:
        inside = _change(inside)
    else:
        outside = _change(outside)
    inside = _move(inside)
    mask = draw_mask(*image.shape[-2:]) * RATIOS[int(torch.randint(len(RATIOS), ()))]
    blended = inside * mask + outside * (1 - mask)
    return blended.round().clamp(0, 255).to(torch.uint8)


def draw_mask(height: int, width: int) -> Tensor:
    """A soft mask (1, H, W) in [0, 1] of a face: an ellipse whose edge waves, at random."""
    spread = 1 + SPREAD * _signed(4)
    centre_x = width * (CENTRE[0] + HALF_AXES[0] * SPREAD * _signed(1).item())
    centre_y = height * (CENTRE[1] + HALF_AXES[1] * SPREAD * _signed(1).item())
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    across = (x - centre_x) / (width * HALF_AXES[0] * spread[0])
    along = (y - centre_y) / (height * HALF_AXES[1] * spread[1])
    angle = torch.atan2(along, across)
    edge = torch.ones_like(angle)
    for number in range(1, WAVES + 1):
        strength, phase = _signed(2)
        edge = edge + 0.08 / number * strength * torch.cos(number * angle + torch.pi * phase)
    hard = (across.square() + along.square() <= edge.square()).float()[None]
    sigma = width * (0.008 + 0.04 * torch.rand(()).item())
    soft: Tensor = F.gaussian_blur(hard, [2 * round(2.5 * sigma) + 1] * 2, [sigma] * 2)
    return soft


def _change(image: Tensor) -> Tensor:
    """Another colour, and softer or sharper."""
    changed: Tensor = _COLOURS(image)
    if torch.rand(()).item() < 0.5:
        height, width = image.shape[-2:]
        scale = 0.3 + 0.6 * torch.rand(()).item()
        small = F.resize(changed, [round(height * scale), round(width * scale)], antialias=True)
        resized: Tensor = F.resize(small, [height, width], antialias=True)
        return resized
    sharper: Tensor = F.adjust_sharpness(changed, 1 + 2 * torch.rand(()).item())
    return sharper


def _move(image: Tensor) -> Tensor:
    """A little aside, larger or smaller, turned and sheared."""
    height, width = image.shape[-2:]
    dx, dy, scale, angle, shear = _signed(5).tolist()
    moved: Tensor = F.affine(
        image,
        angle=2 * angle,
        translate=[round(0.03 * width * dx), round(0.015 * height * dy)],
        scale=1 + 0.05 * scale,
        shear=[2 * shear, 0.0],
        interpolation=v2.InterpolationMode.BILINEAR,
    )
    return moved


def _signed(count: int) -> Tensor:
    """Uniform numbers (count,) in [-1, 1)."""
    return 2 * torch.rand(count) - 1
