"""Train the bundled detector: training, export, calibration, bounds, card.

    uv run --extra train examples/bundled_detector.py --data data/manifest.csv \
        --pretrained examples/bundled_start.safetensors --out runs/bundled

`bundled_data.py` makes the table. The network goes on from what docs/experiments.md tells:
ImageNet, RVF10K (rvf10k_comparison.py), version 2, and two epochs of this recipe with two sources
more that it could not learn. Its weights are then averaged with those of version 2 (model soups,
Wortsman et al. 2022, arXiv 2203.05482), which know less but the 140k family better. The run resumes
where it was interrupted; `bundled_figures.py` measures what came of it;
`bundled_network.safetensors` is what it gave, to go on from.
"""

import argparse
from pathlib import Path

from safetensors.torch import load_file

from unmask.data.reading import read_data
from unmask.models.zoo import FaceNet
from unmask.training.publish import About
from unmask.training.settings import load_settings
from unmask.training.train import train

RECIPE = Path(__file__).with_suffix(".toml")
EARLIER = Path(__file__).with_name("bundled_v2.safetensors")
EARLIER_SHARE = 0.25
"""Chosen on validation among 0, 0.25 and 0.5."""
ABOUT = About(
    name="unmask-mobilenetv2",
    version="3",
    licence=(
        "Weights: MIT, as the code. Trained on FFHQ pictures (CC BY-NC-SA 4.0), StyleGAN pictures "
        "(CC BY-NC 4.0) and pictures over which no rights are granted: whether such weights may be "
        "used commercially is not settled; take advice."
    ),
    data_licences=(
        ("RVF10K", "real: FFHQ, CC BY-NC-SA 4.0; fake: StyleGAN, CC BY-NC 4.0"),
        ("140k", "real: FFHQ, CC BY-NC-SA 4.0; fake: StyleGAN, CC BY-NC 4.0"),
        ("Unsplash", "Unsplash licence"),
        ("StyleGAN2", "NVIDIA Source Code Licence, non-commercial"),
        ("Stable Diffusion 2.1", "SDFD: for research; no rights over the pictures are granted"),
        ("Stable Diffusion 1.5", "unstated"),
        ("Stable Diffusion 3", "CC0"),
        ("PGGAN", "samples of CelebA-HQ's network: CC BY-NC 4.0"),
        ("Generated Photos", "unstated; the service's terms"),
        ("face swaps", "the MesoNet set: unstated"),
        ("CIPLAB", "for research"),
        ("UTKFace", "for research, non-commercial"),
        ("AMFD", "for research"),
        ("All-Age-Faces", "for research; no rights over the pictures are granted"),
    ),
    intended_use=(
        "A first opinion on whether the face in a picture or clip was made by a generator or "
        "swapped. Not a ground for a decision about a person on its own."
    ),
    limits=(
        "Faces of generators other than those of training (StyleGAN, StyleGAN2, PGGAN, Stable "
        "Diffusion 1.5, 2.1 and 3), and swaps and lip-synced clips made otherwise than those of "
        "training, may not be recognised.",
        "False alarms on photographs unlike those of training (old, scanned, stylised, heavily "
        "retouched) are not bounded by the policies' rates, which hold for pictures like those of "
        "validation.",
        "Strong recompression, enlargement and filters remove evidence.",
    ),
)


def main() -> None:
    """Parse the command line and run every step that has not run yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the table of bundled_data.py")
    parser.add_argument("--pretrained", required=True, help="the run to go on from")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--crops", type=Path, help="where face crops are kept")
    arguments = parser.parse_args()
    manifest = read_data(arguments.data).manifest
    settings = load_settings(str(RECIPE), pretrained=arguments.pretrained)
    train(
        manifest,
        settings,
        arguments.out,
        about=ABOUT,
        resume=True,
        crops=arguments.crops,
        finish=mix_in,
    )


def mix_in(network: FaceNet) -> None:
    """Take a share of the weights from version 2."""
    state = network.state_dict()
    for name, weight in load_file(EARLIER).items():
        if state[name].is_floating_point():
            state[name].lerp_(weight, EARLIER_SHARE)


if __name__ == "__main__":
    main()
