"""One training: crops and settings in, a run folder with the best weights out."""

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.callbacks import (
    EMAWeightAveraging,
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from unmask.models.zoo import FaceNet, build_model
from unmask.training.crops import CropStore
from unmask.training.module import FaceModule
from unmask.training.settings import TrainSettings
from unmask.training.transforms import Augment, Transform


class CropDataset(Dataset[tuple[Tensor, Tensor]]):
    """Some rows of a store as pairs of pixels (3, H, W) uint8 and label ()."""

    def __init__(
        self, store: CropStore, numbers: npt.NDArray[np.intp], transform: Transform | None = None
    ) -> None:
        self._pixels, self._labels = store.pixels, store.labels()
        self._numbers, self._transform = numbers, transform

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """The pair at a position within the chosen rows."""
        number = self._numbers[index]
        image = torch.from_numpy(np.array(self._pixels[number])).permute(2, 0, 1)
        if self._transform is not None:
            image = self._transform(image)
        return image, torch.tensor(self._labels[number])


def fit(store: CropStore, settings: TrainSettings, run: Path, *, resume: bool = False) -> FaceNet:
    """Train on the store's `train` rows, select on its `val` rows, and return the best weights.

    The run folder gets `settings.json`, `logs` (CSV), `tensorboard` and `checkpoints`.
    """
    lightning.seed_everything(settings.seed, workers=True, verbose=False)
    run.mkdir(parents=True, exist_ok=True)
    (run / "settings.json").write_text(settings.model_dump_json(indent=2), encoding="utf-8")
    network = build_model(settings.model, pretrained=settings.pretrained, dropout=settings.dropout)
    module = FaceModule(
        network,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        label_smoothing=settings.label_smoothing,
    )
    best = ModelCheckpoint(run / "checkpoints", "best", monitor="val_loss", save_last=True)
    trainer = _build_trainer(settings, run, best)
    train, val = _build_loaders(store, settings)
    last = run / "checkpoints" / "last.ckpt"
    trainer.fit(module, train, val, ckpt_path=last if resume and last.is_file() else None)
    state = torch.load(best.best_model_path, weights_only=True)["state_dict"]
    module.load_state_dict(state)
    return module.network.eval()


def _build_trainer(settings: TrainSettings, run: Path, best: ModelCheckpoint) -> lightning.Trainer:
    callbacks: list[Any] = [best, LearningRateMonitor(), TQDMProgressBar(refresh_rate=20)]
    if settings.ema_decay > 0:
        callbacks.append(EMAWeightAveraging(decay=settings.ema_decay, use_buffers=True))
    return lightning.Trainer(
        default_root_dir=run,
        max_epochs=settings.epochs,
        precision=settings.precision,
        callbacks=callbacks,
        logger=[CSVLogger(run, "logs"), TensorBoardLogger(run, "tensorboard")],
        gradient_clip_val=1.0,
        log_every_n_steps=50,
        num_sanity_val_steps=0,
    )


def _build_loaders(
    store: CropStore, settings: TrainSettings
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    augment = Augment(settings.augment, settings.crop_px)
    common: dict[str, Any] = {
        "batch_size": settings.batch_size,
        "num_workers": settings.workers,
        "persistent_workers": settings.workers > 0,
    }
    train = CropDataset(store, store.numbers("train"), augment)
    val = CropDataset(store, store.numbers("val"))
    return (
        DataLoader(train, shuffle=True, drop_last=True, **common),
        DataLoader(val, shuffle=False, **common),
    )
