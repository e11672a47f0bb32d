"""Which values are drawn, over which time, and the table beside each picture."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.domain.history.charting import Sum
from collector.web.oracle import metrics
from tests.collector.web.test_findings import checked

NOW = datetime(2026, 5, 14, 3, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)), st.sampled_from([7, 30, 90]))  # noqa: DTZ001 - the zone is given beside them
def test_the_time_that_is_drawn_ends_with_the_step_that_goes_on(now: datetime, days: int) -> None:
    over = metrics.reach(days, now)
    assert over.end - over.begin == timedelta(days=days)
    assert over.end - over.step <= now < over.end
    assert (over.end - over.begin) % over.step == timedelta(0)


def test_checks_with_numbers_have_pictures_by_category() -> None:
    checks = [
        checked("B", "ok", category="undo_temp", series_id=1, unit="%"),
        checked("A", "ok", category="undo_temp", series_id=2, unit="count"),
        checked("S", "ok", series_id=3, unit="state"),
        checked("N", "ok"),
        checked("C", "ok", category="asm", series_id=4, unit="%"),
    ]
    drawn = metrics.with_values(checks)
    assert [one.outcome.check for one in drawn] == ["C", "A", "B"]
    assert metrics.categories(drawn) == [("asm", 1), ("undo_temp", 2)]
    assert metrics.series_of(drawn, 9) == [9, 4, 2, 1]


def test_a_picture_has_a_table_with_the_newest_values_first_and_its_gaps() -> None:
    begin = metrics.reach(7, NOW).begin
    sums = [Sum(begin + n * HOUR, begin + n * HOUR, 2, 1.0, 3.0 + n, 4.0) for n in (0, 1, 9)]
    one = checked("A", "warning", unit="<b>", value=5.0, warning=4.0, series_id=1)
    drawn = metrics.of_check(one, sums, metrics.reach(7, NOW), ())
    assert drawn.latest == "5 <b>"
    assert "<b>" not in drawn.rows
    lines = drawn.rows.splitlines()
    assert [("after a gap" in line) for line in lines] == [True, False, False]
    assert "12 &lt;b&gt;" in lines[0]
    assert drawn.picture.count('class="line"') == 1


@pytest.mark.parametrize(("score", "lines"), [((), 0), ((80.0,), 0), ((80.0, 70.0), 1)])
def test_a_score_is_drawn_as_far_as_there_is_one(score: tuple[float, ...], lines: int) -> None:
    begin = metrics.reach(30, NOW).begin
    sums = [Sum(begin + n * HOUR, begin + n * HOUR, 1, value, value, value) for n, value in enumerate(score)]
    drawn = metrics.of_score(sums, metrics.reach(30, NOW), (), 60)
    assert drawn.picture.count('class="line"') == lines
    assert bool(drawn.rows) == bool(score)
