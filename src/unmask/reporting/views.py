"""What a camera's user sees: a window, a picture in the terminal, or lines.

A view is a context manager with `show`, which says whether the user still looks.
"""

import os
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from unmask.records import Pixels
from unmask.reporting.drawing import Mark, draw_marks
from unmask.reporting.sinks import QuietPipeConsole
from unmask.reporting.terminal import picture_of
from unmask.reporting.wording import VERDICT_COLOURS

_TITLE: Final = "unmask camera"
_LEAVE_KEYS: Final = (27, ord("q"))  # Escape, q
_LINE_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One moment of a camera: the picture, what is said of each person, and the pace."""

    pixels: Pixels
    marks: tuple[Mark, ...]
    """One per person in the picture."""
    time_s: float
    frames_per_s: float


class View(Protocol):
    """Something that shows a camera's picture."""

    def __enter__(self) -> Self: ...

    def show(self, look: Look) -> bool:
        """Show a moment; False where the user closed the view."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_view() -> View:
    """A window where there is a display and OpenCV can open one, else the terminal, else lines."""
    if _has_window():
        return WindowView()
    console = QuietPipeConsole(highlight=False)
    if console.is_terminal and console.color_system is not None:
        return TerminalView(console)
    return LineView(console)


def _has_window() -> bool:
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    import cv2

    try:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL)
    except cv2.error:  # the headless build has no windows
        return False
    return True


class WindowView:
    """A window of OpenCV; q, Escape or closing it ends."""

    def __enter__(self) -> Self:
        return self

    def show(self, look: Look) -> bool:
        """Show a moment."""
        import cv2

        picture = draw_marks(look.pixels, look.marks)
        cv2.imshow(_TITLE, picture[:, :, ::-1])
        cv2.setWindowTitle(_TITLE, f"{_TITLE}: {look.frames_per_s:.1f} frames/s")
        key = cv2.waitKey(1) & 0xFF
        return key not in _LEAVE_KEYS and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) > 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        import cv2

        cv2.destroyWindow(_TITLE)


class TerminalView:
    """The picture as coloured characters with a line per person below; Ctrl-C ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def show(self, look: Look) -> bool:
        """Show a moment."""
        self._live.update(self._render(look), refresh=True)
        return True

    def _render(self, look: Look) -> Group:
        lines = [
            Text(f" {mark.text}", style=f"bold {VERDICT_COLOURS[mark.tone]}") for mark in look.marks
        ] or [Text(" no face", style="dim")]
        size = self._console.size
        rows = max(1, size.height - len(lines) - 1)
        boxes = [Mark(mark.box_xyxy, "", mark.tone) for mark in look.marks]  # words stand below
        pace = Text(f" {look.frames_per_s:.1f} frames/s; Ctrl-C ends", style="dim")
        return Group(picture_of(draw_marks(look.pixels, boxes), size.width, rows), *lines, pace)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()


class LineView:
    """Plain lines for logs and pipes: once a second, and whenever a verdict changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tones: tuple[str, ...] | None = None
        self._written_s = 0.0

    def __enter__(self) -> Self:
        return self

    def show(self, look: Look) -> bool:
        """Write a line if there is something new to say."""
        tones = tuple(mark.tone for mark in look.marks)
        now_s = time.monotonic()
        if tones != self._tones or now_s - self._written_s >= _LINE_EVERY_S:
            self._tones, self._written_s = tones, now_s
            people = "; ".join(mark.text for mark in look.marks) or "no face"
            line = f"{look.time_s:8.1f} s  {people}  ({look.frames_per_s:.1f} frames/s)"
            self._console.print(Text(line), soft_wrap=True)
            self._console.file.flush()
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return
