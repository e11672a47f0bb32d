"""What readers see of a connection's outcomes: order, age, fleet status."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.domain.fleet import rules
from collector.domain.fleet.rules import Shown, State
from collector.domain.results.rules import Outcome
from common.wire import Severity, Status

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
OUTCOME = Outcome(
    check="REDOLOG_SIZE",
    category="redo_logs",
    status="critical",
    severity="critical",
    line="50MB",
    cap=None,
    observed_at=NOON,
    interval_s=3600,
    title="Redo log size too small",
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


def show(*outcomes: Outcome, reachable: bool = True, now: datetime = NOON) -> list[Shown]:
    return rules.shown([State(outcome, "do this") for outcome in outcomes], reachable=reachable, now=now)


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
    outcomes = [replace(OUTCOME, status=STATUSES[k][0], severity=STATUSES[k][1], check=f"C{9 - k}") for k in order]
    seen = [(check.status, check.severity) for check in show(*outcomes)]
    assert seen[0] == ("critical", "critical")
    assert sorted(seen[1:3]) == [("critical", "warning"), ("warning", "warning")]
    assert [status for status, _ in seen[3:]] == ["unknown", "info", "ok", "skipped"]


def test_equal_outcomes_stand_in_a_stable_order() -> None:
    outcomes = [replace(OUTCOME, check=check) for check in ("B", "C", "A")]
    assert [check.check for check in show(*outcomes)] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(hours=3), "critical"),
        (timedelta(hours=3, microseconds=1), "unknown"),
        (timedelta(minutes=-5), "critical"),  # the agent's clock is ahead
    ],
)
def test_an_outcome_older_than_three_intervals_is_unknown_and_says_so(age: timedelta, status: str) -> None:
    (check,) = show(OUTCOME, now=NOON + age)
    assert check.status == status
    assert (check.line, check.severity) == (
        ("50MB", "critical") if status == "critical" else ("No result since 2026-05-14T12:00:00Z.", "info")
    )


def test_a_database_that_does_not_answer_leaves_one_finding_and_its_checks_unknown() -> None:
    no_answer = replace(OUTCOME, check="DB_CONNECT", category="availability", line="ORA-12541: no listener")
    first, second = show(OUTCOME, no_answer, reachable=False)
    assert (first.check, first.status, first.line) == ("CONNECTION_FAILED", "critical", "ORA-12541: no listener")
    assert (second.check, second.status) == ("REDOLOG_SIZE", "unknown")
    assert second.line == "Not reachable; last result of 2026-05-14T12:00:00Z."


def test_refused_credentials_leave_the_checks_unknown_and_nothing_says_that_the_database_is_down() -> None:
    refused = replace(
        OUTCOME, check="AGENT_LOGIN", category="monitoring", line="ORA-28000", observed_at=NOON + timedelta(minutes=1)
    )
    answers = replace(OUTCOME, check="DB_CONNECT", category="availability", status="ok", severity="info")
    seen = {check.check: check.status for check in show(OUTCOME, refused, answers)}
    assert seen == {"AGENT_LOGIN": "critical", "REDOLOG_SIZE": "unknown", "CONNECTION_FAILED": "ok"}


def test_a_check_that_was_switched_off_is_left_out_once_its_result_is_old() -> None:
    switched_off = replace(OUTCOME, enabled=False)
    assert [check.status for check in show(switched_off)] == ["critical"]
    assert show(switched_off, now=NOON + timedelta(days=1)) == []
