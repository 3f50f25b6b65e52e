"""Copies and look-alikes among files, and the table that is left without them."""

import io

import numpy as np
import pytest
from PIL import Image

from unmask.data.cleaning import Cleaner
from unmask.data.copies import find_copies
from unmask.data.facts import collect_facts
from unmask.data.manifest import Manifest, Sample


def picture(seed, quality=95):
    """The bytes of a smooth random picture."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()


@pytest.fixture
def look(tmp_path):
    """Write files, each (content, label, split), and find their copies."""

    def make(*rows, other=()):
        samples = []
        for number, (content, label, split) in enumerate((*rows, *other)):
            path = tmp_path / f"{number}.jpg"
            path.write_bytes(content)
            samples.append(Sample(str(path), label, split))
        table = collect_facts([sample.path for sample in samples])
        names = [f"{at >= len(rows)} {s.label} {s.split}" for at, s in enumerate(samples)]
        copies = find_copies(table, np.unique(names, return_inverse=True)[1])
        own, foreign = (
            Manifest(tuple(part)) for part in (samples[: len(rows)], samples[len(rows) :])
        )
        return Cleaner(own, foreign, copies), table, copies

    return make


def test_copies_are_told_from_look_alikes(look):
    _, _, copies = look(
        (picture(1), 0, "train"),
        (picture(1), 0, "test"),
        (picture(1, quality=60), 1, "train"),
        (picture(2), 0, "train"),
        (picture(3), 1, "test"),
    )
    assert copies.contents[0] == copies.contents[1] != copies.contents[2]
    assert len({int(copies.groups[at]) for at in (0, 1, 2)}) == 1
    assert len({int(number) for number in copies.groups}) == 3
    assert [(pair.one, pair.two, pair.exact) for pair in copies.crossing[:1]] == [(0, 1, True)]
    assert {(pair.one, pair.two) for pair in copies.crossing} == {(0, 1), (0, 2), (1, 2)}
    assert copies.crossing_count == 3


def test_many_copies_within_a_part_count_once(look):
    rows = [(picture(1), 0, "train")] * 30 + [(picture(1), 0, "test")] * 20
    copies = look(*rows)[2]
    assert copies.crossing_count == 1
    assert len(np.unique(copies.groups)) == 1


def test_alike_hashes_of_other_pictures_are_no_copies(look):
    _, table, _ = look((picture(1), 0, ""), (picture(2), 1, ""))
    table.rows["look"][1] = table.rows["look"][0]
    assert find_copies(table, np.array([0, 1])).crossing == ()


def test_broken_files_are_no_copies_of_each_other(look):
    _, table, copies = look((b"", 0, ""), (b"", 1, ""), (picture(1), 0, ""))
    assert len(table.broken) == 2
    assert len(np.unique(copies.groups)) == 3


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ([(1, 0, ""), (2, 1, "")], ["", ""]),  # clean
        ([(1, 0, ""), (1, 0, ""), (2, 1, "")], ["", "copy", ""]),
        ([(1, 0, "train"), (1, 0, "test"), (2, 1, "")], ["copy", "", ""]),  # the test stays whole
        ([(1, 0, ""), (1, 1, ""), (2, 1, "")], ["label_conflict", "label_conflict", ""]),
        ([(1, 0, "train"), (-1, 0, "test"), (2, 1, "")], ["leak", "", ""]),  # recompressed
        ([(1, 0, "train"), (-1, 0, "train"), (2, 1, "")], ["", "", ""]),  # grouped, not left out
        ([(0, 0, ""), (1, 0, ""), (2, 1, "")], ["broken", "", ""]),
    ],
)
def test_every_removal_has_its_reason(look, rows, reasons):
    contents = {0: b"broken"}
    made = [
        (contents.get(seed) or picture(abs(seed), 95 if seed > 0 else 60), label, split)
        for seed, label, split in rows
    ]
    cleaner, table, _ = look(*made)
    kept, removals = cleaner.clean(table.broken, [])
    found = {removal.sample.path.rpartition("/")[2]: removal for removal in removals}
    assert [getattr(found.get(f"{at}.jpg"), "reason", "") for at in range(len(rows))] == reasons
    assert len(kept) + len(removals) == len(rows)
    assert all(removal.explanation for removal in removals)


def test_look_alikes_of_one_split_share_a_group(look):
    cleaner, _, _ = look(
        (picture(1), 0, "train"), (picture(1, 60), 0, "train"), (picture(2), 1, "")
    )
    groups = [sample.group for sample in cleaner.clean({}, [])[0]]
    assert groups[0] == groups[1] != groups[2]


def test_what_another_set_holds_is_left_out(look):
    cleaner, _, _ = look(
        (picture(1), 0, ""),
        (picture(2), 1, ""),
        other=[(picture(2, 60), 1, ""), (picture(3), 0, "")],
    )
    kept, removals = cleaner.clean({}, [])
    assert [sample.path[-5:] for sample in kept] == ["0.jpg"]
    assert [(r.reason, r.row()[0][-5:]) for r in removals] == [("in_other_set", "1.jpg")]


def test_a_picture_without_a_face_is_left_out(look):
    cleaner, _, _ = look((picture(1), 0, ""), (picture(2), 1, ""))
    assert [r.reason for r in cleaner.clean({}, [1])[1]] == ["no_face"]
