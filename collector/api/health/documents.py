"""What every operation of the health family says about its answers in OpenAPI."""

from typing import Any

from pydantic import BaseModel

from collector.api.health import examples, shapes

Responses = dict[int | str, dict[str, Any]]

_ERRORS = {
    400: "A parameter cannot be used: `invalid_request`.",
    401: "`unauthorized`: missing or invalid Authorization header; `invalid_api_key`: key not found or revoked.",
    403: "`tier_insufficient`: the plan does not include this endpoint.",
    404: "`not_found`: does not exist or is not accessible.",
    429: "`rate_limited`: see Retry-After.",
    500: "`internal_error`: retry with back-off.",
    503: "`service_unavailable`: see Retry-After.",
}
_HEADERS = {
    "X-RateLimit-Limit": {"description": "Requests a minute.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left in this window.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "End of the window, epoch seconds.", "schema": {"type": "integer"}},
    "X-Request-Id": {"description": "Quote it when reporting.", "schema": {"type": "string"}},
}


def answers(model: type[BaseModel], example: object, *errors: int) -> Responses:
    """The success shape with its documented example, and the errors that this operation may give."""
    documents: Responses = {
        200: {"model": model, "headers": _HEADERS, "content": {"application/json": {"example": example}}}
    }
    for status in sorted({401, 403, 429, 500, 503, *errors}):
        documents[status] = {"model": shapes.ErrorBody, "description": _ERRORS[status], "headers": _HEADERS}
    documents[429]["content"] = {"application/json": {"example": examples.RATE_LIMITED}}
    documents["default"] = {"model": shapes.ErrorBody, "description": "Any other failure."}
    return documents


def with_csv(documents: Responses) -> Responses:
    """The same data as a table, for `Accept: text/csv`."""
    documents[200]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return documents
