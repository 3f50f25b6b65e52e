"""From crops to a model folder that detects: a whole training in a few seconds."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from unmask.data.manifest import Manifest, Sample
from unmask.errors import ModelError
from unmask.models.engine import open_engine
from unmask.models.export import export_onnx
from unmask.models.library import open_model
from unmask.models.zoo import build_model
from unmask.training.crops import CropStore
from unmask.training.fit import fit
from unmask.training.publish import About, publish
from unmask.training.settings import TrainSettings

SETTINGS = TrainSettings(
    model="resnet10t",
    epochs=3,
    batch_size=8,
    learning_rate=2e-3,
    ema_decay=0.0,
    crop_px=48,
    augment={"flip": 1.0, "jpeg": 0.2},
    precision="32-true",
    workers=0,
)

pytestmark = pytest.mark.filterwarnings(
    # libraries that warn of their own ways, none of ours
    "ignore:.*does not have many workers.*",
    "ignore:.*number of training batches.*",
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:.*tensorboard.*",
    "ignore:.*`isinstance.treespec, LeafSpec.*",
)


@pytest.fixture(scope="module")
def store():
    """Grey noise: fakes with a checkerboard of 4 px that reals lack."""
    generator = np.random.default_rng(0)
    labels = np.arange(160) % 2
    pixels = generator.integers(60, 190, (160, 64, 64, 3)).astype(np.int64)
    board = ((np.indices((64, 64)) // 4).sum(axis=0) % 2 * 80 - 40)[None, :, :, None]
    pixels = np.clip(pixels + board * labels[:, None, None, None], 0, 255).astype(np.uint8)
    samples = tuple(
        Sample(f"{n}.png", int(label), "train" if n < 112 else "val", dataset="boards")
        for n, label in enumerate(labels)
    )
    return CropStore(Manifest(samples), pixels, np.arange(160, dtype=np.uint64), ())


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    network = fit(store, SETTINGS, folder)
    publish(network, store, SETTINGS, folder, about=About("boards", "1", limits=("a test",)))
    return folder


def test_the_run_folder_tells_what_happened(run):
    assert TrainSettings(**json.loads((run / "settings.json").read_text())) == SETTINGS
    assert "val_auc" in (run / "logs" / "version_0" / "metrics.csv").read_text()
    assert (run / "checkpoints" / "best.ckpt").is_file()


def test_the_card_tells_data_seed_and_versions(run):
    card = open_model(run).card
    kinds = {(part.split, part.real, part.fake) for part in card.data}
    assert kinds == {("train", 56, 56), ("val", 24, 24)}
    assert card.seed == 42
    assert set(card.versions) == {"unmask", "torch", "timm", "lightning"}
    assert card.limits == ("a test",)


def test_the_model_has_learned(run, store):
    rows = store.numbers("val")
    logits = open_engine(run / "model" / "model.onnx").run(store.pixels[rows]).logit
    labels = store.labels()[rows]
    assert logits[labels == 1].mean() > logits[labels == 0].mean()


def test_the_same_seed_gives_the_same_weights(run, store, tmp_path):
    again = fit(store, SETTINGS, tmp_path)
    first = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    for name, value in again.state_dict().items():
        assert torch.equal(value, first[f"network.{name}"]), name


class _Flickering(nn.Module):
    """A network that answers otherwise each time it is asked."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        outputs = self.network(images)
        return outputs._replace(logit=outputs.logit + torch.rand(()) * 10)


def test_a_network_that_does_not_equal_its_export_is_not_written(tmp_path):
    network = _Flickering(build_model("mobilenetv3_small_050"))
    with pytest.raises(ModelError, match="differs from the trained one"):
        export_onnx(network, 64, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
