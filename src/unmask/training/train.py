"""The verb `train`: from a table of samples to a run folder with a model in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from unmask.data.duplicates import near_groups
from unmask.data.grouping import join_groups
from unmask.data.manifest import Manifest
from unmask.data.split import complete_splits
from unmask.errors import DataError
from unmask.evaluation.history import read_history
from unmask.files import write_whole
from unmask.media.faces import CropGeometry
from unmask.models.zoo import FaceNet
from unmask.reporting.plots import draw_history
from unmask.training.bounds import add_bounds
from unmask.training.crops import CROPS_NAME, CropStore, build_crops
from unmask.training.fit import claim_run, fit
from unmask.training.publish import About, publish
from unmask.training.settings import TrainSettings

MANIFEST_NAME: Final = "manifest.csv"
HISTORY_NAME: Final = "history.png"
LEAST_PER_CLASS: Final = 10
"""Validation samples of each class that calibration needs."""
TEST_SHARE: Final = 0.1
"""Cut from data that have no splits at all."""


def train(
    manifest: Manifest,
    settings: TrainSettings,
    run: Path,
    *,
    about: About,
    resume: bool = False,
    crops: Path | None = None,
    finish: Callable[[FaceNet], None] | None = None,
) -> Path:
    """Train, export, calibrate, bound and describe; returns the model folder `run/model`.

    What the data do not split is split here, near-duplicates kept together; `run/manifest.csv` has
    the splits as they were used. The test split is never opened. Face crops are kept in `crops`,
    which several runs may share; in the run folder where None. `finish` may change the trained
    network before it is exported.

    Raises:
        DataError: a class is missing or too small, or no picture gives a face.
        UsageError: the folder holds a run already, or one with other settings is to be resumed.
    """
    claim_run(run, settings, resume=resume)
    store = prepare(manifest, settings, crops or run / CROPS_NAME)
    tested = tuple(sample for sample in manifest if sample.split == "test")
    used = Manifest((*dict.fromkeys(store.manifest), *tested))
    used.relative_to(run).write_csv(run / MANIFEST_NAME)
    network = fit(store, settings, run, resume=True)
    if finish is not None:
        finish(network)
    folder = publish(network, store, settings, run, about=about)
    add_bounds(folder, used, settings.seed)
    write_whole(run / HISTORY_NAME, draw_history(read_history(folder)))
    return folder


def prepare(manifest: Manifest, settings: TrainSettings, folder: Path) -> CropStore:
    """The crops of all samples but the test's, with every split that was missing cut.

    Raises:
        DataError: a class is missing or too small, or no picture gives a face.
    """
    seen = Manifest(tuple(sample for sample in manifest if sample.split != "test"))
    geometry = CropGeometry(size_px=settings.side_px())
    store = build_crops(seen, geometry, folder, clip_frames=settings.clip_frames)
    grouped = join_groups(store.manifest, [int(n) for n in near_groups(list(store.hashes))])
    complete = complete_splits(
        grouped, val_share=settings.val_share, test_share=TEST_SHARE, seed=settings.seed
    )
    _check(complete)
    return CropStore(complete, store.pixels, store.hashes, store.left_out)


def _check(manifest: Manifest) -> None:
    counts = manifest.counts()
    for split, least in (("train", 1), ("val", LEAST_PER_CLASS)):
        for name in ("real", "fake"):
            if counts.get((split, name), 0) < least:
                message = (
                    f"training needs at least {least} {name} face(s) in {split}, "
                    f"got {counts.get((split, name), 0)}; give more data or another --set val_share"
                )
                raise DataError(message)
