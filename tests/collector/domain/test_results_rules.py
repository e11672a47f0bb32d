"""What a connection's latest outcomes say about it now."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.domain.results import rules
from collector.domain.results.rules import Login, Outcome, derive, doubt
from common.wire import Severity, Status
from tests.collector.builders import T0

HOUR = timedelta(hours=1)
SEVERITY: dict[Status, Severity] = {"critical": "critical", "warning": "warning"}


def seen(
    check: str = "REDOLOG_SIZE",
    status: Status = "ok",
    *,
    at: datetime = T0,
    category: str = "redo_logs",
    severity: Severity | None = None,
    line: str = "line",
    cap: int | None = None,
    interval_s: int = 3600,
    enabled: bool = True,
) -> Outcome:
    return Outcome(
        check=check,
        category=category,
        status=status,
        severity=severity or SEVERITY.get(status, "info"),
        line=line,
        cap=cap,
        interval_s=interval_s,
        observed_at=at,
        title=f"Title of {check}",
        enabled=enabled,
    )


outcomes = st.builds(
    seen,
    st.sampled_from(["A", "B", "C", "D", "AGENT_LOGIN"]),
    st.sampled_from(["ok", "info", "warning", "critical", "skipped", "unknown"]),
    at=st.integers(0, 48).map(lambda hours: T0 - hours * HOUR),
    category=st.sampled_from(["redo_logs", "backup", "host"]),
    cap=st.sampled_from([None, 55, 79]),
    interval_s=st.sampled_from([60, 3600, 86_400, 0]),
)
many = st.lists(outcomes, max_size=5, unique_by=lambda outcome: outcome.check)


@pytest.mark.parametrize(
    ("states", "summary"),
    [
        ([], "No findings"),
        ([seen(), seen("B", "info")], "No findings"),
        ([seen("A", "warning")], "1 warning: Title of A"),
        ([seen("A", "warning"), seen("B", "warning")], "2 warnings: Title of A…"),
        (
            [seen("A", "warning"), seen("B", "critical"), seen("C", "critical", category="availability")],
            "2 critical findings, 1 warning: Title of C…",
        ),
        ([seen("A", "critical", severity="info")], "1 note: Title of A"),
        ([seen(at=T0 - 4 * HOUR)], "No results since 2026-05-13T23:00:00Z"),
    ],
)
def test_the_summary_counts_findings_and_names_the_worst(states: list[Outcome], summary: str) -> None:
    assert derive(states, reachable=True, now=T0).summary == summary


@pytest.mark.parametrize(
    ("line", "summary"),
    [
        ("refused: ORA-12541 (listener down)", "Not reachable: ORA-12541"),
        ("DPY-6005: cannot connect", "Not reachable: DPY-6005"),
        ("the name cannot be resolved", "Not reachable: the name cannot be resolved"),
    ],
)
def test_a_database_that_cannot_be_reached_says_why(line: str, summary: str) -> None:
    down = seen(rules.DB_CONNECT, "critical", category="availability", line=line)
    derived = derive([seen("A", "critical"), down, seen("HOST_LOAD", category="host")], reachable=False, now=T0)
    assert (derived.score, derived.summary) == (0, summary)
    assert derived.counts == {"unknown": 1, "critical": 1, "ok": 1}


def test_a_refused_login_puts_what_is_older_in_doubt_and_does_not_say_that_the_database_is_down() -> None:
    refused = seen(rules.AGENT_LOGIN, "critical", category="monitoring", line="ORA-28000: locked")
    older, newer = seen("A", "critical", at=T0 - HOUR), seen("B", at=T0 + HOUR)
    host = seen("HOST_LOAD", at=T0 - HOUR, category="host")
    login = rules.login_of([refused, older], reachable=True)
    reason = doubt(older, login, T0) or ""
    assert "ORA-28000" in reason
    assert doubt(newer, login, T0) is None
    assert doubt(host, login, T0) is None
    derived = derive([refused, older], reachable=True, now=T0)
    assert derived.summary == "1 critical finding: Title of AGENT_LOGIN"
    assert derived.score > 0


def test_three_intervals_without_news_are_too_many() -> None:
    login = Login(reachable=True)
    assert doubt(seen(at=T0 - 3 * HOUR), login, T0) is None
    assert doubt(seen(at=T0 - 3 * HOUR - timedelta(seconds=1)), login, T0) == "No result since 2026-05-13T23:59:59Z."
    assert doubt(seen(at=T0 - 70 * HOUR, interval_s=0), login, T0) is None
    assert doubt(seen(at=T0 - 73 * HOUR, interval_s=0), login, T0)


def test_a_check_that_was_switched_off_is_left_out_once_it_is_stale() -> None:
    off = seen("A", "critical", at=T0 - 9 * HOUR, enabled=False)
    assert derive([off, seen("B")], reachable=True, now=T0).score == 100
    assert derive([off, seen("B")], reachable=True, now=T0 - 8 * HOUR).score == 82


@given(states=many, hours=st.integers(0, 200))
def test_time_alone_never_raises_a_score(states: list[Outcome], hours: int) -> None:
    now = derive(states, reachable=True, now=T0)
    later = derive(states, reachable=True, now=T0 + hours * HOUR)
    assert later.score <= now.score


@given(states=many)
def test_nothing_changes_before_the_time_at_which_it_is_looked_at_again(states: list[Outcome]) -> None:
    now = derive(states, reachable=True, now=T0)
    if now.stale_at is not None:
        assert derive(states, reachable=True, now=max(T0, now.stale_at)) == now
        assert derive(states, reachable=True, now=max(T0, now.stale_at) + timedelta(microseconds=1)) != now


@given(states=many, reachable=st.booleans(), data=st.data())
def test_the_order_of_outcomes_does_not_matter(states: list[Outcome], data: st.DataObject, *, reachable: bool) -> None:
    shuffled = data.draw(st.permutations(states))
    assert derive(shuffled, reachable=reachable, now=T0) == derive(states, reachable=reachable, now=T0)
