"""Fitting a description goes through a manifest's training pictures."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.data.manifest import Manifest, Sample
from unmask.errors import DataError
from unmask.inspection.domain import fit_domain


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    """A hundred and thirty differing views of one face, and things that are none."""
    folder = tmp_path_factory.mktemp("portraits")
    generator = np.random.default_rng(0)
    samples = []
    for number in range(130):
        x, y = generator.integers(0, 24, 2)
        pixels = data.astronaut()[y : y + 208, 110 + x : 318 + x].astype(np.float32)
        pixels = np.clip(pixels * generator.uniform(0.6, 1.3) + generator.normal(0, 8), 0, 255)
        path = folder / f"{number}.jpg"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        samples.append(Sample(str(path), number % 2, "train", "", "portraits"))
    (folder / "broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (64, 64)).save(folder / "empty.png")
    odd = [Sample(str(folder / name), 0, "train") for name in ("broken.jpg", "empty.png")]
    return Manifest((*samples, *odd, Sample(str(folder / "missing.jpg"), 0, "test")))


@pytest.mark.slow
def test_the_training_pictures_are_described(detector, portraits):
    told = []
    fitted = fit_domain(None, portraits, observe=told.append)
    assert fitted.data == "portraits"
    assert fitted.faces + fitted.kept_back == 260  # each face in two views
    assert told[-1] == 132  # the test picture was left alone
    crops = [detector.detect(sample.path).faces[0].crop.pixels for sample in portraits.samples[:8]]
    near = fitted.domain.measure(detector.run_network(np.stack(crops)).look)
    cat = detector.run_network(np.ascontiguousarray(data.cat()[None, :256, 60:316])).look
    assert fitted.domain.measure(cat)[0] > 1.5 * near.max()


def test_data_without_faces_are_refused(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="no face"):
        fit_domain(None, Manifest((Sample(str(tmp_path / "a.png"), 0),)))
