"""An audit of pictures with known faults."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.data.reading import read_data
from unmask.errors import DataError
from unmask.evaluation.audit import AuditPlan, audit

FACE = data.astronaut()[:256, 96:352]


def noisy(seed, base=FACE):
    """A face that is not alike the others: laid on its own background."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    around = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)
    around[48:208, 48:208] = cv2.resize(base, (160, 160), interpolation=cv2.INTER_AREA)
    return Image.fromarray(around)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Six pictures of each class and split; a leak, a file in both classes, a blank, a broken."""
    folder = tmp_path_factory.mktemp("faces")
    for number in range(24):
        split, label = ("train", "test")[number % 2], ("real", "fake")[number // 2 % 2]
        path = folder / split / label / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noisy(number).save(path, quality=95)
    noisy(1).save(folder / "train/real/leak.jpg", quality=70)
    for label in ("real", "fake"):
        noisy(99).save(folder / f"train/{label}/both.png")
    Image.new("RGB", (256, 256), (90, 120, 90)).save(folder / "train/fake/blank.jpg")
    (folder / "train/real/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return folder


@pytest.fixture(scope="module")
def found(root):
    dataset = read_data(root, val_share=0, verify="names")
    return audit(dataset, AuditPlan(faces=None))


def test_every_fault_is_found(found):
    codes = {finding["code"] for finding in found.summary["findings"]}
    assert {"leak", "label_conflict", "broken", "shortcuts"} <= codes
    assert found.summary["duplicates"]["crossing"]["splits"] == 1
    assert found.summary["duplicates"]["label_conflicts"] == 1
    assert found.summary["faces"]["codes"]["no_face"] == {"real": 0, "fake": 1}
    assert [row["reason"] for row in found.summary["broken"]] == ["corrupt"]


def test_the_clean_table_lacks_just_these(found):
    reasons = {r.sample.path.rpartition("/")[2]: r.reason for r in found.removals}
    assert reasons == {
        "broken.jpg": "broken",
        "both.png": "label_conflict",
        "blank.jpg": "no_face",
        "leak.jpg": "leak",
    }
    assert len(found.clean) == 24
    assert found.summary["clean"]["removed"]["label_conflict"] == 2


def test_the_summary_is_json_and_the_plots_are_there(found):
    assert json.loads(json.dumps(found.summary, allow_nan=False))["made_by"] == "unmask data audit"
    assert set(found.plots) == {"shortcuts", "spectra", "faces"}
    assert all(png.startswith(b"\x89PNG") for png in found.plots.values())


def test_another_set_is_searched_for_the_same_pictures(root, tmp_path):
    other = tmp_path / "other"
    for label, number in (("real", 4), ("fake", 98)):
        (other / label).mkdir(parents=True)
        noisy(number).save(other / label / "x.jpg", quality=60)
    dataset = read_data(root, val_share=0, verify="names")
    plan = AuditPlan(against=read_data(other, val_share=0), faces=0)
    found = audit(dataset, plan)
    assert found.summary["duplicates"]["files_in_other_set"] == 1
    assert [r.sample.path[-5:] for r in found.removals if r.reason == "in_other_set"] == ["4.jpg"]
    assert found.summary["faces"]["examined"] == {"real": 0, "fake": 0}


def test_faces_are_drawn_evenly_from_both_classes(root):
    dataset = read_data(root, val_share=0, verify="names")
    assert audit(dataset, AuditPlan(faces=4)).summary["faces"]["examined"] == {"real": 2, "fake": 2}


def test_nothing_to_decode_is_an_error(tmp_path):
    for label in ("real", "fake"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataError, match="none of 2 files"):
        audit(read_data(tmp_path, val_share=0, verify="names"))
