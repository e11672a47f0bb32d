"""Every query is a tenant's; the few that are not say why, and a test knows them by this mark."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def across_tenants(why: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a store function that does not filter on a tenant, and give the reason."""
    if not why:
        raise ValueError("across_tenants: expected a reason")

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        return function

    return mark
