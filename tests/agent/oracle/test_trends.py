import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.oracle.trends import fit, since_last_drop

number = st.floats(-1e6, 1e6)


@settings(max_examples=50)
@given(slope=number, start=number, times=st.lists(st.integers(0, 10**6), min_size=2, max_size=30, unique=True))
def test_points_on_a_line_give_the_line(slope: float, start: float, times: list[int]) -> None:
    line = fit([(time, start + slope * time) for time in times])
    assert line is not None
    assert line.slope == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_a_scatter_fits_badly() -> None:
    line = fit([(0, 5.0), (1, 1.0), (2, 6.0), (3, 0.0), (4, 5.0)])
    assert line is not None
    assert line.fit < 0.1


def test_one_time_makes_no_line() -> None:
    assert fit([]) is None
    assert fit([(1, 5.0)]) is None
    assert fit([(1, 5.0), (1, 6.0)]) is None


def test_a_level_line_fits() -> None:
    line = fit([(0, 3.0), (1, 3.0)])
    assert line is not None
    assert (line.slope, line.fit) == (0, 1)


def test_a_purge_starts_a_new_trend() -> None:
    points = [(0, 10.0), (1, 12.0), (2, 4.0), (3, 5.0)]
    assert since_last_drop(points, tolerance=0.01) == [(2, 4.0), (3, 5.0)]


def test_a_small_fall_is_part_of_the_trend() -> None:
    points = [(0, 100.0), (1, 99.5), (2, 101.0)]
    assert since_last_drop(points, tolerance=0.01) == points
