"""Which windows a rule gives: by the wall clock of its zone, bounded, whatever clocks do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.maintenance import recurrence, recurring
from collector.domain.maintenance.recurrence import AT_MOST, Recurring
from collector.domain.maintenance.rules import Unfit

WEEKLY = Recurring(
    title="Patch night",
    description="",
    visibility="internal",
    rule="FREQ=WEEKLY;BYDAY=SU",
    timezone="Europe/Berlin",
    first_start="2026-03-01T02:30",
    minutes=90,
    services=(1,),
    exclude_from_sla=True,
    suppress_alerts=True,
)


def starts(rule: str, *, first: str = "2026-03-01T02:30", zone: str = "Europe/Berlin", days: int = 60) -> list[str]:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    found = recurrence.starts(rule, zone, first, since=since, until=since + timedelta(days=days))
    return [one.strftime("%m-%dT%H:%M") for one in found]


def test_the_wall_clock_decides_across_the_change_to_summer_time() -> None:
    assert starts("FREQ=WEEKLY;BYDAY=SU", first="2026-03-15T12:00") == [
        "03-15T11:00",
        "03-22T11:00",
        "03-29T10:00",
        "04-05T10:00",
        "04-12T10:00",
        "04-19T10:00",
        "04-26T10:00",
    ]


def test_a_time_in_the_gap_is_the_first_instant_after_it() -> None:
    assert starts("FREQ=DAILY", first="2026-03-28T02:30", days=31)[:3] == ["03-28T01:30", "03-29T01:00", "03-30T00:30"]


def test_a_time_that_occurs_twice_happens_once_at_its_first() -> None:
    since = datetime(2026, 10, 24, tzinfo=UTC)
    found = recurrence.starts(
        "FREQ=DAILY", "Europe/Berlin", "2026-03-01T02:30", since=since, until=since + timedelta(days=3)
    )
    assert [one.strftime("%dT%H:%M") for one in found] == ["24T00:30", "25T00:30", "26T01:30"]


def test_wall_times_that_fall_together_in_a_gap_are_one_window() -> None:
    assert (
        starts("FREQ=DAILY;BYHOUR=2;BYMINUTE=0,30", first="2026-03-28T02:00", days=29)
        == [
            "03-28T01:00",
            "03-28T01:30",
            "03-29T01:00",
            "03-30T00:00",
        ][:3]
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=-1SU", ["03-29T01:00", "04-26T00:30"]),
        ("FREQ=DAILY;COUNT=2", ["03-01T01:30", "03-02T01:30"]),
        ("FREQ=DAILY;UNTIL=20260303", ["03-01T01:30", "03-02T01:30", "03-03T01:30"]),
        ("FREQ=DAILY;UNTIL=20260302T013000Z", ["03-01T01:30", "03-02T01:30"]),
        ("FREQ=DAILY;UNTIL=20260302T022959", ["03-01T01:30"]),
        ("RRULE:freq=yearly", ["03-01T01:30"]),
    ],
)
def test_the_usual_rules(rule: str, expected: list[str]) -> None:
    recurrence.check(replace(WEEKLY, rule=rule))
    assert starts(rule) == expected


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"rule": "FREQ=MINUTELY"}, "rule"),
        ({"rule": "FREQ=SECONDLY;INTERVAL=9999"}, "rule"),
        ({"rule": "FREQ=HOURLY"}, "rule"),
        ({"rule": "FREQ=HOURLY;INTERVAL=12"}, "rule"),
        ({"rule": "FREQ=DAILY;BYHOUR=1,13"}, "rule"),
        ({"rule": "FREQ=DAILY;INTERVAL=0"}, "rule"),
        ({"rule": "FREQ=DAILY;BYEASTER=1"}, "rule"),
        ({"rule": "FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2"}, "rule"),
        ({"rule": "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2"}, "rule"),
        ({"rule": "FREQ=DAILY;UNTIL=20200101"}, "rule"),
        ({"rule": "FREQ=DAILY;UNTIL=tomorrow"}, "rule"),
        ({"rule": "FREQ=DAILY;COUNT=2;UNTIL=2026"}, "rule"),
        ({"rule": "FREQ=DAILY;BYHOUR=25"}, "rule"),
        ({"rule": "FREQ=DAILY;BYDAY=XX"}, "rule"),
        ({"rule": "FREQ=DAILY\nDTSTART:20260101T000000"}, "rule"),
        ({"rule": ""}, "rule"),
        ({"rule": "FREQ=DAILY;" * 200}, "rule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"first_start": "2026-03-01"}, "first_start"),
        ({"first_start": "2026-03-01T02:30Z"}, "first_start"),
        ({"first_start": "9999-03-01T02:30"}, "first_start"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 30 * 24 * 60 + 1}, "minutes"),
        ({"services": ()}, "service_ids"),
        ({"title": " "}, "title"),
        ({"description": "\x00"}, "description"),
    ],
)
def test_what_cannot_be_used_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Unfit) as refusal:
        recurring.checked(replace(WEEKLY, **changed))
    assert refusal.value.field == field
    assert "; expected " in str(refusal.value)


def test_a_day_that_is_there_every_four_years_is_a_date() -> None:
    recurrence.check(replace(WEEKLY, rule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"))
    recurrence.check(replace(WEEKLY, rule=f"FREQ=HOURLY;COUNT={AT_MOST}"))


rules = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=MO,TH",
        "FREQ=MONTHLY;BYDAY=1SU",
        "FREQ=HOURLY;INTERVAL=24",
    ]
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])


@settings(max_examples=60, deadline=None)
@given(
    rule=rules,
    zone=zones,
    hour=st.integers(0, 23),
    cuts=st.lists(st.integers(0, 300), min_size=1, max_size=6),
)
def test_in_whatever_steps_a_rule_is_followed_it_gives_the_same(
    rule: str, zone: str, hour: int, cuts: list[int]
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    points = [begin + timedelta(days=cut) for cut in sorted({0, *cuts, 301})]
    first = f"2025-12-20T{hour:02}:15"
    whole = recurrence.starts(rule, zone, first, since=points[0], until=points[-1])
    pieces = [
        one
        for since, until in pairwise(points)
        for one in recurrence.starts(rule, zone, first, since=since, until=until)
    ]
    assert pieces == whole
    assert len(set(whole)) == len(whole)
