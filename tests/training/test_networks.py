"""Every network of the workbench is trained a little, exported, measured, and answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unmask.data.manifest import Manifest
from unmask.data.reading import read_data
from unmask.detection.detector import Detector
from unmask.evaluation.assess import evaluate
from unmask.training.publish import About
from unmask.training.settings import load_settings
from unmask.training.train import train

NETWORKS = [
    # name, side, head
    ("cnn128", 64, "softmax"),
    ("cnn256", 64, "linear"),
    ("mobilenetv2", 64, "linear"),
    ("resnet50", 64, "transfer-softmax"),
    ("xception", 64, "transfer"),
    ("efficientnet_b0", 64, "transfer"),
    ("efficientnet_b4", 32, "linear"),
    ("vit_tiny", 64, "transfer"),
]

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:.*tensorboard.*",
    "ignore:.*`isinstance.treespec, LeafSpec.*",
)


@pytest.fixture(scope="module")
def splits(faces, tmp_path_factory):
    """Bluish fakes and reddish reals: what a network sees in its first steps."""
    folder = tmp_path_factory.mktemp("tinted")
    samples = []
    for sample in read_data(faces).manifest:
        pixels = (
            np.asarray(Image.open(sample.path), np.float64)
            * ((1, 0.85, 0.7), (0.7, 0.85, 1))[sample.label]
        )
        path = folder / f"{sample.label}-{Path(sample.path).name}"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        samples.append(replace(sample, path=str(path), split="", group=""))
    by_class = [[s for s in samples if s.label == label] for label in (0, 1)]
    names = ["train"] * 20 + ["val"] * 10 + ["test"] * 2
    chosen = [sample for kind in by_class for sample in kind[: len(names)]]
    return Manifest(tuple(chosen)).with_splits(names * 2)


@pytest.mark.parametrize(("name", "side", "head"), NETWORKS)
def test_from_pictures_to_answers(splits, tmp_path, name, side, head):
    changes = (
        *("phases=[{epochs = 4, learning_rate = 1e-3}]", "batch_size=4", "workers=0"),
        *("device=cpu", f"input_px={side}"),
    )
    settings = load_settings(None, changes, model=name, head=head)
    run = tmp_path / name
    train(splits, settings, run, about=About(name, "1"))
    detector = Detector(run)
    assert detector.card.architecture == name
    found = evaluate(detector, splits.select("test"))
    assert found.summary["n_scored"] == 4
    assert found.summary["training"]["epochs"] == 4
    assert found.summary["auc"] > 0.5
    assert detector.detect(splits.samples[0].path).score is not None
