"""The state machine of incidents, and what an incident means for its services while it goes through it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.incidents import rules
from collector.domain.incidents.rules import (
    IMPACTS,
    MOVES,
    OPEN,
    REOPEN_WITHIN,
    STATUSES,
    Affected,
    Change,
    Incident,
    NotAllowed,
    Run,
    Status,
    Unusable,
)
from collector.domain.services.rules import IMPACT, SEVERITIES
from collector.domain.services.rules import STATUSES as SERVICE_STATUSES

AT = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
NEW = Incident(
    tenant_id=1,
    id=7,
    title="Down",
    description="",
    severity="degraded",
    status="investigating",
    visibility="public",
    started_at=AT,
    created_at=AT,
    updated_at=AT,
    created_by="tests",
)


def known(status: Status) -> Incident:
    return replace(NEW, status=status, resolved_at=AT if status == "resolved" else None)


def test_every_status_can_be_left_and_reached() -> None:
    assert set(MOVES) == set(STATUSES)
    assert {after for moves in MOVES.values() for after in moves} == set(STATUSES)
    assert MOVES["resolved"] == ("investigating",)


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
@pytest.mark.parametrize("message", [None, "Looking."])
def test_each_status_becomes_what_the_table_says_and_nothing_else(
    before: Status, after: Status, message: str | None
) -> None:
    wanted = Change(status=after, message=message)
    if after in MOVES[before] or (before == after != "resolved" and message):
        made = rules.changed(known(before), wanted, AT)
        assert made.status == after
        assert (made.resolved_at is None) == (after != "resolved")
        assert made.reopened == (before == "resolved")
        return
    with pytest.raises(NotAllowed) as refused:
        rules.changed(known(before), wanted, AT)
    assert refused.value.allowed == MOVES[before]


def test_what_was_resolved_long_ago_stays_so() -> None:
    old = known("resolved")
    reopening = Change(status="investigating")
    assert rules.changed(old, reopening, AT + REOPEN_WITHIN).status == "investigating"
    late = AT + REOPEN_WITHIN + timedelta(microseconds=1)
    with pytest.raises(NotAllowed, match="make a new incident") as refused:
        rules.changed(old, reopening, late)
    assert refused.value.allowed == ()
    assert rules.changed(old, Change(fields={"postmortem": "Learnt."}), late).postmortem == "Learnt."


@pytest.mark.parametrize("fields", [{"title": "x"}, {"visibility": "public"}, {"severity": "critical"}])
def test_what_is_closed_is_not_written_to(fields: dict[str, str]) -> None:
    with pytest.raises(NotAllowed, match="only root_cause and postmortem"):
        rules.changed(known("resolved"), Change(fields=fields), AT)
    assert rules.changed(known("resolved"), Change(fields=fields, status="investigating"), AT).status == "investigating"


def test_an_internal_incident_has_no_public_updates() -> None:
    assert rules.audience(None, "public") is True
    assert rules.audience(None, "internal") is False
    assert rules.audience(False, "public") is False
    with pytest.raises(Unusable, match="is_public: True; expected false"):
        rules.audience(True, "internal")


def test_an_impact_follows_the_severity_unless_it_was_set_by_hand() -> None:
    before = (
        Affected(1, "a", "A", "degraded_performance", by_hand=False),
        Affected(2, "b", "B", "degraded_performance", by_hand=True),
    )
    assert rules.impacts("critical", {1: None, 2: None, 3: None, 4: "operational"}, before) == {
        1: ("major_outage", False),
        2: ("degraded_performance", True),
        3: ("major_outage", False),
        4: ("operational", True),
    }


def test_every_impact_is_a_status_that_a_severity_can_mean() -> None:
    assert set(IMPACTS) == set(IMPACT.values()) == set(SERVICE_STATUSES) - {"under_maintenance"}
    assert set(IMPACT) == set(SEVERITIES)


def test_what_lasted_for_no_time_leaves_nothing() -> None:
    current = [Run(1, "major_outage", AT), Run(2, "major_outage", AT - timedelta(seconds=1))]
    turn = rules.turned(current, {1: "operational"}, AT)
    assert (turn.dropped, turn.ended, turn.begun) == ([current[0]], [current[1]], [Run(1, "operational", AT)])


def test_titles_and_texts_are_kept_to_what_every_store_takes() -> None:
    assert rules.check_title("  Slow — again  ") == "Slow — again"
    assert rules.check_text("one\r\ntwo\n") == "one\ntwo"
    for check, text in (
        (rules.check_title, ""),
        (rules.check_title, "a\nb"),
        (rules.check_title, "x" * 201),
        (rules.check_text, "a\x00b"),
        (rules.check_text, "x" * 20_001),
        (rules.check_message, " \n "),
    ):
        with pytest.raises(ValueError, match="printable characters"):
            check(text)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([*STATUSES, None]),
        st.sampled_from([*SEVERITIES, None]),
        st.one_of(st.none(), st.dictionaries(st.integers(1, 4), st.sampled_from([*IMPACTS, None]), max_size=4)),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_impacts_go_on_exactly_while_an_incident_is_open(
    steps: list[tuple[Status | None, str | None, rules.Choice | None, int]],
) -> None:
    """Whatever is asked for: what goes on is what the incident says now, no stretch overlaps, none is empty."""
    one, at = NEW, AT
    services: tuple[Affected, ...] = ()
    current: list[Run] = []
    past: list[tuple[Run, datetime]] = []
    for status, severity, chosen, seconds in steps:
        at += timedelta(seconds=seconds)
        wanted = Change(status=status, fields={"severity": severity} if severity else {}, services=chosen)
        try:
            one = rules.changed(one, wanted, at)
        except NotAllowed:
            continue
        named = rules.impacts(one.severity, {s.id: None for s in services} if chosen is None else chosen, services)
        services = tuple(Affected(number, "", "", *each) for number, each in named.items())
        means = {number: impact for number, (impact, _) in named.items()} if one.status in OPEN else {}
        turn = rules.turned(current, means, at)
        past += [(run, at) for run in turn.ended]
        over = {*turn.ended, *turn.dropped}
        current = [run for run in current if run not in over] + turn.begun
        assert {run.service_id: run.impact for run in current} == means
        assert (one.resolved_at is not None) == (one.status == "resolved") == (one.status not in OPEN)
    for run, ended in past:
        assert run.began_at < ended
    stretches = [(run.service_id, run.began_at, ended) for run, ended in past]
    stretches += [(run.service_id, run.began_at, at + timedelta(seconds=1)) for run in current]
    for number in range(1, 5):
        own = sorted((began, ended) for service, began, ended in stretches if service == number)
        assert all(first[1] <= second[0] for first, second in pairwise(own))
