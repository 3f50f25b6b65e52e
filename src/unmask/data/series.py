"""Groups that nobody named but the files' names give away: `114_150.jpg` is a frame of clip 114."""

import re
from collections import Counter
from pathlib import PurePath
from typing import Final

from unmask.data.manifest import Manifest

LEAST_SERIES: Final = 10
LARGEST_SHARE: Final = 0.1
"""Of all files; where one series holds more, its name is that of a class or a set (`real_12`)."""
NAMED_SHARE: Final = 0.9
"""Of all files whose names must be of this kind."""
LEAST_SIZE: Final = 3.0
"""Files of a series, in the mean; names of fewer are likelier to mean something else."""
_NUMBERED: Final = re.compile(r"(.+)[_-](?:frame|face|crop)?\d+", re.IGNORECASE)


def guess_series(manifest: Manifest) -> Manifest | None:
    """The manifest with a group for each series of names alike but for a number at their end.

    A series is one of its data set, in whichever folder: the original and the altered version of a
    clip mostly share its name. None where samples have groups already, or the names are of another
    kind.
    """
    if any(sample.group for sample in manifest):
        return None
    found = [_NUMBERED.fullmatch(PurePath(sample.path).stem) for sample in manifest]
    names = [
        f"{sample.dataset} series {match[1]}".strip() if match else ""
        for sample, match in zip(manifest, found, strict=True)
    ]
    sizes = Counter(name for name in names if name)
    total = sizes.total()
    if len(sizes) < LEAST_SERIES or total < max(NAMED_SHARE * len(names), LEAST_SIZE * len(sizes)):
        return None
    if max(sizes.values()) > LARGEST_SHARE * len(names):
        return None
    return manifest.with_groups(names)
