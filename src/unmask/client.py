"""Asks a service that `unmask serve` runs.

>>> from unmask.client import Client
>>> Client("http://127.0.0.1:8000").detect("photo.jpg").score  # doctest: +SKIP
0.03
"""

from unmask.errors import ServiceError
from unmask.service.client import Client, Progress
from unmask.service.wire import Face, Failure, Job, JobStatus, Models, Person, Report, Results

__all__ = [
    "Client",
    "Face",
    "Failure",
    "Job",
    "JobStatus",
    "Models",
    "Person",
    "Progress",
    "Report",
    "Results",
    "ServiceError",
]
