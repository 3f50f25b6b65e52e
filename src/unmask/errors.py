"""The one family of errors.

    UnmaskError
    ├── UsageError            the caller asked for something that does not exist or cannot be
    ├── MissingExtraError     an optional part of the installation is absent
    ├── MediaError            a picture, clip or camera could not be answered
    ├── ModelError            a model folder is incomplete, inconsistent or tampered with
    ├── DataError             a data set cannot be used as it is
    └── ServiceError          a service refused a request or could not be reached

Every error has a `code`, a short stable word for programs, beside its message for people. A message
says what was wrong, what was expected, what came and what to do.
"""

from typing import Final


class UnmaskError(Exception):
    """Base of every error that unmask raises on purpose."""

    code: str = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class UsageError(UnmaskError):
    """An option, argument or combination of them cannot be."""

    code = "usage"


class MissingExtraError(UnmaskError):
    """A feature needs packages that were not installed."""

    code = "missing_extra"

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed; "
            f"install them with: pip install 'unmask[{extra}]' (or: uv sync --extra {extra})"
        )


EXTRA_OF: Final = {
    "imagehash": "lab",
    "scipy": "lab",
    "sklearn": "lab",
    "pyarrow": "parquet",
    "fsspec": "scan",
    "ray": "ray",
    "fastapi": "serve",
    "fastapi_offline": "serve",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "uvicorn": "serve",
    "streamlit": "app",
    "reportlab": "pdf",
    "c2pa": "c2pa",
    "h5py": "keras",
    "keras": "keras",
    "lightning": "train",
    "onnx": "train",
    "onnxscript": "train",
    "optuna": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "timm": "train",
    "torch": "train",
    "torchmetrics": "train",
    "torchvision": "train",
}
"""Which extra of the installation brings an importable package."""


def find_missing_extra(feature: str, error: ImportError) -> MissingExtraError | None:
    """What to say of a failed import; None where no extra would have brought the package."""
    extra = EXTRA_OF.get((error.name or "").split(".")[0])
    return MissingExtraError(feature, extra) if extra else None


MEDIA_CODES: Final = frozenset(
    {
        "missing",  # no such file
        "empty",  # zero bytes, or a folder, list or clip with nothing in it
        "unreadable",  # the operating system refuses (permission, not a regular file)
        "unsupported",  # not one of the formats that are opened
        "corrupt",  # a known format whose contents are broken or truncated
        "no_video",  # a container without a video stream
        "too_large",  # past the limits on bytes, pixels or duration
        "timeout",  # no answer within the time limit
        "crashed",  # the native decoder died
        "camera",  # a camera could not be opened or stopped delivering
    }
)


class MediaError(UnmaskError):
    """A picture, clip or camera could not be answered; `code` is one of `MEDIA_CODES`."""

    code = "corrupt"

    def __init__(self, message: str, *, code: str) -> None:
        if code not in MEDIA_CODES:
            unknown = f"media error code must be one of {sorted(MEDIA_CODES)}, got {code!r}"
            raise ValueError(unknown)
        super().__init__(message, code=code)


class ModelError(UnmaskError):
    """A model folder lacks parts, does not match its card, or answers otherwise than it should."""

    code = "model"


class ServiceError(UnmaskError):
    """A service refused a request, or could not be reached.

    Args:
        message: What the service said.
        code: Its short stable word.
        status: The HTTP status; None where there was no answer.
        request_id: By which the service's operator finds the request.
    """

    code = "service"

    def __init__(
        self, message: str, *, code: str, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.request_id = request_id


class DataError(UnmaskError):
    """A data set is empty, one-sided, contradictory or otherwise unusable."""

    code = "data"


def printable(text: str) -> str:
    r"""Text that is safe in a terminal or page: control and stray characters are spelled out.

    A file may be called anything, an escape sequence that repaints the screen included.

    >>> printable("a\x1b[2Jb\udcff.jpg")
    'a\\x1b[2Jb\\udcff.jpg'
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
