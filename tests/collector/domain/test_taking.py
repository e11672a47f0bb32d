"""Batches that are taken in one go end in the same tables as batches that are taken one by one."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from collector.domain.access.rules import Act
from collector.domain.agents.tables import agent, agent_key
from collector.domain.alerts.tables import alert
from collector.domain.history.tables import metric_hour, metric_point, status_interval
from collector.domain.mutes.tables import finding_mark
from collector.domain.results import marking, silence, tables, taking
from collector.domain.results.decode import decode_batch
from collector.domain.results.ingest import ingest, refresh_stale
from collector.domain.results.marking import Wanted
from collector.domain.results.received import Source
from collector.domain.results.remembered import remembered
from collector.domain.results.taking import Job, KeyGoneError
from collector.domain.services.tables import coverage_span
from collector.domain.tenants.tables import tenant
from collector.domain.tickets.tables import ticket
from common import wire
from common.wire import Ack, Kind
from tests.collector import builders
from tests.collector.builders import T0

AGENTS = ("agt_1", "agt_2")
CHECKS = ("REDOLOG_SIZE", "TABLESPACE_USED_PCT", "DB_CONNECT", "SESSIONS")
_USUAL: dict[str, wire.Status] = {**dict.fromkeys(CHECKS, "ok"), "SESSIONS": "warning"}
STEP = timedelta(seconds=60)

Batch = tuple[str, list[tuple[str, datetime, object]], datetime]
"""Whose it is, what is in it, when it comes."""


@st.composite
def histories(draw: st.DrawFn) -> list[Batch]:
    """Visits as they come from two agents: mostly as they were, now and then late, twice, bad or unreachable."""
    batches: list[Batch] = []
    for name in AGENTS:
        first: list[tuple[str, datetime, object]] = [
            (Kind.INVENTORY, T0, builders.inventory("A", "B")),
            (Kind.CATALOGUE, T0, builders.catalogue(*CHECKS)),
        ]
        batches.append((name, first, T0))
    clock, number = T0, 0
    for _ in range(draw(st.integers(12, 24))):
        clock += draw(st.sampled_from([STEP, STEP, STEP, STEP, 5 * STEP, 5 * STEP, 90 * STEP]))
        items: list[tuple[str, datetime, object]] = []
        for _ in range(draw(st.integers(1, 3))):
            number += 1
            at = clock + number * timedelta(seconds=1) - (3 * STEP if draw(st.integers(0, 29)) == 0 else timedelta(0))
            items.append((Kind.RUN, at, _run(draw, f"run_{number}", at)))
        if draw(st.integers(0, 5)) == 0:
            items.append((Kind.HEARTBEAT, clock, builders.heartbeat(clock)))
        batches.append((draw(st.sampled_from(AGENTS)), items, clock))
    return batches


def _run(draw: st.DrawFn, key: str, at: datetime) -> wire.Run:
    outcomes = [
        builders.outcome(
            check,
            _USUAL[check]
            if draw(st.integers(0, 9))
            else draw(st.sampled_from(["ok", "warning", "critical", "unknown"])),
            interval_s=3600 if draw(st.integers(0, 29)) else 60,
            value=draw(st.sampled_from([1.0, 2.0])) if check in CHECKS[:2] else None,
            elapsed_ms=draw(st.sampled_from([0.0, 3.5])),
        )
        for check in (CHECKS if draw(st.booleans()) else draw(st.lists(st.sampled_from(CHECKS), unique=True)))
    ]
    return builders.run(
        outcomes,
        key=key,
        at=at,
        connection=draw(st.sampled_from(["a", "b"])),
        reachable=draw(st.integers(0, 19)) > 0,
        facts=draw(st.sampled_from([{}, {}, {"version": "19.0"}])),
        trigger="schedule" if draw(st.integers(0, 19)) else "demand",
    )


@given(batches=histories(), data=st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_together_or_one_by_one_ends_in_the_same_tables(
    engine: Engine, batches: list[Batch], data: st.DataObject
) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(batches))))
    muted = data.draw(st.sampled_from([None, T0 + 20 * STEP]))
    forgets = data.draw(st.sets(st.integers(0, len(batches))))

    def in_groups(conn: Connection, jobs: Sequence[Job]) -> None:
        bounds = [0, *sorted(cuts), len(jobs)]
        for number, (first, last) in enumerate(pairwise(bounds)):
            if number in forgets:
                remembered(conn.info).forget(AGENTS[number % 2])
            answers = taking.ingest_all(conn, 1, jobs[first:last])
            assert all(isinstance(one, Ack) for one in answers)

    def alone(conn: Connection, jobs: Sequence[Job]) -> None:
        for job in jobs:
            ingest(conn, job.source, job.batch, job.now)

    assert _tables_after(engine, batches, in_groups, muted) == _tables_after(engine, batches, alone, muted)


@given(batches=histories(), data=st.data())
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_what_is_remembered_holds_beside_sweeps_and_people(
    engine: Engine, batches: list[Batch], data: st.DataObject
) -> None:
    others = data.draw(st.dictionaries(st.integers(0, len(batches)), st.sampled_from(_OTHERS), min_size=2))

    def together(conn: Connection, jobs: Sequence[Job]) -> None:
        for number, job in enumerate(jobs):
            taking.ingest_all(conn, 1, [job])
            _meanwhile(conn, others.get(number), job.now + STEP / 2)

    def alone(conn: Connection, jobs: Sequence[Job]) -> None:
        for number, job in enumerate(jobs):
            ingest(conn, job.source, job.batch, job.now)
            _meanwhile(conn, others.get(number), job.now + STEP / 2)

    assert _tables_after(engine, batches, together, None) == _tables_after(engine, batches, alone, None)


_OTHERS = ("stale", "silent", "mute", "mute for a while", "unmute", "acknowledge", "expire")


def _meanwhile(conn: Connection, what: str | None, now: datetime) -> None:
    """Somebody else writes about the last connection; batches of its agent are remembered, this is not."""
    place = conn.execute(select(tables.connection.c.id).order_by(tables.connection.c.id.desc())).scalars().first() or 0
    match what:
        case "stale":
            refresh_stale(conn, now, 50)
        case "silent":
            silence.look(60, T0 - timedelta(days=1))(conn, now, 50)
        case "mute" | "mute for a while":
            until = now + 2 * STEP if what == "mute for a while" else None
            marking.mark(conn, 1, Wanted(place, "SESSIONS", "mute", "x", until), Act("x", now))
        case "unmute":
            marking.unmark(conn, 1, Wanted(place, "SESSIONS", "mute", "x"), Act("x", now))
        case "acknowledge":
            marking.mark(conn, 1, Wanted(place, "SESSIONS", "acknowledge", "x"), Act("x", now))
        case "expire":
            marking.expire(conn, now, 50)


def test_a_key_that_was_retired_meanwhile_is_refused_where_the_batch_is_written(engine: Engine) -> None:
    with engine.connect() as conn, conn.begin():
        _prepare(conn)
        key = {"tenant_id": 1, "agent_id": "agt_1", "key_id": "k1", "public_key": "x", "created_at": T0}
        conn.execute(insert(agent_key), {**key, "retired_at": T0})
        job = _jobs([("agt_1", [(Kind.RUN, T0, builders.run([builders.outcome()], key="run_1"))], T0)])[0]
        (answer,) = taking.ingest_all(conn, 1, [job._replace(key_id="k1")])
        assert isinstance(answer, KeyGoneError)
        assert conn.execute(select(tables.run)).all() == []


def test_what_was_judged_in_a_turn_that_failed_is_forgotten(engine: Engine) -> None:
    def visit(minute: int, value: float) -> Batch:
        at = T0 + minute * STEP
        outcomes = [builders.outcome(CHECKS[0], value=value), builders.outcome("DB_CONNECT")]
        return "agt_1", [(Kind.RUN, at, builders.run(outcomes, key=f"run_{minute}", at=at, connection="a"))], at

    begin: Batch = "agt_1", [(Kind.INVENTORY, T0, builders.inventory("A"))], T0
    known, failing, again = ([begin, *(visit(n, 1.0) for n in range(1, 6))], visit(6, 2.0), visit(7, 2.0))
    with engine.connect() as conn, conn.begin():
        _prepare(conn)
        jobs = _jobs([*known, failing, again])
        for job in jobs[: len(known)]:
            taking.ingest_all(conn, 1, [job])
        savepoint = conn.begin_nested()
        conn.execute(text("ALTER TABLE metric_point RENAME TO away"))
        with pytest.raises(DBAPIError):
            taking.ingest_all(conn, 1, [jobs[-2]])
        savepoint.rollback()
        taking.ingest_all(conn, 1, [jobs[-1]])
        state = tables.check_state.c
        assert conn.execute(select(state.value).where(state.check_id == CHECKS[0])).scalar_one() == 2.0
        conn.info.clear()


def _tables_after(
    engine: Engine, batches: Sequence[Batch], take: Callable[[Connection, Sequence[Job]], None], muted: datetime | None
) -> dict[str, list[Any]]:
    """Everything is rolled back."""
    with engine.connect() as conn:
        transaction = conn.begin()
        _prepare(conn)
        jobs = _jobs(batches)
        for job in jobs[: len(AGENTS)]:
            ingest(conn, job.source, job.batch, job.now)
        first = conn.execute(select(tables.connection.c.id).order_by(tables.connection.c.id)).scalars().first()
        mark = {"tenant_id": 1, "connection_id": first, "check_id": CHECKS[0], "kind": "mute", "author": "x"}
        conn.execute(insert(finding_mark), {**mark, "reason": "x", "created_at": T0, "expires_at": muted})
        take(conn, jobs[len(AGENTS) :])
        found = _dump(conn)
        transaction.rollback()
        conn.info.clear()  # as the writer does with a connection of which a transaction was lost
    return found


def _prepare(conn: Connection) -> None:
    conn.execute(insert(tenant), {"id": 1, "slug": "acme", "name": "Acme", "plan": "enterprise", "created_at": T0})
    for name in AGENTS:
        row = {"tenant_id": 1, "id": name, "name": name, "hostname": "h", "version": "0", "state": "active"}
        conn.execute(insert(agent), {**row, "enrolled_by": "etk_1", "enrolled_at": T0})


def _jobs(batches: Sequence[Batch]) -> list[Job]:
    """Numbered one after the other by agent."""
    top = dict.fromkeys(AGENTS, 0)
    jobs: list[Job] = []
    for name, items, now in batches:
        seqs = range(top[name] + 1, top[name] + 1 + len(items))
        top[name] += len(items)
        lines = [wire.record_line(seq, *item) for seq, item in zip(seqs, items, strict=True)]
        _, packed = wire.pack(lines, agent=name, epoch="e", stream="live", seqs=seqs, boot="b", sent_at=now)
        jobs.append(Job(Source(1, name, "e", "live"), decode_batch(wire.unpack(packed)), now))
    return jobs


_HIDDEN = {"id", "last_seen_at", "latest_run_id", "series_id", "connection_id", "source", "told_at"}
_TABLES: tuple[Table, ...] = (
    agent,
    tables.connection,
    tables.run,
    tables.check_state,
    tables.received_range,
    tables.gap,
    ticket,
    alert,
    status_interval,
    coverage_span,
)


def _dump(conn: Connection) -> dict[str, list[Any]]:
    keys = {row.id: f"{row.agent_id} {row.key}" for row in conn.execute(select(tables.connection))}
    dumped: dict[str, list[Any]] = {table.name: sorted(_rows(conn, table, keys)) for table in _TABLES}
    states, score = tables.check_state, tables.connection
    series = {row.series_id: (keys[row.connection_id], row.check_id) for row in conn.execute(select(states))}
    series |= {row.series_id: (keys[row.id], "score") for row in conn.execute(select(score))}
    for table in (metric_point, metric_hour):
        rows = conn.execute(select(table)).all()
        dumped[table.name] = sorted((series[row.series_id], *row[2:]) for row in rows)
    return dumped


def _rows(conn: Connection, table: Table, keys: dict[int, str]) -> list[str]:
    found: list[str] = []
    for row in conn.execute(select(table)).mappings():
        seen = {name: value for name, value in row.items() if name not in _HIDDEN}
        place = row.get("connection_id") or int(str(row.get("source", "0")).rpartition("/")[2])
        found.append(json.dumps({**seen, "of": keys.get(place)}, sort_keys=True, default=str))
    return found
