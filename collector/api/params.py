"""How several families read numbers: digits only, within what a store and a JSON client can hold."""

from collections.abc import Callable

from starlette.requests import Request

from collector.core import problems

MAX_SAFE = 2**53 - 1  # the largest whole number that every JSON client reads exactly
MAX_ID = 2**63 - 1


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


def given_once(request: Request, *names: str) -> None:
    """Refuse a parameter that stands in the query twice: nobody knows which one was meant."""
    for name in names:
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise problems.invalid(name, ", ".join(values), "the parameter once")


def _plain(text: str) -> bool:
    return text.isascii() and text.isdigit() and not text.startswith("0")
