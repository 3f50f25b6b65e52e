import itertools
from collections import deque

import numpy as np
import pytest

from unmask.detection.live import SETTLED_AFTER, LiveDetector
from unmask.detection.policy import Policy
from unmask.media.faces import Effort
from unmask.records import Doubt, FaceCrop, Frame, Score, ScoredFace, Verdict

POLICY = Policy("balanced", threshold=0.6, real_below=0.4)


class Clock:
    """Time that passes only where the test says so."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Scripted:
    """A detector whose scores are written down: one list of (place, probability) per look."""

    policy = POLICY

    def __init__(self, script, clock, *, cost_s=0.0):
        self.script = deque(script)
        self.clock, self.cost_s = clock, cost_s
        self.looked_at, self.efforts = [], []
        self._scores = ()

    def follow_faces(self, effort=Effort.MAIN):
        self.efforts.append(effort)
        return self._cut

    def _cut(self, frame):
        self.clock.now_s += self.cost_s
        self.looked_at.append(frame.index)
        rows = self.script.popleft() if self.script else []
        self._scores = tuple(Score(10 * (p - 0.5), p) for _, p, *_ in rows)
        self._doubts = [tuple(doubts) for _, _, *doubts in rows]
        return tuple(crop_at(place, frame) for place, *_ in rows)

    def score_crops(self, crops):
        rows = zip(crops, self._scores, self._doubts, strict=True)
        return tuple(ScoredFace(crop, score, doubts=doubts) for crop, score, doubts in rows)


def crop_at(place, frame):
    # each place has its own plain colour and pattern, so that people are told apart
    rng = np.random.default_rng(place)
    pixels = np.kron(rng.integers(0, 256, (8, 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    box = (float(place), 0.0, place + 50.0, 60.0)
    return FaceCrop(
        pixels, box, (*box[:3], 50.0), 0.99, frame_index=frame.index, time_s=frame.time_s
    )


def frames(count, *, step_s=0.1, clock=None, timed=True):
    pixels = np.zeros((8, 8, 3), np.uint8)
    for index in range(count):
        yield Frame(pixels, index=index, time_s=index * step_s if timed else None)
        if clock:
            clock.now_s += step_s


def watch(script, *, step_s=0.1, count=None, **options):
    clock = Clock()
    detector = Scripted(script, clock)
    stream = frames(count or len(script), step_s=step_s, clock=clock)
    return list(LiveDetector(detector, clock=clock, **options).watch(stream))


def test_a_camera_without_frames_gives_nothing():
    assert watch([], count=0) == []


def test_frames_without_faces_are_shown():
    views = watch([[], [], []])
    assert [view.frame.index for view in views] == [0, 1, 2]
    assert all(view.people == () for view in views)


def test_a_view_has_people_by_number_with_box_score_and_verdict():
    views = watch([[(300, 0.9), (0, 0.1)]] * 5)
    first, second = views[-1].people
    assert (first.person, second.person) == (0, 1)
    assert (first.box_xyxy[0], second.box_xyxy[0]) == (300.0, 0.0)
    assert first.score.probability == pytest.approx(0.9)
    assert first.score.logit == pytest.approx(4.0)
    assert (first.verdict, second.verdict) == (Verdict.FAKE, Verdict.REAL)


def test_a_face_that_cannot_be_judged_has_no_verdict_until_it_can():
    blurred, clear = (0, 0.9, Doubt.TOO_BLURRED), (0, 0.9)
    views = watch([[clear]] * 4 + [[blurred]] * 12 + [[clear]] * 20)
    verdicts = [view.people[0].verdict for view in views]
    assert (verdicts[3], verdicts[15], verdicts[-1]) == (
        Verdict.FAKE,
        Verdict.UNCERTAIN,
        Verdict.FAKE,
    )
    assert views[15].people[0].doubts == (Doubt.TOO_BLURRED,)


def test_the_verdict_waits_for_a_few_frames():
    verdicts = [view.people[0].verdict for view in watch([[(0, 0.99)]] * 5)]
    assert verdicts[: SETTLED_AFTER - 1] == [Verdict.UNCERTAIN] * (SETTLED_AFTER - 1)
    assert set(verdicts[SETTLED_AFTER - 1 :]) == {Verdict.FAKE}


def test_the_quick_search_is_used():
    clock = Clock()
    detector = Scripted([[]] * 3, clock)
    list(LiveDetector(detector, clock=clock).watch(frames(3)))
    assert set(detector.efforts) == {Effort.QUICK}


@pytest.mark.parametrize("step_s", [0.02, 0.05, 0.2])
def test_smoothing_goes_by_time_not_by_frames(step_s):
    # after a long steady stretch one half-life moves the score half of the way
    before, after = round(20 / step_s), round(1 / step_s)
    script = [[(0, 0.0)]] * before + [[(0, 1.0)]] * after
    views = watch(script, step_s=step_s, half_life_s=1.0)
    assert views[before - 1].people[0].score.probability == pytest.approx(0.0)
    assert views[-1].people[0].score.probability == pytest.approx(0.5, abs=0.01)


def test_one_wild_frame_does_not_turn_the_verdict():
    script = [[(0, 0.1)]] * 20 + [[(0, 1.0)]] + [[(0, 0.1)]] * 20
    verdicts = {view.people[0].verdict for view in watch(script)[SETTLED_AFTER:]}
    assert verdicts == {Verdict.REAL}


@pytest.mark.parametrize("policy", [POLICY, Policy("custom", 0.6, 0.6)])  # with and without a band
@pytest.mark.parametrize("threshold", [0.6, 0.4])
def test_a_score_at_a_threshold_does_not_flicker(policy, threshold, monkeypatch):
    monkeypatch.setattr(Scripted, "policy", policy)
    rng = np.random.default_rng(3)
    script = [[(0, threshold + 0.1 * rng.standard_normal())] for _ in range(300)]
    verdicts = [view.people[0].verdict for view in watch(script)[SETTLED_AFTER:]]
    changes = sum(one is not other for one, other in itertools.pairwise(verdicts))
    assert changes <= 1


@pytest.mark.parametrize(
    "threshold", [0.02, 0.5, 0.99]
)  # also near the ends all verdicts are reached
def test_a_clear_change_is_followed(threshold, monkeypatch):
    monkeypatch.setattr(Scripted, "policy", Policy("custom", threshold, threshold))
    script = [[(0, 0.0)]] * 30 + [[(0, 1.0)]] * 100 + [[(0, 0.0)]] * 100
    views = watch(script)
    assert views[29].people[0].verdict is Verdict.REAL
    assert views[129].people[0].verdict is Verdict.FAKE
    assert views[229].people[0].verdict is Verdict.REAL


def test_who_leaves_is_not_shown_and_keeps_the_number():
    views = watch([[(0, 0.9)]] * 5 + [[]] * 5 + [[(0, 0.9)]] * 2)
    assert views[7].people == ()
    assert views[-1].people[0].person == 0
    assert views[-1].people[0].verdict is Verdict.FAKE


def test_who_was_away_for_long_starts_anew():
    views = watch([[(0, 1.0)]] * 5 + [[]] + [[(0, 0.0)]], step_s=90)
    assert views[-1].people[0].score.probability == 0.0
    assert views[-1].people[0].verdict is Verdict.UNCERTAIN


def test_a_slow_search_leaves_half_of_the_time_to_frames():
    clock = Clock()
    detector = Scripted([[(0, 0.9)]] * 1000, clock, cost_s=0.09)
    started_s, late = clock.now_s, []

    def camera():
        """30 frames per second, late ones dropped."""
        index = 0
        while clock.now_s < started_s + 10:
            due_s = started_s + index / 30
            if clock.now_s <= due_s + 1 / 30:
                clock.now_s = max(clock.now_s, due_s)
                late.append(clock.now_s)
                yield Frame(np.zeros((8, 8, 3), np.uint8), index=index, time_s=index / 30)
                late[-1] = clock.now_s - late[-1]
            index += 1

    views = list(LiveDetector(detector, clock=clock).watch(camera()))
    assert len(views) / 10 >= 15
    assert views[-1].fps == pytest.approx(len(views) / 10, rel=0.15)
    assert max(late) <= 0.2
    # frames between two searches show what is known
    assert len(detector.looked_at) < len(views)
    assert all(view.people for view in views)


def test_fast_searches_see_every_frame():
    clock = Clock()
    detector = Scripted([[]] * 30, clock, cost_s=0.01)
    list(LiveDetector(detector, clock=clock).watch(frames(30, step_s=0.04, clock=clock)))
    assert detector.looked_at == list(range(30))


def test_with_all_of_the_time_every_frame_is_searched():
    clock = Clock()
    detector = Scripted([[]] * 30, clock, cost_s=0.5)
    live = LiveDetector(detector, clock=clock, search_share=1.0)
    list(live.watch(frames(30, step_s=0.04, clock=clock)))
    assert detector.looked_at == list(range(30))


def test_frames_without_times_go_by_the_clock():
    clock = Clock()
    detector = Scripted([[(0, 0.9)]] * 5, clock)
    views = list(LiveDetector(detector, clock=clock).watch(frames(5, clock=clock, timed=False)))
    assert views[-1].people[0].verdict is Verdict.FAKE


def test_frames_per_second():
    views = watch([[]] * 100, step_s=0.05)
    assert views[0].fps == 0
    assert views[-1].fps == pytest.approx(20)


def test_each_watch_starts_with_nobody_known():
    clock = Clock()
    live = LiveDetector(Scripted([[(0, 0.9)], [(300, 0.1)]], clock), clock=clock)
    assert [view.people[0].person for view in live.watch(frames(1))] == [0]
    assert [view.people[0].person for view in live.watch(frames(1))] == [0]


@pytest.mark.parametrize("half_life_s", [0, -1, float("nan")])
def test_impossible_half_lives(half_life_s):
    with pytest.raises(ValueError, match="half_life_s must be above 0"):
        LiveDetector(Scripted([], Clock()), half_life_s=half_life_s)


@pytest.mark.parametrize("search_share", [0, 1.01, float("nan")])
def test_impossible_shares_of_the_time(search_share):
    with pytest.raises(ValueError, match=r"search_share must lie in \(0, 1\]"):
        LiveDetector(Scripted([], Clock()), search_share=search_share)


def test_frames_can_be_brought_one_at_a_time():
    script = [[(0, 0.9)]] * 4
    brought = LiveDetector(Scripted(script, Clock()), clock=Clock()).begin()
    pulled = LiveDetector(Scripted(script, Clock()), clock=Clock()).watch(frames(4))
    assert [brought.see(one).people for one in frames(4)] == [view.people for view in pulled]
