"""How much of a face a model needs to see: bounds of size, sharpness and compression for its card.

Faces of validation are made smaller, blurred and compressed in steps, and after each step the model
is asked again. How often it is wrong, both classes weighing the same, is described as a function of
what was measured of the face, falling as there is more to see (isotonic regression: Barlow et al.,
Statistical Inference under Order Restrictions, 1972). The bound lies where it is wrong too often.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from unmask.data.manifest import Manifest, Sample
from unmask.detection.detector import Detector
from unmask.errors import DataError, MediaError
from unmask.media.faces import cut_square
from unmask.media.images import read_image
from unmask.media.perturb import blur, recompress_jpeg
from unmask.media.quality import measure_evidence
from unmask.media.sources import kind_of
from unmask.models.card import EvidenceCard
from unmask.records import Box, FaceCrop, Frame, Kind, Pixels, ScoredFace

MOST_WRONG: Final = 0.1
"""Share of wrong answers above which a face gives no ground for a verdict."""
MOST_PICTURES: Final = 600
LEAST_SIDE: Final = 50
"""Faces of each class that are needed."""
FACES_PX: Final = (20, 28, 40, 56, 80, 112)
SIGMAS_PX: Final = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
QUALITIES: Final = (50, 30, 20, 15, 10, 5)

FloatArray = npt.NDArray[np.float64]


def fit_evidence(
    detector: Detector,
    manifest: Manifest,
    *,
    seed: int = 42,
    observe: Callable[[int], None] = lambda _: None,
) -> EvidenceCard:
    """Choose a model's bounds on the pictures of a manifest, of which each gives its largest face.

    Args:
        detector: with the calibration and policies that the card will have.
        manifest: validation pictures; a random `MOST_PICTURES` of them where there are more.
        seed: of that choice.
        observe: is told after each picture how many were gone through.

    Raises:
        DataError: too few faces of a class were found.
    """
    samples = _choose(manifest, seed)
    threshold = detector.card.policies["balanced"].threshold
    labels: list[int] = []
    tried: list[tuple[ScoredFace, ...]] = []
    for number, sample in enumerate(samples, start=1):
        faces = detector.score_crops(list(_degrade(detector, sample.path)))
        if faces:
            labels.append(sample.label)
            tried.append(faces)
        observe(number)
    counts = np.bincount(np.array(labels, np.int64), minlength=2)
    if counts.min() < LEAST_SIDE:
        message = (
            f"bounds need at least {LEAST_SIDE} faces of each class, got {counts[0]} real and "
            f"{counts[1]} fake; name more data"
        )
        raise DataError(message)
    weights = 1 / counts[np.array(labels)]
    called = np.array([[face.score.probability >= threshold for face in row] for row in tried])
    wrong = called != np.array(labels, bool)[:, None]
    # of each picture: as it is, then every step of one series after the other
    steps = {"face_px": FACES_PX, "sharpness": SIGMAS_PX, "blockiness": QUALITIES}
    bounds: dict[str, float | None] = {}
    start = 1
    for name, series in steps.items():
        columns = [0, *range(start, start + len(series))]
        values = np.array([[getattr(row[c].crop.evidence, name) for c in columns] for row in tried])
        rising = name == "blockiness"
        bounds[name] = find_bound(values, wrong[:, columns], weights, rising=rising)
        start += len(series)
    return EvidenceCard(
        least_face_px=bounds["face_px"],
        least_sharpness=bounds["sharpness"],
        most_blockiness=bounds["blockiness"],
        data=(
            f"{counts[0]} real and {counts[1]} fake validation pictures, made smaller, blurred and "
            f"compressed until more than {MOST_WRONG:.0%} of the answers were wrong"
        ),
    )


def find_bound(
    values: FloatArray, wrong: npt.NDArray[np.bool_], weights: FloatArray, *, rising: bool
) -> float | None:
    """The value beyond which too many answers are wrong.

    Args:
        values: (N, K), one measure of N pictures under K changes.
        wrong: (N, K), whether the answer was wrong.
        weights: (N,), what each picture counts.
        rising: whether errors grow with the value, or shrink.

    Returns:
        The last value at which they are few enough, rounded to two digits; None where none is
        too bad.
    """
    spread = np.broadcast_to(weights[:, None], values.shape)
    model = IsotonicRegression(increasing=rising, out_of_bounds="clip")
    model.fit(values.ravel(), wrong.ravel().astype(float), sample_weight=spread.ravel())
    good = values.ravel()[model.predict(values.ravel()) <= MOST_WRONG]
    if len(good) == values.size:
        return None
    if not len(good):
        message = (
            f"more than {MOST_WRONG:.0%} of the answers are wrong however much of a face there is "
            "to see; the model is too weak for bounds"
        )
        raise DataError(message)
    return float(f"{good.max() if rising else good.min():.3g}")


def _choose(manifest: Manifest, seed: int) -> list[Sample]:
    """As many of each class, at random."""
    generator = np.random.default_rng(seed)
    by_class: dict[int, list[Sample]] = {0: [], 1: []}
    for number in generator.permutation(len(manifest)):
        sample = manifest.samples[number]
        if len(by_class[sample.label]) < MOST_PICTURES // 2:
            by_class[sample.label].append(sample)
    return [*by_class[0], *by_class[1]]


def _degrade(detector: Detector, path: str) -> Iterator[FaceCrop]:
    """The largest face of a picture, as it is and after every step; or nothing."""
    try:
        if kind_of(path) is not Kind.IMAGE:
            return
        pixels = read_image(path)
    except MediaError:
        return
    faces = detector.find_faces(Frame(pixels))
    if not faces:
        return
    chance = np.random.default_rng(0)
    size_px = detector.card.crop.size_px
    changed = [(pixels, 1.0)]
    changed += [_shrink(pixels, side / faces[0].face_size_px) for side in FACES_PX]
    changed += [(blur(pixels, chance, sigma_px=sigma), 1.0) for sigma in SIGMAS_PX]
    changed += [(recompress_jpeg(pixels, chance, quality=q), 1.0) for q in QUALITIES]
    for frame, scale in changed:
        box, square = _scale(faces[0].box_xyxy, scale), _scale(faces[0].crop_xyxy, scale)
        left, top, side = round(square[0]), round(square[1]), max(1, round(square[2] - square[0]))
        cut = cut_square(frame, (left, top, left + side, top + side), size_px)
        evidence = measure_evidence(frame, box)
        yield replace(faces[0], pixels=cut, box_xyxy=box, crop_xyxy=square, evidence=evidence)


def _shrink(pixels: Pixels, scale: float) -> tuple[Pixels, float]:
    """A smaller picture and its scale; as it is where it would grow."""
    if scale >= 1:
        return pixels, 1.0
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cast("Pixels", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)), scale


def _scale(corners: Box, scale: float) -> Box:
    x1, y1, x2, y2 = corners
    return x1 * scale, y1 * scale, x2 * scale, y2 * scale
