"""A crop as analysts look at it: its finest detail, and its spectrum. For the eye; nothing decides.

The network does not see these pictures. They show traces that generators, retouching and
recompression leave, and a caption says which.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from unmask.records import Pixels

RESIDUAL_GAIN: Final = 8.0
_RESIDUAL_SIGMA_PX: Final = 1.5
_GREY: Final = 128.0
_DARKEST_SHARE: Final = 0.01
_BRIGHTEST_SHARE: Final = 0.999

RESIDUAL_CAPTION: Final = (
    "Residual: what a slight blur takes away, eight times as strong. Look for areas whose grain "
    "differs from the rest (a pasted or smoothed face, a sharp edge around it), for skin without "
    "any grain, and for a grid. Blocks of 8 pixels come from JPEG and mean nothing by themselves."
)
SPECTRUM_CAPTION: Final = (
    "Spectrum of the residual: slow changes in the middle, fine detail at the edges. A photograph "
    "fades evenly. Look for bright dots or a lattice away from the middle, as upsampling layers of "
    "generators leave them; enlarging leaves dark borders, and JPEG a faint lattice of eighths."
)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture and what to look for in it."""

    name: str
    pixels: Pixels
    caption: str


def draw_views(pixels: Pixels) -> tuple[View, ...]:
    """The views of a crop (S, S, 3)."""
    return (
        View("residual", draw_residual(pixels), RESIDUAL_CAPTION),
        View("spectrum", draw_spectrum(pixels), SPECTRUM_CAPTION),
    )


def draw_residual(pixels: Pixels) -> Pixels:
    """A crop (S, S, 3) less its blurred self, amplified around mid-grey."""
    fine = pixels.astype(np.float32)
    fine -= cv2.GaussianBlur(fine, (0, 0), _RESIDUAL_SIGMA_PX)
    return np.asarray(np.clip(np.rint(_GREY + RESIDUAL_GAIN * fine), 0, 255), np.uint8)


def draw_spectrum(pixels: Pixels) -> Pixels:
    """The logarithm of the residual's amplitudes, (S, S, 3) in grey, frequency 0 in the middle.

    A Hann window keeps the crop's border from drawing a cross.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey -= cv2.GaussianBlur(grey, (0, 0), _RESIDUAL_SIGMA_PX)
    rows, columns = (np.hanning(length).astype(np.float32) for length in grey.shape)
    amplitude = np.abs(np.fft.fftshift(np.fft.fft2(grey * rows[:, None] * columns)))
    level = np.log1p(amplitude)
    dark, bright = np.quantile(level, (_DARKEST_SHARE, _BRIGHTEST_SHARE))
    scaled = np.clip((level - dark) / max(float(bright - dark), 1e-6), 0, 1)
    return np.repeat(np.rint(scaled * 255).astype(np.uint8)[..., None], 3, axis=2)
