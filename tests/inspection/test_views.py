"""The views show what their captions tell to look for."""

import cv2
import numpy as np
import pytest

from unmask.inspection.views import draw_residual, draw_spectrum, draw_views


def test_every_view_has_the_crops_size_and_a_caption(face):
    for view in draw_views(face):
        assert view.pixels.shape == face.shape
        assert view.pixels.dtype == np.uint8
        assert "Look for" in view.caption


@pytest.mark.parametrize("level", [0, 255])
def test_a_flat_picture_has_no_residual(level):
    assert (draw_residual(np.full((64, 64, 3), level, np.uint8)) == 128).all()
    assert draw_spectrum(np.full((64, 64, 3), level, np.uint8)).shape == (64, 64, 3)


def test_a_smoothed_area_lacks_grain(face):
    smooth = face.copy()
    smooth[64:128, 64:128] = cv2.GaussianBlur(face, (0, 0), 4)[64:128, 64:128]
    grain = draw_residual(smooth)[72:120, 72:120].std()
    assert grain < 0.3 * draw_residual(face)[72:120, 72:120].std()


def test_a_lattice_stands_out_of_the_spectrum(face):
    lattice = face.astype(int)
    lattice[::4, ::4] += 24  # as an upsampling layer leaves it
    spectrum = draw_spectrum(np.clip(lattice, 0, 255).astype(np.uint8))[..., 0].astype(int)
    middle = spectrum.shape[0] // 2
    peak = spectrum[middle + 64, middle + 64]  # a period of 4 in both directions
    assert peak > spectrum[middle + 50 : middle + 60, middle + 50 : middle + 60].mean() + 80
