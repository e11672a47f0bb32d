"""How several families read numbers and times, within what a store and a JSON client can hold."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from collector.core import problems

MAX_SAFE = 2**53 - 1  # the largest whole number that every JSON client reads exactly
MAX_ID = 2**63 - 1
MAX_NAME = 128

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>T\d\d:\d\d(?P<seconds>:\d\d(?P<fraction>\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_EXPECTED_TIME = "a date (2026-05-14) or an instant (2026-05-14T03:00:00Z)"


def whole_number(*, at_most: int) -> Callable[[object], int]:
    """A validator for a number of at least 1; a second spelling of the same number (`007`, `+7`) is refused."""
    expected = f"a whole number from 1 to {at_most}"

    def validate(value: object) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        if not _plain(text) or len(text) > len(str(at_most)) or int(text) > at_most:
            raise ValueError(expected)
        return int(text)

    return validate


def capped_number(*, cap: int) -> Callable[[object], int]:
    """As `whole_number`, but whatever is larger than `cap` is served as `cap`."""

    def validate(value: object) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        if not _plain(text):
            raise ValueError(f"a whole number of at least 1 (more than {cap} is served as {cap})")
        return cap if len(text) > len(str(cap)) else min(int(text), cap)

    return validate


def start_of(value: object) -> datetime:
    """A validator for the first instant of a date, minute or second; times without a zone are UTC."""
    return _span(value)[0]


def end_of(value: object) -> datetime:
    """As `start_of`, but the first instant after it: what is shown in whole seconds includes the whole second."""
    return _span(value)[1]


def one_of(*words: str) -> Callable[[object], str]:
    """A validator for one of a few words."""
    expected = f"one of {', '.join(words)}"

    def validate(value: object) -> str:
        if value not in words:
            raise ValueError(expected)
        return str(value)

    return validate


def name(value: object) -> str:
    """A validator for what people or agents call something; no store keeps every character."""
    text = str(value)
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise ValueError(f"1 to {MAX_NAME} printable characters")
    return text


def word(value: object) -> str:
    """A validator for the name of a kind of thing."""
    text = str(value)
    if not _WORD.fullmatch(text):
        raise ValueError("a word of at most 64 lower-case letters, digits and _, such as ticket_opened")
    return text


def given_once(request: Request, *names: str) -> None:
    """Refuse a parameter that stands in the query twice: nobody knows which one was meant."""
    for name in names:
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise problems.invalid(name, ", ".join(values), "the parameter once")


def _span(value: object) -> tuple[datetime, datetime]:
    if isinstance(value, datetime):
        return value, value
    found = _TIME.fullmatch(str(value))
    if found is None:
        raise ValueError(_EXPECTED_TIME)
    try:
        start = datetime.fromisoformat(str(value))
        start = start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
        return start, start + _length(found)
    except (ValueError, OverflowError):
        raise ValueError(_EXPECTED_TIME) from None


def _length(found: re.Match[str]) -> timedelta:
    if not found["time"]:
        return timedelta(days=1)
    if not found["seconds"]:
        return timedelta(minutes=1)
    return timedelta(microseconds=1) if found["fraction"] else timedelta(seconds=1)


def _plain(text: str) -> bool:
    return text.isascii() and text.isdigit() and not text.startswith("0")
