"""The whole of an evaluation, with the bundled detector on pictures made here."""

import csv
import json

import pytest

from unmask.data.manifest import Manifest, Sample
from unmask.errors import DataError
from unmask.evaluation.assess import Plan, choose_samples, evaluate
from unmask.media.perturb import PERTURBATIONS
from unmask.media.samples import make_samples

ALWAYS = {"confusion.png", "samples.png", "scores.png"}
BOTH_CLASSES = {"roc.png", "pr.png", "det.png", "calibration.png"}


@pytest.fixture(scope="module")
def found(detector, faces):
    conditions = {name: PERTURBATIONS[name] for name in ("jpeg_30", "noise_10")}
    history = {"train_loss": [(0, 0.7), (1, 0.5)], "val_auc": [(0, 0.8), (1, 0.9)]}
    plan = Plan(conditions=conditions, history=history, data={"source": "made", "split": "test"})
    return evaluate(detector, faces, plan)


def test_the_summary_says_what_was_measured_and_with_what(found, faces, detector):
    summary = found.summary
    assert (summary["n"], summary["n_scored"]) == (len(faces), len(faces) - 2)
    assert summary["model"]["sha256"] == detector.card.weights.sha256
    assert summary["data"] == {"source": "made", "split": "test", "sha256": faces.sha256()}
    assert {"unmask", "engine", "numpy", "python"} <= set(summary["versions"])
    assert summary["hardware"]["cores"] >= 1
    assert summary["groups"] == 4
    assert set(summary["policies"]) == set(detector.card.policies)
    assert set(summary["datasets"]) == {"astronaut", "hopper", "(unnamed)"}
    low, high = summary["ci"]["auc"]
    assert low <= summary["auc"] <= high
    assert summary["seconds"] > 0


def test_robustness_has_a_row_per_change_after_the_unchanged_one(found):
    rows = found.summary["robustness"]["rows"]
    assert [row["name"] for row in rows] == ["unchanged", "jpeg_30", "noise_10"]
    assert rows[0]["auc"] == found.summary["auc"]
    assert rows[0]["ci"]["auc"] == found.summary["ci"]["auc"]
    assert all(row["n"] == found.summary["n"] for row in rows)
    assert all(len(row["ci"]["accuracy"]) == 2 for row in rows)


def test_the_folder_holds_everything(found, tmp_path):
    found.write(tmp_path / "out")
    found.write(tmp_path / "out")  # an earlier result is replaced
    names = {path.name for path in (tmp_path / "out").iterdir()}
    expected = ALWAYS | BOTH_CLASSES | {"history.png", "robustness.png"}
    expected |= {"metrics.json", "predictions.csv", "report.html"}
    assert names - {"mistakes.png"} == expected
    stored = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert stored == json.loads(json.dumps(found.summary))
    with (tmp_path / "out" / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [p.sample.path for p in found.predictions]
    assert [row["verdict"] for row in rows[-2:]] == ["no_face", "error"]
    assert rows[-1]["error_code"] == "corrupt"
    assert rows[-1]["score"] == rows[-1]["called"] == ""
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(names) - 3
    assert "<script" not in page
    assert "://" not in page.split("<footer>")[0]


def test_the_same_seed_gives_the_same_result(detector, faces):
    few = Manifest(faces.samples[:4] + faces.samples[6:10])
    first, second = (evaluate(detector, few, Plan(seed=3)) for _ in range(2))
    clock = {"seconds", "images_per_s", "cost"}
    left, right = ({k: v for k, v in r.summary.items() if k not in clock} for r in (first, second))
    assert left == right
    assert first.plots == second.plots


def test_one_class_has_a_page_without_curves(detector, faces, tmp_path):
    reals = Manifest(tuple(sample for sample in faces if sample.label == 0))
    found = evaluate(detector, reals, Plan(conditions={"blur_1": PERTURBATIONS["blur_1"]}))
    assert found.summary["auc"] is None
    assert found.summary["false_alarm_rate"] is not None
    found.write(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert ALWAYS | {"robustness.png"} <= names
    assert not BOTH_CLASSES & names
    assert "needs both classes" in (tmp_path / "out" / "report.html").read_text()


def test_clips_count_but_are_not_changed(detector, faces, tmp_path):
    clip = make_samples(tmp_path)[2]
    mixed = Manifest((*faces.samples[:2], *faces.samples[6:8], Sample(str(clip), 0)))
    plan = Plan(conditions={"jpeg_90": PERTURBATIONS["jpeg_90"]})
    summary = evaluate(detector, mixed, plan).summary
    assert (summary["n"], summary["level"]) == (5, "frame/video")
    assert summary["robustness"]["clips_left_out"] == 1
    assert [row["n"] for row in summary["robustness"]["rows"]] == [4, 4]


def test_a_change_that_nobody_survives_has_empty_figures(detector, faces):
    plan = Plan(conditions={"black": lambda pixels, _: pixels * 0})
    rows = evaluate(detector, Manifest(faces.samples[5:8]), plan).summary["robustness"]["rows"]
    assert (rows[1]["n"], rows[1]["n_scored"], rows[1]["auc"]) == (3, 0, None)


def test_data_without_any_face_are_an_error(detector, faces):
    with pytest.raises(DataError, match="1 no_face, 1 error"):
        evaluate(detector, Manifest(faces.samples[-2:]))


def some(*splits):
    return Manifest(tuple(Sample(f"{n}.jpg", n % 2, split) for n, split in enumerate(splits)))


@pytest.mark.parametrize(
    ("splits", "wish", "count", "chosen"),
    [
        (("", "", ""), None, 3, "all"),  # no splits: everything
        (("train", "test", "test"), None, 2, "test"),  # the test split
        (("train", "val", "test"), "val", 1, "val"),  # as wished
        (("train", "val", "test"), "all", 3, "all"),  # as wished
    ],
)
def test_which_samples(splits, wish, count, chosen):
    samples, name = choose_samples(some(*splits), wish)
    assert (len(samples), name) == (count, chosen)


@pytest.mark.parametrize(
    ("splits", "wish", "complaint"),
    [
        (("train", "val"), None, "they have train, val"),  # no test split
        (("", ""), "test", "they have no splits"),  # a wish that cannot be
        ((), None, "no samples"),  # nothing at all
    ],
)
def test_no_samples_are_an_error(splits, wish, complaint):
    with pytest.raises(DataError, match=complaint):
        choose_samples(some(*splits), wish)
