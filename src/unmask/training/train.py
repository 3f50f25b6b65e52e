"""The verb `train`: from a table of samples to a run folder with a model in it."""

from pathlib import Path

from unmask.data.manifest import Manifest
from unmask.data.split import cut_validation
from unmask.errors import DataError
from unmask.media.faces import CropGeometry
from unmask.training.crops import CropStore, build_crops
from unmask.training.fit import claim_run, fit
from unmask.training.publish import About, publish
from unmask.training.settings import TrainSettings

CROPS_NAME = "crops"
LEAST_PER_CLASS = 10
"""Validation samples of each class that calibration needs."""


def train(
    manifest: Manifest, settings: TrainSettings, run: Path, *, about: About, resume: bool = False
) -> Path:
    """Train, export, calibrate and describe; returns the model folder `run/model`.

    Validation is cut from `train` where the table has none; the test split is never opened.

    Raises:
        DataError: a class is missing or too small, or no picture gives a face.
        UsageError: the folder holds a run already, or one with other settings is to be resumed.
    """
    claim_run(run, settings, resume=resume)
    store = prepare(manifest, settings, run / CROPS_NAME)
    network = fit(store, settings, run, resume=True)
    return publish(network, store, settings, run, about=about)


def prepare(manifest: Manifest, settings: TrainSettings, folder: Path) -> CropStore:
    """The crops of the `train` and `val` samples, validation cut from train where there is none.

    Raises:
        DataError: a class is missing or too small, or no picture gives a face.
    """
    known = tuple(sample for sample in manifest if sample.split in {"train", "val"})
    seen = Manifest(known)
    if not len(seen.select("val")):
        seen = cut_validation(seen, settings.val_share, settings.seed)
    store = build_crops(
        seen, CropGeometry(size_px=settings.side_px()), folder, clip_frames=settings.clip_frames
    )
    _check(store)
    return store


def _check(store: CropStore) -> None:
    counts = store.manifest.counts()
    for split, least in (("train", 1), ("val", LEAST_PER_CLASS)):
        for name in ("real", "fake"):
            if counts.get((split, name), 0) < least:
                message = (
                    f"training needs at least {least} {name} face(s) in {split}, "
                    f"got {counts.get((split, name), 0)} of {dict(counts)}"
                )
                raise DataError(message)
