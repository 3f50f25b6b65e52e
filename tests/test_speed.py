"""No step has become slow against another: ratios of processor time in one process.

`benchmarks/speed.py` measures the real thing; the limits here leave room for any machine and only
tell when a step costs twice what it should.
"""

import time

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.detection.batching import BATCH_CROPS
from unmask.detection.detector import Detector
from unmask.media.images import read_image

TURNS = 3


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Face crops of 256 px."""
    folder = tmp_path_factory.mktemp("faces")
    crop = Image.fromarray(data.astronaut()[20:276, 100:356])
    for number in range(2 * BATCH_CROPS):
        crop.rotate(number / 4).save(folder / f"{number}.jpg", quality=95)
    return sorted(folder.iterdir())


def cost(work):
    """Least processor time of a few calls, all threads together, after one to warm up."""
    found = []
    for _ in range(TURNS + 1):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found[1:])


@pytest.mark.parametrize(
    ("crops", "most"),
    [
        (True, 2.0),  # measured: 1.3
        (False, 4.0),  # measured: 2.6
    ],
)
def test_detection_against_the_bare_engine(faces, crops, most):
    detector = Detector(crops=crops)
    pixels = np.stack([read_image(path) for path in faces])
    batches = np.split(pixels, len(pixels) // BATCH_CROPS)
    bare = cost(lambda: [detector.run_network(batch) for batch in batches])
    assert cost(lambda: list(detector.detect_all(faces))) < most * bare


def test_a_photograph_against_decoding_it(tmp_path):
    photo = tmp_path / "photo.jpg"
    Image.fromarray(data.astronaut()).resize((3000, 3000)).save(photo, quality=92)
    detector = Detector()
    decoding = cost(lambda: read_image(photo))
    assert cost(lambda: detector.detect(photo)) < 7 * decoding  # measured: 3.0 to 5.1
