"""How crops reach the network: repeatable whatever the number of workers or restarts."""

from collections.abc import Iterator, Sequence
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from unmask.training.crops import CropStore
from unmask.training.settings import TrainSettings
from unmask.training.transforms import Augment, Transform

Draw = tuple[int, int]
"""Row within the chosen ones, and the seed of its augmentation (negative: none)."""


class CropDataset(Dataset[tuple[Tensor, Tensor]]):
    """Some rows of a store as pairs of pixels (3, S, S) uint8 and label ()."""

    def __init__(
        self, store: CropStore, numbers: npt.NDArray[np.intp], transform: Transform | None = None
    ) -> None:
        self._pixels, self._labels = store.pixels, store.labels()
        self._numbers, self._transform = numbers, transform

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, draw: Draw | int) -> tuple[Tensor, Tensor]:
        """The pair of a draw; a plain position gives it as it is."""
        index, seed = (draw, -1) if isinstance(draw, int) else draw
        number = self._numbers[index]
        image = torch.from_numpy(np.array(self._pixels[number])).permute(2, 0, 1)
        if self._transform is not None and seed >= 0:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                image = self._transform(image)
        return image, torch.tensor(self._labels[number])


class SeededSampler(DistributedSampler[Any]):
    """Shuffled rows, each with a seed that follows from the run's seed, the epoch and the row.

    The order and every augmentation of an epoch are thus the same whether the run was interrupted
    before it or not, and whatever the number of workers.
    """

    def __iter__(self) -> Iterator[Draw]:
        """The draws of the epoch that was set."""
        rows: Sequence[int] = list(super().__iter__())
        root = np.random.SeedSequence((self.seed, self.epoch))
        seeds = root.generate_state(len(self.dataset))  # type: ignore[arg-type] # it has a length
        return iter([(row, int(seeds[row])) for row in rows])


class Feed(lightning.LightningDataModule):
    """The loaders of one training; built in the process that uses them."""

    def __init__(self, store: CropStore, settings: TrainSettings) -> None:
        super().__init__()
        self._store, self._settings = store, settings

    def train_dataloader(self) -> DataLoader[Any]:
        """Augmented batches in a seeded order, an incomplete last batch left out."""
        settings = self._settings
        augment = Augment(settings.augment, settings.crop_px)
        data = CropDataset(self._store, self._store.numbers("train"), augment)
        return DataLoader(
            data,
            sampler=self._sampler(data, shuffle=True),
            drop_last=len(data) >= settings.batch_size,
            **self._common(),
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Batches as they are."""
        data = CropDataset(self._store, self._store.numbers("val"))
        return DataLoader(data, sampler=self._sampler(data, shuffle=False), **self._common())

    def _sampler(self, data: CropDataset, *, shuffle: bool) -> SeededSampler:
        trainer = self.trainer
        return SeededSampler(
            data,
            num_replicas=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            shuffle=shuffle,
            seed=self._settings.seed,
        )

    def _common(self) -> dict[str, Any]:
        workers = self._settings.workers
        return {
            "batch_size": max(1, self._settings.batch_size // self._settings.processes),
            "num_workers": workers,
            "persistent_workers": workers > 0,
        }
