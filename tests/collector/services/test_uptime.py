"""Uptime is what anyone who counts seconds comes to."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.domain.services import uptime as figures
from collector.domain.services.rules import STATUSES, Baseline, Impact, Inputs, View, Work
from collector.domain.services.uptime import POLICY_NAMES, PolicyName, Uptime
from tests.collector.services.histories import LENGTH, T0, inputs, naive, second, span

LO, HI = second(0), second(LENGTH)
VIEWS = st.sampled_from(["internal", "public"])
POLICIES = st.sampled_from(POLICY_NAMES)
DAY = timedelta(days=1)

WEIGHTS: dict[PolicyName, dict[str, Fraction]] = {
    "default": {"major_outage": Fraction(1), "partial_outage": Fraction(3, 10)},
    "strict": {"major_outage": Fraction(1), "partial_outage": Fraction(1)},
    "degraded-counts": {
        "major_outage": Fraction(1),
        "partial_outage": Fraction(3, 10),
        "degraded_performance": Fraction(1, 10),
    },
}


def count(history: Inputs, policy: PolicyName, view: View) -> tuple[float | None, float | None, list[int], int, int]:
    """Second by second: percent, coverage, seconds by status, excluded, unknown."""
    excluded = unknown = 0
    seconds = dict.fromkeys(STATUSES, 0)
    for number in range(LENGTH):
        if second(number) < history.since:
            continue
        status, known, left_out = naive(history, second(number), view)
        if left_out:
            excluded += 1
        elif not known:
            unknown += 1
        else:
            seconds[status] += 1
    observed = sum(seconds.values())
    down = sum((weight * seconds[status] for status, weight in WEIGHTS[policy].items()), Fraction(0))  # type: ignore[index]
    percent = None if observed < 60 else int((1 - down / observed) * 100_000) / 1000
    total = observed + unknown
    coverage = int(Fraction(observed, total) * 100_000) / 100_000 if total else None
    return percent, coverage, list(seconds.values()), excluded, unknown


def check(history: Inputs, policy: PolicyName, view: View) -> None:
    found = figures.uptime(history, LO, HI, policy=policy, view=view)
    percent, coverage, seconds, excluded, unknown = count(history, policy, view)
    assert (found.percent, found.coverage) == (percent, coverage)
    assert list(found.seconds.values()) == seconds
    assert (found.excluded_s, found.unknown_s, found.observed_s) == (excluded, unknown, sum(seconds))
    assert found.percent is None or 0 <= found.percent <= 100


@given(history=inputs(), policy=POLICIES, view=VIEWS)
@settings(max_examples=100, deadline=None)
def test_it_equals_what_counting_seconds_gives(history: Inputs, policy: PolicyName, view: View) -> None:
    check(history, policy, view)


@pytest.mark.system
@given(history=inputs(), policy=POLICIES, view=VIEWS)
@settings(max_examples=4000, deadline=None)
def test_it_equals_that_for_thousands_of_histories(history: Inputs, policy: PolicyName, view: View) -> None:
    check(history, policy, view)


@given(history=inputs(), policy=POLICIES, began=st.integers(0, LENGTH - 1), length=st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_more_outage_is_never_more_uptime(history: Inputs, policy: PolicyName, began: int, length: int) -> None:
    worse = Inputs(
        service_id=1,
        since=history.since,
        baselines=(*history.baselines, Baseline(check="C", status="major_outage", span=span(began, began + length))),
        fresh=history.fresh,
        impacts=history.impacts,
        works=history.works,
        pins=history.pins,
        on_stale=history.on_stale,
    )
    before, after = (figures.uptime(one, LO, HI, policy=policy) for one in (history, worse))
    assume(before.percent is not None and after.percent is not None)
    assert (after.percent or 0) <= (before.percent or 0)
    assert after.coverage == before.coverage


def outage(began: float, ended: float, status: str = "major_outage") -> Inputs:
    return Inputs(
        service_id=1,
        since=T0 - 400 * DAY,
        baselines=(Baseline(check="C", status=status, span=span(began, ended)),),  # type: ignore[arg-type]
    )


def test_a_microsecond_of_outage_is_not_a_hundred_percent() -> None:
    assert figures.uptime(outage(0, 0.000_001), T0, T0 + 30 * DAY).percent == 99.999
    assert figures.uptime(outage(0, 0), T0, T0 + 30 * DAY).percent == 100.0


def test_a_status_weighs_what_the_policy_says() -> None:
    got = {
        (status, policy): figures.uptime(outage(0, 3600, status), T0, T0 + DAY, policy=policy).percent
        for status in ("major_outage", "partial_outage", "degraded_performance", "under_maintenance")
        for policy in POLICY_NAMES
    }
    assert got == {
        ("major_outage", "default"): 95.833,
        ("major_outage", "strict"): 95.833,
        ("major_outage", "degraded-counts"): 95.833,
        ("partial_outage", "default"): 98.75,
        ("partial_outage", "strict"): 95.833,
        ("partial_outage", "degraded-counts"): 98.75,
        ("degraded_performance", "default"): 100.0,
        ("degraded_performance", "strict"): 100.0,
        ("degraded_performance", "degraded-counts"): 99.583,
        ("under_maintenance", "default"): 100.0,
        ("under_maintenance", "strict"): 100.0,
        ("under_maintenance", "degraded-counts"): 100.0,
    }


@pytest.mark.parametrize(("seconds", "percent"), [(59.999_999, None), (60, 100.0)])
def test_less_than_a_minute_says_nothing(seconds: float, percent: float | None) -> None:
    watched = Inputs(service_id=1, since=T0, fresh=(span(0, seconds),))
    found = figures.uptime(watched, T0, T0 + DAY)
    assert found.percent == percent
    assert found.unknown_s == 86_400 - seconds


def test_what_was_before_the_service_counts_is_left_out() -> None:
    young = Inputs(service_id=1, since=second(3600), baselines=outage(0, 5400).baselines)
    found = figures.uptime(young, T0, T0 + timedelta(hours=2))
    assert (found.began_at, found.observed_s, found.percent) == (second(3600), 3600, 50.0)


def test_a_service_of_the_future_has_no_figures() -> None:
    found = figures.uptime(Inputs(service_id=1, since=T0 + DAY), T0, second(60))
    assert (found.percent, found.coverage, found.observed_s) == (None, None, 0)


def test_windows_are_what_each_of_them_is_alone() -> None:
    history = Inputs(
        service_id=1,
        since=T0 - 20 * DAY,
        fresh=(span(-15 * 86_400, -3_600),),
        baselines=(Baseline(check="C", status="major_outage", span=span(-8 * 86_400, -5 * 86_400)),),
        impacts=(Impact(incident_id=1, title="x", status="partial_outage", span=span(-9000, -1800), public=True),),
        works=(
            Work(
                maintenance_id=1,
                title="w",
                span=span(-86_400, -80_000),
                excluded=span(-85_000, -80_000),
                suppresses=False,
                public=True,
            ),
        ),
    )
    alone: dict[str, Uptime] = {
        name: figures.uptime(history, T0 - length, T0) for name, length in figures.WINDOWS.items()
    }
    assert figures.windows(history, T0) == alone
    assert alone["24h"].percent is not None


def test_days_are_days_in_utc_and_today_ends_now() -> None:
    history = outage(-3 * 3600, 3600)  # from midnight to 04:00, so that today has an hour of it left at 03:00
    bars = figures.days(history, date(2026, 5, 12), T0)
    assert [(bar.day.day, bar.worst, bar.uptime.percent, bar.uptime.observed_s) for bar in bars] == [
        (12, "operational", 100.0, 86_400),
        (13, "operational", 100.0, 86_400),
        (14, "major_outage", 0.0, 10_800),
    ]


@given(history=inputs())
@settings(max_examples=60, deadline=None)
def test_days_are_what_each_of_them_is_alone(history: Inputs) -> None:
    bars = figures.days(history, date(2026, 5, 13), HI)
    midnight = T0.replace(hour=0)
    assert [bar.uptime for bar in bars] == [
        figures.uptime(history, midnight - DAY, midnight),
        figures.uptime(history, midnight, HI),
    ]


def test_before_there_are_days_there_are_none() -> None:
    assert figures.days(outage(0, 1), date(2026, 5, 15), T0) == []
    young = Inputs(service_id=1, since=T0)
    assert [bar.worst for bar in figures.days(young, date(2026, 5, 13), second(60))] == [None, "operational"]


@given(history=inputs(), since=st.integers(-86_400, LENGTH))
@settings(max_examples=60, deadline=None)
def test_a_strip_is_its_days_and_their_uptime_together(history: Inputs, since: int) -> None:
    history = replace(history, since=second(since))
    strip = figures.strip(history, date(2026, 5, 13), HI)
    assert list(strip.worst) == [day.worst for day in figures.days(history, date(2026, 5, 13), HI)]
    assert strip.whole == figures.uptime(history, T0.replace(hour=0) - DAY, HI)
