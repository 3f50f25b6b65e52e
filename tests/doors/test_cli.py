import re

import pytest

import unmask as package
from unmask.errors import MediaError, MissingExtraError, ModelError, UsageError


def test_version(unmask):
    result = unmask("--version")
    assert (result.exit_code, result.stdout) == (0, f"unmask {package.__version__}\n")


def test_help_names_every_command(unmask):
    text = unmask("--help").stdout
    for command in ("detect", "camera", "models", "samples"):
        assert re.search(rf"^  {command}  ", text, re.MULTILINE)


@pytest.mark.parametrize("command", ["detect", "camera", "models", "samples"])
def test_help_has_examples(unmask, command):
    result = unmask(command, "--help")
    assert result.exit_code == 0
    assert f"Examples:\n    unmask {command}" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["detekt"], "Did you mean 'detect'"),  # a slip
        (["detect", "--recursiv", "x"], "--recursive"),  # a slip in an option
        (["wash"], "No such command 'wash'"),  # nothing like it
    ],
)
def test_slips_are_wrong_usage_with_a_hint(unmask, arguments, message):
    result = unmask(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["detect"], ["samples"]])
def test_without_arguments_there_is_help_and_status_2(unmask, arguments):
    result = unmask(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UsageError("no such model"), 2, "unmask: usage: no such model\n"),  # wrong usage
        (ModelError("card does not match"), 2, "unmask: model: card does not match\n"),  # model
        (MissingExtraError("This", "app"), 2, "unmask: missing_extra: This needs"),  # not installed
        (MediaError("no camera 7", code="camera"), 1, "unmask: camera: no camera 7\n"),  # an input
        (KeyboardInterrupt(), 130, "unmask: interrupted"),  # Ctrl-C
        (OSError(28, "No space left on device"), 1, "input or output failed"),  # full disk
        (BrokenPipeError(), 141, ""),  # the reader went away: silence
    ],
)
def test_errors_are_one_line_and_a_status(unmask, monkeypatch, error, status, line):
    def fail():
        raise error

    monkeypatch.setattr("unmask.models.library.list_models", fail)
    result = unmask("models")
    assert result.exit_code == status
    assert line in result.stderr
    assert result.stderr.count("\n") == (1 if line else 0)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("package", "extra"),
    [
        ("cv2.missing", None),  # a broken installation, not a missing extra
        ("sklearn", "lab"),  # evaluation
        ("torch", "train"),  # training
    ],
)
def test_a_missing_extra_says_what_to_install(unmask, monkeypatch, package, extra):
    def fail(_paths):
        raise ModuleNotFoundError(name=package)

    monkeypatch.setattr("unmask.media.samples.make_samples", fail)
    result = unmask("samples", "here")
    if extra:
        assert result.exit_code == 2
        assert f"pip install 'unmask[{extra}]'" in result.stderr
    else:
        assert isinstance(result.exception, ModuleNotFoundError)
