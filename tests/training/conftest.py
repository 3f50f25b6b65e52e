"""A small data set of true and marked faces."""

import numpy as np
import pytest
from PIL import Image
from skimage import data


def _light(generator):
    """A smooth random light over 256 px, (256, 256, 1) around 1: no two look alike to a hash."""
    coarse = generator.uniform(60, 255, (4, 4)).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float64)[:, :, None] / 160


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """`real` and `fake`, 36 pictures each; the fakes carry a grid of 4 px."""
    folder = tmp_path_factory.mktemp("faces")
    generator = np.random.default_rng(0)
    face = np.asarray(Image.fromarray(data.astronaut()[31:186, 146:301]).resize((256, 256)))
    board = ((np.indices((256, 256)) // 4).sum(axis=0) % 2 * 40 - 20)[:, :, None]
    for kind in ("real", "fake"):
        (folder / kind).mkdir()
        for number in range(36):
            pixels = face * _light(generator) + board * (kind == "fake")
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / kind / f"{number:02}.png")
    return folder
