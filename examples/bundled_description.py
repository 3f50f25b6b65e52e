"""Describe the training faces of a model folder anew, without training.

    uv run --extra train examples/bundled_description.py --data data/manifest.csv \
        --network examples/bundled_network.safetensors --model src/unmask/models/bundled/NAME

Exports the network again where the folder's weights give no stages (see `unmask.models.export`);
the logits stay as they are, which is checked. `unmask train` does the same for a new model.
With --strange the description stays, and only what it knows of faces turned over and covered is
fitted anew, with the limit.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from unmask.data.reading import read_data
from unmask.errors import ModelError
from unmask.inspection.domain import fit_domain, refit_strange
from unmask.models.card import WeightsCard
from unmask.models.domain import add_domain
from unmask.models.engine import open_engine
from unmask.models.export import TORCH_TOLERANCE, describe_weights, export_onnx
from unmask.models.library import ModelFolder, open_model
from unmask.models.zoo import build_model

CROPS = 8


def main() -> None:
    """Parse the command line, export where it is needed, describe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the table of the training data")
    parser.add_argument("--network", type=Path, required=True, help="network.safetensors of a run")
    parser.add_argument("--model", type=Path, required=True, help="the model folder")
    parser.add_argument("--strange", action="store_true", help="fit strange faces alone anew")
    arguments = parser.parse_args()
    manifest = read_data(arguments.data).manifest
    folder = open_model(arguments.model)
    seed = folder.card.seed or 0
    if arguments.strange:
        told = refit_strange(folder.path, manifest, seed=seed, observe=report)
        print(add_domain(folder.path, told).card.domain)
        return
    folder.card.model_copy(update={"domain": None}).write(folder.path)
    side = folder.card.crop.size_px
    noise = np.random.default_rng(0).integers(0, 256, (CROPS, side, side, 3), dtype=np.uint8)
    if open_engine(folder.weights_path, "onnxruntime").run(noise[:1]).stages is None:
        export_again(folder, arguments.network, noise)
    fitted = fit_domain(folder.path, manifest, seed=seed, observe=report)
    found = add_domain(folder.path, fitted).card.domain
    print(found)


def export_again(folder: ModelFolder, network: Path, samples: np.ndarray) -> None:
    """Replace the weights by a new export of the same network.

    Raises:
        ModelError: it is another network.
    """
    card = folder.card
    built = build_model(card.architecture, input_px=card.crop.size_px, pretrained=str(network))
    built.load_state_dict(load_file(network))
    with tempfile.TemporaryDirectory(dir=folder.path) as scratch:
        draft = Path(scratch) / card.weights.file
        export_onnx(built, card.crop.size_px, draft, samples)
        engines = [open_engine(path, "onnxruntime") for path in (folder.weights_path, draft)]
        old, new = (engine.run(samples).logit for engine in engines)
        worst = float(np.abs(old - new).max())
        if not worst <= TORCH_TOLERANCE:
            message = f"{network} is another network than that of {folder.path}: logits {worst:.3g}"
            raise ModelError(message)
        draft.replace(folder.weights_path)
    weights: WeightsCard = describe_weights(folder.weights_path, built)
    card.model_copy(update={"weights": weights, "domain": None}).write(folder.path)


def report(number: int) -> None:
    """Say how far it is, now and then."""
    if number % 250 == 0:
        print(f"{number} pictures", flush=True)


if __name__ == "__main__":
    main()
