"""How large the media may be that are opened, and how much decoding may take."""

import math
from dataclasses import dataclass
from typing import Final

from unmask.media.images import MAX_PIXELS

PROGRESS_S: Final = 60.0
TOTAL_S: Final = 3600.0
"""As Apache Tika's forked parsers have them."""
MEMORY_BYTES: Final = 4 * 2**30
"""No picture of `MAX_PIXELS` takes more."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The largest pictures and clips that are opened; what exceeds them is `too_large`."""

    pixels: int = MAX_PIXELS
    """Of a picture or of one frame of a clip."""
    duration_s: float = math.inf
    """Of a clip."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a process that decodes may take for one file before it is ended."""

    progress_s: float = PROGRESS_S
    """Without a frame, a packet or an answer; beyond it `timeout`."""
    total_s: float = TOTAL_S
    """Of waiting for one file; beyond it `timeout`."""
    memory_bytes: int = MEMORY_BYTES
    """Of private memory, where the system can bound it (Linux); beyond it `too_large`."""
    files: int = 1000
    """After so many files a process is replaced, whatever its decoders may have leaked."""
