"""Whatever the order of batches, and however often they come, the same records end in the same tables."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from collector.domain.agents.tables import agent
from collector.domain.history.tables import metric_hour, metric_point
from collector.domain.results import tables
from collector.domain.results.decode import decode_batch
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from collector.domain.services.recording import source
from collector.domain.services.tables import coverage_span
from collector.domain.tenants.tables import tenant
from common import wire
from common.wire import Gap, Kind, Run
from tests.collector import builders
from tests.collector.builders import T0

NOW = T0 + timedelta(days=1)
KEYS = ("prod", "dr", "test")
CHECKS = ("REDOLOG_SIZE", "TABLESPACE_USED_PCT", "DB_CONNECT", "AGENT_LOGIN")

Item = tuple[str, datetime, object]


@st.composite
def runs(draw: st.DrawFn) -> Item:
    """One part of one of nine runs, of which some end at the same instant."""
    number, part = draw(st.integers(0, 8)), draw(st.integers(1, 2))
    at = T0 + timedelta(hours=3 * (number // 2))
    outcomes = [
        builders.outcome(
            check,
            draw(st.sampled_from(["ok", "warning", "critical", "unknown"])),
            interval_s=60,
            value=draw(st.sampled_from([None, 1.0, 2.0])),
        )
        for check in draw(st.lists(st.sampled_from(CHECKS[part % 2 :: 2]), unique=True))
    ]
    body = builders.run(
        outcomes,
        key=f"run_{number}",
        at=at,
        connection=KEYS[number % 3],
        reachable=number % 4 != 3,
        facts=draw(st.sampled_from([{}, {"version": "19.0"}])) if part == 1 else {},
        part=part,
        parts=2,
    )
    return (Kind.RUN, at, body)


def part_of(item: Item) -> tuple[str, int]:
    body = item[2]
    assert isinstance(body, Run)
    return body.run, body.part


@st.composite
def records(draw: st.DrawFn) -> list[Item]:
    """Records with different times where two of a kind say something about the same thing."""
    items = draw(st.lists(runs(), max_size=8, unique_by=part_of))
    for number in range(draw(st.integers(0, 3))):
        names = draw(st.sets(st.sampled_from(KEYS)))
        items.append((Kind.INVENTORY, T0 + timedelta(minutes=number), builders.inventory(*sorted(names))))
    for number in range(draw(st.integers(0, 2))):
        checks = draw(st.sets(st.sampled_from(CHECKS)))
        body = builders.catalogue(*sorted(checks), digest=f"cat-{number}")
        items.append((Kind.CATALOGUE, T0 + timedelta(minutes=number), body))
    for number in range(draw(st.integers(0, 2))):
        at = T0 + timedelta(minutes=number)
        items.append((Kind.HEARTBEAT, at, builders.heartbeat(at, version=f"0.{number}")))
    items.append((Kind.GAP, T0, Gap(stream="live", first=500, last=510, reason="spool_full", count=11)))
    items.append(("sunspots", T0, {"count": 4}))
    return items


@given(items=records(), data=st.data())
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking such histories takes minutes
)
def test_any_order_and_any_repetition_end_in_the_same_tables(
    engine: Engine, items: list[Item], data: st.DataObject
) -> None:
    numbered = data.draw(st.permutations(list(enumerate(items, start=1))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(items)), max_size=4)))
    batches = [numbered[a:b] for a, b in zip([0, *cuts], [*cuts, len(numbered)], strict=True)]
    repeated = data.draw(st.lists(st.sampled_from([batch for batch in batches if batch]), max_size=3))
    other = data.draw(st.permutations([batch for batch in batches if batch] + repeated))
    in_order = [[pair] for pair in sorted(numbered, key=lambda pair: pair[0])]
    assert outcome_of(engine, other) == outcome_of(engine, in_order)


def outcome_of(engine: Engine, batches: Sequence[Sequence[tuple[int, Item]]]) -> dict[str, list[Any]]:
    """What the tables hold after these batches; everything is rolled back."""
    with engine.connect() as conn:
        transaction = conn.begin()
        conn.execute(insert(tenant), _TENANT)
        conn.execute(insert(agent), _AGENT)
        for batch in batches:
            _send(conn, batch)
        found = _dump(conn)
        transaction.rollback()
    return found


def _send(conn: Connection, batch: Sequence[tuple[int, Item]]) -> None:
    lines = [wire.record_line(seq, kind, at, body) for seq, (kind, at, body) in batch]
    seqs = [seq for seq, _ in batch]
    _, packed = wire.pack(lines, agent="agt_1", epoch="e", stream="live", seqs=seqs, boot="b", sent_at=NOW)
    ack = ingest(conn, Source(1, "agt_1", "e", "live"), decode_batch(wire.unpack(packed)), NOW)
    assert ack.new + ack.dup == len(batch)
    assert ack.rejected == ()


def _dump(conn: Connection) -> dict[str, list[Any]]:
    c, r = tables.connection.c, tables.run.c
    keys = {row.id: row.key for row in conn.execute(select(c.id, c.key))}
    latest = {row.id: row.key for row in conn.execute(select(r.id, r.key))}
    dumped: dict[str, list[Any]] = {}
    for name, table, hidden in (
        ("agent", agent, {"last_seen_at"}),
        ("connection", tables.connection, {"id", "created_at", "latest_run_id", "removed_at", *_TOLD}),
        ("run", tables.run, {"id", "score", "received_at", "connection_id"}),
        ("state", tables.check_state, {"connection_id", "series_id", *_STANDING}),
        ("catalogue", tables.catalogue_entry, set[str]()),
        ("unknown", tables.unknown_record, set[str]()),
        ("gap", tables.gap, set[str]()),
        ("range", tables.received_range, set[str]()),
    ):
        rows = []
        for row in conn.execute(select(table)).mappings():
            seen = {column: value for column, value in row.items() if column not in hidden}
            seen["of"] = keys.get(row.get("connection_id", 0))
            seen["removed"] = row.get("removed_at") is not None
            seen["latest"] = latest.get(row.get("latest_run_id", 0))
            rows.append(json.dumps(seen, sort_keys=True, default=str))
        dumped[name] = sorted(rows)
    return {**dumped, "values": _values(conn, keys), "covered": _covered(conn, keys)}


def _covered(conn: Connection, keys: dict[int, str]) -> list[Any]:
    """When the data of each connection said something, before the stretch that goes on."""
    sources = {source(number): key for number, key in keys.items()}
    return sorted((sources[row.source], row.began_at, row.ended_at) for row in conn.execute(select(coverage_span)))


def _values(conn: Connection, keys: dict[int, str]) -> list[Any]:
    """The history of checks: points, and the hours over them."""
    s, p, h = tables.check_state.c, metric_point.c, metric_hour.c
    points = select(s.connection_id, s.check_id, p.at, p.value).join_from(metric_point, _S, p.series_id == s.series_id)
    hours = select(s.connection_id, s.check_id, h.at, h.points, h.low, h.high, h.total, h.last).join_from(
        metric_hour, _S, h.series_id == s.series_id
    )
    return sorted((keys[row[0]], *row[1:]) for one in (points, hours) for row in conn.execute(one))


_S = tables.check_state


# what follows from the order in which things became known: tests/collector/domain/test_findings.py
_TOLD = {"told", "told_at", "status", "status_at", "series_id"}
_STANDING = {"confirmed", "recent", "finding_since"}

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
