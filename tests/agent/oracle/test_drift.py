"""What counts as new since the baseline, and how lags and reserves are read: the pure parts of the judges."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.oracle.catalogue import Sample, Seen, Value
from agent.oracle.checks import catalogue
from agent.oracle.checks._powers import ACCEPTED_AFTER_S, drift
from agent.oracle.checks._standby import interval_s
from tests.agent.oracle import builders

NAMES = st.frozensets(st.sampled_from("ABCDE"))


def _seen(history: list[Sample], *, days: float) -> Seen:
    empty = builders.seen(catalogue()["SEC_SYSDBA_USERS"])
    return replace(empty, history=history, now=builders.NOW + timedelta(days=days))


def _run(days_and_names: list[tuple[float, frozenset[str]]]) -> list[frozenset[str]]:
    """What each run in a row calls new."""
    history: list[Sample] = []
    found = []
    for days, names in days_and_names:
        seen = _seen(history, days=days)
        drifted = drift(seen, names)
        found.append(drifted.new)
        history = [Sample(seen.now, drifted.note)]
    return found


@settings(max_examples=100)
@given(st.lists(NAMES, min_size=1, max_size=8))
def test_what_the_first_run_saw_is_never_new_while_it_stays(sets: list[frozenset[str]]) -> None:
    kept = sets[0]
    found = _run([(float(day), names | kept) for day, names in enumerate(sets)])
    assert not any(new & kept for new in found)


@settings(max_examples=100)
@given(NAMES, NAMES, st.integers(1, 60))
def test_what_came_later_is_new_until_it_is_accepted(before: frozenset[str], after: frozenset[str], days: int) -> None:
    found = _run([(0.0, before), (1.0, after), (1.0 + days, after)])
    assert found[1] == after - before
    assert found[2] == (after - before if days * 86_400 < ACCEPTED_AFTER_S else frozenset())


def test_what_was_taken_away_and_came_back_is_new_again() -> None:
    a = frozenset("A")
    assert _run([(0, a), (1, frozenset()), (2, a)]) == [frozenset(), frozenset(), a]


@settings(max_examples=100)
@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_lag_is_read_as_days_hours_minutes_and_seconds(days: int, hours: int, minutes: int, seconds: int) -> None:
    total = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    assert interval_s(f"+{days:02d} {hours:02d}:{minutes:02d}:{seconds:02d}") == total
    assert interval_s(f" -{days:02d} {hours:02d}:{minutes:02d}:{seconds:02d}.000") == -total


def test_one_disk_off_in_each_of_two_groups_caps_nothing() -> None:
    check = catalogue()["ASM_DG_OFFLINE_DISKS"]
    group: dict[str, Value] = {"state": "CONNECTED", "type": "NORMAL", "offline_disks": 1}
    groups = [{**group, "group_number": 1, "name": "DATA"}, {**group, "group_number": 2, "name": "RECO"}]
    verdict = check.judge(builders.seen(check, rows={"asm_groups": groups}))
    assert (verdict.status, verdict.cap) == ("critical", None)
    groups[0]["offline_disks"] = 2
    assert check.judge(builders.seen(check, rows={"asm_groups": groups})).cap == 55
