"""Train the bundled detector: training, export, calibration, card and the test, read once.

    uv run --extra train examples/rvf10k_comparison.py --rvf10k DIR --only mobilenetv2 \
        --pretrained FILE --out runs/rvf10k
    uv run --extra train examples/bundled_detector.py --data data/manifest.csv \
        --pretrained runs/rvf10k/mobilenetv2 --out runs/bundled

`examples/bundled_data.py` makes the table; the network goes on from the comparison's. The run
resumes where it was interrupted.
"""

import argparse
import json
from pathlib import Path

from unmask.data.manifest import Manifest
from unmask.data.reading import read_data
from unmask.detection.detector import Detector
from unmask.evaluation.evaluate import describe_metrics, predict, summarise
from unmask.models.card import read_card
from unmask.training.publish import About
from unmask.training.settings import load_settings
from unmask.training.train import train

RECIPE = Path(__file__).with_suffix(".toml")
ABOUT = About(
    name="unmask-mobilenetv2",
    version="1",
    licence=(
        "Weights: MIT, as the code. Trained on FFHQ pictures (CC BY-NC-SA 4.0) and StyleGAN "
        "pictures (CC BY-NC 4.0): whether such weights may be used commercially is not settled; "
        "take advice."
    ),
    data_licences=(
        ("RVF10K", "real: FFHQ, CC BY-NC-SA 4.0; fake: StyleGAN, CC BY-NC 4.0"),
        ("140k", "real: FFHQ, CC BY-NC-SA 4.0; fake: StyleGAN, CC BY-NC 4.0"),
    ),
    intended_use=(
        "A first opinion on whether the face in a picture was made by a GAN of the StyleGAN "
        "family. Not a ground for a decision about a person on its own."
    ),
    limits=(
        "Trained on StyleGAN faces against FFHQ photographs only: faces of diffusion models, face "
        "swaps and lip-synced clips are mostly not recognised.",
        "False alarms on photographs unlike FFHQ (old, scanned, stylised, heavily retouched) are "
        "not bounded by the policies' rates, which hold for pictures like those of validation.",
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
    folder = train(
        manifest, settings, arguments.out, about=ABOUT, resume=True, crops=arguments.crops
    )
    measure_test(folder, manifest.select("test"), settings.seed)


def measure_test(folder: Path, test: Manifest, seed: int) -> None:
    """Read the test split once, through the detector, and write its figures into the card."""
    detector = Detector(folder)
    summary = summarise(list(predict(detector, test)), detector.policy.threshold, seed=seed)
    (folder.parent / "test_metrics.json").write_text(json.dumps(summary, indent=2))
    print(json.dumps(summary, indent=2))
    card = read_card(folder)
    metrics = describe_metrics(summary, "RVF10K valid")
    card.model_copy(update={"metrics": metrics}).write(folder)


if __name__ == "__main__":
    main()
