"""Who is told of what when: nothing is lost in quiet hours, nothing is told twice, everything ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.notifications import rules
from collector.domain.notifications.hours import Digest, Hours
from collector.domain.notifications.rules import GROUP_WAIT, History, Step, Terms

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)  # a Thursday; 05:00 in Madrid
HOUR = timedelta(hours=1)
SIMPLE = Terms(channels=("chn_1",))
OFFICE = Hours(start="08:00", end="18:00", timezone="Europe/Madrid", weekdays=(1, 2, 3, 4, 5))
NIGHT = Hours(start="22:00", end="07:00", timezone="Europe/Madrid")


def test_hours_are_those_on_the_wall() -> None:
    assert not OFFICE.cover(AT)
    assert OFFICE.cover(AT + 3 * HOUR)
    assert not OFFICE.cover(AT + 2 * timedelta(days=1) + 5 * HOUR)
    assert NIGHT.cover(AT)
    assert NIGHT.end_after(AT) == datetime(2026, 5, 14, 5, 0, tzinfo=UTC)
    assert NIGHT.end_after(AT + 4 * HOUR) == AT + 4 * HOUR
    assert Hours(weekdays=(4,)).cover(AT)
    assert Hours(weekdays=(4,)).end_after(AT) == datetime(2026, 5, 15, tzinfo=UTC)


def test_quiet_days_in_a_row_are_one_stretch() -> None:
    weekend = Hours(weekdays=(6, 7))
    assert weekend.end_after(datetime(2026, 5, 16, 9, 0, tzinfo=UTC)) == datetime(2026, 5, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2026, 3, 29, tzinfo=UTC), 23), (datetime(2026, 10, 25, tzinfo=UTC), 25)]
)
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(day: datetime, hours: int) -> None:
    whole = Hours(timezone="Europe/Madrid", weekdays=(7,))
    start = next(day + timedelta(minutes=n) for n in range(-300, 300) if whole.cover(day + timedelta(minutes=n)))
    assert whole.end_after(start) - start == hours * HOUR


@given(
    at=st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    start=st.integers(0, 23), end=st.integers(0, 23), days=st.sets(st.integers(1, 7), min_size=1, max_size=6),
    zone=st.sampled_from(["UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_quiet_hours_end(at: datetime, start: int, end: int, days: set[int], zone: str) -> None:
    hours = Hours(f"{start:02}:30", f"{end:02}:30", zone, tuple(sorted(days)))
    until = hours.end_after(at)
    assert not hours.cover(until)
    assert (until == at) == (not hours.cover(at))
    assert until - at <= timedelta(days=8)


def test_a_digest_comes_at_its_time() -> None:
    assert Digest("hour").after(AT) == AT + HOUR
    assert Digest("hour").after(AT + timedelta(minutes=59)) == AT + HOUR
    daily = Digest("day", "08:00", "Europe/Madrid")
    assert daily.after(AT) == datetime(2026, 5, 14, 6, 0, tzinfo=UTC)
    assert daily.after(datetime(2026, 5, 14, 6, 0, tzinfo=UTC)) == datetime(2026, 5, 15, 6, 0, tzinfo=UTC)


def test_a_rule_is_for_severities_tags_and_hours() -> None:
    assert rules.wants(SIMPLE, severity="warning", tags=(), at=AT)
    tagged = Terms(channels=("c",), severities=("critical",), tags=("prod", "erp"))
    assert rules.wants(tagged, severity="critical", tags=["erp", "x"], at=AT)
    assert not rules.wants(tagged, severity="warning", tags=["erp"], at=AT)
    assert not rules.wants(tagged, severity="critical", tags=["x"], at=AT)
    assert not rules.wants(Terms(channels=("c",), hours=OFFICE), severity="critical", tags=(), at=AT)


def follow(terms: Terms, history: History, until: datetime) -> list[tuple[datetime, Step]]:
    """Every step that is taken up to then, by a sweep that is never late."""
    steps: list[tuple[datetime, Step]] = []
    now = rules.due(terms, history)
    while now is not None and now <= until:
        step = rules.decide(terms, history, now)
        history = rules.after(history, now, tell=step.tell, escalate=step.escalate)
        steps.append((now, step))
        assert step.due_at is None or step.due_at > now
        now = step.due_at
    return steps


def told(terms: Terms, history: History, until: datetime) -> list[timedelta]:
    return [at - history.triggered_at for at, step in follow(terms, history, until) if step.tell]


def test_an_open_alert_is_told_once_and_repeated_where_that_is_wanted() -> None:
    alert = History(triggered_at=AT)
    assert told(SIMPLE, alert, AT + 100 * HOUR) == [GROUP_WAIT]
    hourly = Terms(channels=("c",), repeat_s=3600)
    assert told(hourly, alert, AT + 3 * HOUR) == [GROUP_WAIT, HOUR + GROUP_WAIT, 2 * HOUR + GROUP_WAIT]
    assert told(hourly, replace(alert, acknowledged_at=AT), AT + 9 * HOUR) == [GROUP_WAIT]


def test_the_end_is_told_once_to_those_who_heard_of_the_beginning() -> None:
    over = History(triggered_at=AT, resolved_at=AT + HOUR, told=1, told_at=AT + GROUP_WAIT)
    assert told(SIMPLE, over, AT + 9 * HOUR) == [HOUR + GROUP_WAIT]
    assert told(Terms(channels=("c",), resolved=False), over, AT + 9 * HOUR) == []
    short = History(triggered_at=AT, resolved_at=AT + timedelta(seconds=3))
    assert told(SIMPLE, short, AT + 9 * HOUR) == [GROUP_WAIT]


def test_quiet_hours_hold_back_and_do_not_lose() -> None:
    quiet = Terms(channels=("c",), quiet=NIGHT)
    assert told(quiet, History(triggered_at=AT), AT + 9 * HOUR) == [2 * HOUR]
    assert told(quiet, History(triggered_at=AT, resolved_at=AT + HOUR), AT + 9 * HOUR) == [2 * HOUR]


def test_it_escalates_once_unless_somebody_acknowledges() -> None:
    terms = Terms(channels=("c",), escalate_after_s=1800, escalate_to=("d",))
    steps = follow(terms, History(triggered_at=AT), AT + 9 * HOUR)
    assert [at - AT for at, step in steps if step.escalate] == [HOUR / 2]
    assert not any(step.escalate for _, step in follow(terms, History(triggered_at=AT, acknowledged_at=AT), AT + HOUR))
    assert not any(step.escalate for _, step in follow(terms, History(triggered_at=AT, resolved_at=AT), AT + HOUR))


def test_a_digest_takes_what_has_come_together() -> None:
    terms = Terms(channels=("c",), digest=Digest("day", "08:00", "Europe/Madrid"))
    assert told(terms, History(triggered_at=AT), AT + 48 * HOUR) == [3 * HOUR]


@given(
    resolved=st.none() | st.integers(0, 2000), repeat=st.none() | st.integers(300, 9000),
    escalate=st.none() | st.integers(300, 9000), quiet=st.none() | st.just(NIGHT),
    digest=st.none() | st.sampled_from([Digest("hour"), Digest("day", "08:00")]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_every_alert_is_told_and_the_sweep_never_turns_on_the_spot(
    resolved: int | None, repeat: int | None, escalate: int | None, quiet: Hours | None, digest: Digest | None
) -> None:
    terms = Terms(
        channels=("c",), repeat_s=repeat, escalate_after_s=escalate, escalate_to=("d",) if escalate else (),
        quiet=quiet, digest=digest,
    )  # fmt: skip
    end = None if resolved is None else AT + timedelta(minutes=resolved)
    steps = follow(rules.check(terms), History(triggered_at=AT, resolved_at=end), AT + 72 * HOUR)
    assert any(step.tell for _, step in steps)
    assert sum(step.escalate for _, step in steps) == (1 if escalate and end is None else 0)
    if end is not None:
        assert steps[-1][1].due_at is None


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (Terms(channels=()), "channels: 0 of them; expected 1 to 20"),
        (Terms(channels=("c",), severities=()), "severities: none"),
        (Terms(channels=("c",), tags=("t",) * 21), "tags: 21 of them"),
        (Terms(channels=("a\0b",)), r"channels: 'a\\x00b'; expected printable"),
        (Terms(channels=("c",), tags=(" ",)), "tags: ' '"),
        (Terms(channels=("c",), repeat_s=10), "repeat_s: 10; expected 300"),
        (Terms(channels=("c",), escalate_after_s=600), "escalate_to"),
        (Terms(channels=("c",), escalate_to=("d",)), "escalate_to"),
        (Terms(channels=("c",), hours=Hours(start="8:00")), r"hours\.start: '8:00'; expected a time"),
        (Terms(channels=("c",), quiet=Hours(end="24:00")), r"quiet\.end: '24:00'"),
        (Terms(channels=("c",), quiet=Hours(timezone="Mars/Base")), r"quiet\.timezone: 'Mars/Base'; expected an IANA"),
        (Terms(channels=("c",), quiet=Hours(timezone="../../etc/passwd")), r"quiet\.timezone"),
        (Terms(channels=("c",), hours=Hours(weekdays=(0,))), r"hours\.weekdays: \[0\]"),
        (Terms(channels=("c",), quiet=Hours()), "quiet: the whole week"),
        (Terms(channels=("c",), digest=Digest("day", "noon")), r"digest\.at: 'noon'"),
    ],
)
def test_terms_that_cannot_be_used_are_refused_by_name(terms: Terms, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rules.check(terms)
