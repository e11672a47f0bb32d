"""Weeks as ISO 8601 counts them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.reports import weeks
from collector.domain.reports.weeks import Week


@pytest.mark.parametrize(
    ("text", "begin"), [("2026-W47", (2026, 11, 16)), ("2026-W01", (2025, 12, 29)), ("2020-W53", (2020, 12, 28))]
)
def test_a_week_begins_on_its_monday_in_utc(text: str, begin: tuple[int, int, int]) -> None:
    week = Week.parse(text)
    assert week.begin == datetime(*begin, tzinfo=UTC)
    assert (str(week), week.end - week.begin, week.last.weekday()) == (text, timedelta(days=7), 6)
    assert (week.after.before, week.days[-1]) == (week, week.end)


@pytest.mark.parametrize(
    "text", ["", "2026-W00", "2026-W54", "2025-W53", "2026-47", "0000-W01", "9999-W52", "٢٠٢٦-W01"]
)
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a week such as 2026-W07"):
        Week.parse(text)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - with a zone
@settings(max_examples=50)
def test_every_instant_is_in_the_week_that_is_said_of_it(at: datetime) -> None:
    week = Week.of(at)
    assert week.begin <= at < week.end
    assert Week.parse(str(week)) == week
    assert week.before < week < week.after


def test_a_report_is_ready_some_hours_after_its_week() -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    assert str(weeks.last_whole(monday)) == "2026-W47"
    assert str(weeks.ready(monday + timedelta(hours=5, minutes=59))) == "2026-W46"
    assert str(weeks.ready(monday + weeks.READY)) == "2026-W47"
