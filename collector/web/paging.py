"""Which page of a list is wanted, and what the pager under it says."""

from dataclasses import dataclass

from starlette.requests import Request

from collector.core.problems import invalid

ROWS = 50
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """What `kit.pager` shows."""

    number: int
    pages: int
    total: int


def wanted(request: Request) -> int:
    """The number of the page, from 1 on."""
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= _MOST):
        raise invalid("page", text, f"a whole number from 1 to {_MOST}")
    return int(text)


def offset(number: int, rows: int = ROWS) -> int:
    return (number - 1) * rows


def page(number: int, total: int, rows: int = ROWS) -> Page:
    return Page(number, max(1, -(-total // rows)), total)
