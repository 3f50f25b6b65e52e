"""The detector: from a file, bytes or pixels to a report."""

import os
import platform
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from unmask.detection.batching import BATCH_CROPS, Batcher
from unmask.detection.conclude import Conclusion, conclude_clip, conclude_image
from unmask.detection.doubts import find_doubts
from unmask.detection.following import Follower, FollowingFinder
from unmask.detection.policy import Policy, calibrate, choose_policy
from unmask.detection.pooling import pool_people
from unmask.detection.tracking import Tracker
from unmask.errors import MediaError, ModelError, UsageError
from unmask.media.contained import open_reader
from unmask.media.faces import (
    CropGeometry,
    Effort,
    FaceBox,
    MtcnnFinder,
    crop_face,
    is_small_square,
    take_whole,
)
from unmask.media.limits import DecodeLimits, MediaLimits
from unmask.media.quality import measure_evidence
from unmask.media.sources import FilePath, StoredFile, kind_of
from unmask.media.video import FrameStream
from unmask.models.domain import Domain, read_domain
from unmask.models.engine import EngineOutputs, FloatArray, open_engine
from unmask.models.library import open_model
from unmask.records import (
    FaceCrop,
    Failure,
    Frame,
    Kind,
    ModelId,
    Person,
    Pixels,
    Report,
    Score,
    ScoredFace,
)

Source = str | os.PathLike[str] | StoredFile | bytes | bytearray | memoryview | Pixels
Watch = Callable[[float], None]
"""Told which share of the work on an input is done, in [0, 1]."""

DEFAULT_FRAMES: Final = 32
MAX_FPS: Final = 240.0
KEPT_CROPS: Final = 256
"""Crops of a clip whose pixels are kept for the report."""
TAKEN_WHOLE: Final = "taken whole as a face crop; no face was looked for"
_PREPARING: Final = (2, 8)
"""Fewest and most inputs that are read and searched at a time, each in a thread; between them one
for each core. Beyond, threads wait for the interpreter."""
_AHEAD: Final = 16
"""Inputs that may be prepared before the one that is answered next."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An input up to the point where its faces wait for a score."""

    source: str
    kind: Kind | None
    crops: tuple[FaceCrop, ...] = ()
    """Of a still."""
    faces: tuple[ScoredFace, ...] | None = None
    """Of a clip, which are scored on the way; None for a still."""
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    seconds: float = 0.0


class Detector:
    """Answers whether the faces of pictures and clips are real.

    >>> detector = Detector()
    >>> detector.detect("photo.jpg").verdict  # doctest: +SKIP
    <Verdict.REAL: 'real'>

    Args:
        model: a bundled model's name, a model folder or a run folder; the bundled one where None.
        policy: which of the card's policies decides.
        threshold: decides instead of the policy, without a band of uncertainty.
        engine: `auto`, `openvino` or `onnxruntime`.
        device: `auto`, `cpu`, `cuda` or `mps`; the last two need a build of ONNX Runtime for them.
        frames: how many frames of a clip are looked at, spread evenly.
        fps: look at so many frames per second instead.
        limits: how large the media may be.
        threads: how many the network may use; 0 for as many as there are cores.
        crops: square pictures of at most `MAX_CROP_PX` are face crops, as in data sets: they are
            taken whole, and no face is looked for.
        contained: decode in processes of its own within these limits; in this process where None.
        finder: finds the faces; MTCNN where None.

    Raises:
        UsageError: there is no such model, policy, engine or device, or a number is out of range.
        ModelError: the model folder is broken or was tampered with.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        policy: str = "balanced",
        threshold: float | None = None,
        engine: str = "auto",
        device: str = "auto",
        frames: int = DEFAULT_FRAMES,
        fps: float | None = None,
        limits: MediaLimits = MediaLimits(),  # noqa: B008 (immutable)
        threads: int = 0,
        crops: bool = False,
        contained: DecodeLimits | None = None,
        finder: FollowingFinder | None = None,
    ) -> None:
        if frames < 1:
            message = f"frames must be at least 1, got {frames}"
            raise UsageError(message)
        if fps is not None and not 0 < fps <= MAX_FPS:
            message = f"fps must lie above 0 and at most at {MAX_FPS:g}, got {fps}"
            raise UsageError(message)
        self.folder = folder = open_model(model)
        self.card = folder.card
        self.policy: Policy = choose_policy(self.card, policy, threshold)
        self.model_id = ModelId(self.card.name, self.card.version, self.card.weights.sha256)
        self._geometry = CropGeometry(**self.card.crop.model_dump())
        self._engine = open_engine(folder.weights_path, engine, threads=threads, device=device)
        self._domain: Domain | None = None
        if self.card.domain and folder.domain_path:
            self._domain = read_domain(folder.domain_path, self.card.domain)
        self._try_network(folder.path)
        self._finder: FollowingFinder = finder or MtcnnFinder()
        self._frames, self._fps, self._limits = frames, fps, limits
        self._crops = crops
        self._reader = open_reader(contained)
        fewest, most = _PREPARING
        self._preparing = min(most, max(fewest, threads or os.cpu_count() or fewest))
        self.settings = {
            "model": self.card.name if model is None else str(model),
            "policy": policy,
            "threshold": threshold,
            "engine": engine,
            "frames": frames,
            "fps": fps,
            "crops": crops,
        }
        """What it was made with, as plain values: another one made so answers the same, on whatever
        device."""
        self._versions = {
            "unmask": version("unmask"),
            "engine": self._engine.name,
            "faces": f"mtcnn-runtime {version('mtcnn-runtime')}",
            "python": platform.python_version(),
        }

    def detect(
        self,
        source: Source,
        *,
        stop: threading.Event | None = None,
        watch: Watch = lambda _: None,
    ) -> Report:
        """Answer one file, encoded bytes, or pixels of shape (H, W, 3) uint8 RGB.

        A file or bytes that cannot be answered give a report with an error.

        Args:
            source: what is asked about.
            stop: once it is set a clip is given up; the report is then no answer.
            watch: told how far a clip is.

        Raises:
            UsageError: pixels of another shape or type.
        """
        return self.finish([self.prepare(source, stop or threading.Event(), watch)])[0]

    def detect_all(self, sources: Iterable[Source]) -> Iterator[Report]:
        """Answer many inputs, in their order, each as soon as it is ready.

        Inputs are read ahead, and the faces of several share one call of the network.

        Raises:
            UsageError: one path is given where several belong, or an input is of another kind.
        """
        if isinstance(sources, str | bytes | os.PathLike | np.ndarray):
            message = "detect_all takes several inputs; give a list, or call detect for one"
            raise UsageError(message)
        waiting: deque[Future[Report]] = deque()
        batcher = Batcher(self, self._preparing)
        stop = threading.Event()
        try:
            for source in sources:
                waiting.append(batcher.submit(source, stop))
                while waiting and (len(waiting) >= _AHEAD or waiting[0].done()):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            batcher.close()

    def find_faces(self, frame: Frame, effort: Effort = Effort.ALL) -> tuple[FaceCrop, ...]:
        """Cut every face of a frame, the largest first."""
        return self._cut(frame, self._finder.find(frame.pixels, effort))

    def follow_faces(self, effort: Effort = Effort.MAIN) -> Callable[[Frame], tuple[FaceCrop, ...]]:
        """Cut every face of frames that follow each other, in their order, the largest first.

        Whole frames are searched about once in a second of the frames' own time, others where faces
        were in the one before.
        """
        follower = Follower(self._finder, effort)
        return lambda frame: self._cut(frame, follower.find(frame))

    def _cut(self, frame: Frame, faces: Sequence[FaceBox]) -> tuple[FaceCrop, ...]:
        return tuple(
            self._place(crop_face(frame.pixels, face, self._geometry), frame) for face in faces
        )

    def _place(self, crop: FaceCrop, frame: Frame) -> FaceCrop:
        """A crop with its place in a clip, and with what the frame's pixels say of its worth."""
        evidence = None
        if self.card.evidence.bounds_anything:
            evidence = measure_evidence(frame.pixels, crop.box_xyxy)
        return replace(crop, frame_index=frame.index, time_s=frame.time_s, evidence=evidence)

    def score_crops(self, crops: Sequence[FaceCrop]) -> tuple[ScoredFace, ...]:
        """Score crops, in their order, and say what speaks against trusting the scores."""
        faces: list[ScoredFace] = []
        for start in range(0, len(crops), BATCH_CROPS):
            part = crops[start : start + BATCH_CROPS]
            outputs = self.run_network(np.stack([crop.pixels for crop in part]))
            faces += map(self._judge, part, self.to_scores(outputs.logit), self._measure(outputs))
        return tuple(faces)

    def _measure(self, outputs: EngineOutputs) -> list[float] | list[None]:
        """How unlike the training faces each crop is; None where they are not described."""
        if self._domain is None:
            return [None] * len(outputs.logit)
        return [float(value) for value in self._domain.measure(outputs.look)]

    def _judge(self, crop: FaceCrop, score: Score, unlike: float | None) -> ScoredFace:
        doubts = find_doubts(crop.evidence, unlike, self.card.evidence)
        return ScoredFace(crop, score, unlike, doubts)

    def run_network(self, pixels: Pixels) -> EngineOutputs:
        """All that the network says of crops (N, S, S, 3), before calibration."""
        return self._engine.run(pixels)

    def to_scores(self, logits: FloatArray) -> tuple[Score, ...]:
        """Logits (N,) as scores, calibrated by the card."""
        return tuple(calibrate(float(logit), self.card.calibration) for logit in logits)

    def read_image(self, source: FilePath | bytes) -> Pixels:
        """The pixels of a picture that `detect` looks at."""
        return self._reader.read_image(source, max_pixels=self._limits.pixels)

    def sample_frames(self, source: FilePath | bytes) -> FrameStream:
        """The frames of a clip that `detect` looks at."""
        return self._reader.sample_frames(
            source,
            frames=self._frames,
            fps=self._fps,
            max_pixels=self._limits.pixels,
            max_duration_s=self._limits.duration_s,
        )

    def ask(self, function: str, source: FilePath, **arguments: Any) -> dict[str, Any]:
        """What a function, `module:name`, says of a file, asked where `detect` decodes it."""
        return self._reader.ask(function, source, **arguments)

    def close(self) -> None:
        """End the processes that decode, where there are any; it may still be used."""
        self._reader.close()

    def _try_network(self, folder: Path) -> None:
        """Run one empty crop, so that a network of another kind is refused at once and by name."""
        size = self._geometry.size_px
        try:
            logit = self._engine.run(np.zeros((1, size, size, 3), np.uint8)).logit
        except Exception as error:  # the engines have no common base of their errors
            message = (
                f"the network in {folder} does not take pixels (N, {size}, {size}, 3) uint8, or "
                "does not give logit, features and maps; export it with unmask"
            )
            raise ModelError(message) from error
        if logit.shape != (1,) or not np.isfinite(logit).all():
            message = f"the network in {folder} must give one finite logit per crop, got {logit}"
            raise ModelError(message)

    def prepare(
        self, source: Source, stop: threading.Event, watch: Watch = lambda _: None
    ) -> Prepared:
        """Do what can be done of one input alone: read it, find its faces, score those of a clip.

        Once `stop` is set a clip is not gone on with; what is then returned is no answer.
        `watch` is told how far a clip is.

        Raises:
            UsageError: As `detect`.
        """
        started = time.perf_counter()
        source = bytes(source) if isinstance(source, bytearray | memoryview) else source
        name = _name(source)
        kind = None
        try:
            if isinstance(source, StoredFile):
                source = source.fetch()
            kind = Kind.IMAGE if isinstance(source, np.ndarray) else kind_of(source)
            if kind is Kind.VIDEO:
                prepared = self._prepare_clip(
                    cast("str | os.PathLike[str] | bytes", source), name, stop, watch
                )
            else:
                prepared = self._prepare_still(source, name)
        except MediaError as error:
            prepared = Prepared(name, kind, error=Failure(error.code, str(error)))
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 (one input's trouble must not end the others')
            reason = f"{type(error).__name__}: {error}"
            prepared = Prepared(name, kind, error=Failure("internal", reason))
        return replace(prepared, seconds=time.perf_counter() - started)

    def _prepare_still(
        self, source: str | os.PathLike[str] | bytes | Pixels, name: str
    ) -> Prepared:
        if not isinstance(source, np.ndarray):
            source = self.read_image(source)
        frame = _as_frame(source, name)
        if self._crops and is_small_square(frame.pixels):
            whole = self._place(take_whole(frame.pixels, self._geometry), frame)
            return Prepared(name, Kind.IMAGE, (whole,), warnings=(TAKEN_WHOLE,))
        return Prepared(name, Kind.IMAGE, self.find_faces(frame))

    def _prepare_clip(
        self,
        source: str | os.PathLike[str] | bytes,
        name: str,
        stop: threading.Event,
        watch: Watch,
    ) -> Prepared:
        """Follow the people of a clip; crops are scored on the way, so that memory stays flat."""
        tracker, cut = Tracker(), self.follow_faces()
        faces: list[ScoredFace] = []
        fresh: list[FaceCrop] = []

        def score_fresh() -> None:
            scored = self.score_crops(fresh)
            room = max(0, KEPT_CROPS - len(faces))
            faces.extend([*scored[:room], *(face.without_pixels() for face in scored[room:])])
            fresh.clear()

        with self.sample_frames(source) as stream, closing(_read_ahead(stream)) as frames:
            for done, frame in enumerate(frames, start=1):
                if stop.is_set():  # nobody waits for the answer any more
                    break
                fresh += tracker.update(cut(frame))
                if len(fresh) >= BATCH_CROPS:
                    score_fresh()
                watch(done / (stream.wanted or done))
            score_fresh()
            warnings = stream.warnings
        return Prepared(name, Kind.VIDEO, faces=tuple(faces), warnings=warnings)

    def count_waiting(self, item: Prepared) -> int:
        """How many crops of a prepared input wait for a score."""
        return len(item.crops)

    def finish(self, items: Sequence[Prepared]) -> list[Report]:
        """Score the faces that still wait, of all inputs together, and conclude."""
        started = time.perf_counter()
        fresh = iter(self.score_crops([crop for item in items for crop in item.crops]))
        share = (time.perf_counter() - started) / len(items)
        reports = []
        for item in items:
            faces = tuple(islice(fresh, len(item.crops))) if item.faces is None else item.faces
            reports.append(self._report(item, faces, item.seconds + share))
        return reports

    def _report(self, item: Prepared, faces: tuple[ScoredFace, ...], seconds: float) -> Report:
        people: tuple[Person, ...] = ()
        conclusion = Conclusion(None, None, ())
        if item.kind is Kind.VIDEO and item.error is None:
            people = pool_people(faces)
            conclusion = conclude_clip(people, self.policy)
        elif item.error is None:
            conclusion = conclude_image(faces, self.policy)
        return Report(
            source=item.source,
            kind=item.kind,
            verdict=conclusion.verdict,
            score=conclusion.score,
            model=self.model_id,
            policy=self.policy.name,
            threshold=self.policy.threshold,
            faces=faces,
            people=people,
            reasons=conclusion.reasons,
            versions=self._versions,
            warnings=item.warnings,
            error=item.error,
            seconds=seconds,
        )


def _read_ahead(stream: FrameStream) -> Generator[Frame]:
    """The frames of a clip, the next one decoded while one is looked at."""
    with ThreadPoolExecutor(1, thread_name_prefix="unmask-decode") as pool:
        following = pool.submit(next, stream, None)
        while (frame := following.result()) is not None:
            following = pool.submit(next, stream, None)
            yield frame


def _name(source: Source) -> str:
    if isinstance(source, np.ndarray):
        return "<pixels>"
    if isinstance(source, bytes):
        return "<bytes>"
    if isinstance(source, str | os.PathLike | StoredFile):
        return str(source)
    message = (
        "an input must be a path, encoded bytes, or pixels of shape (H, W, 3) uint8, "
        f"got {type(source).__name__}"
    )
    raise UsageError(message)


def _as_frame(pixels: Pixels, name: str) -> Frame:
    try:
        return Frame(pixels, source=name)
    except ValueError as error:
        raise UsageError(str(error)) from error
