"""What the OpenAPI description says beside the routes."""

from typing import Any, Final

from pydantic import BaseModel

from unmask.service.problems import PROBLEM_TYPE

_BINARY: Final = {"type": "string", "format": "binary"}

DESCRIPTION: Final = """
Is this face real? Answers for pictures and clips, exactly as `unmask detect` does.

Files are deleted with their request or job. Every refusal is a problem (RFC 9457) with a `code`.
"""

FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One picture or clip: the field `file` of a form, or the bytes as they are.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _BINARY},
                }
            },
            "application/octet-stream": {"schema": _BINARY},
        },
    }
}
FILES_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Pictures and clips: the field `files`, repeated.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": _BINARY, "minItems": 1},
                    },
                }
            }
        },
    }
}

_REASONS: Final = {
    400: "The body is not well-formed.",
    401: "The API key is missing or unknown.",
    404: "There is no such job.",
    408: "The request took too long to arrive.",
    409: "The job is not done.",
    413: "The file is too large: its bytes, pixels or duration; or there are too many.",
    415: "The file is no picture or clip that is opened.",
    422: "The file is broken or empty, or there is none.",
    429: "Too much is under way; `Retry-After` says when to come back.",
    500: "The service made a mistake.",
    503: "The service is about to end, or the space for uploads is used up.",
    504: "The file was not answered in time.",
}


def describe_responses(
    good: type[BaseModel], *statuses: int, description: str
) -> dict[int | str, dict[str, Any]]:
    """What a route answers: one good thing or a problem of these statuses."""
    return {200: {"model": good, "description": description}, **describe_problems(*statuses)}


def describe_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of these statuses; a mistake of the service is always possible."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": _REASONS[status],
            "content": {PROBLEM_TYPE: {"schema": schema}},
        }
        for status in (*statuses, 500)
    }
