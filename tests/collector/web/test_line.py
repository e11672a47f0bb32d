"""Lines of values: never drawn through a gap, on scales that hold everything."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.web.charts import line
from collector.web.charts.line import Band, Chart, Level, Point

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def point(hour: float, value: float = 5.0, spread: float = 0.0) -> Point:
    at = T0 + hour * HOUR
    return Point(at, at, value - spread, value, value + spread)


def chart(*points: Point, **changes: object) -> Chart:
    given: dict[str, object] = {
        "title": "Sessions",
        "begin": T0,
        "end": T0 + 168 * HOUR,
        "points": points,
        "gap": 3 * HOUR,
    }
    return Chart(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one dataclass


@given(st.lists(st.integers(0, 167), unique=True, max_size=40), st.integers(1, 12))
@settings(max_examples=60)
def test_a_line_is_broken_exactly_where_nothing_was_measured_for_too_long(hours: list[int], gap: int) -> None:
    points = [point(hour) for hour in sorted(hours)]
    found = line.stretches(points, gap * HOUR)
    assert [one for stretch in found for one in stretch] == points
    for stretch in found:
        assert all(b.at - a.until <= gap * HOUR for a, b in itertools.pairwise(stretch))
    for before, after in itertools.pairwise(found):
        assert after[0].at - before[-1].until > gap * HOUR


@given(st.lists(st.floats(-1e12, 1e12, allow_nan=False), min_size=1, max_size=20), st.booleans())
@settings(max_examples=100)
def test_everything_that_was_measured_is_on_the_scale(values: list[float], share: bool) -> None:  # noqa: FBT001 - given
    scale = line.scale_of(chart(*(point(n, value) for n, value in enumerate(values)), share=share))
    slack = 1e-6 * max(1.0, *(abs(value) for value in values))
    assert scale.low - slack <= min(values) <= max(values) <= scale.high + slack
    assert scale.low < scale.high
    assert 2 <= len(scale.ticks) <= 10


def test_a_gap_is_a_new_line_and_a_lonely_value_a_dot() -> None:
    drawn = line.draw(chart(point(1), point(2), point(3), point(50), point(90), point(91)))
    assert drawn.count('class="line"') == 2
    assert drawn.count('class="dot"') == 1


def test_the_band_between_lowest_and_highest_is_drawn_where_there_is_one() -> None:
    assert 'class="range"' not in line.draw(chart(point(1), point(2)))
    assert 'class="range"' in line.draw(chart(point(1, spread=1), point(2, spread=2)))


def test_thresholds_that_are_far_away_do_not_flatten_the_line() -> None:
    near, far = Level(6.0, "warning"), Level(9000.0, "critical")
    drawn = line.draw(chart(point(1, 5.0), point(2, 5.5), levels=(near, far)))
    assert "level warning" in drawn
    assert "level critical" not in drawn


def test_bands_are_cut_to_the_time_shown_and_named() -> None:
    bands = (
        Band(T0 - 5 * HOUR, T0 + HOUR, "maintenance", "Patch & reboot"),
        Band(T0 + 160 * HOUR, None, "incident", "Slow"),
        Band(T0 - 9 * HOUR, T0 - 8 * HOUR, "incident", "before"),
    )
    drawn = line.draw(chart(point(1), bands=bands))
    assert "maintenance: Patch &amp; reboot" in drawn
    assert "incident: Slow" in drawn
    assert "before" not in drawn
    assert "style" not in drawn


def test_dates_stand_under_midnights() -> None:
    for days in (7, 30, 90):
        ticks = line.day_ticks(T0 + 5 * HOUR, T0 + 5 * HOUR + timedelta(days=days))
        assert 5 <= len(ticks) <= 8
        assert all(one.hour == 0 for one in ticks)


def test_numbers_of_an_axis_are_short() -> None:
    said = [line.brief(value) for value in (0.25, 999, 5000, 12_500, 3_000_000, 2.5e9, -40)]
    assert said == ["0.25", "999", "5000", "12.5k", "3M", "2.5G", "-40"]


def test_a_picture_of_nothing_has_an_axis_all_the_same() -> None:
    assert "<svg" in line.draw(chart())
    assert "<svg" in line.draw(chart(point(1, 0.0)))
