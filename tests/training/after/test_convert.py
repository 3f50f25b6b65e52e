"""A model in another form answers as the original does, or is not written."""

import shutil

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from unmask.data.manifest import Manifest
from unmask.detection.detector import Detector
from unmask.errors import DataError, ModelError, UsageError
from unmask.models.card import hash_file
from unmask.models.engine import OnnxRuntimeEngine, OpenVinoEngine, open_engine
from unmask.models.formats import write_ir
from unmask.models.library import ModelFolder, open_model
from unmask.training import convert as module
from unmask.training.convert import convert, generate_crops
from unmask.training.gather import LabelledCrops, gather_crops

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def crops(face_crops):
    """The crops twice, which is enough to calibrate."""
    return LabelledCrops(np.tile(face_crops.pixels, (2, 1, 1, 1)), np.tile(face_crops.labels, 2))


@pytest.fixture
def one(tiny_models):
    return tiny_models["one"]


@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_the_same_logits_in_another_form(one, crops, portraits, tmp_path, form):
    found = convert(one, form, tmp_path / "out")
    assert all(agreement.logit_gap <= module.LOGIT_TOLERANCE for agreement in found)
    assert all(agreement.auc is None for agreement in found)  # made-up crops have no labels
    assert convert(one, form, tmp_path / "out", crops)[0].auc == pytest.approx((1, 1))
    exported = open_model(tmp_path / "out")
    assert exported.card.policies == one.card.policies
    before, after = (
        Detector(folder.path).detect(portraits.samples[0].path) for folder in (one, exported)
    )
    assert after.faces[0].score.logit == pytest.approx(before.faces[0].score.logit, abs=1e-3)
    assert (after.model.sha256 == before.model.sha256) == (form == "onnx")


def test_an_ir_is_two_files_and_its_hash_stands_for_both(tiny_models, tmp_path):
    for name in ("one", "two"):  # the same graph, other weights
        convert(tiny_models[name], "openvino", tmp_path / name)
    cards = [open_model(tmp_path / name).card for name in ("one", "two")]
    assert cards[0].name == "one-openvino"
    assert [part.file for part in cards[0].weights.beside] == ["model.bin"]
    assert cards[0].weights.sha256 != cards[1].weights.sha256
    files = ("model.xml", "model.bin")
    sizes = [(tmp_path / "one" / name).stat().st_size for name in files]
    assert cards[0].weights.size_bytes == sum(sizes)
    assert hash_file(tmp_path / "one" / "model.bin") in (tmp_path / "one" / "model.xml").read_text()


def test_onnx_runtime_refuses_an_ir(one, tmp_path):
    convert(one, "openvino", tmp_path / "ir")
    with pytest.raises(UsageError, match="OpenVINO IR, which ONNX Runtime cannot run"):
        open_engine(tmp_path / "ir" / "model.xml", "onnxruntime")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda f: (f / "model.bin").unlink(), "lacks the file 'model.bin'"),
        (lambda f: (f / "model.bin").write_bytes(b"x"), "is not the file that its card"),
        (lambda f: (f / "model.xml").write_text("<net/>"), "is not the file that its card"),
    ],
)
def test_a_spoilt_ir_is_refused(one, tmp_path, spoil, complaint):
    convert(one, "openvino", tmp_path / "ir")
    spoil(tmp_path / "ir")
    with pytest.raises(ModelError, match=complaint):
        open_model(tmp_path / "ir")


def test_eight_bits_call_as_before_in_both_engines(one, crops, tmp_path):
    found = convert(one, "int8", tmp_path / "out", crops)
    assert [agreement.engine.split()[0] for agreement in found] == ["onnxruntime", "openvino"]
    assert all(agreement.crops == 48 for agreement in found)  # not the ones it was calibrated on
    assert all(agreement.same_call >= module.LEAST_AGREEMENT for agreement in found)
    assert all(agreement.auc[1] >= 0.99 for agreement in found)
    exported = open_model(tmp_path / "out")
    assert exported.card.name == "one-int8"
    assert exported.card.weights.size_bytes < one.card.weights.size_bytes / 2
    assert "8-bit form of one 1" in exported.card.limits[-1]
    for engine in (OnnxRuntimeEngine, OpenVinoEngine):
        assert engine(exported.weights_path).run(crops.pixels[:2]).logit.shape == (2,)
    with pytest.raises(ModelError, match="quantised already"):
        convert(exported, "int8", tmp_path / "again", crops)


def test_eight_bits_that_answer_otherwise_are_not_written(one, crops, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "write_int8", write_spoilt)
    with pytest.raises(ModelError, match=r"differs from the original .* 95% called the same"):
        convert(one, "int8", tmp_path / "out", crops)
    assert not (tmp_path / "out").exists()


def test_an_ir_that_answers_otherwise_is_not_written(one, tmp_path, monkeypatch):
    def write(weights, folder):
        return write_ir(write_spoilt(weights, folder, None)[0], folder)

    monkeypatch.setattr(module, "write_ir", write)
    with pytest.raises(ModelError, match=r"differs from the original .* logit within 0\.001"):
        convert(one, "openvino", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def write_spoilt(weights, folder, crops):  # noqa: ARG001 (stands in for the quantiser)
    """The same network with a head that says nothing."""
    model = onnx.load(weights)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("head.1.weight"):
            nothing = np.zeros_like(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(nothing, tensor.name))
    onnx.save(model, folder / "model.onnx")
    return [folder / "model.onnx"]


@pytest.mark.parametrize(
    ("form", "count", "error", "complaint"),
    [
        ("tflite", 0, UsageError, "onnx, openvino, int8, got 'tflite'"),
        ("int8", 0, UsageError, "--data"),  # nothing to calibrate on
        ("int8", 39, DataError, "at least 40 faces, got 39"),
    ],
)
def test_impossible_wishes_are_refused(one, crops, tmp_path, form, count, error, complaint):
    given = LabelledCrops(crops.pixels[:count], crops.labels[:count]) if count else None
    with pytest.raises(error, match=complaint):
        convert(one, form, tmp_path / "out", given)
    assert not (tmp_path / "out").exists()


def test_the_model_itself_and_strangers_are_not_overwritten(one, tmp_path):
    own = shutil.copytree(one.path, tmp_path / "own")
    with pytest.raises(UsageError, match="is the model itself"):
        convert(open_model(own), "openvino", own)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, complaint in (("other", "thesis.tex"), ("file", "is a file")):
        with pytest.raises(ModelError, match=complaint):
            convert(one, "openvino", tmp_path / name)
    assert (tmp_path / "other" / "thesis.tex").read_text() == "mine"


def test_nothing_comes_out_of_an_ir(one, tmp_path):
    convert(one, "openvino", tmp_path / "ir")
    with pytest.raises(UsageError, match="give the ONNX model"):
        convert(open_model(tmp_path / "ir"), "int8", tmp_path / "out")


def test_generated_crops_have_the_wished_side():
    assert generate_crops(65).shape == (8, 65, 65, 3)
    assert generate_crops(16).dtype == np.uint8


def test_gathering_alternates_classes_and_leaves_the_test_out(portraits, one):
    splits = ["test"] * 24 + ["val", "train"] * 12
    found = gather_crops(portraits.with_splits(splits), one.card, most=8, seed=0)
    assert found.pixels.shape == (8, 64, 64, 3)
    assert found.labels.tolist() == [0, 1] * 4
    with pytest.raises(DataError, match="nothing but a test split"):
        gather_crops(portraits.with_splits(["test"] * 48), one.card, most=8, seed=0)
    few = Manifest(portraits.samples[:2]).with_splits(["", ""])
    assert len(gather_crops(few, one.card, most=8, seed=0).pixels) == 2


def test_external_data_are_refused(one, tmp_path):
    folder = shutil.copytree(one.path, tmp_path / "model")
    model = onnx.load(folder / "model.onnx")
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="weights.bin")
    weights = one.card.weights.model_copy(update={"sha256": hash_file(folder / "model.onnx")})
    ModelFolder(folder, one.card.model_copy(update={"weights": weights})).card.write(folder)
    with pytest.raises(ModelError, match="ONNX external data"):
        open_model(folder)
