"""What the service answers when it does not answer: problem details as RFC 9457 has them."""

from http import HTTPStatus
from typing import Any, Final

from unmask.errors import UnmaskError
from unmask.records import Failure

PROBLEM_TYPE: Final = "application/problem+json"
CLIENT_GONE: Final = 499
"""Nobody reads it; in logs and metrics it stands for a client that went away, as in nginx."""

STATUS_OF: Final = {
    "unsupported": 415,
    "no_video": 415,
    "empty": 422,
    "corrupt": 422,
    "crashed": 422,
    "too_large": 413,
    "timeout": 504,
}
"""Of the failures over a file; any other is a mistake of the service."""

INTERNAL_DETAIL: Final = (
    "the service made a mistake over this request; tell its operator the request's id"
)


class ProblemError(UnmaskError):
    """A request that is not answered.

    Args:
        status: The HTTP status.
        code: A short stable word for programs.
        detail: For people: what was wrong, what was expected, what to do.
        retry_after_s: After how many seconds the same request may do better.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after_s: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail, code=code)
        self.status = status
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)

    def body(self) -> dict[str, Any]:
        """The problem as plain JSON values."""
        return {
            "type": "about:blank",
            "title": _title(self.status),
            "status": self.status,
            "detail": str(self),
            "code": self.code,
        }


def problem_of(failure: Failure) -> ProblemError:
    """The problem that stands for a file's failure."""
    status = STATUS_OF.get(failure.code)
    if status is None:
        return internal_problem()
    return ProblemError(status, failure.code, failure.message)


def internal_problem() -> ProblemError:
    """A mistake of the service; what went wrong stays in its log."""
    return ProblemError(500, "internal", INTERNAL_DETAIL)


def _title(status: int) -> str:
    """With the type `about:blank` the title is the status's own (RFC 9457, section 4.2.1)."""
    return "Client Closed Request" if status == CLIENT_GONE else HTTPStatus(status).phrase
