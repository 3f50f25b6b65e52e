"""The faces of following frames: searched for everywhere now and then, between where they were."""

from typing import Final, Protocol

from unmask.media.faces import Effort, FaceBox
from unmask.records import Frame, Pixels

SEARCH_EVERY_S: Final = 1.0
"""Time after which a whole frame is searched again: by so much who comes in may be late.

Frames that lie further apart, as those of a clip of more than half a minute do, are all searched.
"""


class FollowingFinder(Protocol):
    """Finds faces, also near known ones."""

    def find(self, pixels: Pixels, effort: Effort = Effort.ALL) -> tuple[FaceBox, ...]:
        """Find the faces of a picture of shape (H, W, 3), the largest first."""
        ...

    def find_again(self, pixels: Pixels, faces: tuple[FaceBox, ...]) -> tuple[FaceBox, ...]:
        """Find them near where they were; empty where not each of them is surely there."""
        ...


class Follower:
    """Finds the faces of one clip's or live picture's frames, which come in order.

    A frame is searched only where faces were in the one before, unless one of them is not surely
    there any more or the last search of a whole frame is too long ago.

    Args:
        finder: Searches.
        effort: How much of a whole frame is searched.
    """

    def __init__(self, finder: FollowingFinder, effort: Effort = Effort.MAIN) -> None:
        self._finder = finder
        self._effort = effort
        self._faces: tuple[FaceBox, ...] = ()
        self._searched_s: float | None = None

    def find(self, frame: Frame) -> tuple[FaceBox, ...]:
        """The faces of the next frame, the largest first."""
        faces: tuple[FaceBox, ...] = ()
        if self._is_fresh(frame.time_s):
            faces = self._finder.find_again(frame.pixels, self._faces)
        if not faces:
            faces = self._finder.find(frame.pixels, self._effort)
            self._searched_s = frame.time_s
        self._faces = faces
        return faces

    def _is_fresh(self, time_s: float | None) -> bool:
        if time_s is None or self._searched_s is None:
            return False
        return 0.0 <= time_s - self._searched_s < SEARCH_EVERY_S
