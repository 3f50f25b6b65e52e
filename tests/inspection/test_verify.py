"""A report is confirmed by its own file and model alone."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.errors import DataError, UsageError
from unmask.inspection.inspect import Inspector
from unmask.inspection.verify import MAX_REPORT_BYTES, compare_reports, read_report, verify


@pytest.fixture(scope="module")
def stated(detector, tmp_path_factory):
    path = tmp_path_factory.mktemp("stated") / "photo.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return json.loads(json.dumps(Inspector(detector).inspect(path).to_dict())), path


def differing(found):
    return {point.name for point in found.points if not point.same}


def test_the_same_file_and_model_confirm(stated):
    found = verify(*stated)
    assert found.confirmed
    assert differing(found) == set()


def test_a_copy_under_another_name_confirms(stated, tmp_path):
    report, path = stated
    copy = tmp_path / "other name.bin"
    copy.write_bytes(path.read_bytes())
    assert verify(report, copy).confirmed


def test_another_file_does_not(stated, tmp_path):
    report, path = stated
    changed = tmp_path / "changed.jpg"
    changed.write_bytes(path.read_bytes() + b"\0")
    assert differing(verify(report, changed)) == {"file SHA-256"}
    Image.fromarray(np.ascontiguousarray(data.astronaut()[:, ::-1])).save(tmp_path / "turned.jpg")
    assert "perceptual hash" in differing(verify(report, tmp_path / "turned.jpg"))


@pytest.mark.parametrize(
    ("place", "value", "name"),
    [
        (("verdict",), "fake", "verdict"),
        (("detection", "verdict"), "fake", "detector's verdict"),
        (("score",), 0.97, "score"),
        (("logit",), 4.0, "score as logit"),
        (("model", "sha256"), "0" * 64, "model SHA-256"),
        (("provenance", "sha256"), "0" * 64, "file SHA-256"),
        (("provenance", "credentials", "state"), "trusted", "content credentials"),
        (("detection", "threshold"), 0.9, "threshold"),
        (("detection", "faces"), [], "faces found"),
        (("score",), None, "score"),
    ],
)
def test_a_forged_report_does_not(stated, place, value, name):
    report, _ = stated
    forged = json.loads(json.dumps(report))
    part = forged
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    found = compare_reports(forged, report)
    assert not found.confirmed
    assert differing(found) == {name}


def test_other_versions_may_differ_a_little(stated):
    report, _ = stated
    other = {**report, "logit": report["logit"] + 0.1}
    assert not compare_reports(other, report).confirmed
    assert compare_reports({**other, "versions": {}}, report).confirmed


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"unmask_inspection": 2}',
        "[" * 100_000,
        " " * (MAX_REPORT_BYTES + 1),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(DataError, match="report"):
        read_report(path)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"settings": {}}, DataError),
        ({"settings": None}, DataError),
        ({"settings": {"model": "nowhere", "policy": "balanced", "threshold": None,
                       "engine": "auto", "frames": 32, "fps": None}}, UsageError),
        ({"settings": {"model": "unmask-mobilenetv2", "policy": "balanced", "threshold": "x",
                       "engine": "auto", "frames": 32, "fps": None}}, DataError),
    ],
)  # fmt: skip
def test_garbled_reports_are_refused(stated, changes, error):
    report, path = stated
    with pytest.raises(error):
        verify({**report, **changes}, path)


@pytest.mark.parametrize("changes", [{"logit": "much"}, {"model": 3}, {"provenance": [1]}])
def test_garbled_entries_are_refused(stated, changes):
    report, _ = stated
    with pytest.raises(DataError, match="garbles"):
        compare_reports({**report, **changes}, report)


def test_an_unanswered_file_can_be_confirmed_too(detector, tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0broken")
    report = json.loads(json.dumps(Inspector(detector).inspect(path).to_dict()))
    assert verify(report, path).confirmed
