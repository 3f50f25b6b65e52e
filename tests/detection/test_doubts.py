"""Whether a face gives ground for a verdict."""

import pytest

from unmask.detection.doubts import explain, find_doubts, prevailing
from unmask.models.card import EvidenceCard
from unmask.records import Doubt, Evidence

BOUNDS = EvidenceCard(least_face_px=64, least_sharpness=15, most_blockiness=2)
GOOD = Evidence(face_px=64, sharpness=15, blockiness=2)  # each exactly at its bound


@pytest.mark.parametrize(
    ("evidence", "unlike", "bounds", "doubts"),
    [
        (GOOD, 1.0, BOUNDS, ()),  # at every bound
        (Evidence(63, 15, 2), None, BOUNDS, (Doubt.TOO_SMALL,)),
        (Evidence(64, 14, 2), 0.5, BOUNDS, (Doubt.TOO_BLURRED,)),
        (Evidence(64, 15, 2.1), 0.5, BOUNDS, (Doubt.TOO_COMPRESSED,)),
        (GOOD, 1.1, BOUNDS, (Doubt.UNLIKE_TRAINING,)),
        (Evidence(1, 0, 9), 9.0, BOUNDS, tuple(Doubt)),  # everything at once, in their order
        (Evidence(1, 0, 9), 9.0, EvidenceCard(), (Doubt.UNLIKE_TRAINING,)),  # a card without bounds
        (None, None, BOUNDS, ()),  # nothing was measured
    ],
)
def test_doubts_lie_beyond_the_bounds(evidence, unlike, bounds, doubts):
    assert find_doubts(evidence, unlike, bounds) == doubts


@pytest.mark.parametrize(
    ("frames", "doubts"),
    [
        ([], ()),
        ([(Doubt.TOO_SMALL,), ()], ()),  # half of the frames are not enough
        ([(Doubt.TOO_SMALL,), (Doubt.TOO_SMALL, Doubt.TOO_BLURRED), ()], (Doubt.TOO_SMALL,)),
    ],
)
def test_what_holds_for_most_frames_prevails(frames, doubts):
    assert prevailing(frames) == doubts


def test_every_doubt_has_words():
    assert explain(Doubt).count(",") == len(Doubt) - 1
