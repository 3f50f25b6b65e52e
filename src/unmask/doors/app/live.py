"""The live camera: the browser shows its own picture and asks about stills of it, one at a time.

No video is coded or sent. The browser asks about its newest frame whenever the one before is
answered, so that no frame waits anywhere; boxes and words lie over the picture that it shows.
"""

import base64
import binascii
from pathlib import Path
from typing import Any, Final

import streamlit as st

from unmask.detection.detector import Detector
from unmask.detection.live import LiveDetector
from unmask.doors.marks import mark_people
from unmask.errors import MediaError
from unmask.inspection.inspect import Inspector
from unmask.records import Frame
from unmask.reporting.drawing import INK, Mark
from unmask.reporting.wording import VERDICT_COLOURS

CAMERA: Final = "camera"
_STILL: Final = "still"
_HERE: Final = Path(__file__).parent
_camera = st.components.v2.component(
    "unmask_camera",
    html=(_HERE / "camera.html").read_text(encoding="utf-8"),
    css=(_HERE / "camera.css").read_text(encoding="utf-8"),
    js=(_HERE / "camera.js").read_text(encoding="utf-8"),
)


class LivePicture:
    """One visitor's live picture under one model and policy.

    Args:
        detector: Reads, finds and scores.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._watch = LiveDetector(detector, search_share=1.0).begin()
        self.answer: dict[str, Any] = {"number": 0, "lines": [], "marks": []}
        """To the newest still: its number, lines of words, and marks whose boxes are shares of the
        picture's width and height."""

    def see(self, number: int, jpeg: str) -> None:
        """Answer a still.

        Args:
            number: By which the browser knows it again.
            jpeg: Its content in Base64.
        """
        try:
            pixels = self._detector.read_image(base64.b64decode(jpeg, validate=True))
        except (MediaError, binascii.Error) as error:
            lines = [f"the browser's still cannot be read: {error}"]
            self.answer = {"number": number, "lines": lines, "marks": []}
            return
        marks = mark_people(self._watch.see(Frame(pixels, CAMERA)).people)
        height, width = pixels.shape[:2]
        self.answer = {
            "number": number,
            "lines": [mark.text for mark in marks] or ["no face"],
            "marks": [_place(mark, width, height) for mark in marks],
        }


def _place(mark: Mark, width_px: int, height_px: int) -> dict[str, Any]:
    x1, y1, x2, y2 = mark.box_xyxy
    return {
        "box": (x1 / width_px, y1 / height_px, x2 / width_px, y2 / height_px),
        "text": mark.text,
        "tone": mark.tone,
        "colour": VERDICT_COLOURS[mark.tone],
        "ink": INK[mark.tone],
    }


def show_live(inspector: Inspector, key: str) -> None:
    """The camera with the smoothed verdict of each person.

    Args:
        inspector: Answers.
        key: With another one everybody is new; the camera goes on.
    """
    st.write(
        "Stills of the camera's picture go from your browser to the machine that runs this page. "
        "None is kept. A verdict is smoothed over a few seconds."
    )
    picture = st.session_state.setdefault(f"picture {key}", LivePicture(inspector.detector))
    _show_picture(picture)


@st.fragment
def _show_picture(picture: LivePicture) -> None:
    def see() -> None:
        picture.see(**st.session_state[CAMERA][_STILL])

    _camera(key=CAMERA, data=picture.answer, on_still_change=see)
