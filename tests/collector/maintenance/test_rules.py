"""The state machine of maintenance windows, pair by pair, and what windows mean for how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.maintenance import rules
from collector.domain.maintenance.rules import MOVES, OPEN, STATES, Action, State, Unfit, Window
from collector.domain.services.rules import Span

T0 = datetime(2026, 6, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = T0 + 2 * HOUR
MINUTE = timedelta(minutes=1)


def window(**changes: Any) -> Window:
    given_: dict[str, Any] = {
        "tenant_id": 1,
        "id": 812,
        "title": "Failover drill",
        "description": "",
        "status": "scheduled",
        "visibility": "public",
        "scheduled_start": T0,
        "scheduled_end": END,
        "exclude_from_sla": True,
        "suppress_alerts": True,
        "auto_start": True,
        "auto_complete": True,
        "created_at": T0 - HOUR,
        "updated_at": T0 - HOUR,
        "created_by": "tests",
    }
    return Window(**{**given_, **changes})


NOW = T0 - MINUTE
IN_STATE: dict[State, Window] = {
    "scheduled": window(),
    "active": window(status="active", actual_start=NOW - MINUTE),
    "completed": window(status="completed", actual_start=NOW - HOUR, actual_end=NOW - MINUTE),
    "cancelled": window(status="cancelled"),
}
TO: dict[tuple[State, Action], State] = {
    ("scheduled", "start"): "active",
    ("scheduled", "cancel"): "cancelled",
    ("active", "complete"): "completed",
}


@pytest.mark.parametrize(("origin", "action"), list(product(STATES, MOVES)))
def test_an_action_leads_where_the_table_says_or_nowhere(origin: State, action: Action) -> None:
    before = IN_STATE[origin]
    assert rules.state(before, NOW) == origin
    assert (action in rules.possible(before, NOW)) == ((origin, action) in TO)
    if (origin, action) in TO:
        assert rules.state(rules.moved(before, action, NOW), NOW) == TO[origin, action]


@pytest.mark.parametrize(("origin", "to"), list(product(STATES, STATES)))
def test_the_table_has_these_pairs_and_no_others(origin: State, to: State) -> None:
    pairs = {(move.origin, move.to) for move in MOVES.values()}
    assert ((origin, to) in pairs) == ((origin, to) in {(before, after) for (before, _), after in TO.items()})


def test_only_open_windows_can_be_left() -> None:
    assert {move.origin for move in MOVES.values()} == OPEN


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (T0 - MINUTE, ("scheduled", None, None)),
        (T0, ("active", T0, None)),
        (END - MINUTE, ("active", T0, None)),
        (END, ("completed", T0, END)),
        (END + 300 * HOUR, ("completed", T0, END)),
    ],
)
def test_the_clock_alone_moves_a_window(at: datetime, expected: tuple[object, ...]) -> None:
    seen = rules.seen(window(), at)
    assert (seen.status, seen.actual_start, seen.actual_end) == expected


def test_what_was_noted_stays_when_the_clock_goes_backwards() -> None:
    begun = rules.seen(window(), T0)
    assert rules.state(begun, T0 - 24 * HOUR) == "active"
    over = rules.seen(window(), END)
    assert rules.state(over, T0 - 24 * HOUR) == "completed"
    assert rules.steps(over, rules.seen(over, T0 - 24 * HOUR)) == []


@pytest.mark.parametrize("at", [T0 - MINUTE, T0, END, END + HOUR])
def test_without_auto_start_nothing_begins_by_itself(at: datetime) -> None:
    by_hand = window(auto_start=False)
    assert rules.state(by_hand, at) == "scheduled"
    assert rules.possible(by_hand, at) == (["start", "cancel"] if at < END else ["cancel"])
    assert rules.work(by_hand) is None


def test_without_auto_complete_it_overruns_but_what_does_not_count_ends_as_scheduled() -> None:
    late = window(auto_complete=False)
    assert rules.state(late, END + HOUR) == "active"
    assert rules.overruns(late, END)
    assert not rules.overruns(late, END - MINUTE)
    found = rules.work(late)
    assert found is not None
    assert (found.span, found.excluded) == (Span(T0, None), Span(T0, END))


@pytest.mark.parametrize(
    ("began", "ended", "excluded"),
    [
        (T0 - HOUR, T0 + HOUR, Span(T0, T0 + HOUR)),  # begun early: the announced time counts
        (T0 + HOUR, T0 + 3 * HOUR, Span(T0 + HOUR, END)),  # begun and completed late
        (T0, T0 + HOUR, Span(T0, T0 + HOUR)),
        (T0 - 2 * HOUR, T0 - HOUR, None),  # over before it was to begin
        (END, END + HOUR, None),
    ],
)
def test_what_does_not_count_is_never_longer_than_scheduled(
    began: datetime, ended: datetime, excluded: Span | None
) -> None:
    found = rules.work(window(status="completed", actual_start=began, actual_end=ended))
    assert found is not None
    assert (found.span, found.excluded) == (Span(began, ended), excluded)
    counted = rules.work(window(status="completed", actual_start=began, actual_end=ended, exclude_from_sla=False))
    assert counted is not None
    assert counted.excluded is None


def test_cancelled_work_means_nothing() -> None:
    assert rules.work(window(status="cancelled")) is None


@pytest.mark.parametrize(("interval_s", "minutes"), [(0, 5), (60, 5), (150, 5), (300, 10), (3600, 120)])
def test_checks_get_two_intervals_and_at_least_five_minutes(interval_s: int, minutes: int) -> None:
    assert rules.grace(interval_s) == minutes * MINUTE


def test_what_is_wrong_with_the_set_up_of_an_agent_is_never_held_back() -> None:
    names = ("AGENT_STALE", "AGENT_SPOOL", "AGENT_LOGIN", "AGENT_MISSING_GRANTS", "DB_CONNECT")
    assert [name for name in names if rules.suppressible(name)] == ["AGENT_STALE", "AGENT_LOGIN", "DB_CONNECT"]


@pytest.mark.parametrize(
    ("check", "field"),
    [
        (lambda: rules.check_span(T0, T0), "scheduled_end"),
        (lambda: rules.check_span(T0, T0 - HOUR), "scheduled_end"),
        (lambda: rules.check_span(T0, T0 + timedelta(days=30, seconds=1)), "scheduled_end"),
        (lambda: rules.check_start(T0 - 6 * MINUTE, T0), "scheduled_start"),
        (lambda: rules.check_end(T0, T0), "scheduled_end"),
        (lambda: rules.check_services([]), "service_ids"),
        (lambda: rules.check_services(range(1, 202)), "service_ids"),
    ],
)
def test_what_cannot_be_used_is_named(check: Any, field: str) -> None:
    with pytest.raises(Unfit, match=f"^{field}: .*expected") as refusal:
        check()
    assert refusal.value.field == field


@pytest.mark.parametrize("late", [timedelta(0), MINUTE, 3 * HOUR])
def test_what_is_announced_late_counts_from_then_on(late: timedelta) -> None:
    announced = rules.work(window(created_at=T0 + late, scheduled_start=T0, scheduled_end=T0 + 4 * HOUR))
    assert announced is not None
    assert announced.span == announced.excluded == Span(T0 + late, T0 + 4 * HOUR)


def test_what_is_announced_when_it_is_over_never_lasted() -> None:
    over = window(created_at=T0 + 5 * HOUR, scheduled_start=T0, scheduled_end=T0 + 4 * HOUR)
    assert rules.work(over) is None
    assert rules.state(over, T0 + 5 * HOUR) == "completed"


def test_five_minutes_late_can_be_moved_to() -> None:
    rules.check_start(T0 - 5 * MINUTE, T0)
    rules.check_span(T0, T0 + timedelta(days=30))
    assert rules.check_services([3, 1, 3]) == (3, 1)


instants = st.integers(-300, 300).map(lambda minutes: T0 + minutes * MINUTE)


@settings(max_examples=200, deadline=None)
@given(starts_itself=st.booleans(), completes_itself=st.booleans(), looks=st.lists(instants, min_size=1, max_size=8))
def test_whenever_it_is_looked_at_it_ends_as_it_would_have_by_itself(
    looks: list[datetime], *, starts_itself: bool, completes_itself: bool
) -> None:
    """Noting what has happened, at any instants in any order, changes nothing of what it means."""
    stored = window(auto_start=starts_itself, auto_complete=completes_itself)
    meant, told = rules.work(stored), []
    for now in looks:
        after = rules.seen(stored, now)
        told += [step for step, _ in rules.steps(stored, after)]
        stored = replace(after)
        assert rules.work(stored) == meant
    assert len(told) == len(set(told))
