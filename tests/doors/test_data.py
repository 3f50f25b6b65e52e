"""`unmask data show` and `unmask data split`."""

import pytest
from PIL import Image

from unmask.data.manifest import Manifest


@pytest.fixture
def faces(tmp_path):
    """Forty plain pictures; of each class two neighbours look alike."""
    root = tmp_path / "faces"
    for name in ("real", "fake"):
        (root / name).mkdir(parents=True)
        for number in range(20):
            image = Image.effect_noise((64, 64), 80).convert("RGB")
            image.save(root / name / f"{number // 2}_{number % 2}.png")
    return root


def test_show_prints_the_counts(unmask, faces):
    result = unmask("data", "show", faces)
    assert result.exit_code == 0
    assert ["all", "20", "20", "40"] in [line.split() for line in result.stdout.splitlines()]


def test_show_goes_by_names_when_told(unmask, faces):
    (faces / "real" / "0_0.png").write_bytes(b"")
    assert "left out 1" in unmask("data", "show", faces).stdout
    assert "left out" not in unmask("data", "show", faces, "--fast").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),  # near-duplicates
        ("--group-by", "none"),
        ("--group-by", "prefix:_", "--seed", "7"),
    ],
)
def test_split_writes_a_table_that_is_data(unmask, faces, tmp_path, arguments):
    result = unmask(
        "data", "split", faces, "--out", "m.csv", "--val", "0.2", "--test", "0.2", *arguments
    )
    assert result.exit_code == 0, result.stderr
    manifest = Manifest.read_csv(tmp_path / "m.csv")
    assert {count for (split, _), count in manifest.counts().items() if split != "train"} == {4}
    assert manifest.samples[0].path == "faces/fake/0_0.png"  # relative to the table
    assert ["test", "4", "4", "8"] in [line.split() for line in result.stdout.splitlines()]
    assert "train" in unmask("data", "show", "m.csv").stdout


def test_split_keeps_what_the_data_say_unless_told(unmask, faces, tmp_path):
    unmask("data", "split", faces, "--out", "a.csv", "--group-by", "none")
    kept = unmask("data", "split", "a.csv", "--out", "b.csv", "--seed", "1", "--group-by", "none")
    assert "own splits are kept" in kept.stdout
    unmask(
        "data", "split", "a.csv", "--out", "c.csv", "--seed", "1", "--group-by", "none", "--fresh"
    )
    first, second, third = (Manifest.read_csv(tmp_path / f"{name}.csv") for name in "abc")
    assert first == second != third


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("show", "nowhere"), "does not exist"),
        (("split", "faces", "--out", "no/m.csv"), "does not exist"),
        (("split", "faces", "--out", "m.csv", "--val", "1"), "must lie in"),
        (("split", "faces", "--out", "m.csv", "--val", "nan"), "must lie in"),
        (("split", "faces", "--out", "m.csv", "--val", "0.6", "--test", "0.6"), "for train"),
        (("split", "faces", "--out", "m.csv", "--group-by", "x"), "groups are"),
        (("split", "faces", "--out", "m.csv", "--group-by", "column:person"), "no table"),
        (("split", "faces"), "--out"),
    ],
)
@pytest.mark.usefixtures("faces")
def test_wrong_usage(unmask, arguments, complaint):
    result = unmask("data", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_split_leaves_out_what_leaks_into_the_test(unmask, faces, tmp_path):
    splits = {"0_0": "test", "1_0": "test"}  # their look-alikes 0_1 and 1_1 are trained on
    rows = [
        f"faces/{name}/{file.name},{name},{splits.get(file.stem, 'train')},{file.stem[0]}"
        for name in ("real", "fake")
        for file in sorted((faces / name).iterdir())
    ]
    (tmp_path / "all.csv").write_text("\n".join(["path,label,split,group", *rows]))
    result = unmask(
        "data", "split", "all.csv", "--out", "m.csv", "--group-by", "column", "--drop-leaks"
    )
    assert "leak from train" in result.stdout
    stems = [sample.path for sample in Manifest.read_csv(tmp_path / "m.csv")]
    assert len(stems) == 36
    assert not [path for path in stems if path.endswith(("/0_1.png", "/1_1.png"))]
