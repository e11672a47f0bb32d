"""Gives memory back that a burst of visits has left behind."""

import ctypes
from collections.abc import Callable


def _trim() -> Callable[[int], int] | None:
    """What glibc has for it; other C libraries give memory back by themselves or not at all."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return found


_malloc_trim = _trim()


def give_back() -> bool:
    """Return free pages to the system; a dozen MiB after ten databases were visited at once. Says whether it did."""
    return bool(_malloc_trim and _malloc_trim(0))
