"""Windows against a clock that is watched minute by minute, and against what was written down beforehand."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from common.clock import iso
from common.windows import (
    Edge,
    desired,
    edges,
    implies_state,
    latest_edge,
    minutes_per_week,
    next_edge,
    union_edges,
)
from common.wire_aws import Window

ZONES = (
    "America/New_York", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
    "Africa/Casablanca", "Antarctica/Troll", "Pacific/Chatham", "America/Havana", "America/Sao_Paulo", "Asia/Gaza",
    "America/Caracas", "Asia/Pyongyang", "Europe/Dublin", "Asia/Tehran", "America/St_Johns", "Asia/Beirut", "UTC",
)  # fmt: skip
MINUTE = timedelta(minutes=1)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
WORK_DAYS = (1, 2, 3, 4, 5)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(found: Sequence[Edge]) -> list[str]:
    return [f"{iso(edge.at)[:16]} {edge.action}" for edge in found]


# --- the oracle ----------------------------------------------------------------------------------------------------


@cache
def happenings(zone: str, start: datetime, minutes: int) -> dict[datetime, int]:
    """Every wall time -> the minute after `start` in which the clock on the wall first shows it or is past it."""
    clock = ZoneInfo(zone)
    happened: dict[datetime, int] = {}
    shown_last = start.astimezone(clock).replace(tzinfo=None) - MINUTE
    for minute in range(minutes):
        shows = (start + minute * MINUTE).astimezone(clock).replace(tzinfo=None)
        while shown_last < shows:
            shown_last += MINUTE
            happened[shown_last] = minute
    return happened


def watched(windows: Sequence[Window], start: datetime, days: int) -> list[Edge]:
    """The edges that somebody sees who colours in every minute of a calendar; the outer three days are left out."""
    minutes = days * 1440
    coloured = bytearray(minutes)
    pressed: dict[int, set[str]] = {}
    for window in windows:
        happened = happenings(window.timezone, start, minutes)
        for day in began(window, start, days):
            colour(window, day, happened, coloured, pressed)
    return list(seen(coloured, pressed, start, minutes))


def began(window: Window, start: datetime, days: int) -> Iterator[date]:
    for number in range(-2, days + 3):
        day = start.date() + timedelta(days=number)
        if str(day) in window.skip:
            continue
        if str(day) in window.extra or day.isoweekday() in window.weekdays:
            yield day


def colour(
    window: Window, day: date, happened: dict[datetime, int], coloured: bytearray, pressed: dict[int, set[str]]
) -> None:
    def when(clock: str, later: int = 0) -> int | None:
        return happened.get(datetime.fromisoformat(f"{day + timedelta(days=later)}T{clock}"))

    if window.start and window.stop:
        first = when(window.start)
        last = when(window.stop, 0 if window.start < window.stop else 1)
        for minute in range(first or 0, len(coloured) if last is None else last):
            if first is not None or last is not None:
                coloured[minute] = 1
        return
    for clock, button in ((window.start, "START"), (window.stop, "STOP")):
        happens = when(clock) if clock else None
        if happens is not None:
            pressed.setdefault(happens, set()).add(button)


def seen(coloured: bytearray, pressed: dict[int, set[str]], start: datetime, minutes: int) -> Iterator[Edge]:
    for minute in range(3 * 1440, minutes - 3 * 1440):
        before, now = coloured[minute - 1], coloured[minute]
        buttons = pressed.get(minute, set())
        if (now and not before) or (not now and "START" in buttons):
            yield Edge(start + minute * MINUTE, "START")
        elif not now and (before or "STOP" in buttons):
            yield Edge(start + minute * MINUTE, "STOP")


@cache
def transitions(zone: str) -> tuple[datetime, ...]:
    """Days on which the clocks of a zone were or will be changed, to half a day; some day where they never are."""
    clock, found = ZoneInfo(zone), []
    instant, end = at("2009-01-01"), at("2031-01-01")
    while instant < end:
        if (instant + timedelta(hours=12)).astimezone(clock).utcoffset() != instant.astimezone(clock).utcoffset():
            found.append(instant)
        instant += timedelta(hours=12)
    return tuple(found) or (at("2026-03-01"),)


# --- what is drawn -------------------------------------------------------------------------------------------------

DAYS = 9
clocks = st.builds(
    "{:02d}:{:02d}".format,
    st.sampled_from((0, 1, 2, 3, 4, 23)) | st.integers(0, 23),
    st.sampled_from((0, 30)) | st.integers(0, 59),
)
zone_names = st.sampled_from(ZONES)
week = st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))) | st.just(EVERY_DAY)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and the begin of some days around a change of its clocks."""
    zone = draw(zone_names)
    return zone, draw(st.sampled_from(transitions(zone))) - timedelta(days=DAYS // 2)


@st.composite
def windows_around(draw: st.DrawFn, zone: str, start: datetime, *, points: bool = False) -> Window:
    first, second = draw(st.lists(clocks, min_size=2, max_size=2, unique=True))
    around = st.integers(0, DAYS).map(lambda days: str(start.date() + timedelta(days=days)))
    missing = draw(st.sampled_from(("none", "none", "start", "stop"))) if points else "none"
    return Window(
        timezone=zone,
        weekdays=draw(week),
        start=None if missing == "start" else first,
        stop=None if missing == "stop" else second,
        skip=tuple(draw(st.lists(around, max_size=2, unique=True))),
        extra=tuple(draw(st.lists(around, max_size=2, unique=True))),
    )


def between(start: datetime) -> tuple[datetime, datetime]:
    return start + timedelta(days=3), start + timedelta(days=DAYS - 3)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_edges_are_those_that_a_watcher_of_the_clock_sees(data: st.DataObject) -> None:
    zone, start = data.draw(places())
    window = data.draw(windows_around(zone, start, points=True))
    assert edges(window, *between(start)) == watched([window], start, DAYS)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_several_schedules_in_several_zones_have_the_edges_of_their_union(data: st.DataObject) -> None:
    zone, start = data.draw(places())
    zones = data.draw(st.lists(zone_names | st.just(zone), min_size=1, max_size=3))
    windows = [data.draw(windows_around(zone, start, points=True)) for zone in zones]
    assert union_edges(windows, *between(start)) == watched(windows, start, DAYS)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_edges_alternate_and_say_what_is_desired(data: st.DataObject) -> None:
    zone, start = data.draw(places())
    windows = [data.draw(windows_around(zone, start)) for _ in range(data.draw(st.integers(1, 3)))]
    found = union_edges(windows, *between(start))
    for earlier, later in pairwise(found):
        assert earlier.action != later.action
        assert earlier.at < later.at
    for edge in found:
        assert (desired(windows, edge.at) == "RUNNING") == (edge.action == "START")
        assert (desired(windows, edge.at - MINUTE) == "RUNNING") == (edge.action == "STOP")
        assert latest_edge(windows, edge.at) == edge
        assert latest_edge(windows, edge.at - MINUTE) != edge
        assert next_edge(windows, edge.at - MINUTE) == edge


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_period_has_the_edges_of_its_parts(data: st.DataObject) -> None:
    zone, start = data.draw(places())
    window = data.draw(windows_around(zone, start, points=True))
    first, last = between(start)
    middle = first + timedelta(minutes=data.draw(st.integers(0, (last - first) // MINUTE)))
    assert edges(window, first, middle) + edges(window, middle, last) == edges(window, first, last)


# --- what was written down beforehand ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "start", "stop", "day", "expected"),
    [
        pytest.param(
            "America/New_York", "02:00", "04:00", "2026-03-08",
            ["2026-03-08T07:00 START", "2026-03-08T08:00 STOP"], id="a start in the gap of New York",
        ),
        pytest.param(
            "Europe/Berlin", "02:30", "05:00", "2026-03-29",
            ["2026-03-29T01:00 START", "2026-03-29T03:00 STOP"], id="a start in the gap of Berlin is 03:00 local",
        ),
        pytest.param(
            "America/New_York", "00:30", "01:30", "2026-11-01",
            ["2026-11-01T04:30 START", "2026-11-01T05:30 STOP"], id="a stop that occurs twice stops once",
        ),
        pytest.param(
            "America/New_York", "01:30", "06:00", "2026-11-01",
            ["2026-11-01T05:30 START", "2026-11-01T11:00 STOP"], id="a start that occurs twice runs through",
        ),
        pytest.param(
            "America/Santiago", "00:00", "08:00", "2026-09-06",
            ["2026-09-06T04:00 START", "2026-09-06T11:00 STOP"], id="a midnight that does not exist is 01:00 local",
        ),
        pytest.param(
            "Australia/Lord_Howe", "01:45", "03:00", "2026-04-05",
            ["2026-04-04T14:45 START", "2026-04-04T16:30 STOP"], id="a fold of half an hour",
        ),
        pytest.param(
            "America/New_York", "02:10", "02:40", "2026-03-08", [], id="a window that the gap swallows",
        ),
        pytest.param(
            "Pacific/Apia", "08:00", "18:00", "2011-12-30", [], id="a date that was left out",
        ),
    ],
)  # fmt: skip
def test_an_edge_beside_a_change_of_the_clocks_comes_once(
    zone: str, start: str, stop: str, day: str, expected: list[str]
) -> None:
    window = Window(timezone=zone, weekdays=(date.fromisoformat(day).isoweekday(),), start=start, stop=stop)
    assert shown(edges(window, at(day) - timedelta(days=1), at(day) + timedelta(days=2))) == expected


def test_a_night_belongs_to_the_day_on_which_it_starts() -> None:
    friday = Window(timezone="UTC", weekdays=(5,), start="20:00", stop="06:00")
    week_ = (at("2026-06-01"), at("2026-06-08"))
    assert shown(edges(friday, *week_)) == ["2026-06-05T20:00 START", "2026-06-06T06:00 STOP"]
    skipping = structs.replace(friday, skip=("2026-06-06",))
    assert edges(skipping, *week_) == edges(friday, *week_)
    assert edges(structs.replace(friday, skip=("2026-06-05",)), *week_) == []


def test_windows_that_touch_are_one() -> None:
    morning = Window(timezone="UTC", weekdays=EVERY_DAY, start="08:00", stop="12:00")
    afternoon = structs.replace(morning, start="12:00", stop="18:00")
    found = union_edges([afternoon, morning], at("2026-06-01"), at("2026-06-02"))
    assert shown(found) == ["2026-06-01T08:00 START", "2026-06-01T18:00 STOP"]


def test_an_extra_date_runs_and_a_skipped_one_does_not_even_when_it_is_both() -> None:
    window = Window(timezone="UTC", weekdays=(1,), start="08:00", stop="09:00", extra=("2026-06-03", "2026-06-04"))
    found = edges(structs.replace(window, skip=("2026-06-01", "2026-06-04")), at("2026-06-01"), at("2026-06-08"))
    assert shown(found) == ["2026-06-03T08:00 START", "2026-06-03T09:00 STOP"]


def test_what_only_stops_does_so_outside_the_windows_of_others() -> None:
    lunch = Window(timezone="UTC", weekdays=EVERY_DAY, stop="13:00")
    night = structs.replace(lunch, stop="22:00")
    day = Window(timezone="UTC", weekdays=EVERY_DAY, start="08:00", stop="18:00")
    found = union_edges([lunch, night, day], at("2026-06-01"), at("2026-06-02"))
    assert shown(found) == ["2026-06-01T08:00 START", "2026-06-01T18:00 STOP", "2026-06-01T22:00 STOP"]


def test_a_start_holds_against_a_stop_at_the_same_instant() -> None:
    day = Window(timezone="UTC", weekdays=EVERY_DAY, start="08:00", stop="18:00")
    evening = Window(timezone="UTC", weekdays=EVERY_DAY, start="18:00")
    found = union_edges([day, evening], at("2026-06-01"), at("2026-06-02"))
    assert shown(found) == ["2026-06-01T08:00 START", "2026-06-01T18:00 START"]


def test_nothing_is_managed_by_edges_alone_nor_on_a_day_that_is_skipped() -> None:
    stop_only = Window(timezone="UTC", weekdays=EVERY_DAY, stop="18:00")
    assert not implies_state(stop_only)
    assert desired([stop_only], at("2026-06-01T20:00")) == "UNMANAGED"
    assert desired([], at("2026-06-01T20:00")) == "UNMANAGED"
    office = Window(timezone="UTC", weekdays=WORK_DAYS, start="08:00", stop="18:00", skip=("2026-06-01",))
    assert desired([office], at("2026-06-01T10:00")) == "UNMANAGED"
    assert desired([office], at("2026-06-02T10:00")) == "RUNNING"
    assert desired([office], at("2026-06-02T18:00")) == "STOPPED"
    assert desired([office], at("2026-06-06T10:00")) == "STOPPED"
    other = structs.replace(office, skip=())
    assert desired([office, other], at("2026-06-01T20:00")) == "STOPPED"


def test_a_night_that_began_before_a_skipped_day_still_runs_and_ends_in_it() -> None:
    night = Window(timezone="UTC", weekdays=EVERY_DAY, start="20:00", stop="06:00", skip=("2026-06-02",))
    assert desired([night], at("2026-06-02T05:00")) == "RUNNING"
    assert desired([night], at("2026-06-02T07:00")) == "UNMANAGED"
    assert latest_edge([night], at("2026-06-02T23:00")) == Edge(at("2026-06-02T06:00"), "STOP")


def test_the_latest_edge_is_found_behind_weeks_that_are_skipped() -> None:
    days = [str(date(2026, 6, 1) + timedelta(days=number)) for number in range(60)]
    window = Window(timezone="UTC", weekdays=EVERY_DAY, start="08:00", stop="18:00", skip=tuple(days))
    assert latest_edge([window], at("2026-07-30")) == Edge(at("2026-05-31T18:00"), "STOP")
    assert next_edge([window], at("2026-06-01")) == Edge(at("2026-07-31T08:00"), "START")


def test_a_schedule_without_an_edge_in_reach_has_neither_a_latest_nor_a_next_one() -> None:
    assert latest_edge([], at("2026-06-01")) is None
    assert next_edge([], at("2026-06-01")) is None


def test_minutes_per_week_count_what_overlaps_once() -> None:
    office = Window(timezone="UTC", weekdays=WORK_DAYS, start="08:00", stop="20:00")
    assert minutes_per_week([office], at("2026-06-01")) == 60 * 60
    later = structs.replace(office, start="10:00", stop="22:00", skip=("2026-06-01",), extra=("2026-06-06",))
    assert minutes_per_week([office, later], at("2026-06-01")) == 70 * 60
    in_berlin = structs.replace(office, timezone="Europe/Berlin")
    assert minutes_per_week([in_berlin], at("2026-06-01T00:00")) == 60 * 60


def test_how_long_something_runs_that_is_only_stopped_is_not_known() -> None:
    assert minutes_per_week([Window(timezone="UTC", weekdays=(1,), stop="20:00")], at("2026-06-01")) is None
