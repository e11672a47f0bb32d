"""How edges are shown where clocks jump, and what recorded stops have saved."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.schedules.rules import Execution, Standing, preview, saved, together
from common.windows import edges
from common.wire_aws import Action, Window

T0 = datetime(2026, 5, 4, 19, 0, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOBODY = Standing(None, frozenset())
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def stop(at: datetime, result: str = "APPLIED", *, rate: float | None = 0.1, seen: datetime | None = None) -> Execution:
    told: dict[str, object] = {"result": result, "at": (seen or at).isoformat()}
    if result in {"APPLIED", "MANUAL"}:
        told |= {"applied_at": at.isoformat()} | ({} if rate is None else {"rate": rate})
    if result == "MANUAL":
        told["ran_at"] = told["at"]
    return Execution(at, "STOP", {"i-1": told})


def start(at: datetime, result: str = "APPLIED", *, late: timedelta = timedelta(0)) -> Execution:
    applied = {"applied_at": (at + late).isoformat()} if result == "APPLIED" else {}
    return Execution(at, "START", {"i-1": {"result": result, "at": (at + late).isoformat(), **applied}})


def test_a_time_that_does_not_exist_is_the_first_instant_after_the_gap() -> None:
    window = Window("America/New_York", EVERY_DAY, start="02:30", stop="18:00")
    shown = preview(window, datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 8, 20, tzinfo=UTC))
    assert [(one.at, one.action, one.local.isoformat()) for one in shown] == [
        (datetime(2026, 3, 8, 7, tzinfo=UTC), "START", "2026-03-08T03:00:00-04:00")
    ]
    assert shown[0].remark == "the clocks go forward and leave 02:30 out; it is the first instant after that"


def test_a_time_that_occurs_twice_is_its_first_occurrence() -> None:
    window = Window("Europe/Berlin", EVERY_DAY, start="02:30", stop="18:00")
    shown = preview(window, datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC))
    assert [(one.at.hour, one.local.isoformat(), one.remark) for one in shown] == [
        (0, "2026-10-25T02:30:00+02:00", "the clocks go back and show 02:30 twice; it is the first time"),
        (17, "2026-10-25T18:00:00+01:00", ""),
    ]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]),
    days=st.integers(-15 * 365, 4 * 365),
    minutes=st.lists(st.integers(0, 1439), min_size=2, max_size=2, unique=True),
)
def test_a_preview_has_the_edges_of_the_windows_and_remarks_only_where_clocks_jump(
    zone: str, days: int, minutes: list[int]
) -> None:
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in minutes)
    window, begin = Window(zone, EVERY_DAY, start=first, stop=last), T0 + days * DAY
    shown = preview(window, begin, begin + 20 * DAY)
    assert [(one.at, one.action) for one in shown] == [
        (edge.at, edge.action) for edge in edges(window, begin, begin + 20 * DAY)
    ]
    for one in shown:
        around = {(one.at + step).astimezone(one.local.tzinfo).utcoffset() for step in (-DAY, timedelta(0), DAY)}
        assert one.local.astimezone(UTC) == one.at
        assert not one.remark or len(around) > 1


def test_what_was_stopped_over_night_saves_its_hours() -> None:
    told = [stop(T0), start(T0 + 12 * HOUR, late=HOUR), stop(T0 + DAY, rate=0.2), start(T0 + DAY + 12 * HOUR)]
    found = saved(told, NOBODY, T0 - DAY, T0 + 9 * DAY)
    assert (found.usd, found.hours, found.unpriced, found.unknown) == (3.7, 25.0, 0.0, 0)


def test_what_was_started_by_hand_saves_until_then() -> None:
    told = [stop(T0, "MANUAL", seen=T0 + 3 * HOUR), start(T0 + 12 * HOUR, "ALREADY")]
    assert saved(told, NOBODY, T0 - DAY, T0 + DAY).hours == 3.0


def reported(*results: tuple[str, float], action: Action = "STOP", backwards: bool = False) -> Execution:
    """An edge of which one resource was reported several times, each so many hours after it; known in that order."""
    every = []
    for result, hours in results:
        at = (T0 + hours * HOUR).isoformat()
        done = {"applied_at": at, "rate": 0.1} if result in {"APPLIED", "LATE"} else {}
        every.append({"i-1": {"result": result, "at": at, **done}})
    known = every[-1] if backwards else every[0]
    for one in reversed(every[:-1]) if backwards else every[1:]:
        known = together(one, known, action) if backwards else together(known, one, action)
    return Execution(T0, action, known)


MORNING = start(T0 + 12 * HOUR, "ALREADY")


@pytest.mark.parametrize(
    ("results", "hours"),
    [
        ([("APPLIED", 0), ("MANUAL", 3)], 3.0),
        ([("APPLIED", 0), ("MANUAL", 3), ("MANUAL", 5)], 3.0),
        ([("APPLIED", 0), ("MANUAL", 3), ("OVERRIDDEN", 4)], 3.0),
        ([("APPLIED", 0), ("OVERRIDDEN", 4)], 4.0),
        ([("APPLIED", 0), ("MANUAL", 3), ("APPLIED", 4)], 11.0),
        ([("APPLIED", 0), ("MANUAL", 3), ("APPLIED", 4), ("MANUAL", 6), ("LATE", 10)], 7.0),
        ([("APPLIED", 0), ("MANUAL", 3), ("FAILED", 4)], 3.0),
        ([("APPLIED", 0), ("APPLIED", 7)], 12.0),
        ([("APPLIED", 0), ("WAITING", 1), ("APPLIED", 2)], 12.0),
        ([("ALREADY", 0), ("MANUAL", 3)], 0.0),
        ([("OVERRIDDEN", 0), ("LATE", 2)], 10.0),
        ([("FAILED", 0), ("APPLIED", 2), ("MANUAL", 3)], 1.0),
    ],
)
def test_what_one_resource_went_through_after_one_edge_counts_while_it_was_stopped(
    results: list[tuple[str, float]], hours: float
) -> None:
    found = saved([reported(*results), MORNING], NOBODY, T0 - DAY, T0 + DAY)
    assert (found.hours, found.usd) == (hours, round(hours * 0.1, 2))


def test_a_report_that_comes_late_takes_nothing_back() -> None:
    told = reported(("APPLIED", 0), ("MANUAL", 3), backwards=True)
    assert saved([told, MORNING], NOBODY, T0 - DAY, T0 + DAY).hours == 3.0


def test_what_was_started_stays_started_however_often_that_is_enforced() -> None:
    results = [("APPLIED", 12), ("MANUAL", 14), ("APPLIED", 15)]
    again = reported(*results, action="START")
    again = again._replace(edge=T0 + 12 * HOUR)
    assert saved([stop(T0), again], NOBODY, T0 - DAY, T0 + DAY).hours == 12.0


def test_only_the_period_counts() -> None:
    told = [stop(T0), start(T0 + 12 * HOUR)]
    assert saved(told, NOBODY, T0 + 2 * HOUR, T0 + 5 * HOUR).usd == 0.3


def test_what_nobody_knows_is_not_claimed() -> None:
    unpriced = saved([stop(T0, rate=None), start(T0 + HOUR)], NOBODY, T0, T0 + DAY)
    assert (unpriced.usd, unpriced.hours, unpriced.unpriced) == (0.0, 1.0, 1.0)
    gone = saved([stop(T0)], NOBODY, T0, T0 + DAY)
    assert (gone.usd, gone.hours, gone.unknown) == (0.0, 0.0, 1)
    unseen = saved([stop(T0), stop(T0 + DAY), start(T0 + 2 * DAY)], NOBODY, T0, T0 + 3 * DAY)
    assert (unseen.hours, unseen.unknown) == (24.0, 1)


def test_what_is_still_stopped_saves_until_it_was_last_looked_at() -> None:
    standing = Standing(T0 + 5 * HOUR, frozenset({"i-1"}))
    assert saved([stop(T0)], standing, T0, T0 + DAY).usd == 0.5


def test_what_was_off_already_saves_nothing() -> None:
    assert saved([stop(T0, "ALREADY"), start(T0 + HOUR)], NOBODY, T0, T0 + DAY).hours == 0.0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["APPLIED", "ALREADY", "FAILED", "MANUAL", "SKIPPED"]), st.integers(0, 11)),
        max_size=12,
    )
)
def test_no_more_is_claimed_than_there_are_hours(days: list[tuple[str, int]]) -> None:
    told = []
    for number, (result, late) in enumerate(days):
        at = T0 + number * DAY
        told += [stop(at, result, seen=at + late * HOUR), start(at + 12 * HOUR, result, late=late * HOUR)]
    found = saved(told, NOBODY, T0, T0 + 12 * DAY)
    assert 0 <= found.hours <= 24 * 12
