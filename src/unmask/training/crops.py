"""The crops that a training sees: cut once, by the same code as in detection, and kept on disk."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from unmask.data.duplicates import perceptual_hash
from unmask.data.manifest import Manifest, Sample
from unmask.errors import DataError, MediaError
from unmask.media.faces import CropGeometry, FaceFinder, MtcnnFinder, crop_face
from unmask.media.images import read_image
from unmask.records import Pixels

_WORKERS: Final = 2
_AHEAD: Final = 64
"""Pictures decoded ahead of the one that is stored."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sample that gave no crop, and why."""

    path: str
    reason: str


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


def build_crops(manifest: Manifest, geometry: CropGeometry, folder: Path) -> CropStore:
    """Cut the largest face of every picture, or take the crops of an earlier call from `folder`.

    Pictures that cannot be read or show no face are left out, with the reason.

    Raises:
        DataError: no picture gave a crop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"crops-{_fingerprint(manifest, geometry)}"
    facts_path, pixels_path = stem.with_suffix(".json"), stem.with_suffix(".npy")
    if not facts_path.is_file():
        _write_crops(manifest, geometry, pixels_path, facts_path)
    facts = json.loads(facts_path.read_text(encoding="utf-8"))
    kept = facts["kept"]
    pixels = np.load(pixels_path, mmap_mode="r")[: len(kept)]
    samples = tuple(manifest.samples[number] for number in kept)
    hashes = np.array(facts["hashes"], dtype=np.uint64)
    left_out = tuple(LeftOut(**row) for row in facts["left_out"])
    return CropStore(Manifest(samples), pixels, hashes, left_out)


def _fingerprint(manifest: Manifest, geometry: CropGeometry) -> str:
    rows = [json.dumps(asdict(geometry), sort_keys=True)]
    for sample in manifest:
        facts = Path(sample.path).stat()
        rows.append(f"{sample.path}\t{facts.st_size}\t{facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _write_crops(
    manifest: Manifest, geometry: CropGeometry, pixels_path: Path, facts_path: Path
) -> None:
    shape = (len(manifest), geometry.size_px, geometry.size_px, 3)
    partial = pixels_path.with_suffix(".part")
    rows = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    kept: list[int] = []
    hashes: list[int] = []
    left_out: list[LeftOut] = []
    for number, crop in enumerate(_cut_all(manifest, geometry)):
        if isinstance(crop, LeftOut):
            left_out.append(crop)
            continue
        rows[len(kept)] = crop
        hashes.append(int(perceptual_hash(crop)))
        kept.append(number)
    if not kept:
        reasons = sorted({row.reason for row in left_out})[:3]
        message = f"none of {len(manifest)} pictures gave a face crop; reasons: {reasons}"
        raise DataError(message)
    rows.flush()
    partial.rename(pixels_path)
    facts = {"kept": kept, "hashes": hashes, "left_out": [asdict(row) for row in left_out]}
    facts_path.write_text(json.dumps(facts), encoding="utf-8")


def _cut_all(manifest: Manifest, geometry: CropGeometry) -> Iterator[Pixels | LeftOut]:
    finder = MtcnnFinder()
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting = iter(manifest)
        futures = [
            pool.submit(_cut, sample, geometry, finder) for sample in islice(waiting, _AHEAD)
        ]
        while futures:
            yield futures.pop(0).result()
            futures.extend(
                pool.submit(_cut, sample, geometry, finder) for sample in islice(waiting, 1)
            )


def _cut(sample: Sample, geometry: CropGeometry, finder: FaceFinder) -> Pixels | LeftOut:
    try:
        pixels = read_image(sample.path)
    except MediaError as error:
        return LeftOut(sample.path, f"{error.code}: {error}")
    faces = finder.find(pixels)
    if not faces:
        return LeftOut(sample.path, "no_face: no face was found")
    return crop_face(pixels, faces[0], geometry).pixels
