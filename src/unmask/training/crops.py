"""The crops that a training sees: cut once, by the same code as in detection, and kept on disk."""

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from unmask.data.dataset import LeftOut
from unmask.data.duplicates import perceptual_hash
from unmask.data.manifest import Manifest, Sample
from unmask.errors import DataError, MediaError
from unmask.files import write_whole
from unmask.media.faces import CropGeometry, Effort, FaceFinder, MtcnnFinder, crop_face
from unmask.media.images import read_image
from unmask.media.sources import VIDEO_EXTENSIONS
from unmask.media.video import sample_frames
from unmask.records import Pixels

DEFAULT_CLIP_FRAMES: Final = 8
CROPS_NAME: Final = "crops"
"""The folder within a run where crops are kept, if nobody names another."""
_WORKERS: Final = 2
_AHEAD: Final = 64
"""Pictures decoded ahead of the one that is stored."""


@dataclass(frozen=True, slots=True, eq=False)
class CropStore:
    """The crops of a manifest, in its order."""

    manifest: Manifest
    """The samples that gave a crop."""
    pixels: npt.NDArray[np.uint8]
    """(N, S, S, 3), mapped from disk."""
    hashes: npt.NDArray[np.uint64]
    """(N,) perceptual hashes of the crops."""
    left_out: tuple[LeftOut, ...]

    def numbers(self, split: str) -> npt.NDArray[np.intp]:
        """The row numbers of one split, shape (M,)."""
        return np.array([n for n, s in enumerate(self.manifest) if s.split == split], dtype=np.intp)

    def labels(self) -> npt.NDArray[np.float32]:
        """Labels (N,), 1 fake and 0 real."""
        return np.array([sample.label for sample in self.manifest], dtype=np.float32)


def build_crops(
    manifest: Manifest,
    geometry: CropGeometry,
    folder: Path,
    *,
    clip_frames: int = DEFAULT_CLIP_FRAMES,
) -> CropStore:
    """Cut the largest face of every picture, or take the crops of an earlier call from `folder`.

    A clip gives up to `clip_frames` crops, evenly spread, which share its group. What cannot be
    read or shows no face is left out, with the reason.

    Raises:
        DataError: nothing gave a crop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = _Plan(manifest, geometry, clip_frames)
    stem = folder / f"crops-{plan.fingerprint()}"
    facts_path, pixels_path = stem.with_suffix(".json"), stem.with_suffix(".npy")
    if not facts_path.is_file():
        _write_crops(plan, pixels_path, facts_path)
    facts = json.loads(facts_path.read_text(encoding="utf-8"))
    pixels = np.load(pixels_path, mmap_mode="r")[: len(facts["kept"])]
    samples = tuple(_grouped(manifest.samples[number]) for number in facts["kept"])
    hashes = np.array(facts["hashes"], dtype=np.uint64)
    left_out = tuple(LeftOut(**row) for row in facts["left_out"])
    return CropStore(Manifest(samples), pixels, hashes, left_out)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What decides the contents of a store."""

    manifest: Manifest
    geometry: CropGeometry
    clip_frames: int

    def frames_of(self, sample: Sample) -> int:
        """How many crops a sample gives at most."""
        return self.clip_frames if _is_clip(sample) else 1

    def fingerprint(self) -> str:
        """A name for the store: of the plan, and of size and date of every file."""
        facts = {**asdict(self.geometry), "clip_frames": self.clip_frames}
        rows = [json.dumps(facts, sort_keys=True)]
        for sample in self.manifest:
            path = Path(sample.path)
            state = path.stat() if path.exists() else None
            rows.append(f"{path}\t{state and (state.st_size, state.st_mtime_ns)}")
        return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _is_clip(sample: Sample) -> bool:
    return Path(sample.path).suffix.lower() in VIDEO_EXTENSIONS


def _grouped(sample: Sample) -> Sample:
    """The frames of one clip stay on one side of a split."""
    return replace(sample, group=sample.group or sample.path) if _is_clip(sample) else sample


def _write_crops(plan: _Plan, pixels_path: Path, facts_path: Path) -> None:
    size = plan.geometry.size_px
    most = sum(plan.frames_of(sample) for sample in plan.manifest)
    partial = pixels_path.with_suffix(".part")
    rows = np.lib.format.open_memmap(
        partial, mode="w+", dtype=np.uint8, shape=(most, size, size, 3)
    )
    _reserve(partial)
    kept: list[int] = []
    hashes: list[int] = []
    left_out: list[LeftOut] = []
    for number, crops in enumerate(_cut_all(plan)):
        if isinstance(crops, LeftOut):
            left_out.append(crops)
            continue
        for crop in crops:
            rows[len(kept)] = crop
            hashes.append(int(perceptual_hash(crop)))
            kept.append(number)
    if not kept:
        reasons = sorted({row.reason for row in left_out})[:3]
        message = f"none of {len(plan.manifest)} files gave a face crop; reasons: {reasons}"
        raise DataError(message)
    rows.flush()
    partial.rename(pixels_path)
    facts = {"kept": kept, "hashes": hashes, "left_out": [asdict(row) for row in left_out]}
    write_whole(facts_path, json.dumps(facts))


def _reserve(path: Path) -> None:
    """Have the disk hold all of a file: where it is full, writing to mapped pages is a crash."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                error.filename = str(path)
                path.unlink()
                raise


def _cut_all(plan: _Plan) -> Iterator[list[Pixels] | LeftOut]:
    finder = MtcnnFinder()
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting = iter(plan.manifest)
        futures = deque(
            pool.submit(_cut, plan, sample, finder) for sample in islice(waiting, _AHEAD)
        )
        while futures:
            yield futures.popleft().result()
            futures.extend(pool.submit(_cut, plan, sample, finder) for sample in islice(waiting, 1))


def _cut(plan: _Plan, sample: Sample, finder: FaceFinder) -> list[Pixels] | LeftOut:
    effort = Effort.MAIN if _is_clip(sample) else Effort.ALL
    crops = []
    try:
        for pixels in _read_pixels(plan, sample):
            faces = finder.find(pixels, effort)
            if faces:
                crops.append(crop_face(pixels, faces[0], plan.geometry).pixels)
    except MediaError as error:
        return LeftOut(sample.path, f"{error.code}: {error}")
    return crops or LeftOut(sample.path, "no_face: no face was found")


def _read_pixels(plan: _Plan, sample: Sample) -> Iterator[Pixels]:
    if not _is_clip(sample):
        yield read_image(sample.path)
        return
    with sample_frames(sample.path, frames=plan.clip_frames) as stream:
        for frame in stream:
            yield frame.pixels
