"""How crops reach the network: repeatable whatever the number of workers or restarts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from unmask.data.manifest import Manifest
from unmask.errors import UsageError
from unmask.training.blending import blend_into_itself
from unmask.training.crops import CropStore
from unmask.training.settings import TrainSettings
from unmask.training.transforms import Augment, Transform

Draw = tuple[int, int]
"""Row within the chosen ones, and the seed of its augmentation (negative: none)."""


class CropDataset(Dataset[tuple[Tensor, Tensor]]):
    """Some rows of a store as pairs of pixels (3, S, S) uint8 and label ()."""

    def __init__(
        self,
        store: CropStore,
        numbers: npt.NDArray[np.intp],
        transform: Transform | None = None,
        self_blend: float = 0.0,
    ) -> None:
        self._pixels, self._labels = store.pixels, store.labels()
        self._numbers, self._transform, self._self_blend = numbers, transform, self_blend

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, draw: Draw | int) -> tuple[Tensor, Tensor]:
        """The pair of a draw; a plain position gives it as it is."""
        index, seed = (draw, -1) if isinstance(draw, int) else draw
        number = self._numbers[index]
        image = torch.from_numpy(np.array(self._pixels[number])).permute(2, 0, 1)
        label = torch.tensor(self._labels[number])
        if self._transform is None or seed < 0:
            return image, label
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if not label and torch.rand(()).item() < self._self_blend:
                image, label = blend_into_itself(image), torch.ones_like(label)
            return self._transform(image), label


class SeededSampler(DistributedSampler[Any]):
    """Shuffled rows, each with a seed that follows from the run's seed, the epoch and its place.

    The order and every augmentation of an epoch are thus the same whether the run was interrupted
    before it or not, and whatever the number of workers. With chances, so many rows are drawn with
    these, with replacement.
    """

    def __init__(
        self,
        data: CropDataset,
        *,
        chances: npt.NDArray[np.float64] | None = None,
        draws: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        self._chances = chances
        if chances is not None and draws is not None:
            self.num_samples = -(-draws // self.num_replicas)
            self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[Draw]:
        """The draws of the epoch that was set."""
        places = range(self.rank, self.total_size, self.num_replicas)
        root = np.random.SeedSequence((self.seed, self.epoch))
        seeds = root.generate_state(self.total_size)
        rows: Sequence[int]
        if self._chances is None:
            rows = list(super().__iter__())
        else:
            generator = np.random.default_rng(root)
            drawn = generator.choice(len(self._chances), self.total_size, p=self._chances)
            rows = [int(drawn[place]) for place in places]
        return iter([(row, int(seeds[place])) for row, place in zip(rows, places, strict=True)])


def draw_chances(
    manifest: Manifest,
    numbers: npt.NDArray[np.intp],
    balance: str,
    weights: Mapping[str, float] | None = None,
) -> npt.NDArray[np.float64]:
    """The chance of each row (M,) to be drawn.

    With `class` both classes have the same chance; with `source` also every data set in a class,
    or as much more as its weight says.

    Raises:
        UsageError: a weight names a data set of which there are no rows.
    """
    if balance == "none":
        return np.full(len(numbers), 1 / len(numbers))
    samples = [manifest.samples[number] for number in numbers]
    parts = [(s.label, s.dataset if balance == "source" else "") for s in samples]
    sizes = Counter(parts)
    weights = weights or {}
    unknown = sorted(set(weights) - {dataset for _, dataset in sizes})
    if unknown:
        known = sorted({dataset for _, dataset in sizes})
        message = f"source_weights name {unknown[0]!r}; the data sets trained on are {known}"
        raise UsageError(message)
    shares = {part: weights.get(part[1], 1.0) for part in sizes}
    whole = {
        label: sum(share for part, share in shares.items() if part[0] == label)
        for label, _ in sizes
    }
    chances = np.array([shares[part] / (sizes[part] * whole[part[0]]) for part in parts])
    chances /= chances.sum()
    return chances


class Feed(lightning.LightningDataModule):
    """The loaders of one training; built in the process that uses them."""

    def __init__(self, store: CropStore, settings: TrainSettings) -> None:
        super().__init__()
        self._store, self._settings = store, settings

    def train_dataloader(self) -> DataLoader[Any]:
        """Augmented batches in a seeded order, an incomplete last batch left out."""
        settings = self._settings
        augment = Augment(settings.augment, settings.crop_px, paired=settings.consistency > 0)
        rows = self._store.numbers("train")
        data = CropDataset(self._store, rows, augment, settings.self_blend)
        chances = None
        if settings.balance != "none" or settings.epoch_samples is not None:
            chances = draw_chances(
                self._store.manifest, rows, settings.balance, settings.source_weights
            )
        return DataLoader(
            data,
            sampler=self._sampler(data, shuffle=True, chances=chances),
            drop_last=(settings.epoch_samples or len(data)) >= settings.batch_size,
            **self._common(),
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Batches as they are."""
        data = CropDataset(self._store, self._store.numbers("val"))
        return DataLoader(data, sampler=self._sampler(data, shuffle=False), **self._common())

    def _sampler(
        self,
        data: CropDataset,
        *,
        shuffle: bool,
        chances: npt.NDArray[np.float64] | None = None,
    ) -> SeededSampler:
        trainer = self.trainer
        return SeededSampler(
            data,
            num_replicas=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            shuffle=shuffle,
            seed=self._settings.seed,
            chances=chances,
            draws=self._settings.epoch_samples,
        )

    def _common(self) -> dict[str, Any]:
        workers = self._settings.workers
        return {
            "batch_size": max(1, self._settings.batch_size // self._settings.processes),
            "num_workers": workers,
            "persistent_workers": workers > 0,
        }
