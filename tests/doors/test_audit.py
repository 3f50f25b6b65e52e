"""`unmask data audit` on a few pictures."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from unmask.data.reading import read_data


@pytest.fixture
def faces(tmp_path):
    """Ten PNG reals and ten JPEG fakes; the first real is there twice."""
    generator = np.random.default_rng(0)
    for label, ending in (("real", "png"), ("fake", "jpg")):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for number in range(10):
            small = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            image = Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)
            image.save(tmp_path / "faces" / label / f"{number}.{ending}")
    first = tmp_path / "faces" / "real" / "0.png"
    first.with_name("again.png").write_bytes(first.read_bytes())
    return tmp_path / "faces"


def test_an_audit_is_printed_and_written(unmask, faces, tmp_path):
    result = unmask(
        *("data", "audit", faces, "--faces", "none"),
        *("--html", "a.html", "--json", "a.json", "--fix", "clean.csv"),
    )
    assert result.exit_code == 0, result.output
    assert "SERIOUS shortcut: file format alone tells the classes apart" in result.stdout
    assert "your accuracy may be this" in result.stdout
    summary = json.loads((tmp_path / "a.json").read_text())
    assert summary["duplicates"]["exact"] == {"groups": 1, "files": 2, "largest": 2}
    page = (tmp_path / "a.html").read_text()
    assert "Without looking at a face" in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(read_data(tmp_path / "clean.csv").manifest) == 20
    with (tmp_path / "clean.csv.removed.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert (row["reason"], row["label"]) == ("copy", "real")
    assert "byte for byte" in row["explanation"]


def test_faces_are_looked_for_unless_told(unmask, faces):
    result = unmask("data", "audit", faces)
    assert "20 no_face" in result.stdout or "21 no_face" in result.stdout


def test_strict_fails_on_serious_findings(unmask, faces):
    assert unmask("data", "audit", faces, "--faces", "none", "--strict").exit_code == 1


def test_against_another_set(unmask, faces):
    result = unmask("data", "audit", faces, "--against", faces, "--faces", "none")
    assert result.exit_code == 0, result.output
    assert "SERIOUS in_other_set: 21 pictures" in result.stdout


def test_nothing_left_is_an_error(unmask, faces, tmp_path):
    result = unmask("data", "audit", faces, "--faces", "all", "--fix", "clean.csv")
    assert result.exit_code == 2
    assert "nothing would be left" in result.stderr
    assert not (tmp_path / "clean.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nowhere",), "does not exist"),
        (("faces", "--html", "no/a.html"), "does not exist"),
        (("faces", "--json", "faces"), "is a folder"),
        (("faces", "--faces", "-1"), "a number, all or none"),
        (("faces", "--faces", "few"), "a number, all or none"),
        (("faces", "--against", "nowhere"), "does not exist"),
    ],
)
@pytest.mark.usefixtures("faces")
def test_wrong_usage(unmask, arguments, complaint):
    result = unmask("data", "audit", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_the_data_are_not_overwritten(unmask, faces, tmp_path):
    table = tmp_path / "faces.csv"
    rows = [f"{path},{path.parent.name}" for path in sorted(faces.rglob("*.*"))]
    table.write_text("\n".join(["path,label", *rows]))
    before = table.read_bytes()
    result = unmask("data", "audit", table, "--faces", "none", "--fix", "faces.csv")
    assert result.exit_code == 2
    assert "must not overwrite" in result.stderr
    assert table.read_bytes() == before
