"""What stands for a refusal."""

import pytest

from unmask.errors import MEDIA_CODES
from unmask.records import Failure
from unmask.service.problems import INTERNAL_DETAIL, ProblemError, problem_of


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("unsupported", 415),  # a text
        ("no_video", 415),  # sound alone
        ("empty", 422),
        ("corrupt", 422),
        ("crashed", 422),  # the decoder died over it
        ("too_large", 413),
        ("timeout", 504),
    ],
)
def test_a_files_failure_has_a_status(code, status):
    problem = problem_of(Failure(code, "what was wrong"))
    assert problem.body() == {
        "type": "about:blank",
        "title": problem.body()["title"],
        "status": status,
        "detail": "what was wrong",
        "code": code,
    }


@pytest.mark.parametrize("code", ["internal", "missing", "unreadable", "camera", "whatever"])
def test_any_other_is_the_services_own_and_says_nothing(code):
    problem = problem_of(Failure(code, "cannot open /tmp/unmask-uploads-x/3f2a"))
    assert (problem.status, problem.code, str(problem)) == (500, "internal", INTERNAL_DETAIL)


def test_every_media_code_is_decided():
    own = {"missing", "unreadable", "camera"}
    assert all(
        (problem_of(Failure(code, "")).status == 500) == (code in own) for code in MEDIA_CODES
    )


def test_retrying_is_a_header():
    assert ProblemError(429, "busy", "", retry_after_s=3).headers == {"Retry-After": "3"}
