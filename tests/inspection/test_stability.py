"""Changes are those of whole pictures, and only slight ones turn a verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from unmask.detection.policy import Policy
from unmask.inspection.stability import CROPS, MILD, STRONG, change_names, gather, vary
from unmask.media.faces import cut_square
from unmask.media.perturb import PERTURBATIONS
from unmask.records import FaceCrop, Verdict

POLICY = Policy("balanced", 0.5, 0.3)


def crop_of(square):
    box = tuple(map(float, square))
    return FaceCrop(np.zeros((256, 256, 3), np.uint8), box, box, 0.99)


@pytest.mark.parametrize(
    "square",
    [
        (130, 77, 330, 277),  # inside, off the grid of blocks
        (0, 0, 256, 256),  # in the corner
        (312, 312, 512, 512),  # in the other one
        (-20, 30, 180, 230),  # over the border
    ],
)
def test_changing_the_part_is_changing_the_whole(square):
    frame = data.astronaut()
    generator = np.random.default_rng(0)
    found = dict(zip(change_names(), vary(frame, crop_of(square), 256), strict=True))
    for name in {*MILD, *STRONG} - {"webp_50"}:  # WebP chooses its steps by the whole picture
        whole = cut_square(PERTURBATIONS[name](frame, generator), square, 256).astype(int)
        difference = np.abs(found[name] - whole)
        assert difference.mean() < 0.5, name
        if name in {"jpeg_90", "blur_1"}:
            assert np.median(difference) == 0, name


def test_moved_squares_stay_inside_the_old_one():
    frame = np.zeros((300, 300, 3), np.uint8)
    frame[50:250, 50:250] = 255
    found = dict(zip(change_names(), vary(frame, crop_of((50, 50, 250, 250)), 256), strict=True))
    for name in CROPS:
        assert (found[name] == 255).all(), name


def test_a_face_of_one_pixel_can_be_changed():
    frame = data.astronaut()
    assert len(list(vary(frame, crop_of((100, 100, 101, 101)), 256))) == len(change_names())


@pytest.mark.parametrize(
    ("score", "mild", "strong", "verdict", "crosses"),
    [
        (0.9, 0.8, 0.7, Verdict.FAKE, False),  # firm
        (0.9, 0.4, 0.9, Verdict.FAKE, True),  # a slight change turns it
        (0.9, 0.9, 0.1, Verdict.FAKE, False),  # only a strong one does
        (0.1, 0.2, 0.9, Verdict.REAL, False),  # the same on the other side
        (0.1, 0.6, 0.1, Verdict.REAL, True),
        (0.4, 0.9, 0.1, Verdict.UNCERTAIN, False),  # there is no verdict to turn
    ],
)
def test_only_slight_changes_turn_a_verdict(score, mild, strong, verdict, crosses):
    scores = [mild if name in MILD else strong if name in STRONG else score
              for name in change_names()]  # fmt: skip
    found = gather(score, scores)
    assert found.crosses(verdict, POLICY.threshold) is crosses
    if crosses:
        assert "jpeg_90" in found.explain(POLICY)
        assert "jpeg_30" not in found.explain(POLICY)


@given(st.lists(st.floats(0, 1), min_size=len(change_names()), max_size=len(change_names())),
       st.floats(0, 1))  # fmt: skip
def test_the_span_holds_the_score(scores, score):
    found = gather(score, scores)
    low, high = found.span
    assert low <= score <= high
    assert found.to_dict()["changes"][0]["name"] == change_names()[0]
