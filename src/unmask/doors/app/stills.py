"""Stills of live cameras: each visitor's come over a connection of their own, one at a time.

The page's script has no part in it: to run it anew for each still would take Streamlit as long as
the answer itself, in the browser and here.
"""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from unmask.detection.detector import Detector
from unmask.detection.live import LiveDetector
from unmask.doors.marks import mark_people
from unmask.errors import MediaError
from unmask.records import Frame
from unmask.reporting.drawing import INK, Mark
from unmask.reporting.wording import VERDICT_COLOURS
from unmask.service.settings import count_processors

_REFUSED: Final = 1008
_NO_BYTES: Final = 1003
"""Against the rules, and of a type that is not taken. Source: RFC 6455, section 7.4.1."""
_admitted: Final[dict[str, Detector]] = {}
_workers: Final = ThreadPoolExecutor(count_processors(), thread_name_prefix="unmask-stills")


class LivePass:
    """Lets a visit's browser ask about stills, by a word that nobody else knows.

    Args:
        detector: Reads, finds and scores.
    """

    def __init__(self, detector: Detector) -> None:
        self.word: Final = secrets.token_urlsafe()
        _admitted[self.word] = detector

    def void(self) -> None:
        """Open no further connection; can be called twice."""
        _admitted.pop(self.word, None)


async def answer_stills(socket: WebSocket) -> None:
    """Answer each still that comes over a connection before the next is taken.

    A still is the content of a picture file, the answer what `LivePicture.see` gives, as JSON.
    Whoever has no pass is refused; one who sends text is parted with.
    """
    detector = _admitted.get(socket.query_params.get("pass", ""))
    if detector is None:
        await socket.close(_REFUSED)
        return
    await socket.accept()
    picture = LivePicture(detector)
    loop = asyncio.get_running_loop()
    with suppress(WebSocketDisconnect):
        while (still := (await socket.receive()).get("bytes")) is not None:
            await socket.send_json(await loop.run_in_executor(_workers, picture.see, still))
        if socket.client_state is WebSocketState.CONNECTED:
            await socket.close(_NO_BYTES)


class LivePicture:
    """One visitor's live picture; starts with nobody known.

    Args:
        detector: Reads, finds and scores.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._watch = LiveDetector(detector, search_share=1.0).begin()

    def see(self, still: bytes) -> dict[str, Any]:
        """Lines of words, and marks whose boxes are shares of the picture's width and height.

        Args:
            still: The content of a picture file.
        """
        try:
            pixels = self._detector.read_image(still)
        except MediaError as error:
            return {"lines": [f"the camera's still cannot be read: {error}"], "marks": []}
        marks = mark_people(self._watch.see(Frame(pixels, "camera")).people)
        height, width = pixels.shape[:2]
        return {
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
