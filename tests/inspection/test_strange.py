"""Strange faces are strange where they should be, and reproducible."""

import numpy as np
import pytest
from skimage import data

from unmask.inspection.strange import STRANGE, cover, turn_over

FACE = np.ascontiguousarray(data.astronaut()[:256, 96:352])
SIDES = (32, 256)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_a_crop_stays_a_crop(make, side):
    face = np.ascontiguousarray(FACE[:side, :side])
    before = face.copy()
    made = [make(face, np.random.default_rng(seed)) for seed in range(40)]
    assert all(one.shape == face.shape and one.dtype == np.uint8 for one in made)
    assert all((one != face).any() for one in made)
    assert (face == before).all()  # what is given stays as it is
    again = make(face, np.random.default_rng(3))
    assert (again == made[3]).all()
    assert len({one.tobytes() for one in made}) > 1


def test_turned_twice_is_the_face_or_its_mirror_image():
    for seed in range(8):
        twice = turn_over(turn_over(FACE, np.random.default_rng(seed)), np.random.default_rng(seed))
        assert (twice == FACE).all()


def test_the_eyes_stay_free_and_the_mouth_is_covered():
    for seed in range(60):
        difference = np.abs(cover(FACE, np.random.default_rng(seed)).astype(int) - FACE).max(axis=2)
        assert not difference[:100].any()
        assert (difference[178:192, 118:138] > 0).mean() > 0.8
