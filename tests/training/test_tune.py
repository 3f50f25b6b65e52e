"""The search: resumable, pruned, and its best settings are a preset."""

import json

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from typer.testing import CliRunner

from unmask.doors.cli import app
from unmask.training.settings import Phase, TrainSettings, load_settings
from unmask.training.tune import SPACE, apply_choice

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:.*tensorboard.*",
)

QUICK = (
    "input_px=48",
    "precision=fp32",
    "device=cpu",
    "workers=0",
    "val_share=0.3",
    "phases=[{epochs = 1, learning_rate = 2e-3}]",
)


def command(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


class Killed(BaseException):
    """What no code catches."""


def killed_at(statement, *arguments):
    """Run a command up to the database's first statement of a kind."""

    def kill(_connection, _cursor, text, *_):
        if text.lstrip().startswith(statement):
            raise Killed

    event.listen(Engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(Killed):
            command(*arguments)
    finally:
        event.remove(Engine, "before_cursor_execute", kill)


def test_a_search_goes_on_and_its_best_is_a_preset(faces, tmp_path):
    changes = [part for change in QUICK for part in ("--set", change)]
    arguments = ("tune", "--data", faces, "--out", tmp_path, "--model", "resnet10t", *changes)
    searched = ("--search", "learning_rate", "--search", "batch_size")
    for statement in ("CREATE UNIQUE INDEX", "INSERT INTO studies"):
        killed_at(statement, *arguments, *searched, "--trials", 1)
    assert command(*arguments, *searched, "--trials", 1).exit_code == 0
    assert command(*arguments, *searched, "--trials", 2).exit_code == 0
    trials = json.loads((tmp_path / "trials.json").read_text())
    assert [trial["number"] for trial in trials] == [0, 1]
    assert all(set(trial["choice"]) == {"learning_rate", "batch_size"} for trial in trials)
    best = load_settings(str(tmp_path / "best.json"))
    winner = max(trials, key=lambda trial: trial["val_auc"])
    assert best.phases[0].learning_rate == pytest.approx(winner["choice"]["learning_rate"])
    assert best.batch_size == winner["choice"]["batch_size"]
    assert (tmp_path / "history.png").stat().st_size > 0


def test_unknown_names_are_refused(faces, tmp_path):
    result = command("tune", "--data", faces, "--out", tmp_path, "--search", "colour")
    assert result.exit_code == 2
    assert "--search knows learning_rate" in result.stderr


def test_a_choice_keeps_the_ratio_of_the_phases():
    phases = (Phase(epochs=1, learning_rate=1e-3), Phase(epochs=1, learning_rate=1e-5))
    settings = TrainSettings(phases=phases, augment={"flip": 1.0})
    changed = apply_choice(settings, {"learning_rate": 2e-3, "degradation": 0.3, "dropout": 0.4})
    assert [phase.learning_rate for phase in changed.phases] == pytest.approx([2e-3, 2e-5])
    assert changed.augment == {"flip": 1.0, "blur": 0.3, "noise": 0.3, "resize": 0.3, "jpeg": 0.3}
    assert changed.dropout == 0.4


def test_every_name_of_the_space_is_a_setting():
    known = {*TrainSettings.model_fields, "learning_rate", "degradation"}
    assert set(SPACE) <= known
