"""Shrinking crops for a smaller member."""

import cv2
import numpy as np
import pytest

from unmask.models.ensemble import Mix, area_matrix, shrink

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize(
    ("source_px", "target_px"),
    [
        (64, 32),  # whole cells
        (256, 224),  # cells that overlap pixels in part
        (299, 128),
    ],
)
def test_shrinking_is_what_faces_are_shrunk_by(source_px, target_px):
    pixels = np.random.default_rng(0).integers(0, 256, (2, source_px, source_px, 3), dtype=np.uint8)
    small = shrink(pixels, target_px)
    expected = [cv2.resize(p, (target_px,) * 2, interpolation=cv2.INTER_AREA) for p in pixels]
    assert np.abs(small.astype(int) - np.stack(expected)).max() <= 1
    assert np.allclose(area_matrix(source_px, target_px).sum(axis=1), 1, atol=1e-6)


def test_a_mix_adds_up():
    assert Mix((0.5, 2.0), bias=1.0).combine(np.array([[2.0, 1.0], [0.0, 0.0]])).tolist() == [4, 1]
