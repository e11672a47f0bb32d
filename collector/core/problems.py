"""Expected failures that more than one layer knows; whatever else goes wrong is a bug and crashes its request."""

from collections.abc import Mapping
from typing import Literal

Why = Literal["full", "gone", "busy", "slow"]


class StoreUnavailable(Exception):  # noqa: N818 - it reads as the state it is
    """The database cannot do this now; nothing was stored. `retry_after` is in seconds."""

    def __init__(self, why: Why, detail: str, *, retry_after: int = 5) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail
        self.retry_after = retry_after

    def again(self) -> "StoreUnavailable":
        """The same for another caller; each raises an exception of its own."""
        return StoreUnavailable(self.why, self.detail, retry_after=self.retry_after)


class StoreInUse(Exception):  # noqa: N818 - likewise
    """Another process owns this SQLite database."""


class Refusal(Exception):  # noqa: N818 - likewise
    """What was asked for cannot be done; the message tells a person why."""


class Problem(Exception):  # noqa: N818 - likewise
    """Ends a request with `status`; `code` is for machines (snake case), `message` for people.

    Each family words it in its own dialect; `details` are the fields that a dialect may show beside the message.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.headers = dict(headers or {})
        self.details = dict(details or {})


def not_found(message: str = "Resource not found.") -> Problem:
    return Problem(404, "not_found", message)


def invalid(field: str, value: object, expected: str) -> Problem:
    """A field of the request that cannot be used; says which, what it was and what would have done."""
    shown = _shorten(str(value))
    message = f"{field}: {shown!r}; expected {expected}."
    return Problem(400, "invalid_request", message, details={"field": field, "value": shown, "expected": expected})


def missing(field: str) -> Problem:
    details = {"field": field, "value": "", "expected": "a value"}
    return Problem(400, "invalid_request", f"{field}: missing; expected a value.", details=details)


def rate_limited(retry_after: int) -> Problem:
    message = f"Rate limit exceeded; try again in {retry_after} s."
    return Problem(429, "rate_limited", message, retry_after=retry_after)


def method_not_allowed(allowed: str) -> Problem:
    message = f"Method not allowed; this resource knows {allowed}."
    return Problem(405, "method_not_allowed", message, headers={"Allow": allowed})


def too_large(limit: int) -> Problem:
    return Problem(413, "too_large", f"Request body too large; at most {limit} bytes.")


def internal_error() -> Problem:
    return Problem(500, "internal_error", "Server error; retry with back-off.")


def unavailable(trouble: StoreUnavailable) -> Problem:
    """The store cannot answer now (503) or has no room (507); both pass by themselves."""
    status = 507 if trouble.why == "full" else 503
    message = f"Temporarily unavailable; try again in {trouble.retry_after} s."
    return Problem(status, "service_unavailable", message, retry_after=trouble.retry_after)


def _shorten(text: str, limit: int = 80) -> str:
    """Half a character (JSON can name one) is written as its number, since no answer can hold it."""
    whole = text.encode("utf-8", "backslashreplace").decode()
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"
