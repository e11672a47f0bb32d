"""Pure: when schedules start and stop what they apply to, each edge once, whatever the clocks of a zone do.

A wall time happens at the first instant at which the local clock shows it or a later time. So one in a gap is the first
instant after the gap, one that occurs twice is its first occurrence, and later wall times never happen earlier.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import structs

from common.wire_aws import Action, Window

Desired = Literal["RUNNING", "STOPPED", "UNMANAGED"]
Span = tuple[datetime, datetime]
"""Half-open, in UTC."""

MINUTES_A_WEEK = 10_080
_MARGIN = timedelta(days=3)  # a day, the widest offset and a zone that leaves out a date are less
_LOOKS = tuple(timedelta(days=days) for days in (8, 32, 128, 512))
_WEEKS_AVERAGED = 52
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """An instant at which something is to be started or stopped."""

    at: datetime
    action: Action


def edges(window: Window, start: datetime, end: datetime) -> list[Edge]:
    """The edges of one schedule from `start` on and before `end`."""
    return union_edges((window,), start, end)


def union_edges(windows: Sequence[Window], start: datetime, end: datetime) -> list[Edge]:
    """The edges of what is to run while any of the windows is open; those that touch or overlap are one.

    What only starts or only stops has its say outside the windows, and where a stop meets a start, the start holds.
    """
    runs = spans(windows, start, end)
    found = {Edge(a, "START") for a, _ in runs} | {Edge(b, "STOP") for _, b in runs}
    found |= {point for point in _points(windows, start, end) if not _within(runs, point.at)}
    starts = {edge.at for edge in found if edge.action == "START"}
    return sorted(
        edge for edge in found if start <= edge.at < end and (edge.action == "START" or edge.at not in starts)
    )


def spans(windows: Iterable[Window], start: datetime, end: datetime) -> list[Span]:
    """The open windows between two instants and some days around them, merged; only what lies between is complete."""
    merged: list[Span] = []
    for a, b in sorted(span for window in windows for span in _opened(window, start, end)):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged


def desired(windows: Sequence[Window], at: datetime) -> Desired:
    """What is to be at an instant. Nothing is implied by what only starts or stops, nor on a day that all skip."""
    if _within(spans(windows, at, at), at):
        return "RUNNING"
    implying = [window for window in windows if implies_state(window) and not skipped(window, at)]
    return "STOPPED" if implying else "UNMANAGED"


def implies_state(window: Window) -> bool:
    """Whether it says what is to be between its edges."""
    return window.start is not None and window.stop is not None


def skipped(window: Window, at: datetime) -> bool:
    """Whether the local date of an instant is one that it skips."""
    return at.astimezone(ZoneInfo(window.timezone)).date().isoformat() in window.skip


def latest_edge(windows: Sequence[Window], now: datetime) -> Edge | None:
    """The last edge at or before `now`; None when there was none for over a year."""
    for look in _LOOKS:
        found = union_edges(windows, now - look, now + _INSTANT)
        if found:
            return found[-1]
    return None


def next_edge(windows: Sequence[Window], now: datetime) -> Edge | None:
    """The first edge after `now`; None when there is none for over a year."""
    for look in _LOOKS:
        found = union_edges(windows, now + _INSTANT, now + look)
        if found:
            return found[0]
    return None


def minutes_per_week(windows: Sequence[Window], start: datetime) -> float | None:
    """How long any window is open in a usual week, single dates left out; averaged, since some weeks change clocks.

    None when no window implies a state: how long something runs that is only stopped is not known.
    """
    usual = [structs.replace(window, skip=(), extra=()) for window in windows if implies_state(window)]
    if not usual:
        return None
    end = start + timedelta(weeks=_WEEKS_AVERAGED)
    open_for = sum((max(min(b, end) - max(a, start), timedelta()) for a, b in spans(usual, start, end)), timedelta())
    return open_for / timedelta(minutes=_WEEKS_AVERAGED)


def resolve(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """The instant at which a wall time of a day happens."""
    wall = datetime.combine(day, time.fromisoformat(clock))
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant whose local time is not before a wall time that does not exist, by halving what is between."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after


def _opened(window: Window, start: datetime, end: datetime) -> Iterator[Span]:
    if window.start is None or window.stop is None:
        return
    zone = ZoneInfo(window.timezone)
    nights = timedelta(days=0 if window.stop > window.start else 1)
    for day in _days(window, start, end):
        a, b = resolve(day, window.start, zone), resolve(day + nights, window.stop, zone)
        if a < b:  # a gap can swallow all of it
            yield a, b


def _points(windows: Iterable[Window], start: datetime, end: datetime) -> Iterator[Edge]:
    for window in windows:
        clock = window.stop or window.start
        if implies_state(window) or clock is None:
            continue
        action: Action = "START" if window.stop is None else "STOP"
        for day in _days(window, start, end):
            yield Edge(resolve(day, clock, ZoneInfo(window.timezone)), action)


def _days(window: Window, start: datetime, end: datetime) -> Iterator[date]:
    """The local dates on which something of it begins."""
    zone = ZoneInfo(window.timezone)
    begins = _begins(window)
    day, last = (instant.astimezone(zone).date() for instant in (start - _MARGIN, end + _MARGIN))
    while day <= last:
        if begins(day):
            yield day
        day += timedelta(days=1)


def _begins(window: Window) -> Callable[[date], bool]:
    weekdays, skip, extra = set(window.weekdays), set(window.skip), set(window.extra)
    return lambda day: (day.isoweekday() in weekdays or day.isoformat() in extra) and day.isoformat() not in skip


def _within(runs: Sequence[Span], at: datetime) -> bool:
    index = bisect_right(runs, at, key=lambda span: span[0]) - 1
    return index >= 0 and at < runs[index][1]
