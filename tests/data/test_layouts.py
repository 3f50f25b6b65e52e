"""Folders in the layouts that people have."""

import os

import pytest

from unmask.data.reading import read_data
from unmask.errors import DataError

SPLIT = {"train": (8, 8), "val": (2, 2), "test": (4, 4)}


def split_counts(dataset):
    """Split to (real, fake)."""
    counts = dataset.manifest.counts()
    return {
        split: (counts.get((split, "real"), 0), counts.get((split, "fake"), 0))
        for split in {split for split, _ in counts}
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # classes only
        ({"real/{}.jpg": 3, "fake/{}.png": 4}, {"": (3, 4)}),
        # any case, plural
        ({"Reals/{}.jpg": 3, "FAKE/{}.jpg": 4}, {"": (3, 4)}),
        # numbered classes
        ({"0_real/{}.jpg": 3, "1_fake/{}.jpg": 4}, {"": (3, 4)}),
        # only a training part is one set
        ({"training_real/{}.jpg": 3, "training_fake/{}.jpg": 4}, {"": (3, 4)}),
        # all three splits
        (
            {
                "Train/Real/{}.jpg": 8,
                "Train/Fake/{}.jpg": 8,
                "Validation/Real/{}.jpg": 2,
                "Validation/Fake/{}.jpg": 2,
                "Test/Real/{}.jpg": 4,
                "Test/Fake/{}.jpg": 4,
            },
            SPLIT,
        ),
        # classes above splits
        (
            {
                "real/training/{}.jpg": 8,
                "fake/training/{}.jpg": 8,
                "real/val/{}.jpg": 2,
                "fake/val/{}.jpg": 2,
                "real/testing/{}.jpg": 4,
                "fake/testing/{}.jpg": 4,
            },
            SPLIT,
        ),
        # train and valid as in RVF10K: val is cut from train, valid is the test
        (
            {
                "train/real/{}.jpg": 20,
                "train/fake/{}.jpg": 20,
                "valid/real/{}.jpg": 5,
                "valid/fake/{}.jpg": 5,
            },
            {"train": (18, 18), "val": (2, 2), "test": (5, 5)},
        ),
        # train and test: val is cut from train
        (
            {
                "train/real/{}.jpg": 20,
                "train/fake/{}.jpg": 20,
                "test/real/{}.jpg": 5,
                "test/fake/{}.jpg": 5,
            },
            {"train": (18, 18), "val": (2, 2), "test": (5, 5)},
        ),
        # a test alone stays one
        ({"test/real/{}.jpg": 2, "test/fake/{}.jpg": 2}, {"test": (2, 2)}),
        # nested wrappers, one of them called like a label
        (
            {"deepfake_set/x/data/real/{}.jpg": 3, "deepfake_set/x/data/fake/{}.jpg": 3},
            {"": (3, 3)},
        ),
        # a wrapper called like a label beside other folders
        (
            {"deepfakes/real/{}.jpg": 3, "deepfakes/fake/{}.jpg": 3, "more/real/{}.jpg": 1},
            {"": (4, 3)},
        ),
        # words with other senses count where nothing surer is said
        ({"original/{}.jpg": 3, "manipulated/{}.jpg": 4}, {"": (3, 4)}),
        ({"fake/original/{}.jpg": 3, "real/original/{}.jpg": 4}, {"": (4, 3)}),
        # names of files alone
        ({"fake_{}.jpg": 3, "real{}_1.jpg": 4}, {"": (4, 3)}),
        # clips
        ({"real/{}.mp4": 3, "fake/{}.mp4": 4}, {"": (3, 4)}),
        # what belongs to the system is not seen
        (
            {
                "real/{}.jpg": 3,
                "fake/{}.jpg": 4,
                "__MACOSX/real/{}.jpg": 9,
                "real/._{}.jpg": 9,
                "real/.git/{}.jpg": 9,
            },
            {"": (3, 4)},
        ),
    ],
)
def test_layouts(make, files, expected):
    assert split_counts(read_data(make(files))) == expected


@pytest.mark.parametrize(("positive", "expected"), [("fake", {"": (2, 3)}), ("real", {"": (3, 2)})])
def test_numbers_as_folders_need_a_word(make, positive, expected):
    root = make({"0/{}.jpg": 2, "1/{}.jpg": 3})
    with pytest.raises(DataError, match="--positive"):
        read_data(root)
    assert split_counts(read_data(root, positive=positive)) == expected


def test_numbers_below_a_class_are_no_labels(make):
    root = make({"real/0/{}.jpg": 2, "real/1/{}.jpg": 2, "fake/0/{}.jpg": 3})
    assert split_counts(read_data(root)) == {"": (4, 3)}


@pytest.mark.parametrize(
    ("files", "sources"),
    [
        # generators as endings
        (
            {"fake_sg2/{}.jpg": 1, "fake_sg3/{}.jpg": 1, "real_ffhq/{}.jpg": 2},
            {"sg2", "sg3", "ffhq"},
        ),
        # generators below the class
        ({"fake/sg2/{}.jpg": 1, "fake/sg3/{}.jpg": 1, "real/{}.jpg": 2}, {"sg2", "sg3", ""}),
        # generators above the class
        (
            {
                f"{name}/{label}/{{}}.jpg": 1
                for name in ("a", "b")
                for label in ("0_real", "1_fake")
            },
            {"a", "b"},
        ),
        # a method that is called like a label
        (
            {
                f"{name}/{label}/{{}}.jpg": 1
                for name in ("Deepfakes", "Face2Face")
                for label in ("real", "fake")
            },
            {"Deepfakes", "Face2Face"},
        ),
        # one wrapper is no source
        ({"archive/real/{}.jpg": 1, "archive/fake/{}.jpg": 1}, {""}),
        # names that say nothing are none
        ({"real/images/{}.jpg": 1, "fake/images/{}.jpg": 1}, {""}),
    ],
)
def test_sources(make, files, sources):
    assert {sample.dataset for sample in read_data(make(files)).manifest} == sources


def test_many_folders_below_a_class_are_groups(make):
    files = {f"fake/Deepfakes/c23/{clip:03}/{{}}.png": 2 for clip in range(12)}
    files |= {f"real/youtube/c23/{clip:03}/{{}}.png": 2 for clip in range(12)}
    dataset = read_data(make(files))
    assert {sample.dataset for sample in dataset.manifest} == {"Deepfakes", "youtube"}
    assert len({sample.group for sample in dataset.manifest}) == 24
    assert any("24 groups" in note for note in dataset.notes)


def test_a_clip_is_its_frames_group(make):
    dataset = read_data(make({"real/{}.mp4": 2, "fake/{}.mp4": 2, "fake/{}.jpg": 1}))
    groups = [sample.group for sample in dataset.manifest if sample.path.endswith(".mp4")]
    assert len(set(groups)) == 4
    assert all(groups)
    assert [s.group for s in dataset.manifest if s.path.endswith(".jpg")] == [""]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"real/{}.jpg": 3}, "no fake samples: 3 real, 0 fake"),  # one class
        ({"notes/{}.txt": 3}, r"no pictures or clips \(it holds 3 .txt\)"),  # none
        ({"cats/{}.jpg": 3, "dogs/{}.jpg": 3}, "nothing says which"),  # other classes
        ({"fake_{}.jpg": 3, "other_{}.jpg": 1}, "other_0.jpg"),  # names that say it only in part
        ({"real/fake/{}.jpg": 2, "fake/real/{}.jpg": 2}, "real and fake at once"),  # disputed
        (
            {"train/real/{}.jpg": 2, "train/fake/{}.jpg": 2, "test/real/{}.jpg": 2},
            "split 'test' .* no fake samples: 2 real, 0 fake",  # a class missing in one split
        ),
    ],
)
def test_unusable_folders(make, files, complaint):
    with pytest.raises(DataError, match=complaint):
        read_data(make(files))


def test_an_empty_class_folder_is_named(make):
    root = make({"real/{}.jpg": 3})
    (root / "fake").mkdir()
    with pytest.raises(DataError, match="without any picture or clip: 'fake'"):
        read_data(root)


def test_files_outside_of_the_classes_are_named(make):
    dataset = read_data(
        make({"real/{}.jpg": 2, "fake/{}.jpg": 2, "logo{}.png": 1, "real/a{}.txt": 2})
    )
    assert len(dataset.manifest) == 4
    assert dataset.passed_over == {"picture or clip without a label": 1, ".txt": 2}
    assert any("logo0.png" in note for note in dataset.notes)


def test_links_to_files_are_followed_and_links_to_folders_counted(make):
    root = make({"real/{}.jpg": 2, "fake/{}.jpg": 2})
    other = make({"{}.jpg": 1}, "elsewhere")
    (root / "real" / "linked.jpg").symlink_to(other / "0.jpg")
    (root / "real" / "loop").symlink_to(root)
    (root / "real" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    dataset = read_data(root)
    assert split_counts(dataset) == {"": (3, 2)}
    assert dataset.passed_over == {"link to a folder": 1, "dangling link": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_does_not_hang(make):
    root = make({"real/{}.jpg": 2, "fake/{}.jpg": 2})
    os.mkfifo(root / "real" / "pipe.jpg")
    assert read_data(root).passed_over == {"pipe, socket or device": 1}


def test_the_order_does_not_depend_on_the_disk(make):
    root = make({"real/{}.jpg": 12, "fake/{}.jpg": 12})
    paths = [sample.path for sample in read_data(root).manifest]
    assert paths == sorted(paths)


def test_paths_stay_as_given(make, monkeypatch):
    monkeypatch.chdir(make({"real/{}.jpg": 1, "fake/{}.jpg": 1}).parent)
    assert [s.path for s in read_data("data").manifest] == ["data/fake/0.jpg", "data/real/0.jpg"]


def test_the_table_says_what_was_understood(make):
    root = make(
        {
            "train/real/{}.jpg": 20,
            "train/fake/{}.jpg": 20,
            "valid/real/{}.jpg": 5,
            "valid/fake/{}.jpg": 5,
        }
    )
    lines = read_data(root).describe().splitlines()
    assert lines[0].endswith("folders fake, real in train, valid")
    assert [line.split() for line in lines[1:6]] == [
        ["split", "real", "fake", "total"],
        ["train", "18", "18", "36"],
        ["val", "2", "2", "4"],
        ["test", "5", "5", "10"],
        ["total", "25", "25", "50"],
    ]
    assert "validation files are the test" in lines[6]
    assert "cut from train: 10 %, seed 42" in lines[7]


def test_names_cannot_repaint_the_screen(make):
    files = {"fake_\x1b[2J/{}.jpg": 1, "fake_b/{}.jpg": 1, "real/{}.jpg": 1}
    assert "\x1b" not in read_data(make(files)).describe()


def test_a_train_too_small_for_a_val_stays_whole(make):
    files = {
        f"{split}/{name}/{{}}.jpg": 1 for split in ("train", "test") for name in ("real", "fake")
    }
    dataset = read_data(make(files))
    assert split_counts(dataset) == {"train": (1, 1), "test": (1, 1)}
    assert any("no validation is cut" in note for note in dataset.notes)
