"""Queries of the write path: a batch reads each kind of row once and writes each kind once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, cast, select, type_coerce, update

from collector.core.columns import Instant
from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing, upsert
from collector.domain.agents.tables import agent
from collector.domain.results.levels import Standing
from collector.domain.results.rows import RunRow, StateRow, Target, Title
from collector.domain.results.rules import Mark
from collector.domain.results.tables import (
    catalogue_entry,
    check_state,
    connection,
    gap,
    run,
    unknown_record,
)

Row = dict[str, object]
_MICROSECONDS = 1_000_000
Owned = TypeVar("Owned", Target, RunRow)


@dataclass(slots=True)
class AgentRow:
    """What the ingest has to know, and may change, of the agent whose batch it is."""

    state: str
    version: str
    heartbeat_at: datetime | None
    heartbeat: object
    clock_offset_s: float | None
    inventory_at: datetime | None
    catalogue_at: datetime | None
    catalogue_digest: str | None
    silence: int | None
    spool_full: bool | None
    bundle_every_s: int | None


class StaleTarget(NamedTuple):
    """A connection whose stored score is out of date although nothing came in."""

    tenant_id: int
    agent_id: str
    key: str


class QuietAgent(NamedTuple):
    """An agent that has not been heard of for a while."""

    tenant_id: int
    agent_id: str
    last_seen_at: datetime
    bundle_every_s: int | None


def lock_agent(conn: Connection, tenant_id: int, agent_id: str) -> AgentRow:
    """The agent's row, held until the commit: two batches of one agent never overtake each other."""
    return AgentRow(**conn.execute(_LOCK_AGENT, {"tenant_id": tenant_id, "agent_id": agent_id}).mappings().one())


def save_agent(conn: Connection, tenant_id: int, agent_id: str, row: AgentRow, now: datetime) -> None:
    conn.execute(
        _SAVE_AGENT,
        {
            "of_tenant": tenant_id,
            "of_agent": agent_id,
            "version": row.version,
            "last_seen_at": now,
            "heartbeat_at": row.heartbeat_at,
            "heartbeat": row.heartbeat,
            "clock_offset_s": row.clock_offset_s,
            "inventory_at": row.inventory_at,
            "catalogue_at": row.catalogue_at,
            "catalogue_digest": row.catalogue_digest,
            "silence": row.silence,
            "spool_full": row.spool_full,
            "bundle_every_s": row.bundle_every_s,
        },
    )


def targets(conn: Connection, tenant_id: int, agent_id: str, keys: Iterable[str]) -> list[Target]:
    wanted = {"tenant_id": tenant_id, "agent_id": agent_id, "keys": list(keys)}
    return [Target(**row) for row in conn.execute(_TARGETS, wanted).mappings()]


def all_targets(conn: Connection, tenant_id: int, agent_id: str) -> list[Target]:
    rows = conn.execute(_ALL_TARGETS, {"tenant_id": tenant_id, "agent_id": agent_id})
    return [Target(**row) for row in rows.mappings()]


def save_targets(conn: Connection, tenant_id: int, changed: Sequence[Target]) -> None:
    _SAVE_TARGET(conn, _own(tenant_id, changed))


def states(conn: Connection, tenant_id: int, connection_ids: Sequence[int]) -> dict[int, dict[str, StateRow]]:
    """The latest outcomes of each connection, by check."""
    found: dict[int, dict[str, StateRow]] = {connection_id: {} for connection_id in connection_ids}
    for row in conn.execute(_STATES, {"tenant_id": tenant_id, "connections": list(connection_ids)}):
        place, check, category, status, severity, line, cap, interval_s, observed_at, run_key, *standing, series = row
        mark = Mark(observed_at, run_key)
        found[place][check] = StateRow(
            check, category, status, severity, line, cap, interval_s, mark, Standing(*standing), series
        )
    return found


def save_series(conn: Connection, tenant_id: int, numbered: Sequence[tuple[int, str, int]]) -> None:
    """Give states that are not written otherwise their series: connection, check, number."""
    rows = [
        {"of_tenant": tenant_id, "of_connection": place, "of_check": check, "new_series": number}
        for place, check, number in numbered
    ]
    if rows:
        conn.execute(_SAVE_SERIES, rows)


def forget_standing(conn: Connection, tenant_id: int, connection_ids: Sequence[int]) -> None:
    """Nothing is confirmed of these connections any more."""
    rows = [{"of_tenant": tenant_id, "of_connection": connection_id} for connection_id in connection_ids]
    conn.execute(_FORGET_STANDING, rows)


def titles(conn: Connection, tenant_id: int, agent_id: str) -> dict[str, Title]:
    rows = conn.execute(_TITLES, {"tenant_id": tenant_id, "agent_id": agent_id})
    return {row[0]: Title(*row[1:]) for row in rows}


def runs(conn: Connection, tenant_id: int, connection_ids: Sequence[int], keys: Sequence[str]) -> list[RunRow]:
    wanted = {"tenant_id": tenant_id, "connections": list(connection_ids), "keys": list(keys)}
    return [RunRow(**row) for row in conn.execute(_RUNS, wanted).mappings()]


def save_runs(conn: Connection, tenant_id: int, changed: Iterable[RunRow]) -> None:
    _SAVE_RUN(conn, _own(tenant_id, changed))


def save_states(conn: Connection, tenant_id: int, changed: Sequence[Row]) -> None:
    _SAVE_STATE(conn, ({**row, "tenant_id": tenant_id} for row in changed))


def entries_at(conn: Connection, tenant_id: int, agent_id: str) -> dict[str, datetime]:
    """When each entry of the agent's catalogue was uploaded."""
    rows = conn.execute(_ENTRIES_AT, {"tenant_id": tenant_id, "agent_id": agent_id})
    return {row.check_id: row.uploaded_at for row in rows}


def save_entries(conn: Connection, tenant_id: int, changed: Sequence[Row]) -> None:
    _SAVE_ENTRY(conn, ({**row, "tenant_id": tenant_id} for row in changed))


def keep_unknown(conn: Connection, tenant_id: int, records: Sequence[Row]) -> None:
    _KEEP_UNKNOWN(conn, ({**row, "tenant_id": tenant_id} for row in records))


def save_gaps(conn: Connection, tenant_id: int, gaps: Sequence[Row]) -> None:
    _SAVE_GAP(conn, ({**row, "tenant_id": tenant_id} for row in gaps))


@across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
def stale_targets(conn: Connection, now: datetime, limit: int) -> list[StaleTarget]:
    return [StaleTarget._make(row) for row in conn.execute(_STALE, {"now": now, "limit": limit})]


@across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
def quiet_agents(
    conn: Connection, silence: int, since: datetime, now: datetime, *, missed: int, limit: int
) -> list[QuietAgent]:
    """Agents last heard of before `since` whose silence is not noted as this long yet; held until the commit.

    One whose records are carried here is quiet once `missed` times its usual time between two bundles has passed.
    """
    wanted: Row = {"since": since, "now": now, "missed": missed * _MICROSECONDS, "limit": limit}
    if silence == 1:
        rows = conn.execute(_NEWLY_QUIET, wanted)
    else:
        rows = conn.execute(_QUIET, {**wanted, "before": silence - 1})
    return [QuietAgent._make(row) for row in rows]


def save_silence(conn: Connection, tenant_id: int, agent_id: str, silence: int) -> None:
    conn.execute(_SAVE_SILENCE, {"of_tenant": tenant_id, "of_agent": agent_id, "silence": silence})


def _own(tenant_id: int, rows: Iterable[Owned]) -> Iterator[Owned]:
    for row in rows:
        if row.tenant_id != tenant_id:
            raise ValueError(f"row of tenant {row.tenant_id} among those of tenant {tenant_id}")
        yield row


_A, _C, _R, _S, _E = agent.c, connection.c, run.c, check_state.c, catalogue_entry.c

_LOCK_AGENT = (
    select(
        _A.state,
        _A.version,
        _A.heartbeat_at,
        _A.heartbeat,
        _A.clock_offset_s,
        _A.inventory_at,
        _A.catalogue_at,
        _A.catalogue_digest,
        _A.silence,
        _A.spool_full,
        _A.bundle_every_s,
    )
    .where(_A.tenant_id == bindparam("tenant_id"), _A.id == bindparam("agent_id"))
    .with_for_update()
)

_SAVE_AGENT = (
    update(agent)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.id == bindparam("of_agent"))
    .values(
        {
            name: bindparam(name, type_=_A[name].type)
            for name in (
                "version",
                "last_seen_at",
                "heartbeat_at",
                "heartbeat",
                "clock_offset_s",
                "inventory_at",
                "catalogue_at",
                "catalogue_digest",
                "silence",
                "spool_full",
                "bundle_every_s",
            )
        }
    )
)

_ALL_TARGETS = select(connection).where(_C.tenant_id == bindparam("tenant_id"), _C.agent_id == bindparam("agent_id"))

_TARGETS = _ALL_TARGETS.where(_C.key.in_(bindparam("keys", expanding=True)))

_STATES = select(
    _S.connection_id,
    _S.check_id,
    _S.category,
    _S.status,
    _S.severity,
    _S.line,
    _S.cap,
    _S.interval_s,
    _S.observed_at,
    _S.run_key,
    _S.confirmed,
    _S.recent,
    _S.finding_since,
    _S.series_id,
).where(_S.tenant_id == bindparam("tenant_id"), _S.connection_id.in_(bindparam("connections", expanding=True)))

_TITLES = select(_E.check_id, _E.title, _E.interval_s, _E.enabled, _E.remediation, _E.gate).where(
    _E.tenant_id == bindparam("tenant_id"), _E.agent_id == bindparam("agent_id")
)

_OF_STATE = (_S.tenant_id == bindparam("of_tenant"), _S.connection_id == bindparam("of_connection"))
_SAVE_SERIES = (
    update(check_state)
    .where(*_OF_STATE, _S.check_id == bindparam("of_check"))
    .values(series_id=bindparam("new_series"))
)

_FORGET_STANDING = update(check_state).where(*_OF_STATE).values(confirmed=None, recent=None, finding_since=None)

_RUNS = select(run).where(
    _R.tenant_id == bindparam("tenant_id"),
    _R.key.in_(bindparam("keys", expanding=True)),
    _R.connection_id.in_(bindparam("connections", expanding=True)),
)

_ENTRIES_AT = select(_E.check_id, _E.uploaded_at).where(
    _E.tenant_id == bindparam("tenant_id"), _E.agent_id == bindparam("agent_id")
)

_STALE = (
    select(_C.tenant_id, _C.agent_id, _C.key)
    .where(_C.stale_at < bindparam("now"))
    .order_by(_C.stale_at)
    .limit(bindparam("limit"))
)


def _quiet(silence: ColumnElement[bool]) -> Select[tuple[int, str, datetime, int | None]]:
    patience = cast(_A.bundle_every_s, BigInteger) * bindparam("missed", type_=BigInteger)
    overdue = type_coerce(_A.last_seen_at, BigInteger) + patience < bindparam("now", type_=Instant)
    return (
        select(_A.tenant_id, _A.id, _A.last_seen_at, _A.bundle_every_s)
        .where(_A.state == "active", silence, _A.last_seen_at < bindparam("since"))
        .where(_A.bundle_every_s.is_(None) | overdue)
        .order_by(_A.last_seen_at)
        .limit(bindparam("limit"))
        .with_for_update()
    )


_NEWLY_QUIET = _quiet(_A.silence.is_(None))
_QUIET = _quiet(_A.silence == bindparam("before"))

_SAVE_SILENCE = (
    update(agent)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.id == bindparam("of_agent"))
    .values(silence=bindparam("silence"))
)

_SAVE_TARGET = upsert(connection, objects=True)
_SAVE_RUN = upsert(run, objects=True)
_SAVE_STATE = upsert(check_state)
_SAVE_ENTRY = upsert(catalogue_entry)
_KEEP_UNKNOWN = insert_missing(unknown_record)
_SAVE_GAP = insert_missing(gap)
