"""The live camera: the browser's pictures come by WebRTC, the verdicts go back drawn on them."""

import threading
from html import escape
from typing import Any, Final

import av
import numpy as np
import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from unmask.detection.live import LiveDetector, LiveView, LiveWatch
from unmask.doors.marks import mark_people
from unmask.inspection.inspect import Inspector
from unmask.records import Frame
from unmask.reporting.drawing import draw_marks

NO_SERVERS: Final[dict[str, Any]] = {"iceServers": []}
"""No server learns of the call: the page and the browser find each other by their own addresses."""
CONSTRAINTS: Final[dict[str, Any]] = {
    "video": {
        "width": {"ideal": 1280},
        "height": {"ideal": 720},
        "frameRate": {"ideal": 30, "max": 30},
    },
    "audio": False,
}
_REFRESH_S: Final = 1.0


class LivePicture:
    """One visitor's live picture; frames come in a thread of their own."""

    def __init__(self, watch: LiveWatch) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self.view: LiveView | None = None
        """What was shown last."""

    def show(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A frame with boxes and words drawn on it."""
        with self._lock:  # a call that is opened anew may overlap the old one
            pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            self.view = view = self._watch.see(Frame(pixels, "camera"))
        drawn = draw_marks(view.frame.pixels, mark_people(view.people))
        return av.VideoFrame.from_ndarray(drawn, format="rgb24")

    def describe(self) -> list[str]:
        """Each person in words, and the pace."""
        if self.view is None:
            return ["waiting for the camera"]
        people = [mark.text for mark in mark_people(self.view.people)] or ["no face"]
        return [*people, f"{self.view.fps:.0f} frames per second"]


def show_live(inspector: Inspector, key: str) -> None:
    """The camera with the smoothed verdict of each person.

    Args:
        inspector: Answers.
        key: Another one is another call.
    """
    st.write(
        "The pictures go from your browser to the machine that runs this page, and back. None is "
        "kept. A verdict is smoothed over a few seconds."
    )
    picture: LivePicture = st.session_state.setdefault(
        f"picture {key}", LivePicture(LiveDetector(inspector.detector).begin())
    )
    streamer = webrtc_streamer(
        key=f"live {key}",
        mode=WebRtcMode.SENDRECV,
        frontend_rtc_configuration=NO_SERVERS,
        server_rtc_configuration=NO_SERVERS,
        media_stream_constraints=CONSTRAINTS,
        video_frame_callback=picture.show,
        sendback_audio=False,
    )
    if streamer.state.playing:
        _show_words(picture)


@st.fragment(run_every=_REFRESH_S)
def _show_words(picture: LivePicture) -> None:
    lines = "".join(f"<li>{escape(line)}</li>" for line in picture.describe())
    st.html(f'<ul class="unmask-live" aria-live="polite">{lines}</ul>')
