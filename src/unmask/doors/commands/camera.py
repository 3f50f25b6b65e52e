"""`unmask camera`: the live picture."""

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unmask.doors.commands.options import (
    Engine,
    EngineOption,
    ModelOption,
    PolicyOption,
    ThresholdOption,
    check_positive,
)

if TYPE_CHECKING:
    from unmask.detection.live import LiveView
    from unmask.reporting.views import Look

CAMERA_HELP: Final = """Watch a camera: a smoothed verdict for each person.

Opens a window where there is a display and OpenCV can open one, otherwise shows the picture in \
the terminal; where the output is no terminal it writes a line each second and at each change. \
q (window) or Ctrl-C ends.

\b
Examples:
  unmask camera
  unmask camera --device 1 --seconds 60
  unmask camera --device clip.mp4
"""


def camera(
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="N|FILE",
            help="Number of the camera, or a clip that stands in for it.",
        ),
    ] = "0",
    model: ModelOption = None,
    policy: PolicyOption = "balanced",
    threshold: ThresholdOption = None,
    engine: EngineOption = Engine.AUTO,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            metavar="N",
            callback=check_positive,
            help="End after so many seconds.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Parse, open the camera, show what the live detector says."""
    from unmask.detection.detector import Detector
    from unmask.detection.live import LiveDetector
    from unmask.media.camera import open_camera
    from unmask.reporting.views import open_view

    detector = Detector(model, policy=policy, threshold=threshold, engine=engine.value)
    with open_camera(device) as frames, open_view() as view:
        started_s = time.monotonic()
        for live in LiveDetector(detector).watch(frames):
            goes_on = view.show(_look(live, time.monotonic() - started_s))
            if not goes_on or (seconds and time.monotonic() - started_s >= seconds):
                break


def _look(live: "LiveView", time_s: float) -> "Look":
    from unmask.doors.marks import mark_people
    from unmask.reporting.views import Look

    return Look(live.frame.pixels, mark_people(live.people), time_s, live.fps)
