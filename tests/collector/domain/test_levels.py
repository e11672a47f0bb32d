"""What is confirmed of a check: never on one outcome among others where checks run often."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.domain.results.levels import CRITICAL, FINE, INFO, UNSEEN, WARNING, Standing, step
from common import wire
from common.wire import Outcome
from tests.collector.builders import T0, outcome

STATUSES: tuple[wire.Status, ...] = ("ok", "info", "warning", "critical", "skipped", "unknown")
LEVELS = {"ok": FINE, "info": FINE, "warning": WARNING, "critical": CRITICAL}

anything = st.sampled_from(STATUSES)


def after(outcomes: list[Outcome]) -> list[Standing]:
    """What stands after each of these, a minute apart."""
    standing, found = UNSEEN, list[Standing]()
    for number, one in enumerate(outcomes):
        standing = step(standing, one, T0 + timedelta(minutes=number))
        found.append(standing)
    return found


def often(*statuses: wire.Status) -> list[Outcome]:
    return [outcome(status=status, interval_s=900) for status in statuses]


def confirmed(outcomes: list[Outcome]) -> list[int | None]:
    return [standing.confirmed for standing in after(outcomes)]


def test_the_first_outcome_counts_at_once() -> None:
    assert confirmed(often("critical")) == [CRITICAL]
    assert confirmed(often("ok")) == [FINE]
    assert confirmed(often("unknown", "skipped", "warning")) == [None, None, WARNING]


def test_a_change_takes_two_outcomes_where_they_come_often() -> None:
    assert confirmed(often("ok", "critical", "ok", "critical", "critical")) == [0, 0, 0, 0, CRITICAL]
    assert confirmed(often("critical", "ok", "ok")) == [CRITICAL, CRITICAL, FINE]


def test_two_outcomes_count_as_far_as_they_agree() -> None:
    assert confirmed(often("ok", "warning", "critical", "critical")) == [FINE, FINE, WARNING, CRITICAL]
    assert confirmed(often("critical", "warning", "ok")) == [CRITICAL, CRITICAL, WARNING]


def test_one_outcome_is_enough_where_the_next_one_is_far_away() -> None:
    rarely = [outcome(status=status, interval_s=901) for status in ("ok", "critical", "ok")]
    assert [standing.confirmed for standing in after(rarely)] == [FINE, CRITICAL, FINE]


def test_what_measured_nothing_changes_nothing() -> None:
    assert confirmed(often("ok", "critical", "unknown", "critical")) == [FINE, FINE, FINE, CRITICAL]
    assert confirmed(often("critical", "unknown", "skipped", "unknown")) == [CRITICAL] * 4


def test_severity_after_the_ceiling_is_what_counts() -> None:
    capped = outcome(status="critical", severity="info")
    assert after([capped])[-1] == Standing(INFO, INFO, T0)


def test_a_finding_has_stood_since_its_first_outcome() -> None:
    found = after(often("ok", "critical", "critical", "ok", "critical", "ok", "ok"))
    minute = timedelta(minutes=1)
    assert [one.since for one in found] == [None, T0 + minute, T0 + minute, None, T0 + 4 * minute, None, None]


def percent(value: float, status: wire.Status, warning: float = 85, critical: float = 97) -> Outcome:
    return outcome(status=status, value=value, unit="%", interval_s=3600, warning=warning, critical=critical)


@pytest.mark.parametrize(
    ("value", "status", "expected"),
    [
        (84.9, "ok", WARNING),
        (83.1, "ok", WARNING),
        (83.0, "ok", FINE),
        (96.9, "warning", CRITICAL),
        (95.1, "warning", CRITICAL),
        (95.0, "warning", WARNING),
        (98.0, "critical", CRITICAL),
    ],
)
def test_a_percentage_clears_its_threshold_by_two_points(value: float, status: wire.Status, expected: int) -> None:
    assert after([percent(99, "critical"), percent(value, status)])[-1].confirmed == expected


def test_a_percentage_that_falls_too_low_clears_its_threshold_from_below() -> None:
    low = percent(3, "critical", 15, 5)
    assert after([low, percent(6.5, "warning", 15, 5)])[-1].confirmed == CRITICAL
    assert after([low, percent(16.9, "ok", 15, 5)])[-1].confirmed == WARNING
    assert after([low, percent(17, "ok", 15, 5)])[-1].confirmed == FINE


def test_what_was_fine_is_not_held_to_more_than_its_threshold() -> None:
    assert after([percent(50, "ok"), percent(84.9, "ok")])[-1].confirmed == FINE
    assert after([percent(86, "warning"), percent(96.9, "warning")])[-1].confirmed == WARNING


@pytest.mark.parametrize(("threshold", "value"), [(1.0, 0.0), (99.0, 100.0), (0.5, 0.1)])
def test_a_threshold_at_the_end_of_the_scale_can_be_cleared(threshold: float, value: float) -> None:
    finding = outcome(status="warning", value=threshold, unit="%", interval_s=3600, warning=threshold)
    clear = outcome(status="ok", value=value, unit="%", interval_s=3600, warning=threshold)
    assert after([finding, clear])[-1].confirmed == FINE


def test_numbers_that_are_no_percentages_need_no_distance() -> None:
    finding = outcome(status="warning", value=60.0, unit="s", interval_s=3600, warning=60.0)
    clear = outcome(status="ok", value=59.9, unit="s", interval_s=3600, warning=60.0)
    assert after([finding, clear])[-1].confirmed == FINE


@given(st.lists(anything, min_size=2), anything)
def test_one_odd_outcome_among_equal_ones_confirms_nothing(before: list[wire.Status], odd: wire.Status) -> None:
    settled = [*often(*before), *often("ok", "ok")]
    *_, last, after_odd, back = after([*settled, *often(odd, "ok")])
    assert (last.confirmed, after_odd.confirmed, back.confirmed) == (FINE, FINE, FINE)


@given(st.lists(anything))
def test_two_equal_outcomes_are_what_is_confirmed(before: list[wire.Status]) -> None:
    for status in ("ok", "warning", "critical"):
        assert after([*often(*before), *often(status, status)])[-1].confirmed == LEVELS[status]


@given(st.lists(st.sampled_from(STATUSES), min_size=1), st.sampled_from([60, 3600]))
def test_only_levels_that_were_measured_are_confirmed(statuses: list[wire.Status], interval_s: int) -> None:
    found = after([outcome(status=status, interval_s=interval_s) for status in statuses])
    seen = {LEVELS.get(status) for status in statuses}
    assert {standing.confirmed for standing in found} <= seen | {None}
