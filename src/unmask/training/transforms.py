"""Augmentations by name, each with the strength it was published or used with.

All work on uint8 pictures of shape (3, H, W) and keep their size, except the random crop.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final

import av
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F  # noqa: N812 - torchvision's own convention

from unmask.errors import UsageError

Transform = Callable[[Tensor], Tensor]

_KERNELS: Final = (
    v2.InterpolationMode.BILINEAR,
    v2.InterpolationMode.BICUBIC,
    v2.InterpolationMode.NEAREST,
    v2.InterpolationMode.LANCZOS,
)


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * torch.rand(()).item()


def _whole(low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, ()).item())


class Recompress:
    """Lossy compression at a random quality."""

    def __init__(self, image_format: str, quality: tuple[int, int]) -> None:
        self.image_format, self.quality = image_format, quality

    def __call__(self, image: Tensor) -> Tensor:
        """Recompress a picture (3, H, W)."""
        data = io.BytesIO()
        F.to_pil_image(image).save(data, self.image_format, quality=_whole(*self.quality))
        changed: Tensor = F.pil_to_tensor(Image.open(data).convert("RGB"))
        return changed


class Film:
    """H.264 at a random rate factor: what a camera or a platform makes of a clip's frame."""

    def __init__(self, rate_factor: tuple[int, int]) -> None:
        self.rate_factor = rate_factor

    def __call__(self, image: Tensor) -> Tensor:
        """Code a picture (3, H, W) as a keyframe and decode it; an odd side keeps its last line."""
        height, width = (side // 2 * 2 for side in image.shape[-2:])
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
        encoder.options = {"preset": "veryfast", "crf": str(_whole(*self.rate_factor))}
        pixels = np.ascontiguousarray(image[:, :height, :width].permute(1, 2, 0).numpy())
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        packets = [*encoder.encode(frame), *encoder.encode(None), None]
        shown = [one for packet in packets for one in decoder.decode(packet)]
        changed = image.clone()
        seen = torch.from_numpy(shown[0].to_ndarray(format="rgb24")).permute(2, 0, 1)
        changed[:, :height, :width] = seen
        return changed


class DownUp:
    """Shrink and enlarge back, each with a random kernel: what platforms do to pictures."""

    def __init__(self, scale: tuple[float, float]) -> None:
        self.scale = scale

    def __call__(self, image: Tensor) -> Tensor:
        """Resample a picture (3, H, W)."""
        height, width = image.shape[-2:]
        scale = _uniform(*self.scale)
        small = [max(1, round(height * scale)), max(1, round(width * scale))]
        first, second = (_KERNELS[_whole(0, 3)] for _ in range(2))
        picture = F.to_pil_image(image)
        picture = F.resize(picture, small, interpolation=first, antialias=True)
        changed: Tensor = F.pil_to_tensor(F.resize(picture, [height, width], interpolation=second))
        return changed


class Blur:
    """Gaussian blur of random width."""

    def __init__(self, sigma: tuple[float, float]) -> None:
        self.sigma = sigma

    def __call__(self, image: Tensor) -> Tensor:
        """Blur a picture (3, H, W)."""
        sigma = _uniform(*self.sigma)
        changed: Tensor = F.gaussian_blur(image, [2 * round(2.5 * sigma) + 1] * 2, [sigma] * 2)
        return changed


class Noise:
    """Gaussian noise of random strength, in grey values."""

    def __init__(self, sigma: tuple[float, float]) -> None:
        self.sigma = sigma

    def __call__(self, image: Tensor) -> Tensor:
        """Add noise to a picture (3, H, W)."""
        noise = torch.randn(image.shape) * _uniform(*self.sigma)
        return (image + noise).round().clamp(0, 255).to(torch.uint8)


class Cutout:
    """A random rectangle in grey (DeVries and Taylor 2017, arXiv 1708.04552)."""

    def __init__(self, share: tuple[float, float]) -> None:
        self.share = share

    def __call__(self, image: Tensor) -> Tensor:
        """Cover a part of a picture (3, H, W)."""
        height, width = image.shape[-2:]
        h, w = round(height * _uniform(*self.share)), round(width * _uniform(*self.share))
        top, left = _whole(0, height - h), _whole(0, width - w)
        covered = image.clone()
        covered[:, top : top + h, left : left + w] = 127
        return covered


AUGMENTATIONS: Final[Mapping[str, Transform]] = {
    "flip": v2.RandomHorizontalFlip(0.5),
    "rotation": v2.RandomRotation(10.0, interpolation=v2.InterpolationMode.BILINEAR),
    "brightness": v2.ColorJitter(brightness=0.2),
    "contrast": v2.ColorJitter(contrast=(0.8, 1.2)),
    "saturation": v2.ColorJitter(saturation=(0.8, 1.2)),
    "hue": v2.ColorJitter(hue=0.05),
    "grey": v2.Grayscale(3),
    "blur": Blur((0.2, 2.0)),
    "noise": Noise((1.0, 8.0)),
    "resize": DownUp((0.4, 1.0)),
    "jpeg": Recompress("JPEG", (30, 95)),
    "webp": Recompress("WEBP", (30, 95)),
    "h264": Film((18, 38)),
    "cutout": Cutout((0.1, 0.4)),
}
"""In the order in which they are applied: the scene, the camera, then the way of delivery."""
DELIVERY: Final = frozenset({"blur", "noise", "resize", "jpeg", "webp", "h264", "cutout"})
"""What happens to a picture after it was taken."""


ALL_PROBABILITIES: Final[Mapping[str, float]] = {
    "flip": 1.0,  # it tosses its own coin
    "rotation": 0.3,
    "brightness": 0.3,
    "contrast": 0.3,
    "saturation": 0.3,
    "hue": 0.2,
    "grey": 0.05,
    "blur": 0.15,
    "noise": 0.15,
    "resize": 0.2,
    "jpeg": 0.25,
    "webp": 0.1,
    "h264": 0.1,
    "cutout": 0.2,
}
"""All augmentations at once, each rare enough that most pictures meet two or three."""
ALL_MIXUP: Final = 0.2
"""Alpha of MixUp where everything is on (Zhang et al. 2018 use 0.1 to 0.4 on ImageNet)."""


class Augment:
    """Chosen augmentations, each applied with its probability, then a random crop.

    With `paired`, a picture becomes two views (2, 3, S, S) of the same crop: without what happens
    on the way of delivery, and with it.
    """

    def __init__(
        self, probabilities: Mapping[str, float], crop_px: int | None, *, paired: bool = False
    ) -> None:
        unknown = sorted(set(probabilities) - set(AUGMENTATIONS))
        if unknown:
            message = f"no augmentation is called {unknown[0]!r}; there are {list(AUGMENTATIONS)}"
            raise UsageError(message)
        chosen = {name: p for name, p in probabilities.items() if p > 0}
        scene = [name for name in AUGMENTATIONS if name in chosen and name not in DELIVERY]
        delivery = [name for name in AUGMENTATIONS if name in chosen and name in DELIVERY]
        self._scene = [(chosen[name], AUGMENTATIONS[name]) for name in scene]
        self._delivery = [(chosen[name], AUGMENTATIONS[name]) for name in delivery]
        self._crop = v2.RandomCrop(crop_px) if crop_px else v2.Identity()
        self._paired = paired

    def __call__(self, image: Tensor) -> Tensor:
        """Change a picture (3, H, W) uint8 at random."""
        image = _apply(self._scene, image)
        changed = _apply(self._delivery, image)
        views = torch.stack([image, changed]) if self._paired else changed
        cropped: Tensor = self._crop(views)
        return cropped


def _apply(steps: Sequence[tuple[float, Transform]], image: Tensor) -> Tensor:
    for probability, transform in steps:
        if torch.rand(()).item() < probability:
            image = transform(image)
    return image
