"""The verb: whether a file and a model still give the answer that an evidence report states."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unmask.detection.detector import Detector
from unmask.errors import DataError
from unmask.inspection.inspect import Inspector
from unmask.inspection.record import FORMAT
from unmask.models.engine import LOGIT_TOLERANCE

MAX_REPORT_BYTES: Final = 16 * 2**20
SAME_SETUP_TOLERANCE: Final = 0.02
"""How far a logit may lie apart on the same versions."""
UNLIKE_TOLERANCE: Final = 0.05
_SETTINGS: Final = ("policy", "threshold", "engine", "frames", "fps")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One point of a report, as it states it and as it was found now."""

    name: str
    stated: str
    found: str
    same: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a report holds."""

    points: tuple[Comparison, ...]
    trouble: str = ""
    """Why the file cannot be answered now."""

    @property
    def confirmed(self) -> bool:
        """Whether every point is as the report states it."""
        return all(point.same for point in self.points)


def read_report(path: Path) -> dict[str, Any]:
    """Read the JSON of an inspection.

    Raises:
        DataError: it is none.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_REPORT_BYTES + 1)
        found = json.loads(text) if len(text) <= MAX_REPORT_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path} cannot be read as a report: {error}"
        raise DataError(message) from error
    if not isinstance(found, dict) or found.get("unmask_inspection") != FORMAT:
        message = (
            f"{path} is no report of unmask inspect; give the file that --json wrote "
            f"(expected unmask_inspection {FORMAT})"
        )
        raise DataError(message)
    return found


def verify(
    stated: Mapping[str, Any], source: str | Path, model: str | Path | None = None, trust: str = ""
) -> Verification:
    """Inspect a file again, as a report says it was, and compare.

    Args:
        stated: what `read_report` gave.
        source: the file.
        model: by name or folder; the one that the report names where None.
        trust: see `Inspector`.

    Raises:
        DataError: the report lacks entries.
        UsageError: its model or policy is not at hand.
    """
    with _readable():
        settings = {name: stated["settings"][name] for name in _SETTINGS}
        detector = Detector(model or stated["settings"]["model"], **settings)
    return compare_reports(stated, Inspector(detector, trust).inspect(source).to_dict())


def compare_reports(stated: Mapping[str, Any], found: Mapping[str, Any]) -> Verification:
    """Compare a report with what was found now, point by point.

    Raises:
        DataError: the report lacks entries.
    """
    with _readable():
        error = found["detection"]["error"]
        return Verification(tuple(_compare(stated, found)), error["message"] if error else "")


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = (
            f"the report lacks or garbles an entry ({type(error).__name__}: {error}); "
            "give the file as unmask inspect --json wrote it"
        )
        raise DataError(message) from error


def _compare(stated: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Comparison]:
    for name, path in (
        ("file SHA-256", ("provenance", "sha256")),
        ("model SHA-256", ("model", "sha256")),
        ("detector's verdict", ("detection", "verdict")),
        ("threshold", ("detection", "threshold")),
        ("faces found", ("detection", "faces")),
        ("verdict", ("verdict",)),
        ("content credentials", ("provenance", "credentials", "state")),
        ("perceptual hash", ("perceptual_hash",)),
    ):
        before, now = _dig(stated, path), _dig(found, path)
        if isinstance(before, list) and isinstance(now, list):
            before, now = len(before), len(now)
        yield Comparison(name, _say(before), _say(now), before == now)
    same_setup = stated["versions"] == found["versions"]
    tolerance = SAME_SETUP_TOLERANCE if same_setup else LOGIT_TOLERANCE
    yield _near("score", stated["score"], found["score"], tolerance / 2)  # a sigmoid is flatter
    yield _near("score as logit", stated["logit"], found["logit"], tolerance)
    yield _near("likeness", stated["unlike"], found["unlike"], UNLIKE_TOLERANCE)


def _dig(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = None if values is None else values[key]
    return values


def _near(name: str, before: float | None, now: float | None, tolerance: float) -> Comparison:
    if before is None or now is None:
        return Comparison(name, _say(before), _say(now), before is now)
    same = abs(float(before) - float(now)) <= tolerance
    return Comparison(name, f"{before:.4f}", f"{now:.4f} (within {tolerance} is the same)", same)


def _say(value: Any) -> str:
    return "none" if value is None else str(value)
