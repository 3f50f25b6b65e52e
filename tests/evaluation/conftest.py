"""Labelled pictures that the tests make themselves, and what the bundled detector says of them."""

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage import data

from unmask.data.manifest import Manifest, Sample
from unmask.detection.detector import Detector
from unmask.evaluation.evaluate import Prediction
from unmask.records import Failure, Kind, Verdict


def warp(pixels, strength=6.0):
    """A face pulled about locally, smoothly: what a clumsy forger leaves."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    moved_x = x + strength * np.sin(y / 17).astype(np.float32)
    moved_y = y + strength * np.cos(x / 23).astype(np.float32)
    return cv2.remap(pixels, moved_x, moved_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def portraits():
    """Two people, each as several pictures of 224 px."""
    with get_sample_data("grace_hopper.jpg") as stream:
        hopper = Image.open(stream).convert("RGB")
    people = {
        "astronaut": Image.fromarray(data.astronaut()).crop((96, 0, 352, 256)),
        "hopper": hopper.crop((100, 40, 430, 370)),
    }
    for name, picture in people.items():
        small = np.asarray(picture.resize((224, 224), Image.Resampling.LANCZOS))
        yield f"{name}-plain", small
        yield f"{name}-mirrored", np.ascontiguousarray(small[:, ::-1])
        yield f"{name}-dark", (small * 0.75).astype(np.uint8)


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """Six reals, six warped copies, a picture without a face, a broken file."""
    folder = tmp_path_factory.mktemp("faces")
    samples = []
    for label, name in enumerate(("real", "fake")):
        (folder / name).mkdir()
        for stem, pixels in portraits():
            path = folder / name / f"{stem}.png"
            Image.fromarray(warp(pixels) if label else pixels).save(path)
            group, dataset = f"{name}-{stem.split('-')[0]}", stem.split("-")[0]
            samples.append(Sample(str(path), label, "test", group, dataset))
    blank, broken = folder / "real" / "blank.png", folder / "fake" / "broken.jpg"
    Image.new("RGB", (224, 224), (90, 140, 90)).save(blank)
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    samples += [Sample(str(blank), 0, "test"), Sample(str(broken), 1, "test")]
    return Manifest(tuple(samples))


@pytest.fixture(scope="session")
def detector():
    return Detector()


@pytest.fixture
def make_predictions():
    """Predictions from (label, score) pairs; None stands for a picture without a face."""

    def make(pairs, *, threshold=0.5, real_below=0.3, groups=None, datasets=None):
        made = []
        for place, (label, score) in enumerate(pairs):
            verdict = Verdict.NO_FACE
            if score is not None:
                verdict = Verdict.FAKE if score >= threshold else Verdict.UNCERTAIN
                verdict = Verdict.REAL if score < real_below else verdict
            group = groups[place] if groups else ""
            dataset = datasets[place] if datasets else ""
            sample = Sample(f"{place}.jpg", label, "", group, dataset)
            made.append(Prediction(sample, verdict, score, Kind.IMAGE))
        return made

    return make


@pytest.fixture
def failed():
    """A prediction of a file that could not be read."""
    failure = Failure("corrupt", "=broken\nfile")
    return Prediction(Sample("broken.jpg", 1), None, None, Kind.IMAGE, failure)
