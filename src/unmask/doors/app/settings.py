"""What whoever starts the page decides: which models it offers, and where the choices begin."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from unmask.detection.detector import DEFAULT_FRAMES
from unmask.errors import UsageError

MODELS_NAME: Final = "UNMASK_APP_MODELS"
POLICY_NAME: Final = "UNMASK_APP_POLICY"
FRAMES_NAME: Final = "UNMASK_APP_FRAMES"


@dataclass(frozen=True, slots=True)
class AppSettings:
    """How the page begins; a visitor may choose otherwise."""

    models: tuple[str, ...] = ()
    """Names or folders, offered before the bundled ones."""
    policy: str = "balanced"
    frames: int = DEFAULT_FRAMES

    def to_environment(self) -> dict[str, str]:
        """The settings as variables, by which the command tells them to the page."""
        return {
            MODELS_NAME: os.pathsep.join(self.models),
            POLICY_NAME: self.policy,
            FRAMES_NAME: str(self.frames),
        }


def read_settings(environment: Mapping[str, str] = os.environ) -> AppSettings:
    """The settings of a page, also of one that `streamlit run` started.

    Raises:
        UsageError: the number of frames is none.
    """
    frames = environment.get(FRAMES_NAME) or str(DEFAULT_FRAMES)
    if not frames.isdecimal() or int(frames) < 1:
        message = f"{FRAMES_NAME} must be a whole number above 0, got {frames!r}"
        raise UsageError(message)
    models = environment.get(MODELS_NAME, "").split(os.pathsep)
    return AppSettings(
        models=tuple(model for model in models if model),
        policy=environment.get(POLICY_NAME) or "balanced",
        frames=int(frames),
    )
