"""What goes over the wire, as types: the service documents them, the client returns them.

`Report` has the fields of `unmask.records.Report.to_dict`, one for one.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from unmask.models.card import ModelCard
from unmask.records import Doubt

Probability = Annotated[float, Field(ge=0, le=1)]
Verdict = Literal["fake", "real", "uncertain", "no_face", "error"]

_FACE: JsonDict = {
    "box_xyxy": [178.6, 71.2, 301.9, 236.4],
    "score": 0.03,
    "face_confidence": 0.9999,
    "time_s": None,
    "person": None,
    "unlike": 0.61,
    "doubts": [],
}
_MODEL: JsonDict = {"name": "unmask-mobilenetv2", "version": "1", "sha256": "0" * 64}
_REPORT: JsonDict = {
    "source": "portrait.jpg",
    "kind": "image",
    "verdict": "real",
    "score": 0.03,
    "faces": [_FACE],
    "people": [],
    "model": _MODEL,
    "policy": "balanced",
    "threshold": 0.5,
    "reasons": ["score 3.0 % is below 21.8 % (policy balanced)"],
    "versions": {"unmask": "0.1.0", "engine": "openvino 2026.4.1 bf16"},
    "warnings": [],
    "error": None,
    "seconds": 0.05,
}
_JOB: JsonDict = {
    "id": "3q2-7wSAmBcB2hQbOyUkZg",
    "status": "running",
    "files": 3,
    "answered": 1,
    "created_at": "2026-01-31T12:00:00Z",
    "expires_at": None,
}


class Face(BaseModel):
    """One face of a picture, or of one frame of a clip."""

    box_xyxy: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels of the upright picture; may reach over its border."""
    score: Probability
    face_confidence: Probability
    time_s: float | None
    person: int | None
    unlike: float | None
    """Distance from the training faces in units of the model's limit."""
    doubts: tuple[Doubt, ...]
    """Why the face gives no ground for a verdict, whatever its score."""


class TimelinePoint(BaseModel):
    """A person's score at one moment."""

    time_s: float
    score: Probability


class Person(BaseModel):
    """One person of a clip."""

    person: int
    score: Probability
    timeline: tuple[TimelinePoint, ...]
    doubts: tuple[Doubt, ...]
    """Those of more than half of the frames."""


class Model(BaseModel):
    """Which weights answered."""

    name: str
    version: str
    sha256: str


class Failure(BaseModel):
    """Why a file could not be answered."""

    code: str
    message: str


class Report(BaseModel):
    """The answer for one file, as `unmask detect --format jsonl` writes it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REPORT]})

    source: str
    """The file's name, as the client sent it."""
    kind: Literal["image", "video"] | None
    verdict: Verdict
    score: Probability | None
    """The calibrated probability of fake; null where no face was scored."""
    faces: tuple[Face, ...]
    people: tuple[Person, ...]
    model: Model
    policy: str
    threshold: Probability
    reasons: tuple[str, ...]
    versions: dict[str, str]
    warnings: tuple[str, ...]
    error: Failure | None
    seconds: Annotated[float, Field(ge=0)]


class JobStatus(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class Job(BaseModel):
    """Many files and how far they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_JOB]})

    id: str
    status: JobStatus
    files: int
    answered: int
    created_at: datetime
    expires_at: datetime | None
    """When the results are deleted; null while the job is not done."""


class Results(BaseModel):
    """The answers of a job."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job": {**_JOB, "status": "done"}, "reports": [_REPORT]}]}
    )

    job: Job
    reports: tuple[Report, ...]
    """In the order of the files; a file that could not be answered has the verdict `error`."""


class Models(BaseModel):
    """What answers, and what else is known here."""

    answering: Model
    policy: str
    threshold: Probability
    models: tuple[ModelCard, ...]


class State(BaseModel):
    """That the service is there."""

    status: Literal["ok", "ready"]


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unsupported Media Type",
                    "status": 415,
                    "detail": "'notes.jpg' is in none of the formats that are opened",
                    "code": "unsupported",
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
    """A short stable word for programs."""
