"""What time it is in a database: the real one, or one that stands still for as long as a test looks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

_STARTED = datetime.now(UTC).replace(microsecond=0)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """`started` is when all instances of this process did; `uptime`: seconds by which counters have grown."""

    now: Callable[[], datetime] = _now
    started: datetime = _STARTED
    uptime: Callable[[], float] = field(default_factory=lambda: _since(time.monotonic()))


def _since(start: float) -> Callable[[], float]:
    return lambda: time.monotonic() - start


def still(at: datetime, *, started: datetime) -> Clock:
    """The same instant at every look; before `started`, counters are lower than what a scenario starts with."""
    return Clock(lambda: at, started, (at - started).total_seconds)
