"""A detector, real faces, and files with a history."""

import pytest
from PIL import Image
from skimage import data

from unmask.detection.detector import Detector


@pytest.fixture(scope="session")
def detector():
    return Detector()


@pytest.fixture(scope="session")
def face(detector):
    """The crop of a photographed face."""
    return detector.detect(data.astronaut()).faces[0].crop.pixels


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return path


@pytest.fixture
def clip(tmp_path):
    """Two seconds of a face that moves a little."""
    from unmask.media.video import ClipWriter

    path = tmp_path / "clip.mp4"
    with ClipWriter(path, fps=10) as writer:
        for number in range(20):
            writer.append(data.astronaut()[number // 4 : 256 + number // 4, 96:352])
    return path
