"""What one step of training is."""

from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

from unmask.models.zoo import FaceNet


class FaceModule(lightning.LightningModule):
    """Binary cross-entropy on one logit, AdamW with a one-cycle schedule."""

    def __init__(
        self, network: FaceNet, *, learning_rate: float, weight_decay: float, label_smoothing: float
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.val_auc = BinaryAUROC()
        self.val_accuracy = BinaryAccuracy()

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, 3, S, S) uint8 to logits (N,)."""
        images = pixels.to(memory_format=torch.channels_last, dtype=torch.float32) / 255
        logit: Tensor = self.network(images).logit
        return logit.float()

    def training_step(self, batch: Sequence[Tensor], _: int) -> Tensor:
        """Loss of one batch (pixels, labels)."""
        pixels, labels = batch
        smooth = labels * (1 - self.label_smoothing) + self.label_smoothing / 2
        loss = binary_cross_entropy_with_logits(self(pixels), smooth)
        self.log("train_loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Sequence[Tensor], _: int) -> None:
        """Log loss, AUC and accuracy of one batch."""
        pixels, labels = batch
        logits = self(pixels)
        loss = binary_cross_entropy_with_logits(logits, labels)
        self.val_auc(logits, labels.int())
        self.val_accuracy(logits, labels.int())
        self.log("val_loss", loss, prog_bar=True)
        self.log("val_auc", self.val_auc, prog_bar=True)
        self.log("val_accuracy", self.val_accuracy, prog_bar=True)

    def configure_optimizers(self) -> Any:
        """AdamW; no decay on biases and normalisation layers."""
        decayed = [p for p in self.parameters() if p.ndim > 1]
        free = [p for p in self.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": decayed},
            {"params": free, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(
            groups,
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.learning_rate, int(self.trainer.estimated_stepping_batches)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
