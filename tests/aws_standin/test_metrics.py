"""Profiles give the same whether they are read in one piece or point by point."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.standins.aws.metrics import DAY, HOUR, Bag, Profile, statistic

MONDAY = 1_767_571_200.0  # 2026-01-05 00:00 UTC


def office(hour: int) -> float:
    return 60.0 if hour < 120 and 8 <= hour % 24 < 20 else 2.0


def whole(profile: Profile, start: float, end: float, period: int) -> dict[float, Bag]:
    return dict(profile.bags(start, end, period))


def test_hours_of_the_week_start_on_monday() -> None:
    profile = Profile(level=office, since=MONDAY - 30 * DAY)
    bags = whole(profile, MONDAY, MONDAY + 7 * DAY, HOUR)
    busy = [int((at - MONDAY) // HOUR) for at, bag in bags.items() if statistic(bag, "Maximum") == 60]
    assert busy == [day * 24 + hour for day in range(5) for hour in range(8, 20)]


def test_a_peak_counts_in_percentiles_as_long_as_it_lasts() -> None:
    profile = Profile(level=lambda _: 10.0, since=MONDAY - 30 * DAY, peak=90.0, peak_points=12)
    (bag,) = whole(profile, MONDAY, MONDAY + 14 * DAY, 14 * DAY).values()
    assert statistic(bag, "SampleCount") == 14 * 288
    assert statistic(bag, "p95") == 10
    assert statistic(bag, "p99.5") == 90


@settings(max_examples=40, deadline=None)
@given(offset=st.integers(0, 5 * HOUR), hours=st.integers(1, 60), share=st.sampled_from([1.0, 0.5]))
def test_a_window_holds_what_its_parts_hold(offset: int, hours: int, share: float) -> None:
    profile = Profile(level=office, since=MONDAY - 30 * DAY, peak=80.0, share=share)
    start, end = MONDAY + offset, MONDAY + offset + hours * HOUR
    in_one = sum((bag for _, bag in profile.bags(start, end, hours * HOUR)), Bag())
    in_parts = sum((bag for _, bag in profile.bags(start, end, 300)), Bag())
    assert in_one == in_parts
