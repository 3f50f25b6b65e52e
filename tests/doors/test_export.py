"""`unmask export` and what other commands make of the folder."""

import pytest

from unmask.models.library import open_model


@pytest.fixture
def name():
    return open_model().card.name


def test_an_ir_detects_like_any_model(unmask, photo, name, tmp_path):
    result = unmask("export", name, "--format", "openvino", "--out", "ir")
    assert result.exit_code == 0, result.output
    assert "generated pictures" in result.stdout
    assert {path.name for path in (tmp_path / "ir").iterdir()} == {
        "card.json",
        "model.xml",
        "model.bin",
        "domain.npz",  # the same features: what the model knows of its faces goes along
    }
    before, after = (unmask("detect", photo, "--model", model) for model in (name, "ir"))
    assert after.exit_code == before.exit_code == 0, after.output
    refused = unmask("detect", photo, "--model", "ir", "--engine", "onnxruntime")
    assert refused.exit_code == 2
    assert "OpenVINO IR" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--format", "tflite", "--out", "out"], "tflite"),  # no such form
        (["--format", "int8", "--out", "out"], "--data"),  # nothing to calibrate on
        (["--format", "onnx", "--out", "photo.jpg"], "is a file"),
        (["--format", "onnx", "--out", "."], "folder of its own"),
        (["--format", "onnx"], "--out"),  # forgotten
        (["--format", "int8", "--out", "out", "--data", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_wrong_usage(unmask, photo, name, tmp_path, arguments, complaint):
    result = unmask("export", name, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [photo.name]


def test_a_missing_extra_is_named(unmask, name, monkeypatch):
    import sys

    from unmask.training import convert
    from unmask.training.gather import LabelledCrops

    def gather(*_, **__):
        side = open_model().card.crop.size_px
        return LabelledCrops(convert.generate_crops(side).repeat(5, axis=0), [0, 1] * 20)

    monkeypatch.setattr("unmask.doors.commands.export._gather", gather)
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = unmask("export", name, "--format", "int8", "--data", "faces", "--out", "out")
    assert result.exit_code == 2
    assert "unmask[train]" in result.stderr
