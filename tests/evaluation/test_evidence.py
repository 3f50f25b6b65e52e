"""Bounds on what a model needs to see of a face."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from unmask.data.manifest import Manifest, Sample
from unmask.detection.detector import Detector
from unmask.errors import DataError
from unmask.evaluation import evidence
from unmask.evaluation.evidence import MOST_WRONG, find_bound, fit_evidence
from unmask.media.images import read_image
from unmask.media.quality import measure_evidence

BOX = (50.0, 50.0, 200.0, 200.0)
ONES = np.ones(200)


def errors_below(bound):
    """Values and answers that are wrong in half of the cases below a bound."""
    values = np.random.default_rng(0).uniform(1, 100, (200, 5))
    wrong = (values < bound) & (np.arange(1000).reshape(200, 5) % 2 == 0)
    return values, wrong


@given(st.floats(20, 80))
def test_the_bound_lies_where_errors_begin(bound):
    values, wrong = errors_below(bound)
    assert find_bound(values, wrong, ONES, rising=False) == pytest.approx(bound, abs=5)
    assert find_bound(-values, wrong, ONES, rising=True) == pytest.approx(-bound, abs=5)


def test_a_model_that_is_never_wrong_needs_no_bound():
    values, wrong = errors_below(0)
    assert find_bound(values, wrong, ONES, rising=False) is None


def test_a_model_that_is_always_wrong_is_refused():
    values, wrong = errors_below(101)
    with pytest.raises(DataError, match=f"more than {MOST_WRONG:.0%} of the answers are wrong"):
        find_bound(values, wrong, ONES, rising=False)


def test_both_classes_weigh_the_same():
    """One fake of ten, always missed, is half of what counts."""
    values = np.linspace(1, 100, 200).reshape(-1, 1)
    wrong = (np.arange(200) % 10 == 9).reshape(-1, 1)
    weights = np.where(wrong[:, 0], 1 / 20, 1 / 180)
    with pytest.raises(DataError):
        find_bound(values, wrong, weights, rising=False)


class GridFinder(Detector):
    """Calls fake what carries a fine grid: an honest network whose evidence blur takes away."""

    def run_network(self, pixels):
        steps = np.abs(np.diff(pixels.mean(axis=3), axis=2))[:, 64:192, 64:192]
        outputs = super().run_network(pixels)
        return replace(outputs, logit=(steps.mean(axis=(1, 2)) - 10).astype(np.float32))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A photograph of a face in many lights, as it is and with a fine grid."""
    folder = tmp_path_factory.mktemp("grid")
    face = Image.fromarray(data.astronaut()).crop((96, 0, 352, 256))
    grid = (np.indices((256, 256)).sum(axis=0) // 2 % 2 * 50 - 25)[:, :, None]
    samples = []
    for label in (0, 1):
        for number, light in enumerate(np.linspace(0.6, 1.0, 12)):
            path = folder / f"{label}-{number}.png"
            pixels = np.asarray(face) * light + grid * label
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
            samples.append(Sample(str(path), label))
    return Manifest(tuple(samples))


def test_bounds_follow_what_a_model_needs(pictures, monkeypatch):
    monkeypatch.setattr(evidence, "LEAST_SIDE", 10)
    seen = []
    detector = GridFinder()
    sharp = [measure_evidence(read_image(s.path), BOX).sharpness for s in pictures]
    card = fit_evidence(detector, pictures, observe=seen.append)
    assert seen[-1] == len(pictures)
    assert card.least_face_px < 160  # the faces as they are
    assert 0 < card.least_sharpness < max(sharp)
    assert "12 real and 12 fake" in card.data
    assert fit_evidence(detector, pictures) == card


def test_too_few_faces_are_refused(tmp_path):
    path = tmp_path / "plain.png"
    Image.fromarray(np.full((64, 64, 3), 120, np.uint8)).save(path)
    with pytest.raises(DataError, match="at least 50 faces of each class, got 0 real and 0 fake"):
        fit_evidence(Detector(), Manifest((Sample(str(path), 0), Sample(str(path), 1))))
