"""Options whose values a rule checks: what it refuses is a usage error that names the option."""

from collections.abc import Callable
from typing import TypeVar

import typer

T = TypeVar("T", str, int)


def checked(rule: Callable[[T], T]) -> Callable[[T], T]:
    """A callback for an option or argument; the rule raises ValueError."""

    def check(value: T) -> T:
        try:
            return rule(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return check
