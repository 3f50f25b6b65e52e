"""What is drawn how often, and with which labels."""

from collections import Counter

import numpy as np
import pytest
import torch

from unmask.data.manifest import Manifest, Sample
from unmask.errors import UsageError
from unmask.training.crops import CropStore
from unmask.training.feed import CropDataset, Feed, draw_chances
from unmask.training.settings import TrainSettings

SIZES = {("real", "few"): 4, ("real", "many"): 36, ("fake", "one"): 20}


@pytest.fixture
def store():
    """Sixty crops of three sources."""
    samples = [
        Sample(f"{source}-{n}.png", int(kind == "fake"), "train", dataset=source)
        for (kind, source), count in SIZES.items()
        for n in range(count)
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    return CropStore(Manifest(tuple(samples)), pixels, np.arange(60, dtype=np.uint64), ())


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        ("none", {"few": 4 / 60, "many": 36 / 60, "one": 20 / 60}),  # as they come
        ("class", {"few": 0.05, "many": 0.45, "one": 0.5}),  # as many reals as fakes
        ("source", {"few": 0.25, "many": 0.25, "one": 0.5}),  # and as many of each source
    ],
)
def test_chances_are_even(store, balance, expected):
    chances = draw_chances(store.manifest, store.numbers("train"), balance)
    assert chances.sum() == pytest.approx(1)
    shares = Counter()
    for sample, chance in zip(store.manifest, chances, strict=True):
        shares[sample.dataset] += chance
    assert shares == pytest.approx(expected)


def test_a_weighted_source_is_drawn_as_much_more_often(store):
    chances = draw_chances(store.manifest, store.numbers("train"), "source", {"few": 3})
    shares = Counter()
    for sample, chance in zip(store.manifest, chances, strict=True):
        shares[sample.dataset] += chance
    assert shares == pytest.approx({"few": 3 / 8, "many": 1 / 8, "one": 1 / 2})


def test_a_weight_of_an_unknown_source_is_refused(store):
    with pytest.raises(UsageError, match=r"'none'.*'few', 'many', 'one'"):
        draw_chances(store.manifest, store.numbers("train"), "source", {"none": 2})


def test_without_balance_every_row_is_drawn_once(store):
    settings = TrainSettings(input_px=32, batch_size=4, augment={}, workers=0)
    labels = torch.cat([labels for _, labels in Feed(store, settings).train_dataloader()])
    assert Counter(labels.tolist()) == {0.0: 40, 1.0: 20}


def test_balanced_draws_follow_the_chances_and_the_seed(store):
    settings = TrainSettings(
        input_px=32, batch_size=4, augment={}, workers=0, balance="source", seed=3
    )
    epochs = []
    for epoch in (0, 0, 1):
        loader = Feed(store, settings).train_dataloader()
        loader.sampler.set_epoch(epoch)
        epochs.append(list(loader.sampler))
    assert epochs[0] == epochs[1] != epochs[2]
    assert all(len(draws) == 60 for draws in epochs)
    rows = [row for draws in epochs for row, _ in draws]
    sources = Counter(store.manifest.samples[row].dataset for row in rows)
    assert sources["few"] > 20  # three times 4 without balance
    seeds = [seed for _, seed in epochs[0]]
    assert len(set(seeds)) == len(seeds)  # a row that is drawn twice is changed in two ways


def test_an_epoch_may_be_shorter_than_the_data(store):
    settings = TrainSettings(
        input_px=32, batch_size=4, augment={}, workers=0, epoch_samples=10, balance="class"
    )
    loader = Feed(store, settings).train_dataloader()
    assert len(loader) == 2
    assert sum(len(labels) for _, labels in loader) == 8  # an incomplete batch is left out


def test_reals_that_are_blended_into_themselves_are_fakes(store):
    data = CropDataset(store, np.arange(60), lambda image: image, self_blend=1.0)
    drawn = [data[(row, 100 + row)] for row in range(60)]
    assert all(label == 1 for _, label in drawn)
    plain = CropDataset(store, np.arange(60))
    changed = [not torch.equal(drawn[row][0], plain[row][0]) for row in range(60)]
    assert changed == [row < 40 for row in range(60)]  # true fakes stay as they are
