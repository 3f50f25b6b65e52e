"""Train the bundled detector: training, export, calibration, bounds, card.

    uv run --extra train examples/rvf10k_comparison.py --rvf10k DIR --only mobilenetv2 \
        --pretrained FILE --out runs/rvf10k
    uv run --extra train examples/bundled_detector.py --data data/manifest.csv \
        --pretrained runs/rvf10k/mobilenetv2 --out runs/bundled

`examples/bundled_data.py` makes the table; the network goes on from the comparison's. The run
resumes where it was interrupted; `examples/bundled_figures.py` measures what came of it.
"""

import argparse
from pathlib import Path

from unmask.data.reading import read_data
from unmask.training.publish import About
from unmask.training.settings import load_settings
from unmask.training.train import train

RECIPE = Path(__file__).with_suffix(".toml")
ABOUT = About(
    name="unmask-mobilenetv2",
    version="2",
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
        ("face swaps", "the MesoNet set: unstated"),
        ("All-Age-Faces", "for research; no rights over the pictures are granted"),
    ),
    intended_use=(
        "A first opinion on whether the face in a picture or clip was made by a generator or "
        "swapped. Not a ground for a decision about a person on its own."
    ),
    limits=(
        "Faces of generators other than StyleGAN, StyleGAN2 and Stable Diffusion 2.1, and swaps "
        "and lip-synced clips made otherwise than those of training, may not be recognised.",
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
    train(manifest, settings, arguments.out, about=ABOUT, resume=True, crops=arguments.crops)


if __name__ == "__main__":
    main()
