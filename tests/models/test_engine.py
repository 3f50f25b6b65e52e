"""Both engines give the same answers, whatever the batch."""

import numpy as np
import pytest

from unmask.errors import ModelError, UsageError
from unmask.models.engine import LOGIT_TOLERANCE, OnnxRuntimeEngine, OpenVinoEngine, open_engine
from unmask.models.library import open_model


@pytest.fixture(scope="module")
def folder():
    return open_model()


@pytest.fixture(scope="module")
def crops(folder):
    size = folder.card.crop.size_px
    return np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def reference(folder, crops):
    return OnnxRuntimeEngine(folder.weights_path).run(crops)


def test_outputs_have_their_shapes(reference):
    count, channels = reference.features.shape
    assert reference.logit.shape == (5,)
    assert count == 5
    assert reference.maps.shape[:2] == (5, channels)


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [
        ("fp32", 1e-3),  # the same arithmetic
        ("auto", LOGIT_TOLERANCE),  # bf16 where the CPU has it
    ],
)
def test_openvino_equals_onnxruntime(folder, crops, reference, precision, tolerance):
    logit = OpenVinoEngine(folder.weights_path, precision=precision).run(crops).logit
    assert np.abs(logit - reference.logit).max() <= tolerance


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_an_answer_does_not_depend_on_its_neighbours(folder, crops, engine):
    engine = open_engine(folder.weights_path, engine)
    together = engine.run(crops).logit
    alone = np.array([engine.run(crops[n : n + 1]).logit[0] for n in range(len(crops))])
    assert np.abs(together - alone).max() <= LOGIT_TOLERANCE


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    "data",
    [
        b"",  # nothing
        b"not a network",  # something else
        b"\x08\x07" + bytes(100),  # begins like one
    ],
)
def test_files_that_are_no_network_are_refused(tmp_path, engine, data):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="is no network that"):
        open_engine(path, engine)


def test_unknown_engines_are_refused(folder):
    with pytest.raises(UsageError, match="engine must be one of auto, openvino, onnxruntime"):
        open_engine(folder.weights_path, "tensorrt")


def test_the_engine_says_what_it_is(folder):
    assert open_engine(folder.weights_path, "onnxruntime").name.startswith("onnxruntime ")
    assert open_engine(folder.weights_path, "openvino").name.split()[0] == "openvino"


@pytest.mark.parametrize(
    ("engine", "device", "complaint"),
    [
        ("auto", "tpu", "device must be one of"),  # nobody's
        ("openvino", "cuda", "CPU only"),  # they do not go together
        ("auto", "mps", "cannot compute on mps"),  # not in this build
    ],
)
def test_a_device_that_is_not_there_is_refused(folder, engine, device, complaint):
    with pytest.raises(UsageError, match=complaint):
        open_engine(folder.weights_path, engine, device=device)


def test_the_cpu_is_always_there(folder):
    assert "cpu" in open_engine(folder.weights_path, "onnxruntime", device="cpu").name
    assert "openvino" in open_engine(folder.weights_path, device="cpu").name
