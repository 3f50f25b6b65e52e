"""An ensemble is one model that answers as its members do together."""

import shutil

import numpy as np
import pytest

from unmask.data.manifest import Manifest
from unmask.detection.detector import Detector
from unmask.errors import DataError, ModelError, UsageError
from unmask.models.engine import LOGIT_TOLERANCE, open_engine
from unmask.models.ensemble import MembersApart, Mix, check_ensemble, write_ensemble
from unmask.models.library import ModelFolder, open_model
from unmask.training.combine import combine, fit_stacked, fit_weighted

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.mark.parametrize(
    ("engine", "precision", "tolerance"),
    [
        ("onnxruntime", "fp32", 1e-3),
        ("openvino", "fp32", 1e-3),
        ("openvino", "auto", LOGIT_TOLERANCE),  # bf16 where the CPU has it
    ],
)
@pytest.mark.parametrize(
    "names",
    [
        ("one", "two"),  # of one size
        ("one", "small"),  # the second takes half the side
        ("small", "one", "two"),  # the first does
    ],
)
def test_the_graph_answers_as_its_members_do(
    tiny_models, face_crops, tmp_path, names, engine, precision, tolerance
):
    def run(path, pixels):
        return open_engine(path, engine, precision=precision).run(pixels)

    members = [tiny_models[name] for name in names]
    mix = Mix(tuple(0.5 + n for n in range(len(names))), bias=-0.3)
    write_ensemble(members, mix, tmp_path / "model.onnx")
    crops = face_crops.pixels[:3]
    found = run(tmp_path / "model.onnx", crops)
    outputs = [
        run(member.weights_path, crops if member.card.crop.size_px == 64 else halve(crops))
        for member in members
    ]
    expected, scale = mix.bias, 0.0
    for weight, member, own in zip(mix.weights, members, outputs, strict=True):
        calibration = member.card.calibration
        expected = expected + weight * (calibration.slope * own.logit + calibration.offset)
        scale += weight * calibration.slope
    assert np.abs(found.logit - expected).max() <= tolerance * scale
    assert found.features.shape == (3, 512 * len(names))
    assert found.maps.shape == outputs[0].maps.shape
    alone = run(tmp_path / "model.onnx", crops[:1])
    assert np.abs(alone.logit - found.logit[:1]).max() <= tolerance * scale


def halve(crops):
    """The mean of each 2 by 2 pixels."""
    count, side = crops.shape[:2]
    cells = crops.reshape(count, side // 2, 2, side // 2, 2, 3).astype(np.float64)
    return np.rint(cells.mean(axis=(2, 4))).astype(np.uint8)


def test_another_mix_is_noticed(tiny_models, face_crops, tmp_path):
    members = [tiny_models["one"], tiny_models["two"]]
    write_ensemble(members, Mix((0.5, 0.5)), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="differs from its members' by"):
        check_ensemble(tmp_path / "model.onnx", members, Mix((0.4, 0.6)), face_crops.pixels[:2])


def test_the_mean_needs_no_data_and_detects(tiny_models, portraits, tmp_path):
    members = [tiny_models["one"], tiny_models["small"]]
    card = combine(members, tmp_path / "a mean").card
    assert card == open_model(tmp_path / "a mean").card
    assert card.name == "a-mean"
    assert [(m.name, m.weight) for m in card.members] == [("one", 0.5), ("small", 0.5)]
    assert card.members[1].sha256 == members[1].card.weights.sha256
    assert set(card.policies) == {"balanced"}  # the other one is not shared
    assert 0.5 < card.policies["balanced"].threshold < 0.6  # the members' 0.5 and 0.6
    assert card.policies["balanced"].real_below == pytest.approx(0.4)
    report = Detector(tmp_path / "a mean").detect(portraits.samples[0].path)
    alone = [Detector(m.path).detect(portraits.samples[0].path).faces[0] for m in members]
    log_odds = [np.log(face.score.probability / (1 - face.score.probability)) for face in alone]
    assert report.faces[0].score.logit == pytest.approx(np.mean(log_odds), abs=LOGIT_TOLERANCE)


@pytest.mark.parametrize("method", ["mean", "weighted", "stacked"])
def test_with_data_it_is_fitted_and_calibrated(tiny_models, portraits, tmp_path, method):
    members = [tiny_models["one"], tiny_models["small"]]
    card = combine(members, tmp_path / "all", method=method, manifest=portraits, seed=3).card
    assert "validation, 48 crops" in card.calibration.data
    assert set(card.policies) == {"balanced", "fpr_1", "fpr_5"}
    assert (card.data[-1].split, card.data[-1].real, card.data[-1].fake) == ("val", 24, 24)
    assert card.seed == 3
    weights = [member.weight for member in card.members]
    if method != "stacked":
        assert sum(weights) == pytest.approx(1)
        assert min(weights) >= 0
    detector = Detector(tmp_path / "all")
    real, fake = (detector.detect(sample.path).faces[0] for sample in portraits.samples[:2])
    assert real.score.probability < fake.score.probability


def make_log_odds(seed=0):
    """Two members that know something, one that knows nothing, one that has it upside down."""
    generator = np.random.default_rng(seed)
    labels = np.arange(400) % 2
    side = 2.0 * labels - 1
    noise = generator.normal(0, 1, (4, 400))
    columns = [2 * side + 2 * noise[0], side + 2 * noise[1], noise[2], noise[3] - side]
    return np.stack(columns, axis=1), labels


def test_weighted_gives_no_say_to_what_is_upside_down():
    log_odds, labels = make_log_odds()
    mix = fit_weighted(log_odds, labels)
    assert sum(mix.weights) == pytest.approx(1)
    assert mix.weights[0] > mix.weights[1] > 0.05
    assert mix.weights[2] < 0.05
    assert mix.weights[3] == 0


def test_stacked_turns_it_round():
    log_odds, labels = make_log_odds()
    assert fit_stacked(log_odds, labels).weights[3] < -0.5


def test_weighted_refuses_members_that_know_nothing():
    log_odds, labels = make_log_odds()
    with pytest.raises(DataError, match="no member gives fakes higher logits"):
        fit_weighted(log_odds[:, 3:], labels)


def with_crop(folder, **changes):
    crop = folder.card.crop.model_copy(update=changes)
    return ModelFolder(folder.path, folder.card.model_copy(update={"crop": crop}))


@pytest.mark.parametrize(
    ("names", "options", "error", "complaint"),
    [
        (["one"], {}, UsageError, "at least 2 models, got 1"),
        ([], {}, UsageError, "at least 2 models, got 0"),
        (["one", "one"], {}, UsageError, "named twice"),
        (["one", "two"], {"method": "median"}, UsageError, "mean, weighted, stacked"),
        (["one", "two"], {"method": "weighted"}, UsageError, "--data"),  # nothing to fit on
        (["one", "wide"], {}, ModelError, "different parts of a picture"),
    ],
)
def test_what_cannot_be_combined_is_refused(
    tiny_models, tmp_path, names, options, error, complaint
):
    known = {**tiny_models, "wide": with_crop(tiny_models["two"], margin=2.0)}
    with pytest.raises(error, match=complaint):
        combine([known[name] for name in names], tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("split", "count", "complaint"),
    [
        ("test", 48, "no validation samples"),  # the test split decides nothing
        ("", 48, "no validation samples"),  # data without splits
        ("val", 6, "at least 10 samples of each class"),
    ],
)
def test_data_that_cannot_decide_are_refused(
    tiny_models, portraits, tmp_path, split, count, complaint
):
    manifest = Manifest(portraits.samples[:count]).with_splits([split] * count)
    members = [tiny_models["one"], tiny_models["small"]]
    with pytest.raises(DataError, match=complaint):
        combine(members, tmp_path / "out", method="stacked", manifest=manifest)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_stays_as_it_is(tiny_models, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"other files than a model \(notes\.txt\)"):
        combine([tiny_models["one"], tiny_models["two"]], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_earlier_model_is_replaced(tiny_models, tmp_path):
    out = shutil.copytree(tiny_models["one"].path, tmp_path / "out")
    combine([tiny_models["one"], tiny_models["two"]], out)
    assert open_model(out).card.members


def test_members_apart_give_one_column_each(tiny_models, face_crops):
    members = list(tiny_models.values())
    found = MembersApart(members, "onnxruntime").run(face_crops.pixels[:2])
    assert found.logit.shape == (2, 3)
