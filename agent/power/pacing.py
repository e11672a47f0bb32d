"""Pure: how fast calls that change something may follow one another; others share the limits of an account."""

from collections.abc import Callable

RATE = 2.0
BURST = 2
_LONGEST_S = 60.0
_DOUBLINGS = 6


class OutOfTimeError(Exception):
    """The next call would come after the deadline."""


class Bucket:
    """`RATE` calls a second, and `BURST` of them at once after a rest."""

    def __init__(self, rate: float = RATE, burst: int = BURST) -> None:
        self._apart = 1 / rate
        self._saved = (burst - 1) / rate
        self._free = float("-inf")

    def take(self, now: float) -> float:
        """How many seconds the next call has to wait; it counts as made then."""
        at = max(self._free, now - self._saved)
        self._free = at + self._apart
        return max(0.0, at - now)


def pause_s(attempts: int, dice: Callable[[float, float], float]) -> float:
    """How long to leave a service alone after so many refusals in a row: full jitter between one second and a bound
    that doubles up to a minute.
    """
    return dice(1.0, min(_LONGEST_S, 2.0 ** min(attempts, _DOUBLINGS)))
