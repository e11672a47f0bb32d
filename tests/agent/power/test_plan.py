"""Decisions of single ticks, and the laws that hold over any number of them."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agent.power.decision import Decision, Memory, Term
from agent.power.overrides import Hold
from agent.power.plan import active, decide
from agent.power.remembering import failed, observe, settled, succeeded
from agent.power.resource import Observed, Resource
from common.windows import Edge, latest_edge
from common.wire_aws import Window
from tests.agent.power.builders import OFFICE, at, database, instance, schedule, terms

EVENING = at("2026-06-01T20:00:00")  # a Monday
MORNING = at("2026-06-01T08:00:00")
RAN = Memory(last_edge=MORNING, result="APPLIED")
STOPPED = Memory(last_edge=EVENING, result="APPLIED", acted_at=EVENING, stopped_by_us=True)
MINUTE = timedelta(minutes=1)


def kinds(resource: Resource, memory: Memory, now: datetime, *, enforce: bool = False) -> tuple[str, str | None]:
    decision = decide(resource, terms(enforce=enforce), memory, now)
    return decision.kind, decision.action


# --- an edge -------------------------------------------------------------------------------------------------------


def test_an_edge_is_applied_when_it_comes() -> None:
    assert kinds(instance(), RAN, EVENING - MINUTE) == ("IDLE", None)
    decision = decide(instance(), terms(), RAN, EVENING)
    assert (decision.kind, decision.action, decision.why) == ("ACT", "STOP", "edge")
    assert decision.edge == Edge(EVENING, "STOP")
    assert decision.late_min == 0


def test_an_edge_that_is_met_already_is_settled() -> None:
    decision = decide(instance("STOPPED"), terms(), RAN, EVENING)
    assert (decision.kind, decision.settles) == ("ALREADY", True)
    assert settled(RAN, decision).last_edge == EVENING


@pytest.mark.parametrize("state", ["STARTING", "STOPPING", "BUSY"])
def test_what_is_in_between_is_waited_for(state: Observed) -> None:
    decision = decide(instance(state), terms(), RAN, EVENING)
    assert (decision.kind, decision.settles) == ("WAITING", False)
    assert settled(RAN, decision) == RAN


def test_what_may_not_be_stopped_is_skipped_once_with_the_reason() -> None:
    decision = decide(instance(stop_protected=True), terms(), RAN, EVENING)
    assert (decision.kind, decision.reason) == ("SKIPPED", "stop protection (DisableApiStop) is on")
    after = settled(RAN, decision)
    assert decide(instance(stop_protected=True), terms(), after, EVENING + MINUTE).kind == "IDLE"


def test_a_broken_database_is_left_alone() -> None:
    assert kinds(database("BROKEN"), RAN, EVENING)[0] == "SKIPPED"


def test_what_is_gone_and_what_no_schedule_has_is_left_alone() -> None:
    assert kinds(instance("GONE"), RAN, EVENING) == ("IDLE", None)
    assert decide(instance(), (), RAN, EVENING).kind == "IDLE"


def test_a_stop_is_applied_hours_late_and_says_so() -> None:
    decision = decide(instance(), terms(), RAN, at("2026-06-02T07:30:00"))
    assert (decision.kind, decision.action, decision.late_min) == ("ACT", "STOP", 690)


def test_only_the_latest_edge_counts_after_days_of_downtime() -> None:
    decision = decide(instance("STOPPED"), terms(), RAN, at("2026-06-03T09:00:00"))
    assert decision.edge == Edge(at("2026-06-03T08:00:00"), "START")


def test_what_the_next_edge_would_undo_within_minutes_is_missed() -> None:
    memory = replace(RAN, last_edge=at("2026-05-29T20:00:00"))
    assert kinds(instance("STOPPED"), memory, at("2026-06-01T19:49:00")) == ("ACT", "START")
    decision = decide(instance("STOPPED"), terms(), memory, at("2026-06-01T19:51:00"))
    assert (decision.kind, decision.settles) == ("MISSED", True)
    assert kinds(instance(), RAN, at("2026-06-02T07:55:00"))[0] == "MISSED"


def test_a_window_of_minutes_is_applied_when_it_comes() -> None:
    short = structs.replace(OFFICE, stop="08:05")
    assert decide(instance("STOPPED"), terms(short), Memory(), MORNING + MINUTE).kind == "ACT"


def test_what_was_just_launched_is_not_stopped_at_first_sight() -> None:
    launched = structs.replace(instance(), launched_at=EVENING + MINUTE)
    assert kinds(launched, Memory(), EVENING + 10 * MINUTE)[0] == "WAITING"
    assert kinds(launched, Memory(), EVENING + 16 * MINUTE) == ("ACT", "STOP")
    assert kinds(launched, RAN, EVENING + 10 * MINUTE) == ("ACT", "STOP")


def test_a_stop_of_a_database_waits_for_its_maintenance() -> None:
    assert kinds(database(maintenance="mon:20:00-mon:20:30"), RAN, EVENING)[0] == "WAITING"
    assert kinds(database(maintenance="mon:20:00-mon:20:30"), RAN, EVENING + 30 * MINUTE) == ("ACT", "STOP")


def test_nothing_is_done_by_a_clock_that_is_wrong() -> None:
    decision = decide(instance(), terms(), RAN, EVENING, skew=timedelta(minutes=-6))
    assert (decision.kind, decision.reason) == ("WAITING", "this host's clock and that of AWS are 360 s apart")
    assert decide(instance(), terms(), RAN, EVENING, skew=timedelta(minutes=5)).kind == "ACT"


def test_hibernation_is_asked_for_where_it_is_configured() -> None:
    assert decide(instance(hibernation=True), terms(hibernate=True), RAN, EVENING).hibernate
    assert not decide(instance(), terms(hibernate=True), RAN, EVENING).hibernate
    assert not decide(instance(hibernation=True), terms(), RAN, EVENING).hibernate


# --- failure -------------------------------------------------------------------------------------------------------


def tries(code: str, now: datetime) -> list[int]:
    """The minutes after an edge at which it is tried while every call fails alike."""
    memory, found = RAN, []
    for minute in range(120):
        decision = decide(instance(), terms(), memory, now + minute * MINUTE)
        if decision.kind == "ACT":
            found.append(minute)
            memory = failed(memory, decision, now + minute * MINUTE, code)
    return found


def test_each_kind_of_failure_has_its_tries() -> None:
    assert tries("UnauthorizedOperation", EVENING) == [0]
    assert tries("InternalError", EVENING) == [0, 1, 2]
    assert tries("InsufficientInstanceCapacity", EVENING) == [0, 5, 15, 35, 75, 115]
    assert len(tries("IncorrectInstanceState", EVENING)) == 10
    assert tries("RequestLimitExceeded", EVENING)[:6] == [0, 1, 2, 3, 4, 5]


def test_a_new_edge_forgets_the_failures_of_the_one_before() -> None:
    decision = decide(instance(), terms(), RAN, EVENING)
    memory = failed(RAN, decision, EVENING, "InsufficientInstanceCapacity")
    assert decide(instance("STOPPED"), terms(), memory, at("2026-06-02T08:00:00")).kind == "ACT"


# --- overrides, pauses, trials -------------------------------------------------------------------------------------


def test_an_override_holds_against_edges_and_enforcing_and_is_made_up_for_when_it_ends() -> None:
    hold = Hold("running", EVENING + timedelta(hours=2), "API")
    decision = decide(instance(), terms(enforce=True), RAN, EVENING, hold=hold)
    assert (decision.kind, decision.settles) == ("OVERRIDDEN", False)
    later = decide(instance(), terms(), settled(RAN, decision), EVENING + timedelta(hours=2))
    assert (later.kind, later.action, later.late_min) == ("ACT", "STOP", 120)


def test_edges_that_passed_in_a_pause_are_not_made_up_for() -> None:
    paused = schedule(paused=True, paused_until=EVENING + 30 * MINUTE)
    assert active([paused], EVENING) == ()
    resumed = active([paused], EVENING + 31 * MINUTE)
    assert resumed == (Term(paused, EVENING + 30 * MINUTE),)
    assert decide(instance(), resumed, RAN, EVENING + 31 * MINUTE).kind == "IDLE"
    assert decide(instance("STOPPED"), resumed, RAN, at("2026-06-02T08:00:00")).kind == "ACT"


def test_edges_before_a_resume_by_hand_are_not_made_up_for_unless_another_schedule_has_them() -> None:
    one, other = schedule(since=EVENING + MINUTE), schedule(id="s2")
    assert decide(instance(), active([one], EVENING + 2 * MINUTE), RAN, EVENING + 2 * MINUTE).kind == "IDLE"
    both = active([one, other], EVENING + 2 * MINUTE)
    assert decide(instance(), both, RAN, EVENING + 2 * MINUTE).kind == "ACT"


def test_a_trial_takes_the_same_path_and_never_mixes_with_what_is_real() -> None:
    trial, real = schedule(dry_run=True), schedule(id="s2", window=structs.replace(OFFICE, stop="22:00"))
    assert decide(instance(), active([trial], EVENING), RAN, EVENING).dry_run
    assert decide(instance(), active([trial, real], EVENING), RAN, EVENING).kind == "IDLE"


def test_what_another_schedule_wants_to_run_is_not_stopped() -> None:
    longer = schedule(id="s2", window=structs.replace(OFFICE, stop="22:00"))
    both = active([schedule(), longer], EVENING)
    assert decide(instance(), both, RAN, EVENING).kind == "IDLE"
    assert decide(instance(), both, RAN, at("2026-06-01T22:00:00")).action == "STOP"


# --- between edges -------------------------------------------------------------------------------------------------


def test_what_was_started_by_hand_is_told_of_and_left_until_the_next_edge() -> None:
    decision = decide(instance(), terms(), STOPPED, EVENING + timedelta(hours=1))
    assert (decision.kind, decision.reason) == ("MANUAL", "running by hand until START at 2026-06-02T08:00:00Z")
    assert kinds(instance(), STOPPED, EVENING + MINUTE)[0] == "IDLE"
    assert kinds(instance(), replace(STOPPED, result="FAILED"), EVENING + timedelta(hours=1))[0] == "IDLE"


def test_enforcing_acts_at_most_every_fifteen_minutes() -> None:
    assert kinds(instance(), STOPPED, EVENING + 14 * MINUTE, enforce=True)[0] == "IDLE"
    decision = decide(instance(), terms(enforce=True), STOPPED, EVENING + 15 * MINUTE)
    assert (decision.kind, decision.action, decision.why) == ("ACT", "STOP", "enforce")
    after = succeeded(STOPPED, decision, EVENING + 15 * MINUTE)
    assert after.last_edge == EVENING
    assert kinds(instance(), after, EVENING + 29 * MINUTE, enforce=True)[0] == "IDLE"
    assert kinds(instance(), after, EVENING + 30 * MINUTE, enforce=True)[0] == "ACT"


def test_nothing_is_enforced_by_edges_alone_nor_on_a_skipped_day() -> None:
    stop_only = structs.replace(OFFICE, start=None)
    assert decide(instance(), terms(stop_only, enforce=True), STOPPED, EVENING + 60 * MINUTE).kind == "IDLE"
    skipping = structs.replace(OFFICE, skip=("2026-06-02",))
    assert decide(instance(), terms(skipping, enforce=True), STOPPED, at("2026-06-02T10:00:00")).kind == "IDLE"


def stopped_database(window: Window = OFFICE, *, awake_after: timedelta) -> Decision:
    """A database that we stopped, that AWS is to start on Saturday at noon, and that somebody then sees running."""
    due = at("2026-06-06T12:00:00")
    memory = Memory(last_edge=at("2026-06-05T20:00:00"), result="APPLIED", stopped_by_us=True)
    memory = observe(memory, database("STOPPED", restart_at=due), due - timedelta(days=1))
    memory = observe(memory, database("STARTING"), due + awake_after)
    now = due + awake_after + 20 * MINUTE
    return decide(database(), terms(window), observe(memory, database(), now), now)


def test_a_database_that_aws_starts_after_seven_days_is_stopped_again() -> None:
    decision = stopped_database(awake_after=5 * MINUTE)
    assert (decision.kind, decision.action, decision.why) == ("ACT", "STOP", "restart")
    stop_only = structs.replace(OFFICE, start=None)
    assert stopped_database(stop_only, awake_after=5 * MINUTE).why == "restart"


@pytest.mark.parametrize("awake_after", [-MINUTE, timedelta(hours=2, minutes=1)])
def test_any_other_start_of_a_database_is_by_hand(awake_after: timedelta) -> None:
    assert stopped_database(awake_after=awake_after).kind == "MANUAL"


def test_a_restart_on_a_skipped_day_is_left_alone() -> None:
    skipping = structs.replace(OFFICE, skip=("2026-06-06",))
    assert stopped_database(skipping, awake_after=MINUTE).kind == "IDLE"


def test_a_clock_that_steps_back_fires_and_enforces_nothing() -> None:
    for minutes in range(1, 2000, 7):
        assert kinds(instance("STOPPED"), STOPPED, EVENING - minutes * MINUTE, enforce=True) == ("IDLE", None)


# --- laws ----------------------------------------------------------------------------------------------------------

clocks = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
steps = st.one_of(st.just(1), st.just(1), st.integers(2, 90), st.integers(600, 3000), st.integers(-200, -1))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start, stop = draw(st.lists(clocks, min_size=2, max_size=2, unique=True))
    zone = draw(st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")))
    return Window(timezone=zone, weekdays=(1, 2, 3, 4, 5, 6), start=start, stop=stop)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(windows(), min_size=1, max_size=2), st.lists(steps, min_size=20, max_size=60), st.data())
def test_over_any_ticks_an_edge_is_acted_on_once_and_always_the_latest(
    chosen: list[Window], ticks: list[int], data: st.DataObject
) -> None:
    """Whatever the clock does, whatever calls fail, and whoever switches things by hand meanwhile."""
    applying = tuple(Term(schedule(window, id=f"s{number}")) for number, window in enumerate(chosen))
    resource, memory, now = instance("RUNNING"), Memory(), at("2026-03-27T12:00:00")
    acted: list[datetime] = []
    for step in ticks:
        now += step * MINUTE
        decision = decide(resource, applying, memory, now)
        memory = settled(memory, decision)
        if decision.kind == "ACT":
            assert decision.edge == latest_edge(chosen, now)
            assert decision.edge is not None
            if data.draw(st.booleans(), label="accepted"):
                acted.append(decision.edge.at)
                memory = succeeded(memory, decision, now)
                resource = instance("STOPPED" if decision.action == "STOP" else "RUNNING")
            else:
                memory = failed(memory, decision, now, "InternalError")
        elif data.draw(st.integers(0, 9), label="by hand") == 0:
            resource = instance(data.draw(st.sampled_from(("RUNNING", "STOPPED", "BUSY"))))
    assert acted == sorted(set(acted))


@settings(max_examples=60, deadline=None)
@given(windows(), st.integers(0, 20_000))
def test_after_any_downtime_one_tick_brings_what_the_latest_edge_wants(window: Window, minutes: int) -> None:
    now = at("2026-03-27T12:00:00") + minutes * MINUTE
    edge = latest_edge([window], now)
    assert edge is not None
    wanted = instance("RUNNING" if edge.action == "START" else "STOPPED")
    other = instance("STOPPED" if edge.action == "START" else "RUNNING")
    assert decide(wanted, terms(window), Memory(), now).kind == "ALREADY"
    decision = decide(other, terms(window), Memory(), now)
    assert decision.kind in ("ACT", "MISSED")
    memory = succeeded(Memory(), decision, now) if decision.kind == "ACT" else settled(Memory(), decision)
    assert decide(wanted, terms(window), memory, now).kind == "IDLE"
