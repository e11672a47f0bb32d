"""Small trends: what is drawn, what is said, and that a gap stays one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.web.charts.spark import spark

scores = st.one_of(st.none(), st.floats(-10, 200))


def test_a_trend_says_where_it_began_where_it_is_and_its_lowest() -> None:
    assert "<title>Score over 3 days: 82 to 55, lowest 40</title>" in spark([82, 40, 55])
    assert "<title>Score over 2 days: 82 to 90</title>" in spark([82, 90])


def test_a_day_without_a_score_is_a_gap() -> None:
    picture = spark([80, 80, None, 90, None, 70, 70])
    assert picture.count("M") - picture.count('class="end"') == 3


@pytest.mark.parametrize("values", [[], [None, None]])
def test_nothing_known_is_nothing_drawn(values: list[float | None]) -> None:
    assert spark(values) == ""


def test_a_trend_that_ends_in_a_gap_has_no_end_dot() -> None:
    assert 'class="end"' not in spark([80, None])


@settings(max_examples=60)
@given(st.lists(scores, max_size=40))
def test_everything_stays_within_the_picture(values: list[float | None]) -> None:
    picture = spark(values)
    assert "nan" not in picture
    assert picture == "" or picture.startswith('<svg class="spark"')
