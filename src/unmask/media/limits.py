"""How large the media may be that are opened."""

import math
from dataclasses import dataclass

from unmask.media.images import MAX_PIXELS


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The largest pictures and clips that are opened; what exceeds them is `too_large`."""

    pixels: int = MAX_PIXELS
    """Of a picture or of one frame of a clip."""
    duration_s: float = math.inf
    """Of a clip."""
