"""A live camera, or a clip that stands in for one: always the newest frame, late ones dropped."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, Protocol, Self

import cv2
import numpy as np

from unmask.errors import MediaError
from unmask.media.video import FrameStream, read_frames
from unmask.records import Frame

Pace = Literal["live", "none"]
"""`live`: a clip at its own speed, late frames dropped; `none`: every frame, at once."""

SILENCE_S: Final = 10.0
"""A camera that delivers nothing for so long has stopped."""
LONGEST_GAP_S: Final = 0.5
"""Time without a shown frame after which a late one is taken: decoding is slower than the clip."""
LATE_S: Final = 0.02
"""A clip's frame later than this is dropped: half of a frame's time at 25 per second."""
_RETRY_S: Final = 0.01
_log_lock = threading.Lock()


class Camera(Protocol):
    """Frames as they come; a context manager that frees the device."""

    dropped: int
    """How many frames the consumer was too slow for."""

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_camera(device: int | str | Path, *, pace: Pace = "live") -> Camera:
    """Open a camera by its number, or a clip as if it were one.

    Args:
        device: A number (also as text, where no file has that name), or the path of a clip.
        pace: For clips only.

    Raises:
        MediaError: `camera` where the device cannot be opened, while reading also where it stops;
            for a clip as `read_frames`.
    """
    if isinstance(device, int):
        return _DeviceCamera(device)
    if str(device).isdecimal() and not Path(device).exists():
        return _DeviceCamera(int(str(device)))
    return _ClipCamera(device, pace)


class _ClipCamera:
    """A clip played at its own speed."""

    def __init__(self, path: str | Path, pace: Pace) -> None:
        self.dropped = 0
        self._pace = pace
        self._started_s: float | None = None
        self._shown_s = time.monotonic()
        self._frames: FrameStream = read_frames(path, keep=self._is_due)

    def _is_due(self, time_s: float) -> bool:
        """Wait until a frame is due, or refuse it where that has passed; the first one starts."""
        if self._pace == "none":
            return True
        now_s = time.monotonic()
        if self._started_s is None:
            self._started_s = now_s - time_s
        ahead_s = self._started_s + time_s - now_s
        if ahead_s < -LATE_S and now_s - self._shown_s < LONGEST_GAP_S:
            self.dropped += 1
            return False
        if ahead_s < -LATE_S:  # decoding is slower than the clip: go on from here
            self._started_s = now_s - time_s
        self._shown_s = now_s + max(ahead_s, 0.0)
        time.sleep(max(ahead_s, 0.0))
        return True

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._frames.close()


class _DeviceCamera:
    """A device read by a thread of its own, so that a slow consumer never sees an old frame."""

    def __init__(self, device: int | str) -> None:
        self.dropped = 0
        self._device = device
        self._capture = _open_device(device)
        self._news = threading.Condition()
        self._newest: Frame | None = None
        self._ended = False
        self._reader = threading.Thread(target=self._read, name=f"camera-{device}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        started_s = heard_s = time.monotonic()
        index = 0
        while not self._ended and time.monotonic() - heard_s < SILENCE_S:
            delivered, pixels = self._capture.read()
            if not delivered or pixels is None:
                time.sleep(_RETRY_S)
                continue
            heard_s = time.monotonic()
            rgb = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
            frame = Frame(rgb, f"camera:{self._device}", index, heard_s - started_s)
            index += 1
            with self._news:
                self.dropped += self._newest is not None
                self._newest = frame
                self._news.notify()
        with self._news:
            self._ended = True
            self._news.notify()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._news:
                self._news.wait_for(
                    lambda: self._newest is not None or self._ended, timeout=SILENCE_S
                )
                frame, self._newest = self._newest, None
            if frame is None:
                message = (
                    f"camera {self._device} delivers no more frames; "
                    "check its cable and that no other program uses it"
                )
                raise MediaError(message, code="camera")
            yield frame

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._reader.join(timeout=SILENCE_S)
        if not self._reader.is_alive():  # a driver that hangs must not be pulled away under it
            self._capture.release()


def _open_device(device: int | str) -> Any:
    """Open a capture device without OpenCV's messages, which go to the terminal."""
    logging: Any = cv2.utils.logging
    with _log_lock:
        level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
        try:
            capture = cv2.VideoCapture(device)
        finally:
            logging.setLogLevel(level)
    if not capture.isOpened():
        capture.release()
        message = (
            f"camera {device} cannot be opened; check that it is plugged in, that no other program "
            "uses it and that you may read it, or give another number or the path of a clip"
        )
        raise MediaError(message, code="camera")
    return capture
