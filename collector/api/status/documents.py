"""What every operation of the status family says about its answers in OpenAPI."""

from typing import Any, Final

from pydantic import BaseModel

from collector.api.status import examples
from collector.api.status.shapes import ErrorBody

Responses = dict[int | str, dict[str, Any]]

_ERRORS: Final = {
    400: "A parameter or a field of the body is missing or cannot be used; the message names it.",
    401: "Missing Authorization header, or an unknown, expired or revoked token.",
    403: "The token is valid but lacks the scope.",
    404: "Does not exist, or does not belong to the token's tenant.",
    409: "What is stored does not permit it; `allowed` is what could be asked for instead.",
    413: "The body is over 64 KiB.",
    429: "Too many requests: see Retry-After.",
    500: "A fault of ours: retry with back-off.",
    503: "The database is away: see Retry-After.",
}
_EXAMPLES: Final = {400: examples.FAILURE, 403: examples.FORBIDDEN, 409: examples.CONFLICT}
_EVERYWHERE: Final = {401, 403, 429, 500, 503}
_HEADERS: Final = {
    "X-RateLimit-Limit": {"description": "Requests a minute.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left in this window.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "End of the window, epoch seconds.", "schema": {"type": "integer"}},
    "X-Request-Id": {"description": "Quote it when reporting.", "schema": {"type": "string"}},
}


def answers(model: type[BaseModel], example: object, *errors: int, status: int = 200) -> Responses:
    """The success shape with its documented example, and the errors that this operation may give."""
    shown = {"application/json": {"example": example}}
    documents: Responses = {status: {"model": model, "headers": _HEADERS, "content": shown}}
    for code in sorted({*_EVERYWHERE, *errors}):
        documents[code] = {"description": _ERRORS[code], "headers": _HEADERS, "content": _error(code)}
    documents["default"] = {"model": ErrorBody, "description": "Any other failure."}
    return documents


def changing(model: type[BaseModel], example: object, *errors: int, status: int = 200) -> Responses:
    """Of what takes a body."""
    return answers(model, example, 400, 409, 413, *errors, status=status)


def _error(status: int) -> dict[str, Any]:
    """By reference: a model for each of them would make the application slow to start."""
    shown = {"example": _EXAMPLES[status]} if status in _EXAMPLES else {}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}, **shown}}
