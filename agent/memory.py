"""Gives memory back that a burst of visits has left behind."""

import gc
from collections.abc import Callable

import psutil

from common.heap import trim

OBJECTS = 10_000
"""More of them than there were make Python look for circles; a visit makes some thousand."""
GROWN = 1024 * 1024
"""Bytes that are worth a look at every object there is, which takes milliseconds."""

_malloc_trim = trim()


def settle() -> None:
    """What is here now stays: no collection needs to look at it again; and visits leave few circles to look for."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS)


def give_back() -> bool:
    """Return free pages to the system; a dozen MiB after ten databases were visited at once. Says whether it did.

    Sessions refer to themselves, and Python would look for such garbage only once there is much more of it.
    """
    gc.collect()
    return bool(_malloc_trim and _malloc_trim(0))


class Grown:
    """Gives memory back when there is more of it than was left the last time."""

    def __init__(self, resident: Callable[[], int] | None = None) -> None:
        self._resident = resident or _resident()
        self._left = 0

    def give_back(self) -> bool:
        """Whether there was anything to do."""
        if self._resident() - self._left < GROWN:
            return False
        give_back()
        self._left = self._resident()
        return True


def _resident() -> Callable[[], int]:
    process = psutil.Process()
    return lambda: int(process.memory_info().rss)
