"""What names say."""

import pytest

from unmask.data.naming import is_noise, label_before, label_of, read_name


@pytest.mark.parametrize(
    ("name", "label", "split"),
    [
        ("real", 0, ""),  # as most sets have it
        ("Fake", 1, ""),  # capitals
        ("FAKES", 1, ""),  # plural
        ("0_real", 0, ""),  # numbered classes
        ("1_fake", 1, ""),
        ("training_fake", 1, "train"),  # split and label in one name
        ("real-test", 0, "test"),  # the other way round
        ("DeepFake", 1, ""),  # capitals part words
        ("deep_fakes", 1, ""),  # two words for one
        ("RealFaces", 0, ""),
        ("fakeimages", 1, ""),  # glued
        ("real2", 0, ""),  # numbered
        ("original", 0, ""),
        ("manipulated_sequences", 1, ""),  # FaceForensics++
        ("Celeb-synthesis", 1, ""),  # Celeb-DF
        ("AI-generated", 1, ""),
        ("train", None, "train"),
        ("Valid", None, "val"),
        ("validation", None, "val"),
        ("testing", None, "test"),
        ("test_set", None, "test"),
        ("train images", None, "train"),
        ("real_vs_fake", None, ""),  # both: a wrapper
        ("real_and_fake_face", None, ""),
        ("original_vs_manipulated", None, ""),
        ("not_fake", None, ""),  # a negation is not read
        ("unreal", None, ""),
        ("reality", None, ""),  # only whole words
        ("train_test_split", None, ""),  # two splits say none
        ("protest", None, ""),
        ("my_fake_faces_of_bob", None, ""),  # neither first nor last
        ("archive", None, ""),
        ("", None, ""),
        ("名前", None, ""),
    ],
)
def test_labels_and_splits(name, label, split):
    meaning = read_name(name)
    assert (meaning.label, meaning.split) == (label, split)


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("fake_stylegan2", "stylegan2"),
        ("fake_stable_diffusion_2_1", "stable_diffusion_2_1"),  # its numbers are kept
        ("real_all_age_faces", "all_age_faces"),
        ("Celeb-real", "Celeb"),
        ("1_fake_StyleGAN", "StyleGAN"),  # the order's number is not
        ("training_fake", ""),
        ("fake-faces", ""),
    ],
)
def test_what_stands_beside_a_label_is_the_source(name, rest):
    assert read_name(name).rest == rest


def test_sure_words_are_stronger():
    names = ["generated_sd21", "fake_stylegan2", "original", "fake-faces", "FAKE"]
    strengths = [read_name(name).strength for name in names]
    assert strengths == sorted(strengths)
    assert len(set(strengths)) == len(strengths)


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("FAKE", 1),
        ("Real", 0),
        ("ai-generated", 1),
        ("1", None),  # a number says nothing by itself
        ("cat", None),
        ("fake_stylegan2", None),  # a source is no label in a cell
    ],
)
def test_cells(cell, label):
    assert label_of(cell) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("fake_00_dfdc.mp4", 1),
        ("real00232_1.jpg", 0),  # glued to a number
        ("realistic_1.jpg", None),
        ("easy_fake.jpg", None),  # only at the beginning
        ("", None),
    ],
)
def test_file_names(name, label):
    assert label_before(name) == label


@pytest.mark.parametrize(("name", "noise"), [("frames", True), ("Images2", True), ("000", False)])
def test_noise(name, noise):
    assert is_noise(name) is noise
