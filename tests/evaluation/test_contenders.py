"""Models measured now and evaluations made earlier stand side by side."""

import json
import shutil

import pytest

from unmask.data.manifest import Manifest
from unmask.errors import DataError, UsageError
from unmask.evaluation.assess import Plan, evaluate
from unmask.evaluation.contenders import (
    ComparisonPlan,
    EarlierEvaluation,
    answer,
    name_contenders,
    open_contender,
)
from unmask.models.card import read_card
from unmask.models.library import ModelFolder, open_model


@pytest.fixture(scope="module")
def earlier(faces, detector, tmp_path_factory):
    """The folder of an evaluation of the bundled model."""
    folder = tmp_path_factory.mktemp("earlier") / "out"
    evaluate(detector, faces, Plan(data={"source": "made", "split": "all"})).write(folder)
    return folder


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Two models of one name."""
    folders = [tmp_path_factory.mktemp("twin") / name for name in ("one", "two")]
    for folder in folders:
        shutil.copytree(open_model().path, folder)
        read_card(folder).model_copy(update={"name": "twin"}).write(folder)
    return folders


def test_an_earlier_evaluation_answers_as_its_model_does(earlier, faces):
    plan = ComparisonPlan()
    opened = open_contender(str(earlier))
    assert isinstance(opened, EarlierEvaluation)
    assert [s.path for s in opened.manifest] == [s.path for s in faces]
    then, now = answer("then", opened, faces, plan), answer("now", open_model(), faces, plan)
    assert then.threshold == pytest.approx(now.threshold)
    assert then.about["model"] == now.about["model"]
    assert then.about["cost"].keys() == now.about["cost"].keys()
    for one, two in zip(then.predictions, now.predictions, strict=True):
        assert (one.sample, one.verdict, one.kind) == (two.sample, two.verdict, two.kind)
        assert one.score == (two.score and pytest.approx(two.score, rel=1e-6))
        assert (one.error and one.error.code) == (two.error and two.error.code)


def test_a_model_is_opened_by_name_or_folder(twins):
    assert isinstance(open_contender(open_model().card.name), ModelFolder)
    assert open_contender(str(twins[0])).card.name == "twin"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda out: (out / "metrics.json").write_text("{"), "no whole evaluation"),
        (lambda out: (out / "metrics.json").write_text("{}"), "no whole evaluation"),
        (lambda out: (out / "metrics.json").write_text("[]"), "no whole evaluation"),
        (lambda out: (out / "predictions.csv").unlink(), "no whole evaluation"),
        (lambda out: (out / "predictions.csv").write_text("path,label\na,maybe"), "no whole"),
        (
            lambda out: (out / "metrics.json").write_text('{"made_by": "unmask compare"}'),
            "not written by unmask evaluate",
        ),
    ],
)
def test_a_broken_evaluation_is_named(earlier, tmp_path, change, complaint):
    copy = tmp_path / "copy"
    shutil.copytree(earlier, copy)
    change(copy)
    with pytest.raises(DataError, match=complaint):
        open_contender(str(copy))


def test_other_samples_are_refused(earlier, faces):
    fewer = Manifest(faces.samples[1:])
    with pytest.raises(DataError, match="evaluated on other samples"):
        answer("then", open_contender(str(earlier)), fewer, ComparisonPlan())


def test_another_policy_is_refused(earlier, faces):
    with pytest.raises(UsageError, match="under the policy 'balanced'"):
        answer("then", open_contender(str(earlier)), faces, ComparisonPlan(policy="fpr_1"))


def test_names_come_from_cards_or_from_what_was_typed(twins, earlier):
    bundled = open_model()
    opened = [bundled, *(open_model(folder) for folder in twins)]
    given = ["bundled", "a/one", "b/two"]
    assert list(name_contenders(opened[:2], given[:2])) == [bundled.card.name, "twin"]
    assert list(name_contenders(opened, given)) == [bundled.card.name, "a/one", "b/two"]
    both = [bundled, open_contender(str(earlier))]
    assert list(name_contenders(both, ["now", "then"])) == ["now", "then"]
    with pytest.raises(UsageError, match="named twice"):
        name_contenders([bundled, bundled], ["one", "two"])


def test_metrics_hold_what_a_comparison_needs(earlier):
    summary = json.loads((earlier / "metrics.json").read_text())
    assert summary["architecture"]
    assert summary["cost"]["crops_per_s"] > 0
