"""Pure: how much of a stretch of time a service was up, in whole microseconds, and all that it takes to check that.

observed = the stretch, less what maintenance excludes, less what nobody knows
uptime = 1 - (sum of observed time by status, each with its weight) / observed, rounded down to three decimals
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple, get_args

from collector.domain.services import timeline
from collector.domain.services.rules import RANK, STATUSES, Inputs, ServiceStatus, View
from collector.domain.services.timeline import Piece, instant, micros

PolicyName = Literal["default", "strict", "degraded-counts"]
POLICY_NAMES: tuple[PolicyName, ...] = get_args(PolicyName)

_WHOLE = 1000
WEIGHTS: dict[PolicyName, Mapping[ServiceStatus, int]] = {
    "default": {"major_outage": _WHOLE, "partial_outage": 300},
    "strict": {"major_outage": _WHOLE, "partial_outage": _WHOLE},
    "degraded-counts": {"major_outage": _WHOLE, "partial_outage": 300, "degraded_performance": 100},
}
"""Thousandths of an outage that a second of each status is; the other statuses are none."""

WINDOWS: dict[str, timedelta] = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
LEAST = 60_000_000
"""Less than a minute of observed time says nothing."""

_SECOND = 1_000_000
_HUNDRED = 100_000  # percent, in thousandths


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """`percent` and `coverage` (a share, 0 to 1) are None where there is too little to say; never rounded up.

    `seconds`: observed time by status; with `observed_s`, `excluded_s` and `unknown_s` anyone can work it out again.
    """

    policy: PolicyName
    began_at: datetime
    ended_at: datetime
    percent: float | None
    coverage: float | None
    seconds: Mapping[ServiceStatus, float]
    observed_s: float
    excluded_s: float
    unknown_s: float


class Day(NamedTuple):
    """A day in UTC; `worst`: of what was observed, None where nothing was."""

    day: date
    worst: ServiceStatus | None
    uptime: Uptime


class Strip(NamedTuple):
    """Days in UTC up to now as `Day.worst` has them, and the uptime over all of them."""

    worst: tuple[ServiceStatus | None, ...]
    whole: Uptime


def uptime(
    inputs: Inputs, lo: datetime, hi: datetime, *, policy: PolicyName = "default", view: View = "internal"
) -> Uptime:
    """Of one stretch; what lies before the service counts is left out."""
    begin, end = _clipped(inputs, micros(lo), micros(hi))
    return _sum(timeline.pieces(inputs, begin, end, view), begin, end, policy)


def windows(
    inputs: Inputs, now: datetime, *, policy: PolicyName = "default", view: View = "internal"
) -> dict[str, Uptime]:
    """Of the last 24 hours, 7 days and 30 days, by these names."""
    end = micros(now)
    longest, _ = _clipped(inputs, micros(now - max(WINDOWS.values())), end)
    pieces = list(timeline.pieces(inputs, longest, end, view))
    found = {}
    for name, length in WINDOWS.items():
        begin, _ = _clipped(inputs, micros(now - length), end)
        found[name] = _sum((piece for piece in pieces if piece.ended > begin), begin, end, policy)
    return found


def days(
    inputs: Inputs,
    first: date,
    now: datetime,
    *,
    policy: PolicyName = "default",
    view: View = "internal",
) -> list[Day]:
    """Day by day from `first` up to now, today as far as it has come."""
    bounds = _midnights(first, now.astimezone(UTC).date())
    end = micros(now)
    pieces = list(timeline.pieces(inputs, bounds[0], end, view)) if bounds and bounds[0] < end else []
    starts, ends = [piece.began for piece in pieces], [piece.ended for piece in pieces]
    found: list[Day] = []
    for number, start in enumerate(bounds):
        begin, stop = _clipped(inputs, start, min(end, start + _DAY))
        of_day = pieces[bisect_right(ends, start) : bisect_left(starts, stop)]
        counted = _sum(of_day, begin, stop, policy)
        found.append(Day(first + timedelta(days=number), _worst(counted), counted))
    return found


def strip(
    inputs: Inputs,
    first: date,
    now: datetime,
    *,
    policy: PolicyName = "default",
    view: View = "internal",
) -> Strip:
    """What many services at once need of `days`, without the figures of each day."""
    bounds = _midnights(first, now.astimezone(UTC).date())
    begin, end = _clipped(inputs, bounds[0], micros(now))
    pieces = list(timeline.pieces(inputs, begin, end, view))
    worst: list[ServiceStatus | None] = [None] * len(bounds)
    for piece in pieces:
        if piece.excluded or not piece.known:
            continue
        for place in range((piece.began - bounds[0]) // _DAY, (piece.ended - 1 - bounds[0]) // _DAY + 1):
            before = worst[place]
            if before is None or RANK[before] < RANK[piece.status]:
                worst[place] = piece.status
    return Strip(tuple(worst), _sum(pieces, begin, end, policy))


_DAY = 86_400 * _SECOND


def _midnights(first: date, last: date) -> list[int]:
    midnight = micros(datetime.combine(first, time(), UTC))
    return [midnight + number * _DAY for number in range((last - first).days + 1)]


def _worst(counted: Uptime) -> ServiceStatus | None:
    return max((status for status, seconds in counted.seconds.items() if seconds), key=RANK.__getitem__, default=None)


def _clipped(inputs: Inputs, lo: int, hi: int) -> tuple[int, int]:
    begin = max(lo, micros(inputs.since))
    return min(begin, hi), hi


def _sum(pieces: Iterable[Piece], lo: int, hi: int, policy: PolicyName) -> Uptime:
    excluded = unknown = 0
    observed = dict.fromkeys(STATUSES, 0)
    for piece in pieces:
        length = min(piece.ended, hi) - max(piece.began, lo)
        if length <= 0:
            continue
        if piece.excluded:
            excluded += length
        elif not piece.known:
            unknown += length
        else:
            observed[piece.status] += length
    counted = sum(observed.values())
    weights = WEIGHTS[policy]
    down = sum(observed[status] * weight for status, weight in weights.items())
    accountable = counted + unknown
    return Uptime(
        policy=policy,
        began_at=instant(lo),
        ended_at=instant(hi),
        percent=_percent(counted, down),
        coverage=counted * _HUNDRED // accountable / _HUNDRED if accountable else None,
        seconds={status: length / _SECOND for status, length in observed.items()},
        observed_s=counted / _SECOND,
        excluded_s=excluded / _SECOND,
        unknown_s=unknown / _SECOND,
    )


def _percent(counted: int, down: int) -> float | None:
    """`down` in thousandths of a microsecond; whole numbers to the last step, so that nothing is ever rounded up."""
    if counted < LEAST:
        return None
    whole = counted * _WHOLE
    return (whole - down) * _HUNDRED // whole / 1000
