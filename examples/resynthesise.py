"""Add re-synthesised faces to a table of training data: photographs sent through an autoencoder.

    uv run --extra train examples/resynthesise.py --data data/manifest.csv --autoencoder DIR \
        --count 3000 --out data/

Diffusion models draw in the latent space of an autoencoder, whose decoder makes every pixel. A
photograph that goes through it and back shows what the decoder leaves and nothing else: same
person, same camera, same framing (Rajan et al. 2024, arXiv 2410.11835). Two in three latents are
disturbed, as a generator's latents are never exactly those of a photograph.

DIR holds `taef2_encoder.pth` and `taef2_decoder.pth` of the tiny autoencoder for FLUX.2
(github.com/madebyollin/taesd, MIT). Takes photographs of four sources alike often, never of the
test split; a fake stays in the split and group of its photograph and is saved with the same JPEG
tables. Writes the pictures and `resynthesised.csv`, the given table with them.
"""

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.JpegImagePlugin import get_sampling
from torch import Tensor, nn

from unmask.data.manifest import Manifest, Sample
from unmask.data.reading import read_data

CHANNELS = 64
LATENTS = 32
STEP = 8
"""The autoencoder shrinks by this, so sides must be multiples of it."""
NOISE = (0.0, 0.4)
"""Strength of the disturbance, in standard deviations of the latents."""
SEED = 42
SOURCE = "re-synthesis"
PHOTOGRAPHS = ("RVF10K", "140k", "Unsplash", "All-Age-Faces")


def main() -> None:
    """Parse the command line, re-synthesise, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the table of bundled_data.py")
    parser.add_argument("--autoencoder", type=Path, required=True, help="folder with taef2_*.pth")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    manifest = read_data(arguments.data).manifest
    folder = arguments.out / SOURCE / "fake"
    folder.mkdir(parents=True, exist_ok=True)
    encoder = load(build_encoder(), arguments.autoencoder / "taef2_encoder.pth")
    decoder = load(build_decoder(), arguments.autoencoder / "taef2_decoder.pth")
    made = []
    for number, sample in enumerate(choose(manifest, arguments.count)):
        path = folder / f"{number:05}.jpg"
        if not path.is_file():
            generator = torch.Generator().manual_seed(SEED + number)
            save_like(sample.path, path, encoder, decoder, generator)
        group = sample.group or sample.path
        made.append(replace(sample, path=str(path), label=1, group=group, dataset=SOURCE))
    grouped = {one.group for one in made}
    kept = [replace(one, group=one.path) if one.path in grouped else one for one in manifest]
    whole = Manifest((*kept, *made))
    whole.relative_to(arguments.out).write_csv(arguments.out / "resynthesised.csv")
    print(len(made), "re-synthesised faces")


def choose(manifest: Manifest, count: int) -> list[Sample]:
    """Photographs of the sources in turn, seeded."""
    sources = defaultdict(list)
    for sample in manifest:
        if sample.label == 0 and sample.split != "test" and sample.dataset in PHOTOGRAPHS:
            sources[sample.dataset].append(sample)
    generator = np.random.default_rng(SEED)
    for samples in sources.values():
        generator.shuffle(samples)
    turns: list[Sample] = []
    while len(turns) < count and any(sources.values()):
        turns += [samples.pop() for samples in sources.values() if samples]
    return turns[:count]


@torch.inference_mode()
def save_like(
    source: str, path: Path, encoder: nn.Module, decoder: nn.Module, generator: torch.Generator
) -> None:
    """Send a picture through the autoencoder and save it as the picture was saved."""
    with Image.open(source) as image:
        tables = {"qtables": image.quantization, "subsampling": get_sampling(image)}  # type: ignore[attr-defined]
        width, height = (side // STEP * STEP for side in image.size)
        pixels = np.array(image.convert("RGB").crop((0, 0, width, height)))
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    with torch.autocast("cpu", torch.bfloat16):
        latents = encoder(batch.to(memory_format=torch.channels_last))
        if torch.rand((), generator=generator) < 2 / 3:
            low, high = NOISE
            strength = low + (high - low) * torch.rand((), generator=generator)
            noise = torch.randn(latents.shape, generator=generator)
            latents = latents + strength * latents.std() * noise
        drawn = decoder(latents)[0].float()
    shown = (drawn.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(shown).save(path, "JPEG", **tables)


def load(network: nn.Module, path: Path) -> nn.Module:
    """Fill a network with stored weights."""
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().to(memory_format=torch.channels_last)


def conv(inputs: int, outputs: int, **options: object) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)  # type: ignore[arg-type]


class Clamp(nn.Module):
    """Bounds latents softly."""

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (N, C, H, W) in [-3, 3]."""
        return torch.tanh(latents / 3) * 3


class Block(nn.Module):
    """Residual block; in the middle of the network with a normalised branch in front."""

    def __init__(self, *, middle: bool = False) -> None:
        super().__init__()
        width, wide = CHANNELS, 4 * CHANNELS
        self.conv = nn.Sequential(
            conv(width, width), nn.ReLU(), conv(width, width), nn.ReLU(), conv(width, width)
        )
        self.pool = (
            nn.Sequential(
                nn.Conv2d(width, wide, 1, bias=False),
                nn.GroupNorm(4, wide),
                nn.ReLU(),
                nn.Conv2d(wide, width, 1, bias=False),
            )
            if middle
            else None
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, H, W)."""
        if self.pool is not None:
            features = features + self.pool(features)
        return torch.relu(self.conv(features) + features)


def build_encoder() -> nn.Sequential:
    """From pictures (N, 3, H, W) in [0, 1] to latents (N, 32, H / 8, W / 8)."""
    layers: list[nn.Module] = [conv(3, CHANNELS), Block()]
    for level in range(3):
        layers.append(conv(CHANNELS, CHANNELS, stride=2, bias=False))
        layers += [Block(middle=level == 2) for _ in range(3)]
    return nn.Sequential(*layers, conv(CHANNELS, LATENTS))


def build_decoder() -> nn.Sequential:
    """From latents (N, 32, H / 8, W / 8) to pictures (N, 3, H, W) in [0, 1], nearly."""
    layers: list[nn.Module] = [Clamp(), conv(LATENTS, CHANNELS), nn.ReLU()]
    for level in range(3):
        layers += [Block(middle=level == 0) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), conv(CHANNELS, CHANNELS, bias=False)]
    return nn.Sequential(*layers, Block(), conv(CHANNELS, 3))


if __name__ == "__main__":
    main()
