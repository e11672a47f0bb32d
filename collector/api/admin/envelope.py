"""The admin family speaks as the tuner family does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from collector.api.success import ok, problem, quota_headers
from collector.core import problems
from collector.core.problems import Problem, Refusal

__all__ = ["checked", "listed", "ok", "problem", "quota_headers", "refusals"]

T = TypeVar("T")


def checked(field: str, check: Callable[[str], T], text: str) -> T:
    """What `check` makes of a field of the body; its ValueError names field, value and what was expected."""
    try:
        return check(text)
    except ValueError as error:
        raise problems.invalid(field, text, str(error).rpartition("expected ")[2]) from None


@contextmanager
def refusals(*, missing: tuple[type[Refusal], ...] = ()) -> Iterator[None]:
    """A refusal of the domain is a conflict with what is stored; one of `missing` says that it is not there."""
    try:
        yield
    except missing as error:
        raise problems.not_found() from error
    except Refusal as error:
        raise Problem(409, "conflict", f"{str(error).rstrip('.')}.") from error


def listed(name: str, rows: Sequence[dict[str, object]]) -> dict[str, object]:
    return {name: rows, "total": len(rows)}
