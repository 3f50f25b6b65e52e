"""The description of training faces: near is near, strange is far, and files are not believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.errors import DataError, ModelError
from unmask.models.card import read_card
from unmask.models.domain import (
    LEAST_FACES,
    LEAST_KEPT_BACK,
    add_domain,
    fit_look,
    read_domain,
)
from unmask.models.library import DOMAIN_NAME, open_model, write_model

SIZE = 40
PARTS = {
    "mean": np.zeros(4), "scale": np.ones(4), "basis": np.zeros((2, 4)), "spread": np.ones(2),
    "beside": 1.0,
}  # fmt: skip


def draw(count, seed, directions=6):
    """A look (count, SIZE) that spreads along a few directions."""
    basis = np.random.default_rng(1).normal(size=(directions, SIZE))
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(count, directions)) @ basis * 0.3
    noise = generator.normal(size=(count, SIZE)) * 0.05
    return (values + 2 + noise).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    return fit_look(draw(640, 2), draw(400, 8), "drawn")


@pytest.fixture
def folder(tmp_path):
    """A copy of the bundled model without a description."""
    bundled = open_model()
    write_model(bundled.card, bundled.weights_path, tmp_path / "model")
    return tmp_path / "model"


def test_one_in_a_hundred_kept_back_is_beyond(fitted):
    unseen = draw(2000, 3)
    assert 0.002 < (fitted.domain.measure(unseen) > 1).mean() < 0.03
    assert (fitted.faces, fitted.kept_back) == (640, 400)


def test_what_leaves_the_directions_is_far(fitted):
    strange = np.random.default_rng(4).normal(size=(50, SIZE)).astype(np.float32)
    assert (fitted.domain.measure(strange) > 2).all()


def test_known_strange_faces_are_far_and_the_others_stay_near(fitted):
    """They differ by less than training faces do, in one feature that these hardly use."""
    strange = draw(400, 9)
    strange[:, 3] += 0.25
    unseen, odd = draw(2000, 3), draw(200, 10)
    odd[:, 3] += 0.25
    told = fit_look(draw(640, 2), draw(400, 8), "drawn", [strange]).domain
    assert (told.measure(odd) > 1).mean() > (fitted.domain.measure(odd) > 1).mean() + 0.3
    assert 0.002 < (told.measure(unseen) > 1).mean() < 0.03


def test_strange_faces_that_are_none_change_nothing(fitted):
    look = draw(50, 11)
    same = fit_look(draw(640, 2), draw(400, 8), "drawn", [draw(640, 2)]).domain
    assert np.allclose(same.measure(look), fitted.domain.measure(look), rtol=0.2)


@given(st.floats(1e-3, 1e3))
def test_the_unit_of_a_feature_does_not_count(fitted, factor):
    units = np.ones(SIZE, np.float32)
    units[::2] = factor
    scaled = fit_look(draw(640, 2) * units, draw(400, 8) * units).domain
    look = draw(5, 5)
    assert np.allclose(scaled.measure(look * units), fitted.domain.measure(look), rtol=0.02)


def test_a_feature_that_never_changes_gives_a_distance():
    look = draw(300, 5)
    look[:, 0] = 1
    assert np.isfinite(fit_look(look, look).domain.measure(look)).all()


@pytest.mark.parametrize(
    ("faces", "kept_back", "complaint"),
    [
        (LEAST_FACES - 1, 400, "at least 100, got 99"),
        (400, LEAST_KEPT_BACK - 1, "at least 20 kept back, got 19"),
    ],
)
def test_too_few_faces_are_refused(faces, kept_back, complaint):
    with pytest.raises(DataError, match=complaint):
        fit_look(draw(faces, 6), draw(kept_back, 7))


def test_features_of_another_model_are_refused(fitted):
    with pytest.raises(ModelError, match="features"):
        fitted.domain.measure(np.zeros((1, SIZE + 1), np.float32))


def test_a_model_folder_brings_its_description(fitted, folder):
    add_domain(folder, fitted)
    opened = open_model(folder)
    domain = read_domain(opened.domain_path, opened.card.domain)
    features = draw(20, 7)
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
        {**PARTS, "basis": np.zeros((2, 5))},  # of another length
        {**PARTS, "spread": np.zeros(2)},  # divides by nothing
        {**PARTS, "scale": np.zeros(4)},
        {**PARTS, "scale": np.ones(3)},
        {**PARTS, "mean": np.array([object()] * 4)},  # a pickle
        {**PARTS, "mean": np.float32(0)},  # a number for a row
        {**PARTS, "strange": np.zeros((1, 4))},  # without where it starts
        {**PARTS, "strange": np.zeros((1, 3)), "start": np.zeros(1)},  # of another length
    ],
)
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
