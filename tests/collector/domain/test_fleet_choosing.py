"""Which connections of a fleet are shown, and in which order."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.fleet.choosing import CONDITIONS, ORDERS, SILENT, Member, Open, Sought, choose, worst

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def member(number: int = 1, **changes: object) -> Member:
    given: dict[str, object] = {
        "id": number,
        "name": f"DB{number}",
        "host": "10.0.0.1",
        "score": 90,
        "status": "healthy",
        "tier": "prod",
        "tags": ("erp",),
        "agent_id": "agt_1",
        "silence": None,
    }
    return Member(**{**given, **changes})  # type: ignore[arg-type]  # fields of one tuple


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({}, "healthy"),
        ({"score": 79}, "warning"),
        ({"score": 59}, "critical"),
        ({"score": None, "status": None}, "never_run"),
        ({"score": 0, "status": "unreachable"}, "unreachable"),
        ({"status": "unknown"}, "stale"),
        ({"status": "unknown", "silence": SILENT}, "silent"),
        ({"silence": 1}, "healthy"),
    ],
)
def test_how_a_connection_is(changes: dict[str, object], condition: str) -> None:
    assert member(**changes).condition == condition  # type: ignore[arg-type]  # fields of one tuple


def test_production_comes_first_among_equals() -> None:
    fleet = [member(1, tier="dev"), member(2, tier="prod"), member(3, tier="test"), member(4, score=20, tier="dev")]
    assert [one.id for one in choose(fleet, Sought()).members] == [4, 2, 3, 1]


def test_counts_are_of_everything_that_fits_but_for_the_condition() -> None:
    fleet = [member(1), member(2, score=20), member(3, score=20, tier="dev")]
    chosen = choose(fleet, Sought(condition="critical", tier="prod"))
    assert [one.id for one in chosen.members] == [2]
    assert chosen.counts == {"healthy": 1, "critical": 1}


def test_the_worst_open_ticket_is_one_that_nobody_has_muted() -> None:
    def ticket(check: str, severity: str, **muted: object) -> Open:
        by, until = muted.get("by"), muted.get("until")
        return Open(1, check, "backup", severity, check, "", by, until)  # type: ignore[arg-type]  # text, an instant

    over, later = NOW - timedelta(1), NOW + timedelta(1)
    tickets = [
        ticket("A", "critical", by="ana", until=later),
        ticket("B", "warning"),
        ticket("C", "critical", by="ana"),
        ticket("D", "critical", by="ana", until=over),
    ]
    assert worst(tickets, NOW)[1].check_id == "D"
    assert worst(tickets[:3], NOW)[1].check_id == "B"


members = st.builds(
    member,
    st.integers(1, 50),
    score=st.one_of(st.none(), st.integers(0, 100)),
    status=st.sampled_from([None, "unknown", "unreachable", "healthy"]),
    tier=st.sampled_from(["prod", "test", "dev", "lab"]),
    silence=st.sampled_from([None, 1, 2]),
)


@settings(max_examples=60)
@given(st.lists(members, max_size=20), st.sampled_from([None, *CONDITIONS]), st.sampled_from(ORDERS))
def test_nothing_gets_lost_and_nothing_is_shown_twice(fleet: list[Member], condition: str, order: str) -> None:
    chosen = choose(fleet, Sought(condition=condition, order=order))  # type: ignore[arg-type]  # sampled from them
    wanted = [one for one in fleet if condition in {None, one.condition}]
    assert Counter(chosen.members) == Counter(wanted)
    assert sum(chosen.counts.values()) == len(fleet)
