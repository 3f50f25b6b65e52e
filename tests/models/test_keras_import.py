"""Networks that Keras wrote become models that answer as Keras does; code in files never runs."""

import importlib.util
import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.detection.detector import Detector
from unmask.errors import ModelError, UsageError
from unmask.models.card import read_card
from unmask.models.engine import open_engine
from unmask.models.library import open_model
from unmask.records import Frame

MISSING = [n for n in ("keras", "h5py", "torch", "timm", "onnx") if not importlib.util.find_spec(n)]
if MISSING:
    pytest.skip(f"the extras keras and train are not installed: {MISSING}", allow_module_level=True)

import h5py  # noqa: E402 (after the check that it is there)
import torch  # noqa: E402

from unmask.models.keras_graph import find_range  # noqa: E402
from unmask.models.keras_import import Answers, import_keras, start_keras  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # Keras'
)

SIZE = 32
REAL_01 = Answers(positive="real", input_range="0-1")


@pytest.fixture(scope="module")
def keras():
    module = start_keras()
    module.utils.set_random_seed(0)
    return module


def shake(model):
    """Give batch normalisation other numbers than those that change nothing, and biases too."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1 and weight.dtype == "float32":
            weight.assign(
                weight.value.detach().numpy() + generator.uniform(0.05, 0.3, weight.shape)
            )
    return model


def build_cnn(keras, size=SIZE, ending="sigmoid", outputs=1):
    """As the notebooks have it: blocks of convolution, pooling, normalisation and dropout."""
    layers = keras.layers
    return shake(
        keras.Sequential(
            [
                keras.Input((size, size, 3)),
                layers.Conv2D(8, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.BatchNormalization(),
                layers.Dropout(0.25),
                layers.Conv2D(12, 3, activation="relu", kernel_regularizer="l2"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(16, activation="relu"),
                layers.Dropout(0.5),
                layers.Dense(outputs, activation=ending),
            ]
        )
    )


def build_functional(keras, first=None, outputs=2):
    """A functional network with augmentation and scaling inside."""
    layers = keras.layers
    pictures = keras.Input((SIZE, SIZE, 3))
    values = layers.RandomFlip("horizontal")(pictures)
    values = (first or layers.Rescaling(1 / 255))(values)
    values = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(values)
    values = layers.BatchNormalization()(values)
    values = layers.ReLU()(values)
    values = layers.GlobalAveragePooling2D()(values)
    ending = "sigmoid" if outputs == 1 else "softmax"
    return shake(keras.Model(pictures, layers.Dense(outputs, activation=ending)(values)))


def build_transfer(keras):
    """A whole network as a layer, then a head, as transfer learning has it."""
    layers = keras.layers
    base = build_functional(keras)
    trunk = keras.Model(base.inputs, base.layers[-3].output, name="trunk")
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            trunk,
            layers.GlobalAveragePooling2D(),
            layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4)),
            layers.Dropout(0.3),
            layers.BatchNormalization(name="flat_normalization"),
            layers.Dense(1),
            layers.Activation("sigmoid"),
        ]
    )


def build_nested(keras):
    """A functional network called inside of another."""
    layers = keras.layers
    base = build_functional(keras)
    trunk = keras.Model(base.inputs, base.layers[-3].output, name="trunk")
    pictures = keras.Input((SIZE, SIZE, 3))
    values = layers.GlobalAveragePooling2D()(trunk(pictures, training=False))
    return keras.Model(pictures, layers.Dense(1, activation="sigmoid")(values))


def build_softmax_layer(keras):
    model = build_cnn(keras, ending=None, outputs=2)
    model.add(keras.layers.Softmax())
    return model


def build_average(keras):
    """Two networks whose probabilities are averaged."""
    pictures = keras.Input((SIZE, SIZE, 3))
    heads = []
    for _ in range(2):
        values = keras.layers.Conv2D(4, 3)(pictures)
        values = keras.layers.GlobalAveragePooling2D()(values)
        heads.append(keras.layers.Dense(1, activation="sigmoid")(values))
    return keras.Model(pictures, keras.layers.Average()(heads))


def build_mobilenet(keras):
    return keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=2)


def build_separable(keras):
    """Xception's kind of layers."""
    layers = keras.layers
    return shake(
        keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                layers.SeparableConv2D(8, 3, padding="same", activation="relu"),
                layers.DepthwiseConv2D(3, padding="same"),
                layers.BatchNormalization(),
                layers.GlobalMaxPooling2D(),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
    )


def save(model, path):
    model.save(path)
    return path


def ask_keras(model, crop, scale):
    """The probability that Keras itself gives for its output 1."""
    pictures = torch.from_numpy(scale(crop[None].astype(np.float32)))
    with torch.no_grad():
        return float(model(pictures, training=False)[0, -1])


def unit(pixels):
    return pixels / 255


def signed(pixels):
    return pixels / 127.5 - 1


def as_is(pixels):
    return pixels


def caffe(pixels):
    return np.ascontiguousarray(pixels[..., ::-1] - np.float32([103.939, 116.779, 123.68]))


def imagenet(pixels):
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return (pixels / 255 - mean) / std


@pytest.mark.parametrize(
    ("build", "suffix", "answers", "scale"),
    [
        (lambda k: build_cnn(k, 128), ".h5", REAL_01, unit),  # the notebooks' own network
        (build_cnn, ".keras", Answers("fake", "-1-1"), signed),
        (lambda k: build_cnn(k, ending="softmax", outputs=2), ".h5", REAL_01, unit),
        (build_cnn, ".keras", Answers("real", "caffe"), caffe),  # blue first
        (build_cnn, ".keras", Answers("fake", "imagenet"), imagenet),
        (build_functional, ".keras", Answers("fake"), as_is),  # the file says the range
        (build_functional, ".h5", Answers("real"), as_is),
        (build_transfer, ".h5", Answers("real"), as_is),  # also inside of a nested network
        (build_transfer, ".keras", Answers("real"), as_is),
        (build_softmax_layer, ".keras", REAL_01, unit),
        (build_average, ".keras", REAL_01, unit),  # no logit to be had: log-odds
        (build_separable, ".h5", REAL_01, unit),
        pytest.param(
            build_mobilenet, ".keras", Answers("fake", "-1-1"), signed, marks=pytest.mark.slow
        ),  # a whole application
    ],
)
def test_detecting_equals_keras(keras, tmp_path, build, suffix, answers, scale):
    model = build(keras)
    done = import_keras(save(model, tmp_path / f"model{suffix}"), answers, tmp_path / "out")
    assert done.worst <= 1e-4
    detector = Detector(tmp_path / "out", engine="onnxruntime")
    photo = data.astronaut()
    crop = detector.find_faces(Frame(photo, source="photo"))[0].pixels
    positive = ask_keras(model, crop, scale)
    expected = positive if answers.positive == "fake" else 1 - positive
    report = detector.detect(photo)
    assert report.faces[0].score.probability == pytest.approx(expected, abs=1e-4)


def test_the_folder_is_a_model_like_any_other(keras, tmp_path):
    path = save(build_cnn(keras), tmp_path / "my net (3).keras")
    import_keras(path, REAL_01, tmp_path / "out")
    folder = open_model(tmp_path / "out")
    assert folder.card.name == "my-net-3"
    assert folder.card.crop.size_px == SIZE
    assert set(folder.card.policies) == {"balanced"}
    assert (folder.card.calibration.slope, folder.card.calibration.offset) == (1, 0)
    assert "uncalibrated" in folder.card.calibration.data
    assert any("unknown" in limit for limit in folder.card.limits)
    for engine in ("openvino", "onnxruntime"):
        outputs = open_engine(folder.weights_path, engine).run(
            np.zeros((3, SIZE, SIZE, 3), np.uint8)
        )
        assert outputs.logit.shape == (3,)
        assert outputs.features.shape == (3, 16)
        assert outputs.maps.shape == (3, 12, 6, 6)


def test_far_logits_keep_their_precision(keras, tmp_path):
    model = build_cnn(keras)
    model.layers[-1].bias.assign([40.0])  # the sigmoid of which is exactly 1 in float32
    import_keras(save(model, tmp_path / "m.keras"), REAL_01, tmp_path / "out")
    engine = open_engine(tmp_path / "out" / "model.onnx", "onnxruntime")
    logits = engine.run(np.zeros((1, SIZE, SIZE, 3), np.uint8)).logit
    assert -60 < logits[0] < -20


def test_a_loss_from_logits_says_what_a_linear_output_is(keras, tmp_path):
    model = build_cnn(keras, ending=None)
    path = save(model, tmp_path / "m.keras")
    with pytest.raises(ModelError, match="from_logits=True"):
        import_keras(path, REAL_01, tmp_path / "out")
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    for suffix in (".keras", ".h5"):
        path = save(model, tmp_path / f"m{suffix}")
        assert import_keras(path, REAL_01, tmp_path / "out").worst <= 1e-4


def test_nothing_is_guessed(keras, tmp_path):
    path = save(build_any_size(keras), tmp_path / "m.keras")
    with pytest.raises(UsageError) as caught:
        import_keras(path, Answers(), tmp_path / "out")
    for option in ("--positive", "--input-range", "--size", "class_indices", "rescale=1/255"):
        assert option in str(caught.value)
    assert not (tmp_path / "out").exists()
    done = import_keras(path, Answers("real", "0-1", 48), tmp_path / "out")
    assert done.card.crop.size_px == 48


def build_any_size(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda k: k.layers.Rescaling(1 / 255), "0-255"),
        (lambda k: k.layers.Rescaling(1 / 127.5, offset=-1), "0-255"),
        (lambda k: k.layers.Rescaling(2.0, offset=-1), "0-1"),
        (lambda k: k.layers.Rescaling(1.0), None),  # says nothing
        (lambda k: k.layers.Normalization(mean=[123.0, 117, 104], variance=[3400.0] * 3), "0-255"),
        (lambda k: k.layers.Normalization(mean=[0.5] * 3, variance=[0.25] * 3), None),
        (lambda k: k.layers.BatchNormalization(), None),
    ],
)
def test_the_first_layer_may_say_the_range(keras, layer, said):
    assert find_range(build_functional(keras, layer(keras))) == said


def test_a_range_that_contradicts_the_first_layer_is_taken_and_noted(keras, tmp_path):
    path = save(build_functional(keras), tmp_path / "m.keras")
    done = import_keras(path, Answers("real"), tmp_path / "out")
    assert done.notes == ("pictures of 32 px, range 0-255 (from the file)",)
    done = import_keras(path, Answers("real", "0-1"), tmp_path / "out")
    assert "made for pictures in 0-255" in done.notes[0]


def test_pictures_to_check_on_are_scored(keras, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(data.astronaut()).save(pictures / "face.png")
    Image.new("RGB", (50, 80), "green").save(pictures / "hill.png")
    (pictures / "text.jpg").write_text("no picture")
    path = save(build_cnn(keras), tmp_path / "m.keras")
    done = import_keras(path, REAL_01, tmp_path / "out", check=pictures)
    assert [source.rsplit("/")[-1] for source, _ in done.scores] == ["face.png", "hill.png"]
    assert done.checked == 6
    assert len(done.left_out) == 1
    score = Detector(tmp_path / "out", engine="onnxruntime").detect(pictures / "face.png").score
    assert done.scores[0][1] == pytest.approx(score.probability, abs=1e-4)


# Keras 2


def as_keras_2(config):
    """A configuration as Keras 2 (TensorFlow 2.4 to 2.15) wrote it into HDF5 files."""
    if isinstance(config, list):
        return [as_keras_2(item) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return "float32"
    dropped = {"module", "registered_name", "build_config", "compile_config", "optional"}
    new = {key: as_keras_2(item) for key, item in config.items() if key not in dropped}
    if "inbound_nodes" in new:
        new["inbound_nodes"] = [
            [[*history, {}] for history in find_histories(node)] for node in new["inbound_nodes"]
        ]
    if isinstance(new.get("config"), dict):
        age(new["class_name"], new["config"])
    return new


def age(name, options):
    """Write a layer's options as Keras 2 did."""
    if "batch_shape" in options:
        options["batch_input_shape"] = options.pop("batch_shape")
    if name == "BatchNormalization":
        options["axis"] = [1 if options["name"].startswith("flat") else 3]
    if name in {"DepthwiseConv2D", "SeparableConv2D"}:
        options["groups"] = 1
    if name == "SeparableConv2D":
        options |= dict.fromkeys(["kernel_regularizer", "kernel_constraint"])
        options["kernel_initializer"] = {"class_name": "GlorotUniform", "config": {"seed": None}}
    for key in ("synchronized", "quantization_config"):
        options.pop(key, None)
    for ends in ("input_layers", "output_layers"):
        if isinstance(options.get(ends), list) and isinstance(options[ends][0], str):
            options[ends] = [options[ends]]


def find_histories(node):
    if isinstance(node, dict):
        if "keras_history" in node:
            yield node["keras_history"]
        for item in node.values():
            yield from find_histories(item)
    elif isinstance(node, list):
        for item in node:
            yield from find_histories(item)


def edit_hdf5(path, change):
    with h5py.File(path, "r+") as file:
        config = change(json.loads(file.attrs["model_config"]))
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config)


@pytest.mark.parametrize(
    ("build", "answers", "scale"),
    [
        (build_cnn, REAL_01, unit),  # Sequential
        (build_functional, Answers("real"), as_is),  # class Functional
        (build_separable, REAL_01, unit),  # layers whose options changed
        (build_transfer, Answers("real"), as_is),  # nested in Sequential
        (build_nested, Answers("real"), as_is),  # nested in Functional
    ],
)
@pytest.mark.parametrize("functional", ["Functional", "Model"])
def test_files_of_keras_2(keras, tmp_path, build, answers, scale, functional):
    model = build(keras)
    path = save(model, tmp_path / "model.h5")
    edit_hdf5(
        path,
        lambda c: json.loads(json.dumps(as_keras_2(c)).replace('"Functional"', f'"{functional}"')),
    )
    assert b"batch_input_shape" in path.read_bytes()
    import_keras(path, answers, tmp_path / "out")
    crop = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    engine = open_engine(tmp_path / "out" / "model.onnx", "onnxruntime")
    logit = engine.run(crop[None]).logit[0]
    expected = 1 - ask_keras(model, crop, scale)
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(expected, abs=1e-4)


def test_mixed_precision_is_only_for_training(keras, tmp_path):
    model = build_functional(keras)

    def mix(config):
        text = json.dumps(config)
        return json.loads(text.replace('{"name": "float32"}', '{"name": "mixed_float16"}'))

    path = save(model, tmp_path / "m.h5")
    edit_hdf5(path, mix)
    assert b"mixed_float16" in path.read_bytes()
    assert import_keras(path, Answers("real"), tmp_path / "out").worst <= 1e-4


# networks that cannot be taken


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (lambda k: build_cnn(k, ending="softmax", outputs=3), "more classes"),
        (lambda k: build_cnn(k, ending="sigmoid", outputs=2), "do not add up"),
        (lambda k: build_cnn(k, ending="softmax", outputs=1), "always 1"),
        (lambda k: build_cnn(k, ending="tanh"), "cannot be told"),
        (lambda k: build_shaped(k, (32, 48, 3)), "only squares"),
        (lambda k: build_shaped(k, (32, 32, 1)), "colour"),
        (lambda k: build_shaped(k, (3, 32, 32)), "colour"),  # channels first
        (lambda k: build_shaped(k, (32,)), "colour"),  # no pictures at all
        (lambda k: build_two_inputs(k), "one picture"),
    ],
)
def test_other_networks_are_refused_with_the_reason(keras, tmp_path, build, complaint):
    path = save(build(keras), tmp_path / "m.keras")
    with pytest.raises(ModelError, match=complaint):
        import_keras(path, REAL_01, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def build_shaped(keras, shape):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    )


def build_two_inputs(keras):
    inputs = [keras.Input((SIZE, SIZE, 3)) for _ in range(2)]
    flat = keras.layers.Flatten()(keras.layers.Add()(inputs))
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(flat))


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        (Answers("real", "0-1", 64), "takes pictures of 32 px"),
        (Answers("real", "0-2"), "input range must be one of"),
    ],
)
def test_answers_that_cannot_be(keras, tmp_path, answers, complaint):
    path = save(build_cnn(keras), tmp_path / "m.keras")
    with pytest.raises(UsageError, match=complaint):
        import_keras(path, answers, tmp_path / "out")


def test_other_folders_are_not_overwritten(keras, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"thesis\.txt"):
        import_keras(save(build_cnn(keras), tmp_path / "m.keras"), REAL_01, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_the_file_itself_is_left_as_it_is(keras, tmp_path):
    path = save(build_cnn(keras), tmp_path / "m.h5")
    before = path.read_bytes()
    import_keras(path, REAL_01, tmp_path / "out")
    assert path.read_bytes() == before
    assert read_card(tmp_path / "out").architecture.startswith("keras ")
