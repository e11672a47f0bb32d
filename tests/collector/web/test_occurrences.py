"""Rules from simple choices, and what a preview says where clocks change."""

from datetime import UTC, datetime

import pytest

from collector.domain.maintenance.rules import Unfit
from collector.web import occurrences
from collector.web.occurrences import Frequency

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = datetime(2026, 3, 4, 2, 30)  # noqa: DTZ001 - a wall-clock time, a Wednesday


@pytest.mark.parametrize(
    ("frequency", "days", "every", "until", "rule"),
    [
        ("daily", [], 1, "", "FREQ=DAILY"),
        ("daily", [], 3, "2026-12-31", "FREQ=DAILY;INTERVAL=3;UNTIL=20261231"),
        ("weekly", [], 1, "", "FREQ=WEEKLY;BYDAY=WE"),
        ("weekly", ["SU", "MO"], 2, "", "FREQ=WEEKLY;BYDAY=MO,SU;INTERVAL=2"),
        ("monthly-day", [], 1, "", "FREQ=MONTHLY;BYMONTHDAY=4"),
        ("monthly-weekday", [], 1, "", "FREQ=MONTHLY;BYDAY=1WE"),
    ],
)
def test_simple_choices_are_a_rule(frequency: Frequency, days: list[str], every: int, until: str, rule: str) -> None:
    assert occurrences.rule_of(frequency, days, every, FIRST, until) == rule


def test_the_end_of_a_month_is_the_end_of_each() -> None:
    last = datetime(2026, 3, 31, 2)  # noqa: DTZ001 - a wall-clock time
    assert occurrences.rule_of("monthly-day", [], 1, last, "") == "FREQ=MONTHLY;BYMONTHDAY=-1"
    assert occurrences.rule_of("monthly-weekday", [], 1, last, "") == "FREQ=MONTHLY;BYDAY=-1TU"


def test_a_last_day_that_is_none_is_refused() -> None:
    with pytest.raises(Unfit, match="a date such as"):
        occurrences.rule_of("daily", [], 1, FIRST, "soon")


def test_the_next_ten_are_shown_in_utc_and_by_the_wall() -> None:
    found = occurrences.preview("FREQ=WEEKLY;BYDAY=WE", "Europe/Berlin", "2026-03-04T02:30", 60, NOW)
    assert len(found) == occurrences.SHOWN
    assert [one.local for one in found[:2]] == ["Wed 2026-03-04 02:30", "Wed 2026-03-11 02:30"]
    assert found[0].begins == datetime(2026, 3, 4, 1, 30, tzinfo=UTC)
    assert found[4].begins == datetime(2026, 4, 1, 0, 30, tzinfo=UTC)
    assert {one.about for one in found} == {""}


@pytest.mark.parametrize(
    ("day", "clock", "minutes", "said"),
    [
        ("2026-03-29", "02:30", 60, "Clocks go forward: 02:30 does not exist on this day, it begins at 03:00."),
        ("2026-10-25", "02:30", 60, "Clocks go back: 02:30 comes twice on this day, it begins at the first."),
        ("2026-03-29", "01:30", 60, "Clocks go forward meanwhile: it still takes 1 h."),
        ("2026-10-25", "00:30", 180, "Clocks go back meanwhile: it still takes 3 h."),
        ("2026-10-25", "12:00", 60, ""),
    ],
)
def test_what_is_special_about_a_clock_is_said(day: str, clock: str, minutes: int, said: str) -> None:
    found = occurrences.preview("FREQ=DAILY;COUNT=1", "Europe/Berlin", f"{day}T{clock}", minutes, NOW)
    assert [one.about for one in found] == [said]


def test_what_is_far_away_or_rare_is_shown_too() -> None:
    far = occurrences.preview("FREQ=DAILY;COUNT=3", "UTC", "2031-03-28T02:30", 60, NOW)
    assert [one.local for one in far] == ["Fri 2031-03-28 02:30", "Sat 2031-03-29 02:30", "Sun 2031-03-30 02:30"]
    rare = occurrences.preview("FREQ=MONTHLY;BYMONTHDAY=4;INTERVAL=52", "UTC", "2026-03-04T02:30", 60, NOW)
    assert len(rare) == occurrences.SHOWN
