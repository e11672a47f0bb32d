"""What agents report becomes stretches of findings and of data, also when it comes late."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, insert, select

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.agents.tables import agent
from collector.domain.results import marking, tables
from collector.domain.results.decode import decode_batch
from collector.domain.results.ingest import ingest
from collector.domain.results.marking import Wanted
from collector.domain.results.received import Source
from collector.domain.services.tables import baseline_span, coverage_span
from collector.domain.tenants.tables import tenant
from common import wire
from common.wire import Catalogue, Kind, Outcome, Status, Stream
from tests.collector import builders
from tests.collector.builders import T0, outcome
from tests.collector.domain import sending
from tests.collector.domain.sending import MINUTE, Sender

HOUR = timedelta(hours=1)


@pytest.fixture
async def sender(database: Database) -> Sender:
    return await sending.sender(database)


def connect(status: Status = "ok") -> Outcome:
    return outcome("DB_CONNECT", status, category="availability", interval_s=60)


def full(status: Status) -> Outcome:
    return outcome("TABLESPACE_USED_PCT", status, category="storage", interval_s=3600)


async def found(sender: Sender) -> list[tuple[str, str, float, float | None]]:
    """Check, status, and the minutes from T0 in which it began and ended."""
    return [
        (row.check_id, row.status, minutes(row.began_at), None if row.ended_at is None else minutes(row.ended_at))
        for row in await sender.all(baseline_span)
    ]


def minutes(at: datetime) -> float:
    return (at - T0) / MINUTE


def gated(*checks: str) -> Catalogue:
    made = builders.catalogue(*checks)
    return Catalogue(
        made.digest,
        1,
        1,
        tuple(wire.decode(wire.encode(one).replace(b"{", b'{"gate":true,', 1), type(one)) for one in made.entries),
    )


# --- findings ------------------------------------------------------------------------------------------------------


async def test_a_stretch_is_as_long_as_a_finding_is_confirmed(sender: Sender) -> None:
    for minute, status in enumerate(("ok", "critical", "critical", "critical", "ok", "ok", "ok")):
        await sender.visit(T0 + minute * MINUTE, connect(status), reachable=status == "ok")  # type: ignore[arg-type]
    assert await found(sender) == [("DB_CONNECT", "major_outage", 2, 5)]


async def test_what_comes_and_goes_within_a_batch_has_been(sender: Sender) -> None:
    states: tuple[Status, ...] = ("ok", "critical", "critical", "ok", "ok", "critical", "critical")
    runs = [sender.run(T0 + minute * MINUTE, connect(status)) for minute, status in enumerate(states)]
    await sender.send(*runs, now=T0 + 10 * MINUTE)
    await sender.again()
    assert await found(sender) == [("DB_CONNECT", "major_outage", 2, 4), ("DB_CONNECT", "major_outage", 6, None)]


async def test_a_check_that_stands_for_an_outage_weighs_more_than_another_and_a_warning_nothing(sender: Sender) -> None:
    await sender.send((Kind.CATALOGUE, T0, gated("TABLESPACE_USED_PCT")))
    await sender.visit(
        T0,
        full("critical"),
        outcome("INVALID_OBJECTS", "critical"),
        outcome("REDOLOG_SIZE", "warning"),
        outcome("AGENT_LOGIN", "critical", category="monitoring"),
    )
    assert await found(sender) == [
        ("INVALID_OBJECTS", "degraded_performance", 0, None),
        ("TABLESPACE_USED_PCT", "partial_outage", 0, None),
    ]
    await sender.visit(T0 + HOUR, full("warning"), outcome("INVALID_OBJECTS", "ok"))
    assert [ended for *_, ended in await found(sender)] == [60, 60]


async def test_nobody_is_told_of_a_muted_check_until_the_mute_ends(sender: Sender) -> None:
    await sender.visit(T0, full("critical"))
    until = T0 + 10 * MINUTE
    mute = Wanted(await sender.connection_id(), "TABLESPACE_USED_PCT", "mute", "known", until)
    assert await sender.db.write(marking.mark, sender.here.tenant, mute, Act("ann@example.com", T0 + 5 * MINUTE))
    assert await found(sender) == [("TABLESPACE_USED_PCT", "degraded_performance", 0, 5)]
    await sender.visit(T0 + 6 * MINUTE, outcome("INVALID_OBJECTS"))
    assert await sender.db.write(marking.expire, until, 10) == 1
    assert await found(sender) == [
        ("TABLESPACE_USED_PCT", "degraded_performance", 0, 5),
        ("TABLESPACE_USED_PCT", "degraded_performance", 10, None),
    ]


async def test_a_finding_while_muted_begins_when_the_mute_is_taken_back(sender: Sender) -> None:
    await sender.visit(T0, full("ok"))
    mute = Wanted(await sender.connection_id(), "TABLESPACE_USED_PCT", "mute", "known")
    await sender.db.write(marking.mark, sender.here.tenant, mute, Act("ann@example.com", T0))
    await sender.visit(T0 + HOUR, full("critical"))
    assert await found(sender) == []
    await sender.db.write(marking.unmark, sender.here.tenant, mute, Act("ann@example.com", T0 + 2 * HOUR))
    assert await found(sender) == [("TABLESPACE_USED_PCT", "degraded_performance", 120, None)]


async def test_a_connection_that_is_removed_has_no_findings(sender: Sender) -> None:
    await sender.visit(T0, full("critical"))
    await sender.inventory(at=T0 + 3 * MINUTE)
    assert await found(sender) == [("TABLESPACE_USED_PCT", "degraded_performance", 0, 3)]
    await sender.visit(T0 + 4 * MINUTE, full("critical"))
    assert len(await found(sender)) == 1
    await sender.inventory("PROD", at=T0 + 5 * MINUTE)
    await sender.visit(T0 + 6 * MINUTE, full("critical"))
    assert (await found(sender))[1] == ("TABLESPACE_USED_PCT", "degraded_performance", 6, None)


async def test_a_check_that_is_switched_off_finds_nothing(sender: Sender) -> None:
    await sender.visit(T0, full("critical"))
    made = builders.catalogue("TABLESPACE_USED_PCT")
    entry = wire.decode(wire.encode(made.entries[0]).replace(b"{", b'{"enabled":false,', 1), type(made.entries[0]))
    off = T0 + 3 * MINUTE
    await sender.send((Kind.CATALOGUE, off, Catalogue("cat-2", 1, 1, (entry,))), now=off)
    assert await found(sender) == [("TABLESPACE_USED_PCT", "degraded_performance", 0, 3)]


# --- data ----------------------------------------------------------------------------------------------------------


async def covered(sender: Sender) -> list[tuple[float, float]]:
    row = await sender.one(tables.connection)
    older = [(minutes(one.began_at), minutes(one.ended_at)) for one in await sender.all(coverage_span)]
    return [*older, (minutes(row.covered_from), minutes(row.covered_until))]


async def test_a_run_speaks_for_three_intervals(sender: Sender) -> None:
    await sender.visit(T0, connect())
    assert await covered(sender) == [(0, 3)]
    await sender.visit(T0 + 2 * MINUTE, connect("critical"), reachable=False)
    await sender.visit(T0 + 5 * MINUTE, reachable=False)
    assert await covered(sender) == [(0, 8)]
    await sender.visit(T0 + 20 * MINUTE, outcome())
    assert await covered(sender) == [(0, 8), (20, 23)]


async def test_a_run_that_did_not_get_in_says_nothing_of_the_database(sender: Sender) -> None:
    await sender.visit(T0, connect())
    await sender.visit(
        T0 + 2 * MINUTE,
        connect("unknown"),
        outcome("AGENT_LOGIN", "critical", category="monitoring"),
        outcome("HOST_LOAD", "ok", category="host"),
        outcome("REDOLOG_SIZE", "unknown"),
    )
    assert await covered(sender) == [(0, 3)]


async def test_late_runs_close_the_gap_that_they_come_from(sender: Sender) -> None:
    for minute in (0, 10, 20):
        await sender.visit(T0 + minute * MINUTE, connect())
    assert await covered(sender) == [(0, 3), (10, 13), (20, 23)]
    late = [sender.run(T0 + minute * MINUTE, connect()) for minute in (14, 11, 16)]
    await sender.send(*late, now=T0 + 21 * MINUTE)
    assert await covered(sender) == [(0, 3), (10, 19), (20, 23)]
    await sender.send(sender.run(T0 + 18 * MINUTE, connect()), now=T0 + 21 * MINUTE)
    assert await covered(sender) == [(0, 3), (10, 23)]
    await sender.send(sender.run(T0 - 5 * MINUTE, connect()), now=T0 + 21 * MINUTE)
    assert await covered(sender) == [(-5, -2), (0, 3), (10, 23)]
    await sender.again()
    assert await covered(sender) == [(-5, -2), (0, 3), (10, 23)]


# --- what comes late -----------------------------------------------------------------------------------------------

LAST = 60
Numbered = tuple[int, bool]
"""A minute, and whether the database was up."""


@st.composite
def histories(draw: st.DrawFn) -> list[bool]:
    """Whether the database was up, minute by minute."""
    up, minutes_up = draw(st.booleans()), list[bool]()
    while len(minutes_up) < LAST:
        minutes_up += [up] * draw(st.integers(1, 20))
        up = not up
    return minutes_up[:LAST]


@given(history=histories(), began=st.integers(3, 40), length=st.integers(3, 40))
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_an_outage_that_shows_when_a_spool_drains_is_as_long_as_if_it_had_been_told_in_time(
    engine: Engine, history: list[bool], began: int, length: int
) -> None:
    """But for what is half confirmed where the link is cut and where it heals: there it may be a minute off."""
    ended = min(began + length, LAST - 5)
    history[began - 1], history[ended + 1] = history[began - 2], history[ended]
    known = list(enumerate(history))
    away, live = known[began:ended], known[ended:]
    disturbed = [*[[one] for one in known[:began]], live, away]
    assert told(engine, disturbed) == told(engine, [[one] for one in known])


@given(history=histories(), cuts=st.sets(st.integers(11, 49), max_size=3))
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_a_spool_that_drains_in_parts_is_a_minute_off_at_most_where_it_is_cut(
    engine: Engine, history: list[bool], cuts: set[int]
) -> None:
    known = list(enumerate(history))
    edges = [10, *sorted(cuts), 50]
    parts = [known[first:last] for first, last in pairwise(edges)]
    spans, stretches = told(engine, [known[:10], known[50:], *parts])
    wanted, all_of_it = told(engine, [[one] for one in known])
    assert stretches == all_of_it
    assert abs(down(spans) - down(wanted)) <= len(edges)
    assert len(spans) - len(edges) <= len(wanted) <= len(spans) + len(edges)


def test_nothing_is_asked_or_written_while_nothing_changes(engine: Engine) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with engine.connect() as conn:
        transaction = conn.begin()
        conn.execute(insert(tenant), _TENANT)
        conn.execute(insert(agent), _AGENT)
        for minute in range(4):
            _send(conn, [(minute, False)])
        asked.clear()
        _send(conn, [(minute, False) for minute in range(4, 9)])
        assert asked
        assert [sql for sql in asked if "_span" in sql or "service" in sql] == []
        transaction.rollback()


def down(spans: Iterable[tuple[float, float]]) -> float:
    return sum(ended - began for began, ended in spans)


def told(
    engine: Engine, batches: Sequence[Sequence[Numbered]]
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The minutes of the findings and of the data that are stored after these batches; all is rolled back."""
    with engine.connect() as conn:
        transaction = conn.begin()
        conn.execute(insert(tenant), _TENANT)
        conn.execute(insert(agent), _AGENT)
        for batch in batches:
            _send(conn, batch)
        rows = conn.execute(select(baseline_span).order_by(baseline_span.c.began_at)).all()
        spans = [(minutes(row.began_at), minutes(row.ended_at or T0 + 999 * MINUTE)) for row in rows]
        found = conn.execute(select(coverage_span).order_by(coverage_span.c.began_at)).all()
        here = conn.execute(select(tables.connection)).one()
        stretches = [(minutes(row.began_at), minutes(row.ended_at)) for row in found]
        transaction.rollback()
    return spans, [*stretches, (minutes(here.covered_from), minutes(here.covered_until))]


def _send(conn: Connection, batch: Sequence[Numbered]) -> None:
    runs = [
        builders.run([connect("ok" if up else "critical")], key=f"run_{minute}", at=T0 + minute * MINUTE, reachable=up)
        for minute, up in batch
    ]
    seqs = [minute + 1 for minute, _ in batch]
    lines = [wire.record_line(seq, Kind.RUN, run.ended_at, run) for seq, run in zip(seqs, runs, strict=True)]
    now = T0 + 2 * HOUR
    stream: Stream = "live"
    _, packed = wire.pack(lines, agent="agt_1", epoch="e", stream=stream, seqs=seqs, boot="b", sent_at=now)
    ack = ingest(conn, Source(1, "agt_1", "e", stream), decode_batch(wire.unpack(packed)), now)
    assert (ack.new, ack.rejected) == (len(batch), ())


_TENANT = {"id": 1, "slug": "acme", "name": "Acme", "plan": "enterprise", "created_at": T0}
_AGENT = {
    "tenant_id": 1,
    "id": "agt_1",
    "name": "a",
    "hostname": "h",
    "version": "0",
    "state": "active",
    "enrolled_by": "etk_1",
    "enrolled_at": T0,
}
