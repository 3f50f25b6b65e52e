"""What one step of training is."""

import time
from collections.abc import Sequence
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC
from torchvision.transforms import v2

from unmask.models.zoo import FaceNet
from unmask.training.settings import Phase, TrainSettings

_PLATEAU_FACTOR = 0.1
"""Keras' ReduceLROnPlateau default, which the two-phase recipe used."""


class FaceModule(lightning.LightningModule):
    """Binary cross-entropy on the logit of one network, for one phase of its training."""

    def __init__(self, network: FaceNet, settings: TrainSettings, phase: Phase) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.settings, self.phase = settings, phase
        self.val_auc = BinaryAUROC()
        self.val_accuracy = BinaryAccuracy()
        self._mixup = v2.MixUp(alpha=settings.mixup, num_classes=2) if settings.mixup else None
        self.network.train()
        self.network.backbone.requires_grad_(phase.trains == "all")

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, 3, S, S) uint8 to logits (N,)."""
        return self._logits(_as_images(pixels))

    def on_train_epoch_start(self) -> None:
        """Keep a frozen backbone's normalisation statistics as they are."""
        if self.phase.trains == "head":
            self.network.backbone.eval()

    def on_train_batch_start(self, _batch: Sequence[Tensor], batch_idx: int) -> None:
        """Seed dropout and MixUp by step, so that a resumed run draws what it would have drawn."""
        root = np.random.SeedSequence((self.settings.seed, self.current_epoch, batch_idx))
        torch.manual_seed(int(root.generate_state(1)[0]))

    def training_step(self, batch: Sequence[Tensor], _: int) -> Tensor:
        """Loss of one batch (pixels, labels), whose pixels may be pairs of views."""
        pixels, labels = batch
        if pixels.ndim == 5:  # the faces as they are, then as delivery leaves them
            pixels, labels = pixels.transpose(0, 1).flatten(0, 1), labels.repeat(2)
        images = _as_images(pixels)
        if self._mixup is not None:
            images, shares = self._mixup(images, labels.long())
            labels = shares[:, 1]
        smoothing = self.settings.label_smoothing
        smooth = labels * (1 - smoothing) + smoothing / 2
        found = self.network(images)
        loss = binary_cross_entropy_with_logits(found.logit.float(), smooth)
        self.log("train_loss", loss, prog_bar=True, on_step=False, on_epoch=True, sync_dist=True)
        if self.settings.consistency:
            apart = disagreement(found.logit.float(), found.features.float())
            self.log("disagreement", apart, on_step=False, on_epoch=True, sync_dist=True)
            loss = loss + self.settings.consistency * apart
        return loss

    def validation_step(self, batch: Sequence[Tensor], _: int) -> None:
        """Log loss, AUC and accuracy of one batch."""
        pixels, labels = batch
        logits = self(pixels)
        loss = binary_cross_entropy_with_logits(logits, labels)
        self.val_auc.update(logits, labels.int())
        self.val_accuracy.update(logits, labels.int())
        self.log("val_loss", loss, prog_bar=True, sync_dist=True)
        self.log("val_auc", self.val_auc, prog_bar=True)
        self.log("val_accuracy", self.val_accuracy, prog_bar=True)

    def configure_optimizers(self) -> Any:
        """The phase's optimiser and schedule; no decay on offsets and normalisation layers."""
        optimizer = self._build_optimizer()
        phase, total = self.phase, int(self.trainer.estimated_stepping_batches)
        schedulers = torch.optim.lr_scheduler
        if phase.schedule == "constant":
            return optimizer
        if phase.schedule == "plateau":
            plateau = schedulers.ReduceLROnPlateau(
                optimizer,
                factor=_PLATEAU_FACTOR,
                patience=phase.plateau_patience,
                min_lr=phase.min_learning_rate,
            )
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"},
            }
        if phase.schedule == "onecycle":
            stepped: Any = schedulers.OneCycleLR(optimizer, phase.learning_rate, total)
        else:
            stepped = schedulers.CosineAnnealingLR(
                optimizer, total, eta_min=phase.min_learning_rate
            )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": stepped, "interval": "step"},
        }

    def _build_optimizer(self) -> torch.optim.Optimizer:
        settings, rate = self.settings, self.phase.learning_rate
        groups = group_parameters(self.network, settings.weight_decay, settings.dense_l2)
        if settings.optimizer == "adam":
            return torch.optim.Adam(groups, lr=rate)
        if settings.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
        return torch.optim.AdamW(groups, lr=rate)

    def _logits(self, images: Tensor) -> Tensor:
        logit: Tensor = self.network(images).logit
        return logit.float()


def disagreement(logits: Tensor, features: Tensor) -> Tensor:
    """How far two views lie apart: logits (2 N,) and features (2 N, D), one view after the other.

    The symmetric Kullback-Leibler divergence of what they say plus the cosine distance of their
    features, as in paired training on clean and degraded pictures (arXiv 2604.10102).
    """
    (clean, changed), (one, other) = logits.chunk(2), features.chunk(2)
    said = (clean.sigmoid() - changed.sigmoid()) * (clean - changed)
    return said.mean() + (1 - cosine_similarity(one, other)).mean()


def group_parameters(
    network: FaceNet, weight_decay: float, dense_l2: float
) -> list[dict[str, Any]]:
    """The trainable parameters in groups of one decay each.

    A penalty of `dense_l2` times the sum of squares has the gradient 2 * dense_l2 * weight, which
    is what torch's Adam and SGD make of a weight decay of 2 * dense_l2.
    """
    dense = [layer.weight for layer in network.head.children() if isinstance(layer, nn.Linear)][:-1]
    is_dense = {id(weight) for weight in dense}
    rest = [p for p in network.parameters() if p.requires_grad and id(p) not in is_dense]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        {"params": dense, "weight_decay": weight_decay + 2 * dense_l2},
    ]
    return [group for group in groups if group["params"]]


def _as_images(pixels: Tensor) -> Tensor:
    """Pixels (N, 3, S, S) uint8 as images in [0, 1], channels last in memory."""
    return pixels.to(memory_format=torch.channels_last, dtype=torch.float32) / 255


class Stopwatch(lightning.Callback):
    """Measures training speed and the share of time spent waiting for data, per epoch."""

    def __init__(self) -> None:
        self._mark = self._waited = self._started = 0.0
        self._pictures = 0

    def on_train_epoch_start(self, *_: Any) -> None:
        """Begin to count."""
        self._started = self._mark = time.perf_counter()
        self._waited, self._pictures = 0.0, 0

    def on_train_batch_start(self, _t: Any, _m: Any, batch: Sequence[Tensor], _i: int) -> None:
        """Count the time since the last batch was done as waiting."""
        self._waited += time.perf_counter() - self._mark
        self._pictures += len(batch[0])

    def on_train_batch_end(self, *_: Any) -> None:
        """Set the mark that the next wait is counted from."""
        self._mark = time.perf_counter()

    def on_train_epoch_end(self, _t: Any, module: lightning.LightningModule) -> None:
        """Log pictures per second and the share of waiting."""
        seconds = self._mark - self._started
        if seconds > 0:
            module.log("images_per_s", self._pictures / seconds, sync_dist=True, reduce_fx="sum")
            module.log("wait_share", self._waited / seconds, sync_dist=True)
