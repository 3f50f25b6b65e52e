"""What a trained model may be asked."""

import shutil

import pytest

from unmask.data.manifest import Manifest, Sample
from unmask.evaluation import evidence
from unmask.models.card import read_card
from unmask.models.library import open_model
from unmask.training import bounds
from unmask.training.bounds import add_bounds


@pytest.fixture
def folder(tmp_path):
    """The bundled network in a folder of its own, without a description of its training faces."""
    copy = tmp_path / "model"
    shutil.copytree(open_model(None).path, copy)
    read_card(copy).model_copy(update={"domain": None}).write(copy)
    return copy


def split(faces, train, val):
    """So many pictures of each class in training and validation."""
    samples = []
    for label, kind in enumerate(("real", "fake")):
        paths = sorted((faces / kind).iterdir())[: train + val]
        names = ["train"] * train + ["val"] * val
        rows = zip(paths, names, strict=True)
        samples += [Sample(str(path), label, name) for path, name in rows]
    return Manifest(tuple(samples))


def test_few_pictures_give_no_bounds_and_say_so(folder, faces):
    add_bounds(folder, split(faces, 6, 6), seed=0)
    card = read_card(folder)
    assert card.domain is None
    assert card.evidence.least_face_px is None
    assert card.evidence.data == "no bounds: validation has 6 pictures of a class, 50 are needed"


def test_training_faces_are_described_and_a_weak_model_gets_no_bounds(folder, faces, monkeypatch):
    """The fakes are marked by a grid, of which the bundled network knows nothing."""
    for module in (bounds, evidence):
        monkeypatch.setattr(module, "LEAST_SIDE", 3)
    monkeypatch.setattr(bounds, "LEAST_FACES", 60)
    add_bounds(folder, split(faces, 32, 4), seed=0)
    card = open_model(folder).card  # hashes fit
    assert card.domain.faces + card.domain.kept_back == 2 * 64
    assert card.evidence.data.startswith("no bounds: more than 10% of the answers are wrong")
