"""A model's scores fitted to other pictures: honest figures, the same network."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.data.manifest import Manifest, Sample
from unmask.detection.policy import calibrate
from unmask.errors import DataError
from unmask.evaluation.recalibrate import recalibrate, rename
from unmask.models.library import open_model
from unmask.records import Score


def repeat(faces, copies):
    """The portraits many times over, each time in groups of their own; blank and broken once."""
    scored, others = faces.samples[:12], faces.samples[12:]
    samples = [Sample(s.path, s.label, "", f"{n}-{s.group}") for n in range(copies) for s in scored]
    return Manifest((*samples, *others))


def shift_logits(manifest, seed=0):
    """Replaces what the network says by logits around 4 for reals and 8 for fakes."""
    labels = {sample.path: sample.label for sample in manifest}
    generator = np.random.default_rng(seed)

    def watch(reports):
        for report in reports:
            if report.score is None:
                yield report
                continue
            logit = 4 + 4 * labels[report.source] + generator.normal()
            yield replace(report, score=Score(float(logit), 0.5))

    return watch


@pytest.fixture(scope="module")
def found(faces):
    data = repeat(faces, 8)
    return recalibrate(open_model(), data, "ours", seed=1, observe=shift_logits(data))


def test_scores_become_honest_and_thresholds_useful(found):
    assert found.counts == {"real": 48, "fake": 48, "not_scored": 2}
    assert found.before["false_alarm_rate"] == 1  # everything looks fake to the old card
    assert found.after["accuracy"] > 0.9
    assert found.after["ece"] < found.before["ece"]
    assert found.after["log_loss"] < found.before["log_loss"]
    low, high = (calibrate(logit, found.card.calibration).probability for logit in (4, 8))
    assert low < 0.2 < 0.8 < high
    for policy in found.card.policies.values():
        assert low < policy.threshold < high


def test_the_card_says_what_was_done(found):
    old = open_model().card
    assert found.card.weights == old.weights
    assert found.card.metrics == ()  # they were measured with other thresholds
    assert found.card.data[-1].model_dump(exclude={"sha256"}) == {
        "name": "ours",
        "split": "val",
        "real": 48,
        "fake": 48,
        "licence": "",
    }
    assert "Calibrated anew on ours" in found.card.limits[-1]


def test_few_reals_are_warned_of(found):
    assert "only 48 reals" in found.warnings[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ours", "ours"),
        ("our cameras (2)", "our-cameras-2"),  # no name for a card as it is
        ("..", None),  # resolves to some other name
    ],
)
def test_the_folder_names_the_model(found, tmp_path, name, expected):
    card = rename(found.card, tmp_path / "deep" / name)
    assert card.name == (expected or tmp_path.name)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ((0, 1), "at least 30 scored samples of each class, got 12 real and 12 fake"),
        ((0,), "got 12 real and 0 fake"),  # one class alone
    ],
)
def test_too_few_samples_are_refused(faces, labels, complaint):
    data = Manifest(tuple(s for s in repeat(faces, 2) if s.label in labels))
    with pytest.raises(DataError, match=complaint):
        recalibrate(open_model(), data, "few", observe=shift_logits(data))


def test_a_model_that_says_the_opposite_is_refused(faces):
    data = repeat(faces, 6)
    turned = Manifest(tuple(replace(s, label=1 - s.label) for s in data))
    with pytest.raises(DataError, match="labels are swapped"):
        recalibrate(open_model(), turned, "turned", observe=shift_logits(data))
