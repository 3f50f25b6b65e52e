"""The description of training faces: near is near, strange is far, and files are not believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.errors import DataError, ModelError
from unmask.models.card import read_card
from unmask.models.domain import LEAST_FACES, add_domain, fit_features, read_domain
from unmask.models.library import DOMAIN_NAME, open_model, write_model

SIZE = 40


def draw(count, seed, directions=6):
    """Features that spread along a few directions, in two views each."""
    basis = np.random.default_rng(1).normal(size=(directions, SIZE))
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(count, 2, directions)) @ basis * 0.3
    noise = generator.normal(size=(count, 2, SIZE)) * 0.05
    return (values + 2 + noise).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    return fit_features(draw(400, 2), "drawn")


@pytest.fixture
def folder(tmp_path):
    """A copy of the bundled model without a description."""
    bundled = open_model()
    write_model(bundled.card, bundled.weights_path, tmp_path / "model")
    return tmp_path / "model"


def test_one_in_a_hundred_kept_back_is_beyond(fitted):
    unseen = draw(1000, 3).reshape(-1, SIZE)
    assert 0.002 < (fitted.domain.measure(unseen) > 1).mean() < 0.03
    assert (fitted.faces, fitted.kept_back) == (640, 160)


def test_what_leaves_the_directions_is_far(fitted):
    strange = np.random.default_rng(4).normal(size=(50, SIZE)).astype(np.float32)
    assert (fitted.domain.measure(strange) > 2).all()


@given(st.floats(1e-3, 1e3))
def test_the_size_of_features_does_not_count(fitted, factor):
    features = draw(5, 5)[:, 0]
    scaled = fitted.domain.measure(features * np.float32(factor))
    assert np.allclose(scaled, fitted.domain.measure(features), rtol=1e-3)


def test_empty_features_have_a_distance(fitted):
    assert np.isfinite(fitted.domain.measure(np.zeros((2, SIZE), np.float32))).all()


@pytest.mark.parametrize("count", [1, LEAST_FACES // 2])
def test_too_few_faces_are_refused(count):
    with pytest.raises(DataError, match="at least"):
        fit_features(draw(count, 6))


def test_features_of_another_model_are_refused(fitted):
    with pytest.raises(ModelError, match="features"):
        fitted.domain.measure(np.zeros((1, SIZE + 1), np.float32))


def test_a_model_folder_brings_its_description(fitted, folder):
    add_domain(folder, fitted)
    opened = open_model(folder)
    domain = read_domain(opened.domain_path, opened.card.domain)
    features = draw(20, 7)[:, 0]
    assert np.allclose(domain.measure(features), fitted.domain.measure(features), rtol=1e-5)
    assert opened.card.domain.data == "drawn"
    assert (folder / DOMAIN_NAME).stat().st_size < 2**20


def test_a_model_without_a_description_still_opens(folder):
    assert open_model(folder).card.domain is None
    assert open_model(folder).domain_path is None


def test_a_description_that_was_swapped_is_refused(fitted, folder):
    add_domain(folder, fitted)
    with (folder / DOMAIN_NAME).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ModelError, match="not the file that its card describes"):
        open_model(folder)


def test_a_description_that_is_missing_is_refused(fitted, folder):
    add_domain(folder, fitted)
    (folder / DOMAIN_NAME).unlink()
    with pytest.raises(ModelError, match="lacks the file"):
        open_model(folder)


def test_it_travels_with_a_copy_or_not_at_all(fitted, folder, tmp_path):
    opened = add_domain(folder, fitted)
    write_model(opened.card, opened.weights_path, tmp_path / "a", domain=opened.domain_path)
    assert open_model(tmp_path / "a").card.domain == opened.card.domain
    write_model(opened.card, opened.weights_path, tmp_path / "b")
    assert read_card(tmp_path / "b").domain is None


@pytest.mark.parametrize(
    "parts",
    [
        {},  # nothing in it
        {"mean": np.zeros(4), "basis": np.zeros((2, 5)), "spread": np.ones(2), "beside": 1.0},
        {"mean": np.zeros(4), "basis": np.zeros((2, 4)), "spread": np.zeros(2), "beside": 1.0},
        {"mean": np.array([object()] * 4), "basis": np.zeros((2, 4)), "spread": np.ones(2),
         "beside": 1.0},  # a pickle
    ],
)  # fmt: skip
def test_files_of_another_kind_are_refused(fitted, folder, tmp_path, parts):
    card = add_domain(folder, fitted).card.domain
    np.savez(tmp_path / "other.npz", **parts)
    with pytest.raises(ModelError, match=r"other\.npz"):
        read_domain(tmp_path / "other.npz", card)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 not a zip", b"\x93NUMPY"])
def test_files_that_are_no_archive_are_refused(fitted, folder, tmp_path, content):
    card = add_domain(folder, fitted).card.domain
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"other\.npz"):
        read_domain(path, card)
