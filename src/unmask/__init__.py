"""Unmask: is this face real?

>>> from unmask import Detector
>>> report = Detector().detect("photo.jpg")  # doctest: +SKIP
>>> report.verdict, report.score  # doctest: +SKIP

Public names are imported on first use, so that `import unmask` itself stays light.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from unmask.detection.detector import Detector
    from unmask.errors import (
        DataError,
        MediaError,
        MissingExtraError,
        ModelError,
        UnmaskError,
        UsageError,
    )
    from unmask.records import (
        FaceCrop,
        Failure,
        Frame,
        Kind,
        ModelId,
        Person,
        Report,
        Score,
        ScoredFace,
        Verdict,
    )

    __version__: str

# Nothing that Unmask does leaves the machine: two libraries that report their use to their makers
# are told not to before anything can import them. OpenVINO falls back to a stub of its own.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # makes its import fail

__all__ = [
    "DataError",
    "Detector",
    "FaceCrop",
    "Failure",
    "Frame",
    "Kind",
    "MediaError",
    "MissingExtraError",
    "ModelError",
    "ModelId",
    "Person",
    "Report",
    "Score",
    "ScoredFace",
    "UnmaskError",
    "UsageError",
    "Verdict",
    "__version__",
]

_ERRORS: Final = frozenset(name for name in __all__ if name.endswith("Error"))


def _home_of(name: str) -> str:
    if name == "Detector":
        return "unmask.detection.detector"
    return "unmask.errors" if name in _ERRORS else "unmask.records"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("unmask")
    else:
        value = getattr(import_module(_home_of(name)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
