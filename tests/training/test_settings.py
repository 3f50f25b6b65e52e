"""Settings: presets, single keys, and clear words for what does not fit."""

import pytest

from unmask.errors import UsageError
from unmask.training.settings import limit_epochs, list_presets, load_settings


@pytest.mark.parametrize("name", list_presets())
def test_every_preset_is_valid(name):
    assert load_settings(name).phases


def test_the_two_phase_recipe_is_the_notebooks():
    settings = load_settings("xception-two-phase")
    head, everything = settings.phases
    assert (settings.model, settings.side_px(), settings.seed) == ("xception", 224, 42)
    assert (settings.dense_l2, settings.dropout, settings.optimizer) == (1e-4, 0.3, "adam")
    assert (head.trains, head.epochs, head.learning_rate) == ("head", 20, 1e-3)
    assert (head.stop_patience, head.plateau_patience, head.min_learning_rate) == (10, 4, 1e-7)
    assert (everything.trains, everything.epochs, everything.learning_rate) == ("all", 30, 1e-5)
    assert (everything.stop_patience, everything.plateau_patience) == (15, 7)


def test_keys_reach_into_phases_and_given_values_win(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'model = "resnet50"\nbatch_size = 8\n[[phases]]\nepochs = 3\nlearning_rate = 0.1\n'
    )
    settings = load_settings(
        str(path),
        ["phases.0.epochs=7", "augment.blur=0.5", "batch_size = 16"],
        model="cnn128",
        pretrained=None,
    )
    assert settings.phases[0].epochs == 7
    assert settings.augment == {"flip": 1.0, "blur": 0.5}  # beside the default
    assert (settings.model, settings.batch_size, settings.pretrained) == ("cnn128", 16, "no")
    assert settings.side_px() == 128


def test_keys_reach_into_the_defaults_too():
    settings = load_settings(None, ["phases.0.learning_rate=1e-5"])
    assert settings.phases[0].learning_rate == 1e-5
    assert settings.phases[0].schedule == "onecycle"


def test_epochs_are_a_limit():
    settings = limit_epochs(load_settings("xception-two-phase"), 25)
    assert [phase.epochs for phase in settings.phases] == [20, 25]


@pytest.mark.parametrize(
    ("preset", "changes", "complaint"),
    [
        ("xceptoin", (), "there is no preset 'xceptoin'; there are advanced-cnn"),  # a slip
        ("nowhere.toml", (), "there is no preset file"),  # no such file
        (None, ("epochs=3",), "epochs: Extra inputs are not permitted"),  # unknown key
        (None, ("batch_size=many",), "batch_size: Input should be a valid integer"),  # type
        (None, ("batch_size=1",), "batch_size: .*greater than or equal to 2"),  # range
        (None, ("optimizer=rmsprop",), "optimizer: Input should be 'adam'"),  # choice
        (None, ("augment.blur=2",), "augment.blur: .*less than or equal to 1"),  # no probability
        (None, ("mixup=0.2", "consistency=1"), "cannot be combined"),  # two ways of mixing
        (None, ("batch_size",), "--set expects key=value"),  # no value
        ("cnn128", ("phases.4.epochs=1",), "there is no such place"),  # a phase too many
        ("cnn128", ("phases.x.epochs=1",), "there is no such place"),  # no number
    ],
)
def test_what_does_not_fit_is_refused(preset, changes, complaint):
    with pytest.raises(UsageError, match=complaint):
        load_settings(preset, changes)


def test_a_broken_preset_file_is_refused(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("model = ")
    with pytest.raises(UsageError, match="is no valid TOML"):
        load_settings(str(path))
