"""What every operation of the tuner family says about its answers in OpenAPI."""

from typing import Any, Final

from pydantic import BaseModel

from collector.api.tuner import examples
from collector.api.tuner.shapes import Answer, ErrorBody, Nothing

Responses = dict[int | str, dict[str, Any]]

_ERRORS: Final = {
    400: "`INVALID_REQUEST`: a parameter or a field of the body cannot be used; `details` says which.",
    401: "`UNAUTHORIZED`: missing or invalid authentication token.",
    403: "`FORBIDDEN`: the role does not allow this.",
    404: "`NOT_FOUND`: does not exist or is not accessible.",
    409: "`CONFLICT`: exists already, or its state does not allow this.",
    429: "`RATE_LIMIT_EXCEEDED`: see Retry-After.",
    500: "`INTERNAL_ERROR`: retry with back-off.",
    503: "`SERVICE_UNAVAILABLE`: see Retry-After.",
}
_EVERYWHERE: Final = {401, 403, 429, 500, 503}
_HEADERS: Final = {
    "X-RateLimit-Limit": {"description": "Requests a minute of this class.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left in this window.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "End of the window, epoch seconds.", "schema": {"type": "integer"}},
    "X-Request-Id": {"description": "Quote it when reporting.", "schema": {"type": "string"}},
}


def answers(model: type[BaseModel], example: object, *errors: int, status: int = 200) -> Responses:
    """The success shape in its envelope with its example, and the errors that this operation may give."""
    shown = {"application/json": {"example": examples.enveloped(example)}}
    documents: Responses = {status: {"model": Answer[model], "headers": _HEADERS, "content": shown}}  # type: ignore[valid-type]  # a model at run time
    return documents | _errors(*errors)


def nothing(*errors: int) -> Responses:
    """An answer without data."""
    shown = {"application/json": {"example": examples.enveloped(None)}}
    documents: Responses = {200: {"model": Nothing, "headers": _HEADERS, "content": shown}}
    return documents | _errors(*errors)


def with_csv(documents: Responses) -> Responses:
    """The same data as a table, for `Accept: text/csv`."""
    documents[200]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return documents


def _errors(*errors: int) -> Responses:
    documents: Responses = {
        status: {"description": _ERRORS[status], "headers": _HEADERS, "content": _error(status)}
        for status in sorted({*_EVERYWHERE, *errors})
    }
    documents["default"] = {"model": ErrorBody, "description": "Any other failure."}
    return documents


def _error(status: int) -> dict[str, Any]:
    """By reference: a model for each of them would make the application slow to start."""
    example = {400: {"example": examples.FAILURE}, 429: {"example": examples.RATE_LIMITED}}.get(status, {})
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}, **example}}
