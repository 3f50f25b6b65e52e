"""A live picture: the detector's answer for each person, smoothed in time."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from unmask.detection.policy import Policy
from unmask.detection.tracking import Tracker
from unmask.media.faces import Effort
from unmask.records import Box, Doubt, FaceCrop, Frame, Score, ScoredFace, Verdict

HALF_LIFE_S: Final = 1.0
"""Time after which a score counts half."""
SEARCH_SHARE: Final = 0.5
"""Share of the time that searching and scoring may take; frames between are shown at once.

With 60 to 90 ms for a 720p frame on two cores an answer is then never older than 180 ms, while half
of the time is left for frames: 20 per second and more.
"""
SETTLED_AFTER: Final = 3
"""Scored frames before a person has a verdict other than UNCERTAIN."""
STEADINESS: Final = 0.5
"""Log-odds by which a score must pass a threshold before the shown verdict changes."""
FORGOTTEN_AFTER_S: Final = 60.0
"""Whoever was away for so long starts anew."""
_FPS_WINDOW_S: Final = 2.0
_RANK: Final = {Verdict.REAL: 0, Verdict.UNCERTAIN: 1, Verdict.FAKE: 2}


class LiveSource(Protocol):
    """What a live picture needs of `unmask.detection.detector.Detector`."""

    policy: Policy

    def follow_faces(self, effort: Effort = Effort.MAIN) -> Callable[[Frame], tuple[FaceCrop, ...]]:
        """Cut every face of frames that follow each other, in their order."""
        ...

    def score_crops(self, crops: Sequence[FaceCrop]) -> tuple[ScoredFace, ...]:
        """Score crops, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class LivePerson:
    """A person in the picture."""

    person: int
    box_xyxy: Box
    """Where the face was in the last frame that was searched."""
    score: Score
    """Smoothed."""
    verdict: Verdict
    """Of the smoothed score; steady, UNCERTAIN for the first few frames and while the face gives no
    ground for a verdict."""
    doubts: tuple[Doubt, ...] = ()
    """What spoke against trusting the score in the last frame that was searched."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveView:
    """One frame and what is known when it is shown."""

    frame: Frame
    people: tuple[LivePerson, ...]
    """By number."""
    fps: float
    """Frames shown per second over the last two seconds; 0 for the first frame."""


class LiveDetector:
    """Watches a live picture.

    Every frame is shown; faces are searched and scored as often as their share of the time allows.

    Args:
        detector: Finds and scores.
        half_life_s: Time after which a score counts half.
        search_share: Share of the time that searching and scoring may take, in (0, 1]; with 1 every
            frame is searched.
        clock: Seconds, for the pace.
    """

    def __init__(
        self,
        detector: LiveSource,
        *,
        half_life_s: float = HALF_LIFE_S,
        search_share: float = SEARCH_SHARE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not half_life_s > 0:
            message = f"half_life_s must be above 0, got {half_life_s}"
            raise ValueError(message)
        if not 0 < search_share <= 1:
            message = f"search_share must lie in (0, 1], got {search_share}"
            raise ValueError(message)
        self._detector = detector
        self._half_life_s = half_life_s
        self._search_share = search_share
        self._clock = clock

    def watch(self, frames: Iterable[Frame]) -> Iterator[LiveView]:
        """Each frame with the people in it; each call starts with nobody known."""
        return map(self.begin().see, frames)

    def begin(self) -> "LiveWatch":
        """Start with nobody known, for frames that are brought one at a time."""
        scene = _Scene(self._detector, self._half_life_s)
        return LiveWatch(scene, self._search_share, self._clock)


class LiveWatch:
    """One live picture; frames are brought in order, by one thread at a time."""

    def __init__(self, scene: "_Scene", search_share: float, clock: Callable[[], float]) -> None:
        self._scene = scene
        self._rest = 1 / search_share - 1
        self._clock = clock
        self._shown: deque[float] = deque()
        self._next_search_s = -math.inf

    def see(self, frame: Frame) -> LiveView:
        """A frame with the people in it."""
        started_s = self._clock()
        if started_s >= self._next_search_s:
            self._scene.look(frame, started_s)
            ended_s = self._clock()
            self._next_search_s = ended_s + (ended_s - started_s) * self._rest
        return LiveView(frame, self._scene.people(), _pace(self._shown, self._clock()))


class _Scene:
    """The people of a live picture and their smoothed scores."""

    def __init__(self, detector: LiveSource, half_life_s: float) -> None:
        self._detector = detector
        self._half_life_s = half_life_s
        self._cut = detector.follow_faces(Effort.QUICK)
        self._tracker = Tracker()
        self._smoothed: dict[int, _Smoothed] = {}
        self._in_view: dict[int, Box] = {}

    def look(self, frame: Frame, now_s: float) -> None:
        """Search and score a frame; its own time counts where it has one."""
        time_s = now_s if frame.time_s is None else frame.time_s
        crops = self._tracker.update(self._cut(replace(frame, time_s=time_s)))
        self._in_view = {}
        for face in self._detector.score_crops(crops):
            number = -1 if face.crop.person is None else face.crop.person
            smoothed = self._smoothed.setdefault(number, _Smoothed())
            smoothed.add(face, time_s, self._half_life_s)
            smoothed.settle(self._detector.policy)
            self._in_view[number] = face.crop.box_xyxy
        for number, smoothed in list(self._smoothed.items()):
            if abs(time_s - smoothed.time_s) > FORGOTTEN_AFTER_S:
                del self._smoothed[number]

    def people(self) -> tuple[LivePerson, ...]:
        """The people of the last searched frame, by number."""
        return tuple(
            self._smoothed[number].describe(number, box)
            for number, box in sorted(self._in_view.items())
        )


class _Smoothed:
    """One person's scores as an exponentially weighted mean over time, and the shown verdict.

    The mean is taken over probabilities, which are bounded, so that one wild frame cannot hold the
    answer for long; it is normalised by its weights, so that the first frames count alike. While
    more than half of the recent weight lies on frames that give no ground for a verdict, the shown
    one is UNCERTAIN.
    """

    def __init__(self) -> None:
        self.time_s = 0.0
        self.verdict = Verdict.UNCERTAIN
        self._weight = self._logit = self._probability = self._doubtful = 0.0
        self._doubts: tuple[Doubt, ...] = ()
        self._seen = 0

    def add(self, face: ScoredFace, time_s: float, half_life_s: float) -> None:
        fade = 0.5 ** (max(0.0, time_s - self.time_s) / half_life_s) if self._seen else 0.0
        self._weight = self._weight * fade + 1.0
        share = 1.0 / self._weight
        self._logit += (face.score.logit - self._logit) * share
        self._probability += (face.score.probability - self._probability) * share
        self._doubtful += (bool(face.doubts) - self._doubtful) * share
        self._doubts = face.doubts
        self.time_s = time_s
        self._seen += 1

    def describe(self, number: int, box: Box) -> LivePerson:
        verdict = Verdict.UNCERTAIN if self._doubtful > 0.5 else self.verdict
        return LivePerson(number, box, self.score(), verdict, self._doubts)

    def score(self) -> Score:
        return Score(self._logit, min(max(self._probability, 0.0), 1.0))

    def settle(self, policy: Policy) -> None:
        """Change the shown verdict where the score has passed a threshold by `STEADINESS`."""
        if self._seen < SETTLED_AFTER:
            return
        probability = self.score().probability
        wanted = policy.decide(probability)
        if self._seen == SETTLED_AFTER:
            self.verdict = wanted
            return
        back = -STEADINESS if _RANK[wanted] > _RANK[self.verdict] else STEADINESS
        if (
            wanted is not self.verdict
            and policy.decide(_shift(probability, back)) is not self.verdict
        ):
            self.verdict = wanted


def _shift(probability: float, log_odds: float) -> float:
    """Move a probability by log-odds."""
    odds = math.exp(log_odds)
    return probability * odds / (1.0 - probability + probability * odds)


def _pace(shown: deque[float], now_s: float) -> float:
    """Note a shown frame; frames per second over the window."""
    shown.append(now_s)
    while shown[0] < now_s - _FPS_WINDOW_S:
        shown.popleft()
    elapsed_s = now_s - shown[0]
    return (len(shown) - 1) / elapsed_s if elapsed_s > 0 else 0.0
