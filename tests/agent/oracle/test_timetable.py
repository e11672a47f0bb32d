"""When a check is due: on its interval, with its neighbours, later after time-outs, never silenced by a clock."""

from datetime import UTC, datetime, timedelta

from agent.oracle.catalogue import Check, Levels
from agent.oracle.judging import ok
from agent.oracle.thresholds import Effective, effective
from agent.watch import Timetable

START = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def check(name: str, interval_s: int, *, enabled: bool = True) -> Effective:
    declared = Check(
        id=name,
        category="sessions",
        title="",
        unit="",
        levels=Levels(None, None),
        judge=lambda _: ok(""),
        remediation="",
        source="",
        interval_s=interval_s,
        enabled=enabled,
    )
    return effective(declared, (), key="k", tags=())


MINUTE, HOUR = check("MINUTE", 60), check("HOUR", 3600)
BOTH = [MINUTE, HOUR]


def due(timetable: Timetable, at: datetime) -> list[str]:
    return [found.check.id for found in timetable.due(BOTH, at)]


def test_everything_is_due_at_first_and_then_on_its_interval() -> None:
    timetable = Timetable()
    assert due(timetable, START) == ["MINUTE", "HOUR"]
    timetable.ran(BOTH, START, timed_out=frozenset())
    assert due(timetable, START + timedelta(seconds=30)) == []
    assert due(timetable, START + timedelta(seconds=59)) == ["MINUTE"]
    assert due(timetable, START + timedelta(seconds=3599)) == ["MINUTE", "HOUR"]


def test_a_disabled_check_is_never_due() -> None:
    assert Timetable().due([check("OFF", 60, enabled=False)], START) == []


def test_a_check_that_times_out_waits_twice_as_long_each_time_and_recovers() -> None:
    timetable, at = Timetable(), START
    for factor in (2, 4, 8):
        timetable.ran([MINUTE], at, timed_out=frozenset({"MINUTE"}))
        assert timetable.next_at(MINUTE, at) == at + timedelta(seconds=60 * factor)
        at += timedelta(seconds=60 * factor)
    timetable.ran([MINUTE], at, timed_out=frozenset())
    assert timetable.next_at(MINUTE, at) == at + timedelta(seconds=60)


def test_back_off_has_a_bound() -> None:
    timetable = Timetable()
    for _ in range(50):
        timetable.ran([MINUTE], START, timed_out=frozenset({"MINUTE"}))
    assert timetable.next_at(MINUTE, START) - START == timedelta(seconds=60 * 64)


def test_a_clock_that_jumped_back_makes_checks_due_rather_than_silent() -> None:
    timetable = Timetable()
    timetable.ran(BOTH, START, timed_out=frozenset())
    assert due(timetable, START - timedelta(days=300)) == ["MINUTE", "HOUR"]
