"""Files that are not what they say, or want to run code, are refused before anything is loaded."""

import importlib.util
import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from unmask.errors import ModelError

MISSING = [n for n in ("keras", "h5py", "torch", "timm", "onnx") if not importlib.util.find_spec(n)]
if MISSING:
    pytest.skip(f"the extras keras and train are not installed: {MISSING}", allow_module_level=True)

import h5py  # noqa: E402 (after the check that it is there)

from unmask.models.keras_import import Answers, import_keras, start_keras  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # Keras'
)

SIZE = 32
REAL_01 = Answers(positive="real", input_range="0-1")


@pytest.fixture(scope="module")
def keras():
    return start_keras()


def build_cnn(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def save(model, path):
    model.save(path)
    return path


def edit_hdf5(path, change):
    with h5py.File(path, "r+") as file:
        config = change(json.loads(file.attrs["model_config"]))
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config)


def edit_zip(path, change=None, add=(), drop=()):
    """Rewrite a .keras file: its configuration changed, members added or left out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name not in drop}
    if change:
        members["config.json"] = json.dumps(change(json.loads(members["config.json"]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in [*members.items(), *add]:
            archive.writestr(name, content)


def build_with_lambda(keras, mark):
    def write(values):
        with open(mark, "w"):  # noqa: PTH123 (its code is stored in the file)
            return values

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Lambda(write),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_layer_is_never_run(keras, tmp_path, suffix):
    mark = tmp_path / "mark"
    path = save(build_with_lambda(keras, str(mark)), tmp_path / f"m{suffix}")
    mark.unlink(missing_ok=True)  # building it ran it
    with pytest.raises(ModelError, match="Lambda"):
        import_keras(path, REAL_01, tmp_path / "out")
    assert not mark.exists()


def first_layer(config):
    return config["config"]["layers"][1]


def set_in_layer(**values):
    def change(config):
        first_layer(config).update(values)
        return config

    return change


def set_in_config(**values):
    def change(config):
        first_layer(config)["config"].update(values)
        return config

    return change


def wrap_in_subclass(config):
    return {**config, "class_name": "MyNet", "module": "my_package"}


@pytest.mark.parametrize(
    "change",
    [
        set_in_layer(class_name="Lambda"),
        set_in_layer(class_name="TFOpLambda"),
        set_in_layer(class_name="TorchModuleWrapper"),  # holds a pickle
        set_in_layer(class_name="TFSMLayer"),  # loads a SavedModel
        set_in_layer(module="os", class_name="system", config="touch mark"),
        set_in_layer(module="os"),  # a known name from a strange place
        set_in_layer(module="keras_evil.layers"),
        set_in_layer(module="keras.utils", class_name="get_file"),
        set_in_layer(registered_name="mine>Conv2D"),
        set_in_layer(class_name=["Conv2D"]),  # no name at all
        set_in_config(activation={"class_name": "function", "config": "system", "module": "os"}),
        set_in_config(activation={"class_name": "__lambda__", "config": {"value": "4wAAAAA="}}),
        set_in_config(extra=[{"deep": {"class_name": "Lambda", "config": {}}}]),
        set_in_config(dtype={"class_name": "Evil", "module": "os", "config": {"name": "x"}}),
        wrap_in_subclass,
    ],
)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_unknown_classes_are_refused_before_loading(keras, tmp_path, monkeypatch, change, suffix):
    path = save(build_cnn(keras), tmp_path / f"m{suffix}")
    if suffix == ".h5":
        edit_hdf5(path, change)
    else:
        edit_zip(path, change)
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("was loaded"))
    with pytest.raises(ModelError, match=r"refused and was not run|a class of its own"):
        import_keras(path, REAL_01, tmp_path / "out")


def test_losses_and_metrics_of_a_file_are_not_looked_up(keras, tmp_path):
    def change(config):
        config["compile_config"] = {"loss": {"module": "os", "class_name": "x", "config": {}}}
        return config

    path = save(build_cnn(keras), tmp_path / "m.keras")
    edit_zip(path, change)
    assert import_keras(path, REAL_01, tmp_path / "out").worst <= 1e-4


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"add": [("../../evil.txt", b"x")]}, "evil"),  # a path out of the folder
        ({"add": [("/tmp/evil.txt", b"x")]}, "evil"),
        ({"add": [("assets/a.txt", b"x")]}, "assets"),
        ({"drop": ["config.json"]}, r"lacks config\.json"),
        ({"drop": ["model.weights.h5"]}, "lacks model.weights.h5"),
        ({"drop": ["config.json"], "add": [("config.json", b"{")]}, "no JSON"),
        ({"drop": ["config.json"], "add": [("config.json", b"[" * 100_000)]}, "no JSON|too deep"),
        ({"drop": ["config.json"], "add": [("config.json", b"[1]")]}, "no network"),
        ({"drop": ["model.weights.h5"], "add": [("model.weights.h5", b"x")]}, "damaged"),
    ],
)
def test_zips_that_are_no_keras_file(keras, tmp_path, options, complaint):
    path = save(build_cnn(keras), tmp_path / "m.keras")
    edit_zip(path, **options)
    with pytest.raises(ModelError, match=complaint):
        import_keras(path, REAL_01, tmp_path / "out")
    assert [item.name for item in tmp_path.iterdir()] == ["m.keras"]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_files(keras, tmp_path, suffix, share):
    path = save(build_cnn(keras), tmp_path / f"m{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match="damaged"):
        import_keras(path, REAL_01, tmp_path / "out")


class Trap:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


def test_a_pickle_is_not_opened(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(pickle.dumps(Trap(str(tmp_path / "mark"))))
    with pytest.raises(ModelError, match="a pickle"):
        import_keras(path, REAL_01, tmp_path / "out")
    assert not (tmp_path / "mark").exists()


def test_a_saved_model_folder_is_refused_with_advice(tmp_path):
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(ModelError, match=r"SavedModel.*model\.save"):
        import_keras(tmp_path / "saved", REAL_01, tmp_path / "out")


@pytest.mark.parametrize("name", ["m.weights.h5", "old.h5"])
def test_weights_without_their_network_are_refused(keras, tmp_path, name):
    model = build_cnn(keras)
    path = tmp_path / name
    if name == "m.weights.h5":
        model.save_weights(path)
    else:  # as Keras 2 saved weights
        save(model, path)
        with h5py.File(path, "r+") as file:
            del file.attrs["model_config"]
    with pytest.raises(ModelError, match="weights without the network"):
        import_keras(path, REAL_01, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"PK", b"GIF89a", b"\x89HDF\r\n\x1a\n"])
def test_other_files(tmp_path, content):
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"must be a \.keras|damaged"):
        import_keras(path, REAL_01, tmp_path / "out")
    with pytest.raises(ModelError, match="cannot be read"):
        import_keras(tmp_path / "nowhere.h5", REAL_01, tmp_path / "out")


def link_elsewhere(group, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["data"] = np.zeros(3)
    group["stolen"] = h5py.ExternalLink(str(folder / "other.h5"), "data")


def store_elsewhere(group, folder):
    (folder / "secret").write_bytes(bytes(12))
    group.create_dataset("stolen", (3,), "f4", external=[(str(folder / "secret"), 0, 12)])


def claim_much(group, folder):  # noqa: ARG001 (one signature)
    group.create_dataset("huge", (10**7, 10**6), "f4", chunks=(100, 100))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (link_elsewhere, "elsewhere"),
        (store_elsewhere, "other files"),
        (claim_much, "claims"),
    ],
)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_weights_must_lie_in_the_file(keras, tmp_path, change, complaint, suffix):
    path = save(build_cnn(keras), tmp_path / f"m{suffix}")
    if suffix == ".h5":
        with h5py.File(path, "r+") as file:
            change(file["model_weights"], tmp_path)
    else:
        with zipfile.ZipFile(path) as archive:
            weights = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(weights, "r+") as file:
            change(file, tmp_path)
        edit_zip(path, drop=["model.weights.h5"], add=[("model.weights.h5", weights.getvalue())])
    with pytest.raises(ModelError, match=complaint):
        import_keras(path, REAL_01, tmp_path / "out")
