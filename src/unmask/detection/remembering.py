"""Faces found once for several detectors that are asked about the same pictures."""

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import Final

import numpy as np

from unmask.detection.following import FollowingFinder
from unmask.media.faces import Effort, FaceBox
from unmask.records import Pixels

MOST_REMEMBERED: Final = 100_000
"""Pictures whose faces are kept, the latest; about a kilobyte each."""


class RememberingFinder:
    """Finds what another finder finds, and searches no picture twice.

    What is kept goes by the pixels' hash, so that a changed picture is another one. Searching takes
    most of the time of an answer, and the hash about a millisecond per megapixel. May be used from
    several threads.

    Args:
        finder: searches what was not seen before.
        most: pictures to remember; beyond, those that were asked for longest ago are forgotten.
    """

    def __init__(self, finder: FollowingFinder, most: int = MOST_REMEMBERED) -> None:
        self._finder = finder
        self._most = most
        self._found: OrderedDict[tuple[bytes, Effort], tuple[FaceBox, ...]] = OrderedDict()
        self._lock = Lock()

    def find(self, pixels: Pixels, effort: Effort = Effort.ALL) -> tuple[FaceBox, ...]:
        """Find the faces of a picture of shape (H, W, 3), the largest first."""
        key = (_hash(pixels), effort)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        faces = self._finder.find(pixels, effort)
        with self._lock:
            self._found[key] = faces
            if len(self._found) > self._most:
                self._found.popitem(last=False)
        return faces

    def find_again(self, pixels: Pixels, faces: tuple[FaceBox, ...]) -> tuple[FaceBox, ...]:
        """As the other finder; this is not remembered, since it is quick and depends on `faces`."""
        return self._finder.find_again(pixels, faces)


def _hash(pixels: Pixels) -> bytes:
    whole = np.ascontiguousarray(pixels)
    return blake2b(whole.data, digest_size=16, salt=str(whole.shape).encode()[:16]).digest()
