"""From crops to a model folder that detects: a whole training in a few seconds."""

import json

import lightning
import numpy as np
import pytest
import torch
from torch import nn

from unmask.data.manifest import Manifest, Sample
from unmask.errors import ModelError, UsageError
from unmask.models.engine import open_engine
from unmask.models.export import export_onnx
from unmask.models.library import open_model
from unmask.models.zoo import build_model
from unmask.training.crops import CropStore
from unmask.training.feed import Feed
from unmask.training.fit import average, fit
from unmask.training.publish import About, publish
from unmask.training.settings import Phase, TrainSettings

SETTINGS = TrainSettings(
    model="resnet10t",
    input_px=64,
    crop_px=48,
    phases=(
        Phase(epochs=1, learning_rate=2e-3, trains="head"),
        Phase(epochs=2, learning_rate=2e-3, schedule="onecycle"),
    ),
    batch_size=8,
    augment={"flip": 1.0, "jpeg": 0.2},
    precision="fp32",
    device="cpu",
    workers=0,
)

pytestmark = pytest.mark.filterwarnings(
    # libraries that warn of their own ways, none of ours
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:.*tensorboard.*",
    "ignore:.*`isinstance.treespec, LeafSpec.*",
    "ignore:This DataLoader will create 2 worker processes",  # on a single core
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
    for phase in ("phase-1", "phase-2"):
        log = (run / "logs" / phase / "version_0" / "metrics.csv").read_text()
        assert all(name in log for name in ("val_auc", "train_loss", "wait_share", "images_per_s"))
        assert (run / "checkpoints" / phase / "best.ckpt").is_file()


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
    path = run / "checkpoints" / "phase-2" / "best.ckpt"
    first = torch.load(path, weights_only=True)["state_dict"]
    for name, value in again.state_dict().items():
        assert torch.equal(value, first[f"network.{name}"]), name


class _Flickering(nn.Module):
    """A network that answers otherwise each time it is asked."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.backbone = network.backbone

    def forward(self, images):
        outputs = self.network(images)
        return outputs._replace(logit=outputs.logit + torch.rand(()) * 10)


def test_a_network_that_does_not_equal_its_export_is_not_written(tmp_path):
    network = _Flickering(build_model("mobilenetv3_small_050"))
    with pytest.raises(ModelError, match="differs from the trained one"):
        export_onnx(network, 64, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


class _Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class _KillAtStep(lightning.Callback):
    def __init__(self, step):
        self._step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self._step:
            raise _Killed


@pytest.mark.parametrize(
    ("ema_decay", "step"),
    [
        (0.0, 16),  # in the second epoch of the second phase
        (0.9, 16),  # the same with averaged weights
        (0.0, 3),  # in the first phase, before anything was saved
    ],
)
def test_an_interrupted_run_ends_as_it_would_have(store, tmp_path, ema_decay, step):
    settings = SETTINGS.model_copy(update={"ema_decay": ema_decay})
    whole = fit(store, settings, tmp_path / "whole").state_dict()
    with pytest.raises(_Killed):
        fit(store, settings, tmp_path / "cut", callbacks=(_KillAtStep(step),))
    resumed = fit(store, settings, tmp_path / "cut", resume=True).state_dict()
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine of one core
def test_the_number_of_workers_does_not_change_what_is_drawn(store):
    batches = []
    for workers in (0, 2):
        settings = SETTINGS.model_copy(update={"workers": workers})
        loader = Feed(store, settings).train_dataloader()
        loader.sampler.set_epoch(1)
        batches.append([pixels for pixels, _ in loader])
    assert all(torch.equal(one, two) for one, two in zip(*batches, strict=True))


def test_every_epoch_draws_otherwise(store):
    loader = Feed(store, SETTINGS).train_dataloader()
    loader.sampler.set_epoch(1)
    first = next(iter(loader))[0]
    loader.sampler.set_epoch(2)
    assert not torch.equal(first, next(iter(loader))[0])


@pytest.mark.parametrize(
    ("change", "resume", "complaint"),
    [
        ({}, False, "holds a run already"),  # nothing is overwritten
        ({"seed": 7}, True, "begun with other settings"),  # nothing is mixed
    ],
)
def test_a_run_folder_belongs_to_one_run(run, store, change, resume, complaint):
    settings = SETTINGS.model_copy(update=change)
    with pytest.raises(UsageError, match=complaint):
        fit(store, settings, run, resume=resume)


def test_the_head_alone_leaves_the_backbone_as_it_was(store, tmp_path):
    phase = Phase(epochs=1, learning_rate=1e-2, trains="head")
    settings = SETTINGS.model_copy(update={"phases": (phase,), "head": "transfer"})
    torch.manual_seed(0)
    trained = fit(store, settings, tmp_path)
    lightning.seed_everything(settings.seed, verbose=False)
    fresh = build_model("resnet10t", input_px=64, head="transfer")
    for name, value in fresh.backbone.state_dict().items():
        assert torch.equal(value, trained.backbone.state_dict()[name]), name
    assert not torch.equal(fresh.head[0].weight, trained.head[0].weight)


@pytest.mark.parametrize(
    "change",
    [
        {"consistency": 1.0},  # two views of every face
        {"self_blend": 0.5, "balance": "source"},  # fakes made on the way, drawn evenly
        {"mixup": 0.2},  # two faces in one
    ],
)
def test_ways_of_training_learn(store, tmp_path, change):
    phase = Phase(epochs=3, learning_rate=2e-3, schedule="onecycle")
    settings = SETTINGS.model_copy(update={**change, "phases": (phase,)})
    network = fit(store, settings, tmp_path)
    rows = store.numbers("val")
    images = torch.from_numpy(np.array(store.pixels[rows])).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        logits = network(images).logit.numpy()
    labels = store.labels()[rows]
    assert logits[labels == 1].mean() > logits[labels == 0].mean()


@pytest.mark.slow
def test_two_processes_share_the_work(store, tmp_path):
    phase = Phase(epochs=2, learning_rate=4e-3, schedule="onecycle")
    settings = SETTINGS.model_copy(update={"processes": 2, "phases": (phase,)})
    network = fit(store, settings, tmp_path)
    log = (tmp_path / "logs" / "phase-1" / "version_0" / "metrics.csv").read_text()
    assert "val_auc" in log
    rows = store.numbers("val")
    images = torch.from_numpy(np.array(store.pixels[rows])).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        logits = network(images).logit.numpy()
    labels = store.labels()[rows]
    assert logits[labels == 1].mean() > logits[labels == 0].mean()


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        (1, 2 / 11),  # nearly all is the present weight
        (90, 0.91),  # still short
        (10_000, 0.998),  # the decay that was asked for
    ],
)
def test_the_moving_average_begins_short(steps, kept):
    mean = average(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(steps), decay=0.998)
    assert float(mean) == pytest.approx(kept, abs=1e-3)
