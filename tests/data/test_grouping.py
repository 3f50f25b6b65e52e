"""What is kept together."""

import numpy as np
import pytest
from PIL import Image

from unmask.data.dataset import Dataset
from unmask.data.grouping import group_samples, join_groups
from unmask.data.manifest import Manifest, Sample
from unmask.data.reading import read_data
from unmask.errors import DataError, UsageError


def picture(seed):
    """A smooth random picture (128, 128, 3)."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """Three reals and three fakes; fake/2 is real/0, smaller and recompressed."""
    for number, (label, seed) in enumerate(
        (name, n) for name in ("real", "fake") for n in range(3)
    ):
        path = tmp_path / label / f"{seed}.jpg"
        path.parent.mkdir(exist_ok=True)
        picture(number).save(path, quality=95)
    picture(0).resize((64, 64)).save(tmp_path / "fake" / "2.jpg", quality=60)
    return tmp_path


def dataset_of(*rows):
    samples = tuple(Sample(path, 0, group=group) for path, group in rows)
    return Dataset("data", "test", Manifest(samples))


def test_near_duplicates_share_a_group(folder):
    watched = []

    def watch(paths):
        for path in paths:
            watched.append(path)
            yield path

    dataset = group_samples(read_data(folder), "near-duplicates", watch)
    groups = {sample.path.removeprefix(f"{folder}/"): sample.group for sample in dataset.manifest}
    assert groups["real/0.jpg"] == groups["fake/2.jpg"] != ""
    assert [groups[f"real/{n}.jpg"] for n in (1, 2)] == ["", ""]
    assert watched == [sample.path for sample in dataset.manifest]
    assert "2 samples are kept together in 1 groups, the largest of 2" in dataset.notes


def test_files_that_cannot_be_decoded_are_left_out(folder):
    path = folder / "real" / "1.jpg"
    path.write_bytes(path.read_bytes()[:700])
    dataset = group_samples(read_data(folder), "near-duplicates")
    assert len(dataset.manifest) == 5
    assert [(row.path, row.reason) for row in dataset.left_out] == [(str(path), "corrupt")]


def test_nothing_to_decode_is_an_error(make):
    with pytest.raises(DataError, match="none of 2 files could be decoded"):
        group_samples(read_data(make({"real/{}.jpg": 1, "fake/{}.jpg": 1})), "near-duplicates")


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("none", ["", "", ""]),
        ("column", ["g", "", "g"]),  # as the data have it
        ("column:identity", ["g", "", "g"]),  # read_data has chosen the column
        ("prefix:_", ["a", "a", "b"]),
        ("prefix:_1", ["a", "a_2.jpg", "b"]),  # longer
    ],
)
def test_ways(way, expected):
    data = dataset_of(("x/a_1.jpg", "g"), ("y/a_2.jpg", ""), ("y/b_1.jpg", "g"))
    assert [sample.group for sample in group_samples(data, way).manifest] == expected


@pytest.mark.parametrize("way", ["prefix:", "prefix", "nonsense", ""])
def test_other_ways_are_refused(way):
    with pytest.raises(UsageError, match="groups are near-duplicates, none"):
        group_samples(dataset_of(("a.jpg", "")), way)


@pytest.mark.parametrize(
    ("groups", "numbers", "together"),
    [
        (["", "", ""], [0, 1, 2], [{0}, {1}, {2}]),
        (["", "", ""], [0, 1, 0], [{0, 2}, {1}]),  # by number
        (["g", "g", ""], [0, 1, 2], [{0, 1}, {2}]),  # by group
        (["g", "g", "h"], [0, 1, 1], [{0, 1, 2}]),  # through both
    ],
)
def test_joining_is_transitive(groups, numbers, together):
    data = dataset_of(*((f"{n}.jpg", group) for n, group in enumerate(groups)))
    joined = [sample.group for sample in join_groups(data.manifest, numbers).samples]
    sets = {}
    for at, group in enumerate(joined):
        sets.setdefault(group or f"alone {at}", set()).add(at)
    assert sorted(sets.values(), key=min) == together
