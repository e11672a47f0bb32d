"""Rules of the domain as validators of a form's fields."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import AfterValidator

T = TypeVar("T")


def rule(check: Callable[[str], T]) -> AfterValidator:
    """What the rule says was expected is what the field shows; what was given stands in the field already."""

    def apply(text: str) -> T:
        try:
            return check(text)
        except ValueError as error:
            raise ValueError("expected " + str(error).partition("expected ")[2]) from None

    return AfterValidator(apply)
