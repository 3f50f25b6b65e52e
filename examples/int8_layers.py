"""Try how many layers of an 8-bit network must stay in floating point.

    uv run --extra train examples/int8_layers.py --data TABLE --layers 0 2 3

Quantises a model as `unmask export --format int8` does, once for each number of layers behind the
pixels that are left as they are, calibrated on training and validation faces, and asks each about
others of these. Prints AUC, calls alike, size, and faces per second of one thread's processor time.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from unmask.data.reading import read_data
from unmask.detection.policy import calibrate, choose_policy
from unmask.evaluation.metrics import Scored, auc, measure
from unmask.models.engine import open_engine
from unmask.models.formats import write_int8
from unmask.models.library import open_model
from unmask.training.convert import MOST_CALIBRATION, MOST_CROPS
from unmask.training.gather import LabelledCrops, gather_crops

BATCH = 16
SEED = 42


def main() -> None:
    """Parse the command line, quantise, ask, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None, help="a model folder; the bundled one otherwise")
    parser.add_argument("--data", type=Path, required=True, help="a folder or a table")
    parser.add_argument("--layers", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    arguments = parser.parse_args()
    folder = open_model(arguments.model)
    manifest = read_data(arguments.data).manifest
    crops = gather_crops(manifest, folder.card, most=MOST_CROPS, seed=SEED)
    cut = MOST_CALIBRATION
    asked = LabelledCrops(crops.pixels[cut:], crops.labels[cut:])
    threshold = choose_policy(folder.card, "balanced").threshold

    def ask(weights: Path) -> tuple[np.ndarray, float]:
        engine = open_engine(weights, precision="fp32", threads=1)
        started = time.process_time()
        starts = range(0, len(asked.pixels), BATCH)
        logits = [engine.run(asked.pixels[at : at + BATCH]).logit for at in starts]
        seconds = time.process_time() - started
        scores = [calibrate(float(x), folder.card.calibration) for x in np.concatenate(logits)]
        return np.array([score.probability for score in scores]), len(asked.pixels) / seconds

    def row(name: str, weights: Path) -> str:
        scores, rate = ask(weights)
        area = measure(Scored(asked.labels, scores, threshold), {"auc": auc})["auc"]
        alike = np.mean((scores >= threshold) == (whole >= threshold))
        size = weights.stat().st_size / 1e6
        return f"| {name} | {area:.4f} | {100 * alike:.1f} % | {size:.1f} MB | {rate:.0f} |"

    whole, _ = ask(folder.weights_path)
    print(f"{len(asked.pixels)} faces\n")
    print("| layers left | AUC | called alike | size | faces per second |\n|---|---|---|---|---|")
    print(row("all (fp32)", folder.weights_path), flush=True)
    for layers in arguments.layers:
        with tempfile.TemporaryDirectory() as scratch:
            files = write_int8(
                folder.weights_path, Path(scratch), crops.pixels[:cut], float_ahead=layers
            )
            print(row(str(layers), files[0]), flush=True)


if __name__ == "__main__":
    main()
