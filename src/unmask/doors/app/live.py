"""The live camera: the browser shows its own picture and asks about stills of it, one at a time.

No video is coded or sent. The browser asks about its newest frame whenever the one before is
answered, so that no frame waits anywhere; boxes and words lie over the picture that it shows.
"""

from pathlib import Path
from typing import Final

import streamlit as st

from unmask.doors.app.engine import Choice, open_inspector
from unmask.doors.app.stills import LivePass

_HERE: Final = Path(__file__).parent
_camera = st.components.v2.component(
    "unmask_camera",
    html=(_HERE / "camera.html").read_text(encoding="utf-8"),
    css=(_HERE / "camera.css").read_text(encoding="utf-8"),
    js=(_HERE / "camera.js").read_text(encoding="utf-8"),
)


def show_live(choice: Choice) -> None:
    """The camera with the smoothed verdict of each person.

    Args:
        choice: With another one everybody is new; the camera goes on.
    """
    st.write(
        "Stills of the camera's picture go from your browser to the machine that runs this page. "
        "None is kept. A verdict is smoothed over a few seconds."
    )
    admission = _open_pass(choice.model, choice.policy, choice.frames)
    _camera(key="camera", data={"pass": admission.word})


@st.cache_resource(
    scope="session", max_entries=1, on_release=LivePass.void, show_spinner="Loading the model"
)
def _open_pass(model: str, policy: str, frames: int) -> LivePass:
    """This visitor's pass; void when another one is wanted or the browser goes away."""
    return LivePass(open_inspector(model, policy, frames).detector)
