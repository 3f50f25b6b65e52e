"""`unmask import-keras`."""

import importlib.util
import json

import pytest
from PIL import Image
from skimage import data

MISSING = [n for n in ("keras", "h5py", "torch", "timm", "onnx") if not importlib.util.find_spec(n)]
needs_keras = pytest.mark.skipif(
    bool(MISSING), reason=f"the extras keras and train are not installed: {MISSING}"
)
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # Keras'
)


@pytest.fixture
def network(tmp_path):
    """A small network with one sigmoid, which takes any range."""
    from unmask.models.keras_import import start_keras

    keras = start_keras()
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    kernel, bias = model.layers[-1].weights
    kernel.assign([[0.5]] * 4)  # brighter pictures give larger outputs
    bias.assign([-0.1])
    model.layers[0].kernel.assign([[[[0.04] * 4] * 3] * 3] * 3)
    path = tmp_path / "model.h5"
    model.save(path)
    return path


@pytest.fixture
def pictures(tmp_path):
    for name, colour in (("real", "white"), ("fake", "black")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("RGB", (64, 64), colour).save(tmp_path / "pictures" / name / "flat.png")
    return tmp_path / "pictures"


@needs_keras
def test_a_file_becomes_a_model_that_detects(unmask, network, tmp_path):
    result = unmask(
        "import-keras", network, "--positive", "real", "--input-range", "-1-1", "--out", "models/a"
    )
    assert result.exit_code == 0, result.output
    assert "same as Keras on 4 pictures" in result.stdout
    assert "unmask detect --model models/a" in result.stdout
    Image.fromarray(data.astronaut()).save(tmp_path / "photo.png")
    answer = unmask("detect", "--model", "models/a", "--format", "jsonl", "photo.png")
    assert answer.exit_code == 0, answer.output
    report = json.loads(answer.stdout)
    assert report["model"]["name"] == "model"
    assert report["verdict"] in {"real", "fake"}


@needs_keras
@pytest.mark.parametrize(
    ("positive", "said"),
    [
        ("real", "note: mean score"),  # white gives more, and lies under real
        ("fake", "wrong way around"),
    ],
)
def test_pictures_tell_whether_positive_is_right(unmask, network, pictures, positive, said):
    arguments = ["--positive", positive, "--input-range", "0-1", "--out", "m", "--name", "mine"]
    result = unmask("import-keras", network, *arguments, "--check", pictures)
    assert result.exit_code == 0, result.output
    assert said in result.stdout
    assert ("wrong way around" in result.stdout) == (positive == "fake")
    assert "flat.png" in result.stdout
    assert "same as Keras on 6 pictures" in result.stdout


@needs_keras
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--out", "m"], "--positive real|fake: what an output of 1"),
        (["--out", "m", "--positive", "real"], "--input-range: what was done to pictures"),
        (["--out", "m", "--positive", "real", "--input-range", "0-9"], "0-255"),
        (["--positive", "real"], "--out"),
        (["--out", "m", "--positive", "real", "--input-range", "0-1", "--size", 64], "32 px"),
        (["--out", "m", "--positive", "real", "--input-range", "0-1", "--name", "a/b"], "a/b"),
        (["--out", "m", "--positive", "real", "--input-range", "0-1", "--check", "no"], "folder"),
    ],
)
def test_mistakes_are_wrong_usage(unmask, network, tmp_path, arguments, complaint):
    result = unmask("import-keras", network, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not (tmp_path / "m").exists()


@needs_keras
def test_a_file_that_is_no_network_is_one_line(unmask, tmp_path):
    (tmp_path / "m.h5").write_text("no network")
    result = unmask("import-keras", "m.h5", "--positive", "real", "--out", "m")
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_help_needs_nothing_else(unmask):
    result = unmask("import-keras", "--help")
    assert result.exit_code == 0
    assert "--positive" in result.stdout
