"""From a trained network to a model folder: export, calibration on validation, card."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal, cast

import numpy as np
import numpy.typing as npt
import torch

from unmask.data.manifest import Manifest
from unmask.evaluation.calibration import choose_policies, fit_calibration, to_probabilities
from unmask.evaluation.history import History, read_history
from unmask.media.faces import CropGeometry
from unmask.models.card import CropCard, DataCard, ModelCard, TrainingCard
from unmask.models.engine import Engine, open_engine
from unmask.models.export import describe_weights, export_onnx
from unmask.models.library import MODEL_IN_RUN, write_model
from unmask.models.zoo import NETWORK_NAME, FaceNet, save_network
from unmask.records import Pixels
from unmask.training.crops import CropStore
from unmask.training.settings import TrainSettings
from unmask.training.transforms import Augment

DELIVERY: Final = {"blur": 0.2, "noise": 0.2, "resize": 0.3, "jpeg": 0.4, "webp": 0.1}
"""Probability of each degradation in the second view of every validation crop."""
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class About:
    """What a card says that no measurement gives."""

    name: str
    version: str
    licence: str = ""
    data_licences: tuple[tuple[str, str], ...] = ()
    """(data set, licence)"""
    intended_use: str = ""
    limits: tuple[str, ...] = ()


def publish(
    network: FaceNet, store: CropStore, settings: TrainSettings, run: Path, *, about: About
) -> Path:
    """Export, calibrate and describe a trained network; returns the model folder `run/model`.

    Calibration and thresholds are fitted on every validation crop twice, as it is and degraded the
    way platforms degrade pictures, scored by the engine that detection uses.
    """
    geometry = CropGeometry(size_px=store.pixels.shape[1])
    weights = run / "model.onnx"
    rows = store.numbers("val")
    export_onnx(network, geometry.size_px, weights, store.pixels[rows[:4]])
    save_network(network, run / NETWORK_NAME, settings.pretrained)
    engine = open_engine(weights)
    logits, labels = score_views(engine, store, rows, settings.seed)
    calibration = fit_calibration(
        logits, labels, f"validation, {len(rows)} crops, each as it is and degraded"
    )
    scores = to_probabilities(logits, calibration)
    card = ModelCard(
        name=about.name,
        version=about.version,
        architecture=settings.model,
        crop=CropCard(**asdict(geometry)),
        mean=_channels(network.mean),
        std=_channels(network.std),
        calibration=calibration,
        policies=choose_policies(scores, labels),
        weights=describe_weights(weights, network),
        training=describe_training(read_history(run / MODEL_IN_RUN), store, settings),
        data=describe_data(store.manifest, dict(about.data_licences)),
        seed=settings.seed,
        versions={name: version(name) for name in ("unmask", "torch", "timm", "lightning")},
        licence=about.licence,
        intended_use=about.intended_use,
        limits=about.limits,
    )
    write_model(card, weights, run / MODEL_IN_RUN)
    return run / MODEL_IN_RUN


def score_views(
    engine: Engine, store: CropStore, rows: npt.NDArray[np.intp], seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Logits and labels (2 M,) of M crops: first as they are, then degraded."""
    clean = score_rows(engine, store, rows)
    torch.manual_seed(seed)
    degrade = Augment(DELIVERY, crop_px=None)
    degraded = [
        engine.run(np.stack([_apply(degrade, crop) for crop in batch])).logit
        for batch in _batches(store.pixels, rows)
    ]
    labels = store.labels()[rows].astype(np.int64)
    return np.concatenate([clean, *degraded]).astype(np.float64), np.tile(labels, 2)


def score_rows(
    engine: Engine, store: CropStore, rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Logits (M,) of M crops as they are."""
    return np.concatenate([engine.run(batch).logit for batch in _batches(store.pixels, rows)])


def describe_data(manifest: Manifest, licences: dict[str, str]) -> tuple[DataCard, ...]:
    """One entry per data set and split."""
    kinds = Counter((s.dataset, s.split, s.label) for s in manifest if s.split)
    parts = sorted({(dataset, split) for dataset, split, _ in kinds})
    return tuple(
        DataCard(
            name=dataset or "unnamed",
            split=cast("Literal['train', 'val', 'test']", split),
            real=kinds[dataset, split, 0],
            fake=kinds[dataset, split, 1],
            sha256=Manifest(
                tuple(s for s in manifest if (s.dataset, s.split) == (dataset, split))
            ).sha256(),
            licence=licences.get(dataset, ""),
        )
        for dataset, split in parts
    )


def describe_training(
    history: History, store: CropStore, settings: TrainSettings
) -> TrainingCard | None:
    """Epochs, time and speed from a run's logs; None where they say nothing of it."""
    rates = [rate for _, rate in history.get("images_per_s", []) if rate > 0]
    waits = [share for _, share in history.get("wait_share", [])]
    if not rates or len(waits) != len(rates):
        return None
    samples = settings.epoch_samples or len(store.numbers("train"))
    seconds = np.array([samples / rate for rate in rates])
    return TrainingCard(
        pretrained=Path(settings.pretrained).name,
        epochs=len(rates),
        samples=samples,
        seconds=round(float(seconds.sum()), 1),
        images_per_s=round(samples * len(rates) / float(seconds.sum()), 2),
        wait_share=round(float(np.average(waits, weights=seconds)), 4),
    )


def _batches(pixels: Pixels, rows: npt.NDArray[np.intp]) -> Iterator[Pixels]:
    for start in range(0, len(rows), _BATCH):
        yield pixels[rows[start : start + _BATCH]]


def _apply(augment: Augment, crop: Pixels) -> Pixels:
    image = augment(torch.from_numpy(crop.copy()).permute(2, 0, 1))
    return image.permute(1, 2, 0).contiguous().numpy()


def _channels(values: torch.Tensor) -> tuple[float, float, float]:
    red, green, blue = (round(float(value), 6) for value in values.flatten())
    return red, green, blue
