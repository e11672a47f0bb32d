"""The filters over tickets and alerts as they stand in an address."""

from collections.abc import Sequence
from typing import TypeVar

from starlette.requests import Request

from collector.api.params import MAX_ID, MAX_NAME, whole_number
from collector.core.problems import invalid
from collector.domain.results.rules import stored
from common.scoring import WEIGHTS
from common.wire import Severity

W = TypeVar("W", bound=str)

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
CATEGORIES = tuple(sorted(WEIGHTS))
"""Those that Fieldpost has itself; own checks may bring others along."""
_id = whole_number(at_most=MAX_ID)


def word(request: Request, name: str, known: Sequence[W]) -> W | None:
    """One of a few words; left out or empty: any."""
    given = request.query_params.get(name, "")
    found = next((one for one in known if one == given), None)
    if given and found is None:
        raise invalid(name, given, f"one of {', '.join(known)}")
    return found


def text(request: Request, name: str) -> str | None:
    """What somebody typed; no store keeps every character."""
    given = request.query_params.get(name, "").strip()
    if len(given) > MAX_NAME or not given.isprintable():
        raise invalid(name, given, f"at most {MAX_NAME} printable characters")
    return given or None


def check(request: Request) -> str | None:
    """A check's id as it is stored, of what a person may have typed in small letters."""
    given = text(request, "check")
    return stored(given.upper()) if given else None


def connection(request: Request) -> int | None:
    given = request.query_params.get("connection", "")
    try:
        return _id(given) if given else None
    except ValueError as error:
        raise invalid("connection", given, str(error)) from None


def address(request: Request) -> str:
    """The list as it is filtered now, to come back to."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
