"""Trivia that tell the classes apart are found, and chance stays chance."""

import numpy as np
import pytest
from PIL import Image

from unmask.data.facts import collect_facts
from unmask.data.manifest import Manifest, Sample
from unmask.evaluation.shortcuts import TOGETHER, describe_features, probe_shortcuts

COUNT = 40


def exif():
    tags = Image.Exif()
    tags[271] = "Maker"
    return tags


def build(folder, save):
    """Forty noise pictures of each class; `save(image, path, label)` says how they differ."""
    generator = np.random.default_rng(0)
    samples = []
    for number in range(2 * COUNT):
        label = number % 2
        pixels = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        path = save(Image.fromarray(pixels), folder / str(number), label)
        samples.append(Sample(str(path), label))
    return Manifest(tuple(samples))


def as_format(image, stem, label):
    path = stem.with_suffix(".png" if label else ".jpg")
    image.save(path)
    return path


def as_quality(image, stem, label):
    path = stem.with_suffix(".jpg")
    image.save(path, quality=95 if label else 80)
    return path


def as_exif(image, stem, label):
    path = stem.with_suffix(".jpg")
    image.save(path, **({"exif": exif()} if label else {}))
    return path


def as_size(image, stem, label):
    path = stem.with_suffix(".png")
    image.resize((32, 32) if label else (24, 24)).save(path)
    return path


def as_colour(image, stem, label):
    path = stem.with_suffix(".png")
    image.point(lambda value: value * (0.8 if label else 1)).save(path)
    return path


def alike(image, stem, label):  # noqa: ARG001
    path = stem.with_suffix(".png")
    image.save(path)
    return path


@pytest.mark.parametrize(
    ("save", "name"),
    [
        (as_format, "file format"),  # one class PNG, the other JPEG
        (as_quality, "JPEG tables"),
        (as_exif, "metadata"),  # EXIF in one class only
        (as_size, "picture size"),
        (as_colour, "colours"),
    ],
)
def test_a_leak_is_found_where_it_is(tmp_path, save, name):
    manifest = build(tmp_path, save)
    found = probe_shortcuts(manifest, collect_facts([s.path for s in manifest]), seed=1)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows[name]["linear"]["auc"] > 0.99
    assert rows[TOGETHER]["linear"]["accuracy"] > 0.9
    assert set(rows) == set(describe_features())


def test_without_a_leak_there_is_chance(tmp_path):
    manifest = build(tmp_path, alike)
    found = probe_shortcuts(manifest, collect_facts([s.path for s in manifest]), seed=1)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["file format"]["linear"]["auc"] == pytest.approx(0.5, abs=0.06)
    low, high = rows[TOGETHER]["linear"]["ci"]["auc"]
    assert low < 0.65
    assert high < 0.75


def test_too_few_samples_are_said(tmp_path):
    manifest = Manifest(build(tmp_path, alike).samples[:4])
    found = probe_shortcuts(manifest, collect_facts([s.path for s in manifest]), seed=1)
    assert found["rows"] == []
    assert "at least 5" in found["reason"]
