"""What readers see of a connection's outcomes: order, age, fleet status."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.domain.fleet import rules
from collector.domain.fleet.rules import State
from common.wire import Severity, Status

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
OUTCOME = State(
    check="REDOLOG_SIZE",
    category="redo_logs",
    status="critical",
    severity="critical",
    title="Redo log size too small",
    line="50MB",
    remediation="ALTER DATABASE ADD LOGFILE",
    observed_at=NOON,
    interval_s=3600,
)

STATUSES: list[tuple[Status, Severity]] = [
    ("critical", "critical"),
    ("critical", "warning"),
    ("warning", "warning"),
    ("unknown", "info"),
    ("info", "info"),
    ("ok", "info"),
    ("skipped", "info"),
]


@pytest.mark.parametrize(
    ("score", "status"),
    [
        (100, "healthy"),
        (82, "healthy"),  # the contract's example
        (80, "healthy"),
        (79, "warning"),
        (60, "warning"),
        (59, "critical"),
        (55, "critical"),  # the contract's example
        (0, "critical"),
        (None, "never_run"),
    ],
)
def test_the_status_follows_from_the_score(score: int | None, status: str) -> None:
    assert rules.fleet_status(score) == status


def test_the_summary_counts_every_status_even_without_a_connection() -> None:
    assert rules.summary([]) == {"total": 0, "healthy": 0, "warning": 0, "critical": 0, "never_run": 0}
    assert rules.summary(["healthy", "critical", "healthy"]) == {
        "total": 3,
        "healthy": 2,
        "warning": 0,
        "critical": 1,
        "never_run": 0,
    }


@given(st.permutations(range(len(STATUSES))))
def test_the_worst_comes_first_in_whatever_order_outcomes_come(order: list[int]) -> None:
    states = [replace(OUTCOME, status=STATUSES[k][0], severity=STATUSES[k][1], check=f"C{9 - k}") for k in order]
    shown = [(state.status, state.severity) for state in rules.worst_first(states)]
    assert [status for status, _ in shown][3:] == ["unknown", "info", "ok", "skipped"]
    assert shown[0] == ("critical", "critical")


def test_equal_outcomes_stand_in_a_stable_order() -> None:
    states = [replace(OUTCOME, check=check) for check in ("B", "C", "A")]
    assert [state.check for state in rules.worst_first(states)] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("age", "interval_s", "status"),
    [
        (timedelta(hours=3), 3600, "critical"),
        (timedelta(hours=3, microseconds=1), 3600, "unknown"),
        (timedelta(0), 60, "critical"),
        (timedelta(minutes=-5), 60, "critical"),  # the agent's clock is ahead
        (timedelta(days=400), 0, "critical"),  # nothing says when the next one is due
    ],
)
def test_an_outcome_older_than_three_intervals_is_unknown(age: timedelta, interval_s: int, status: str) -> None:
    assert rules.aged(replace(OUTCOME, interval_s=interval_s), NOON + age).status == status


@pytest.mark.parametrize(
    ("interval_s", "words"), [(60, "1 min"), (300, "5 min"), (3600, "1 h"), (86_400, "1 d"), (90, "90 s")]
)
def test_an_aged_outcome_says_why_it_is_unknown(interval_s: int, words: str) -> None:
    old = rules.aged(replace(OUTCOME, interval_s=interval_s), NOON + timedelta(days=30))
    assert old.line == f"No result since 2026-05-14T12:00:00Z; expected every {words}."
    assert old.severity == "info"
    assert old.title == OUTCOME.title
