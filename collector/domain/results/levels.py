"""Pure: how bad a check is, and what of that is confirmed.

A first outcome counts at once. After that, where checks run at most a quarter of an hour apart, the confirmed level
moves only as far as two consecutive outcomes agree: it is the median of itself and those two. Whoever has been over a
percentage has to clear it by two points before that is over.
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from common.wire import Severity, Status

FINE, INFO, WARNING, CRITICAL = range(4)

OFTEN_S = 900
"""Up to this interval a change takes two outcomes."""
CLEARANCE = 2.0
_SHARE_OF_ROOM = 0.2  # a threshold close to the end of the scale leaves no two points to clear it by

_LEVELS: dict[Severity, int] = {"info": INFO, "warning": WARNING, "critical": CRITICAL}
_SEVERITIES: dict[int, Severity] = {level: severity for severity, level in _LEVELS.items()}


class Measured(Protocol):
    """What an outcome says about how bad it is."""

    @property
    def status(self) -> Status: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def value(self) -> float | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def warning(self) -> float | None: ...
    @property
    def critical(self) -> float | None: ...
    @property
    def interval_s(self) -> int: ...


class Standing(NamedTuple):
    """What is confirmed of a check, the level of its latest outcome, and since when its outcomes have been findings."""

    confirmed: int | None = None
    recent: int | None = None
    since: datetime | None = None

    @property
    def is_finding(self) -> bool:
        return bool(self.confirmed)


UNSEEN = Standing()


def level_of(status: Status, severity: Severity) -> int | None:
    """None for an outcome that measured nothing."""
    match status:
        case "ok" | "info":
            return FINE
        case "warning" | "critical":
            return _LEVELS[severity]
        case _:
            return None


def severity_of(level: int) -> Severity:
    return _SEVERITIES[level]


def step(before: Standing, outcome: Measured, at: datetime) -> Standing:
    """What stands after one more outcome; one that is older than the last must not come here."""
    level = level_of(outcome.status, outcome.severity)
    if level is None:
        return before
    if before.confirmed is None or before.recent is None:
        return Standing(level, level, at if level else None)
    if level == before.confirmed == before.recent:
        return before
    if level < before.confirmed:
        level = _held(level, before.confirmed, outcome)
    since = (before.since or at) if level else None
    if not 0 < outcome.interval_s <= OFTEN_S:
        return Standing(level, level, since)
    return Standing(sorted((before.confirmed, before.recent, level))[1], level, since)


def _held(level: int, confirmed: int, outcome: Measured) -> int:
    """The level, or the worst one up to the confirmed one whose threshold is not cleared yet."""
    if outcome.unit != "%" or outcome.value is None:
        return level
    for held, threshold in ((CRITICAL, outcome.critical), (WARNING, outcome.warning)):
        if threshold is not None and not _clear(outcome.value, threshold) and held > level:
            return min(held, confirmed)
    return level


def _clear(value: float, threshold: float) -> bool:
    room = 100 - threshold if value > threshold else threshold
    return abs(value - threshold) >= min(CLEARANCE, room * _SHARE_OF_ROOM)
