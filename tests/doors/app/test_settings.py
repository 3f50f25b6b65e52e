import pytest

from unmask.doors.app.settings import AppSettings, read_settings
from unmask.errors import UsageError


@pytest.mark.parametrize(
    "settings",
    [
        AppSettings(),  # nothing was said
        AppSettings(("one", "/two/three"), "fpr_1", 8),
    ],
)
def test_the_page_reads_what_the_command_wrote(settings):
    assert read_settings(settings.to_environment()) == settings


def test_without_a_word_the_defaults_hold():
    assert read_settings({}) == AppSettings()


@pytest.mark.parametrize("frames", ["0", "-1", "many"])
def test_no_number_of_frames(frames):
    with pytest.raises(UsageError, match="UNMASK_APP_FRAMES"):
        read_settings({"UNMASK_APP_FRAMES": frames})
