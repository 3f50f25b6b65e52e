"""Every limit of the service."""

import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MEGA: Final = 1_000_000

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def count_processors() -> int:
    """Processors of this machine."""
    return os.cpu_count() or 1


class ServiceSettings(BaseModel):
    """What the service takes, how much at a time, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: Count = Field(default_factory=count_processors)
    """Files that are read and searched for faces at a time."""
    queue: Count = 128
    """Requests under way at a time, those that wait or still send included; beyond it 429."""
    max_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 200.0
    """Largest file, in megabytes (10^6 bytes); beyond it 413."""
    max_megapixels: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 64.0
    """Largest picture or frame; beyond it 413."""
    max_clip_s: Seconds = 600.0
    """Longest clip; beyond it 413."""
    timeout_s: Seconds = 120.0
    """For receiving a request, beyond it 408, and from there to the answer of one file, beyond it
    504."""
    grace_s: Seconds = 30.0
    """For the requests under way when the service is told to stop."""
    job_files: Count = 100
    """Files of one job; beyond it 413."""
    jobs: Count = 100
    """Jobs that are known at a time, those whose results are kept included; beyond it 429."""
    keep_results_s: Seconds = 3600.0
    """How long the results of a job live after its end."""
    spool_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 4000.0
    """Disk space for all uploads together; beyond it 503."""
    spool: Path | None = None
    """The folder in which the service makes its private one; the system's temporary one if None."""

    @property
    def max_bytes(self) -> int:
        """Largest file in bytes."""
        return int(self.max_mb * MEGA)

    @property
    def spool_bytes(self) -> int:
        """Disk space for all uploads together, in bytes."""
        return int(self.spool_mb * MEGA)

    @property
    def max_pixels(self) -> int:
        """Largest picture or frame in pixels."""
        return int(self.max_megapixels * MEGA)
