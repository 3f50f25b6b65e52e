"""The verb: everything that can be found out about one picture or clip."""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import numpy as np

from unmask.detection.detector import Detector, Watch
from unmask.detection.pooling import find_deciding, pool_scores
from unmask.errors import MediaError
from unmask.inspection.fingerprints import perceptual_hash
from unmask.inspection.heatmap import Explainer
from unmask.inspection.provenance import Provenance
from unmask.inspection.record import Explained, Inspection
from unmask.inspection.stability import Change, Stability, gather, vary
from unmask.media.sources import FilePath
from unmask.records import Kind, Pixels, Score, ScoredFace, Verdict

MOST_FACES: Final = 8
"""Faces of a picture that are explained and tried: those with the highest scores."""
MOST_MOMENTS: Final = 3
"""Moments of a clip that are explained."""
TRIED_FRAMES: Final = 8
"""Frames of a clip's deciding person under which the verdict is tried."""
FEWER_FRAMES: Final = "fewer_frames"
"""The change of looking at no more than `TRIED_FRAMES` of a clip."""
_LIBRARIES: Final = ("unmask", "numpy", "opencv-python-headless", "pillow", "av", "c2pa-python")


class Inspector:
    """Inspects files with one detector.

    >>> inspector = Inspector(Detector())
    >>> inspector.inspect("photo.jpg").verdict  # doctest: +SKIP
    <Verdict.REAL: 'real'>

    Args:
        detector: answers; its model, policy and frames are those of the inspection.
        trust: root certificates in PEM form; signatures that lead to them are trusted.
    """

    def __init__(self, detector: Detector, trust: str = "") -> None:
        self.detector: Final = detector
        self._trust = trust
        self._explainer = Explainer(detector.folder, detector.run_network)

    def inspect(
        self,
        source: FilePath,
        *,
        stop: threading.Event | None = None,
        watch: Watch = lambda _: None,
    ) -> Inspection:
        """Answer a file, and say why, how firmly, and where it says it is from.

        A file that cannot be answered gives an inspection with the report's error.

        Args:
            source: the file.
            stop: once it is set the file is given up.
            watch: told how far a clip is, which is read twice.

        Raises:
            CancelledError: `stop` was set before the end.
        """
        stop = stop or threading.Event()
        report = self.detector.detect(source, stop=stop, watch=lambda share: watch(share / 2))
        if stop.is_set():
            raise CancelledError
        provenance, troubles = _trace(self.detector, source, self._trust)
        warnings = (*report.warnings, *troubles, *(provenance.warnings if provenance else ()))
        inspection = Inspection(
            report=report,
            verdict=report.verdict,
            reasons=report.reasons,
            provenance=provenance,
            settings={**self.detector.settings, "trust": bool(self._trust)},
            versions={**report.versions, **_versions()},
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            warnings=warnings,
        )
        if report.error is not None:
            return inspection
        if report.kind is Kind.VIDEO:
            seen = self._look_at_clip(source, inspection, stop, watch)
        else:
            seen = self._look_at_picture(source, inspection)
        return _conclude(seen, self.detector)

    def _look_at_picture(self, source: FilePath, inspection: Inspection) -> Inspection:
        pixels = self.detector.read_image(source)
        inspection = replace(inspection, perceptual_hash=perceptual_hash(pixels))
        faces = sorted(
            inspection.report.faces, key=lambda face: (bool(face.doubts), -face.score.logit)
        )
        if not faces:
            return inspection
        tried, rest = faces[:MOST_FACES], faces[MOST_FACES:]
        explained = tuple(self._explain(face) for face in tried)
        columns = [self._try_changes(pixels, face) for face in tried]
        others = [face.score.probability for face in rest]
        scores = [
            max([*others, *(score.probability for score in row)])
            for row in zip(*columns, strict=True)
        ]
        return replace(
            inspection,
            explained=explained,
            stability=gather(faces[0].score.probability, scores),
            unlike=faces[0].unlike,
        )

    def _look_at_clip(
        self, source: FilePath, inspection: Inspection, stop: threading.Event, watch: Watch
    ) -> Inspection:
        deciding = find_deciding(inspection.report.people)
        everybody = inspection.report.faces
        faces = [f for f in everybody if deciding and f.crop.person == deciding.person]
        spread = _spread(faces, TRIED_FRAMES)
        tried: list[ScoredFace] = []
        columns: list[Sequence[Score]] = []
        looks_like = ""
        with self.detector.sample_frames(source) as stream:
            for done, frame in enumerate(stream, start=1):
                if stop.is_set():
                    raise CancelledError
                looks_like = looks_like or perceptual_hash(frame.pixels)
                face = spread.get(frame.index)
                if face is not None:
                    tried.append(face)
                    columns.append(self._try_changes(frame.pixels, face))
                watch((1 + done / (stream.wanted or done)) / 2)
        inspection = replace(inspection, perceptual_hash=looks_like)
        seen = [face for face in faces if face.crop.pixels.size]
        if deciding is None or not tried or not seen:
            return inspection
        distances = [face.unlike for face in faces if face.unlike is not None]
        return replace(
            inspection,
            explained=tuple(self._explain(face) for face in _choose_moments(seen)),
            stability=_pool_changes(deciding.score.probability, tried, columns, len(faces)),
            unlike=float(np.median(distances)) if distances else None,
        )

    def _explain(self, face: ScoredFace) -> Explained:
        return Explained(face, self._explainer.explain(face.crop.pixels))

    def _try_changes(self, pixels: Pixels, face: ScoredFace) -> Sequence[Score]:
        """The scores of a face after each change to its frame."""
        crops = np.stack(list(vary(pixels, face.crop, self.detector.card.crop.size_px)))
        return self.detector.to_scores(self.detector.run_network(crops).logit)


def _conclude(inspection: Inspection, detector: Detector) -> Inspection:
    """Call a verdict of fake or real uncertain where something speaks against trusting it."""
    verdict = inspection.report.verdict
    if verdict not in {Verdict.FAKE, Verdict.REAL}:
        return inspection
    doubts = []
    stability, policy = inspection.stability, detector.policy
    if stability is not None and stability.crosses(verdict, policy.threshold):
        doubts.append(stability.explain(policy))
    declared = inspection.provenance.declarations if inspection.provenance else ()
    made = [found for found in declared if found.machine_made]
    if verdict is Verdict.REAL and made:
        doubts.append(f"the file itself says otherwise: {made[0].where}, {made[0].says}")
    if not doubts:
        return inspection
    found = f"the detector's verdict {verdict.value} is not upheld"
    reasons = (*doubts, found, *inspection.report.reasons)
    return replace(inspection, verdict=Verdict.UNCERTAIN, reasons=reasons)


def _trace(
    detector: Detector, source: FilePath, trust: str
) -> tuple[Provenance | None, tuple[str, ...]]:
    try:
        return Provenance.ask(detector, source, trust), ()
    except MediaError as error:
        return None, (f"where the file is from could not be read: {error}",)


def _spread(faces: Sequence[ScoredFace], most: int) -> dict[int, ScoredFace]:
    """At most so many faces, evenly spread, by the number of their frame."""
    step = max(1, math.ceil(len(faces) / most))
    chosen = faces[step // 2 :: step] or faces[:1]
    return {face.crop.frame_index: face for face in chosen}


def _choose_moments(faces: Sequence[ScoredFace]) -> list[ScoredFace]:
    """The faces with the highest scores, no two of them next to each other; in order of time."""
    chosen: list[int] = []
    for index in sorted(range(len(faces)), key=lambda index: -faces[index].score.logit):
        if len(chosen) < MOST_MOMENTS and all(abs(index - other) > 1 for other in chosen):
            chosen.append(index)
    return [faces[index] for index in sorted(chosen)]


def _pool_changes(
    score: float, tried: Sequence[ScoredFace], columns: Sequence[Sequence[Score]], frames: int
) -> Stability:
    """The clip's score under each change, pooled over the frames that were tried."""
    pooled = [
        pool_scores([ScoredFace(f.crop, s) for f, s in zip(tried, row, strict=True)]).probability
        for row in zip(*columns, strict=True)
    ]
    stability = gather(score, pooled)
    if len(tried) == frames:
        return stability
    fewer = Change(FEWER_FRAMES, pool_scores(tried).probability, mild=True)
    return replace(stability, changes=(fewer, *stability.changes))


def _versions() -> dict[str, str]:
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
