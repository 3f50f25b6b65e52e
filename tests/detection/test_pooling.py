import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.detection.pooling import (
    find_deciding,
    pool_clip,
    pool_logits,
    pool_people,
    weigh_face,
)
from unmask.records import NO_PIXELS, FaceCrop, Person, Score, ScoredFace

SLOPE, OFFSET = 0.7, -0.4
LOGITS = st.floats(-15, 15)
WEIGHTED = st.lists(st.tuples(LOGITS, st.floats(0.05, 1)), min_size=1, max_size=40)


def calibrate(logit):
    return Score(logit, 1 / (1 + math.exp(-(SLOPE * logit + OFFSET))))


def face(logit, *, person=0, time_s=0.0, size_px=150.0, confidence=1.0, index=0):
    crop = FaceCrop(
        NO_PIXELS,
        (0.0, 0.0, size_px, size_px * 1.3),
        (0.0, 0.0, size_px, size_px),
        confidence,
        frame_index=index,
        time_s=time_s,
        person=person,
    )
    return ScoredFace(crop, calibrate(logit))


def person(number, logit, frames):
    timeline = tuple((float(n), calibrate(logit).probability) for n in range(frames))
    return Person(number, calibrate(logit), timeline)


@given(WEIGHTED, st.randoms())
def test_pooling_does_not_depend_on_order(rows, random):
    shuffled = random.sample(rows, len(rows))
    pooled = [pool_logits(*zip(*order, strict=True)) for order in (rows, shuffled)]
    assert pooled[0] == pytest.approx(pooled[1], abs=1e-9)


@given(WEIGHTED, st.data(), st.floats(0, 20))
def test_pooling_never_falls_where_a_score_rises(rows, data, rise):
    logits, weights = map(list, zip(*rows, strict=True))
    before = pool_logits(logits, weights)
    logits[data.draw(st.integers(0, len(rows) - 1))] += rise
    assert pool_logits(logits, weights) >= before - 1e-9


@given(WEIGHTED)
def test_the_pooled_score_lies_among_the_scores(rows):
    logits, weights = zip(*rows, strict=True)
    assert min(logits) <= pool_logits(logits, weights) <= max(logits)


@given(LOGITS, st.integers(1, 40), st.floats(0.05, 1))
def test_equal_scores_stay_as_they_are(logit, count, weight):
    assert pool_logits([logit] * count, [weight] * count) == logit


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=30))
def test_the_pooled_probability_is_the_calibrated_pooled_logit(logits):
    (pooled,) = pool_people([face(logit, time_s=float(n)) for n, logit in enumerate(logits)])
    assert pooled.score.probability == pytest.approx(
        calibrate(pooled.score.logit).probability, abs=1e-9
    )


@pytest.mark.parametrize(
    ("logits", "weights", "pooled"),
    [
        ([1.5], [0.3], 1.5),  # one frame
        ([0.0, 2.0], [1, 1], 1.0),  # two frames: their mean
        ([0.0, 4.0], [3, 1], 0.75),  # trimmed alike at both ends: (2.6 * 0 + 0.6 * 4) / 3.2
        ([-2.0] * 9 + [30.0], [1] * 10, -2.0),  # a wild frame in ten is left out
        ([-2.0] * 9 + [-30.0], [1] * 10, -2.0),  # at the other end too
        ([-2.0] * 5 + [4.0] * 5, [1] * 10, 1.0),  # half of the frames count half
    ],
)
def test_pooled_logits(logits, weights, pooled):
    assert pool_logits(logits, weights) == pytest.approx(pooled)


@pytest.mark.parametrize(
    ("logits", "weights"),
    [([], []), ([1.0], []), ([1.0, 2.0], [1.0, 0.0])],  # nothing, lengths, weightless
)
def test_what_cannot_be_pooled(logits, weights):
    with pytest.raises(ValueError, match="at least one logit and a weight above 0"):
        pool_logits(logits, weights)


@pytest.mark.parametrize(
    ("size_px", "confidence", "weight"),
    [
        (150, 1.0, 1.0),  # native detail
        (900, 1.0, 1.0),  # more detail than the crop holds
        (75, 1.0, 0.5),
        (75, 0.9, 0.45),
        (2, 0.9, 0.05),  # even the worst frame counts a little
    ],
)
def test_weights(size_px, confidence, weight):
    crop = face(0.0, size_px=size_px, confidence=confidence).crop
    assert weigh_face(crop) == pytest.approx(weight)


def test_small_faces_count_less():
    (pooled,) = pool_people([face(-2.0, size_px=30)] * 5 + [face(2.0, size_px=150)] * 5)
    assert pooled.score.logit > 1


def test_people_are_kept_apart_in_order_with_sorted_timelines():
    faces = [
        face(3.0, person=1, time_s=2.0),
        face(-1.0, person=0, time_s=1.0),
        face(2.0, person=1, time_s=0.0),
        face(9.0, person=None),  # no number: belongs to nobody
    ]
    first, second = pool_people(faces)
    assert (first.person, second.person) == (0, 1)
    assert first.score.logit == -1.0
    assert [time_s for time_s, _ in second.timeline] == [0.0, 2.0]
    assert second.timeline[0][1] == pytest.approx(calibrate(2.0).probability)


def test_frames_without_times_are_in_their_order():
    (pooled,) = pool_people([face(n, time_s=None, index=n) for n in (2, 0, 1)])
    assert [time_s for time_s, _ in pooled.timeline] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("people", "deciding"),
    [
        ([], None),  # nobody
        ([(0, -3.0, 1)], 0),  # one person in one frame
        ([(0, -3.0, 32), (1, 5.0, 32)], 1),  # one manipulated person makes the clip a fake
        ([(0, -3.0, 32), (1, 5.0, 4)], 1),  # an eighth of the frames is enough
        ([(0, -3.0, 32), (1, 5.0, 3)], 0),  # a spurious box decides nothing
        ([(0, -3.0, 1), (1, 5.0, 1), (2, 1.0, 1)], 1),  # everybody seen once
        ([(0, 2.0, 5), (1, 2.0, 5)], 0),  # equal: the first
    ],
)
@pytest.mark.parametrize("turned", [1, -1])
def test_the_highest_supported_person_decides(people, deciding, turned):
    pooled = [person(*row) for row in people][::turned]
    found = find_deciding(pooled)
    assert (found and found.person) == deciding
    assert pool_clip(pooled) == (found and found.score)


@given(
    st.lists(st.tuples(st.integers(0, 3), LOGITS), min_size=1, max_size=40),
    st.data(),
    st.floats(0, 10),
)
def test_a_clip_never_falls_where_a_score_rises(rows, data, rise):
    before = pool_clip(pool_people([face(logit, person=who) for who, logit in rows]))
    chosen = data.draw(st.integers(0, len(rows) - 1))
    rows[chosen] = (rows[chosen][0], rows[chosen][1] + rise)
    after = pool_clip(pool_people([face(logit, person=who) for who, logit in rows]))
    assert after.logit >= before.logit - 1e-9
    assert after.probability >= before.probability - 1e-9


def test_certain_scores_stay_finite():
    crop = face(0.0).crop
    (pooled,) = pool_people(
        [ScoredFace(crop, Score(60.0, 1.0)), ScoredFace(crop, Score(-60.0, 0.0))]
    )
    assert pooled.score.probability == pytest.approx(0.5, abs=1e-4)
    assert np.isfinite(pooled.score.logit)
