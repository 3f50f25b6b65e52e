"""Changes on the way: shape kept, strength as named, chance seeded."""

import numpy as np
import pytest
from skimage import data

from unmask.errors import MediaError
from unmask.media.perturb import PERTURBATIONS, WEBP_LONGEST_PX

PHOTO = data.astronaut()[:301, :257]  # odd sides: nothing may round them away


def change(name, pixels=PHOTO, seed=0):
    return PERTURBATIONS[name](pixels, np.random.default_rng(seed))


def distance(name):
    return float(np.abs(change(name).astype(int) - PHOTO).mean())


def test_the_grid_is_the_documented_one():
    assert list(PERTURBATIONS) == [
        *("jpeg_90", "jpeg_70", "jpeg_50", "jpeg_30", "webp_50"),
        *("resize_0.75", "resize_0.5", "resize_0.25", "blur_1", "blur_2"),
        *("noise_5", "noise_10", "social"),
    ]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_shape_and_type_stay_and_the_input_is_untouched(name):
    before = PHOTO.copy()
    changed = change(name)
    assert (changed.shape, changed.dtype) == (PHOTO.shape, np.uint8)
    assert np.array_equal(PHOTO, before)
    assert 0 < distance(name) < 16  # something changes, the picture stays the same one


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize(
    "shape",
    [
        (1, 1, 3),  # a single pixel
        (2, 300, 3),  # hardly any height
    ],
)
def test_tiny_pictures_survive(name, shape):
    assert change(name, np.full(shape, 90, np.uint8)).shape == shape


@pytest.mark.parametrize(
    ("mild", "strong"),
    [
        ("jpeg_90", "jpeg_70"),
        ("jpeg_70", "jpeg_50"),
        ("jpeg_50", "jpeg_30"),
        ("resize_0.75", "resize_0.5"),
        ("resize_0.5", "resize_0.25"),
        ("blur_1", "blur_2"),
        ("noise_5", "noise_10"),
        ("resize_0.75", "social"),  # the same resize, then JPEG
    ],
)
def test_the_stronger_change_changes_more(mild, strong):
    assert distance(mild) < distance(strong)


@pytest.mark.parametrize(("name", "sigma"), [("noise_5", 5), ("noise_10", 10)])
def test_noise_has_the_stated_strength_and_no_bias(name, sigma):
    grey = np.full((200, 200, 3), 128, np.uint8)
    difference = change(name, grey).astype(float) - 128
    assert difference.std() == pytest.approx(sigma, rel=0.02)
    assert abs(difference.mean()) < 0.1


@pytest.mark.parametrize("name", ["noise_5", "noise_10"])
def test_noise_depends_on_the_seed_alone(name):
    assert np.array_equal(change(name, seed=1), change(name, seed=1))
    assert not np.array_equal(change(name, seed=1), change(name, seed=2))


@pytest.mark.parametrize("name", [name for name in PERTURBATIONS if "noise" not in name])
def test_flat_pictures_stay_flat(name):
    flat = np.full((64, 48, 3), 128, np.uint8)
    assert np.abs(change(name, flat).astype(int) - 128).max() <= 2


def test_views_that_are_not_contiguous_are_taken():
    mirrored = PHOTO[:, ::-1]
    for name in PERTURBATIONS:
        assert change(name, mirrored).shape == PHOTO.shape


def test_what_webp_cannot_hold_is_an_error():
    with pytest.raises(MediaError) as caught:
        change("webp_50", np.zeros((1, WEBP_LONGEST_PX + 1, 3), np.uint8))
    assert caught.value.code == "too_large"
