"""Queries about all batches of a group at once: what they are judged by, and what steady visits leave behind."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import orjson
from sqlalchemy import Connection

from collector.core import sequences
from collector.core.bulk import Bulk
from collector.core.columns import instant, microseconds
from collector.domain.history import store as history
from collector.domain.mutes.rules import Mutes
from collector.domain.results import store
from collector.domain.results.levels import Standing
from collector.domain.results.received import Range, Source
from collector.domain.results.remembered import Agent, Held, Place
from collector.domain.results.rows import Sighting
from collector.domain.results.steady import Row, Steady
from collector.domain.versions import store as versions
from common.wire import Item, Outcome, Run


class Locked(NamedTuple):
    """An agent whose row is held until the commit; `assignment`: the version of its document, if there is one.

    `key_is_good`: the key that was asked for is not retired.
    """

    state: str
    last_seen_at: int | None
    silence: int | None
    assignment: str | None
    key_is_good: bool


class Received(NamedTuple):
    """What is here of a source: the ranges that a batch may touch, and whether there are any others."""

    touching: Sequence[Range]
    first: int | None
    last_first: int | None


class OpenTicket(NamedTuple):
    """What a finding that goes on changes about its ticket, and what it must not."""

    id: int
    severity: str
    occurrences: int
    last_seen_at: int
    remediation: str


def lock_agents(conn: Connection, tenant_id: int, callers: Iterable[tuple[str, str]]) -> dict[str, Locked]:
    """Agents with their keys, in one order for all replicas, so that none waits for another that waits for it."""
    rows = _LOCK(conn, [(tenant_id, *caller) for caller in sorted(callers)])
    return {agent_id: Locked(*rest) for agent_id, *rest in rows}


def received(conn: Connection, tenant_id: int, wanted: Sequence[tuple[Source, int, int]]) -> list[Received]:
    """For each source and the first and last number of a batch of it."""
    keys = [(n, tenant_id, one.agent_id, one.epoch, one.stream) for n, (one, _, _) in enumerate(wanted)]
    bounds = [(low - 1, high + 1) for _, low, high in wanted]
    touching: list[list[Range]] = [[] for _ in wanted]
    for number, first, last in _TOUCHING(conn, [(*key, *bound) for key, bound in zip(keys, bounds, strict=True)]):
        touching[number].append((first, last))
    ends = {number: (first, last) for number, first, last in _ENDS(conn, keys)}
    return [Received(sorted(touching[n]), *ends[n]) for n in range(len(wanted))]


def rows(conn: Connection, tenant_id: int, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Connections by agent and key."""
    found = _ROWS(conn, [(tenant_id, *key) for key in keys])
    return {(agent_id, row[1]): Row(*row) for agent_id, *row in found}


def known_runs(conn: Connection, tenant_id: int, runs: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of these runs, by key and connection, of which something is here already."""
    return {(key, place) for key, place in _KNOWN_RUNS(conn, [(tenant_id, *run) for run in runs])}


def mutes(conn: Connection, tenant_id: int, connection_ids: Iterable[int]) -> dict[int, Mutes]:
    found: dict[int, Mutes] = {}
    for place, check, until in _MUTES(conn, [(tenant_id, place) for place in connection_ids]):
        found.setdefault(place, Mutes()).add(check, None if until is None else instant(until))
    return found


def load(conn: Connection, tenant_id: int, agents: dict[str, Agent], places: Iterable[tuple[str, int]]) -> None:
    """Remember the outcomes of these connections, each with its agent."""
    of = {place: agent_id for agent_id, place in places}
    for place, agent_id in of.items():
        agents[agent_id].places[place] = Place({})
    for row in _STATES(conn, [(tenant_id, place) for place in of]):
        agent = agents[of[row[0]]]
        held = _held(agent, row)
        agent.places[row[0]].states[held.outcome.check] = held


def titles(conn: Connection, tenant_id: int, agent_id: str, at: int, now: datetime) -> Agent:
    """An agent of whose connections nothing is remembered yet."""
    return Agent(at, now, store.titles(conn, tenant_id, agent_id))


def open_tickets(conn: Connection, tenant_id: int, connection_ids: Iterable[int]) -> dict[tuple[int, str], OpenTicket]:
    found = _OPEN(conn, [(tenant_id, place) for place in connection_ids])
    return {(place, check): OpenTicket(*rest) for place, check, *rest in found}


def save(conn: Connection, tenant_id: int, visited: Sequence[Steady]) -> None:
    """Store what steady visits leave behind, all but their tickets."""
    _save_states(conn, tenant_id, visited)
    _save_runs(conn, tenant_id, visited)
    _SAVE_ROW(conn, [(tenant_id, *_row(one.row)) for one in visited])
    derived = [(tenant_id, one.row.id, *_derived(one)) for one in visited if one.derived is not None]
    _SAVE_DERIVED(conn, derived)
    history.add(conn, tenant_id, [point for one in visited for point in one.points])


def touch_tickets(conn: Connection, tenant_id: int, touched: Iterable[tuple[OpenTicket, Sequence[Sighting]]]) -> None:
    """Findings go on."""
    _TOUCH(conn, [(tenant_id, *_touched(ticket, sightings)) for ticket, sightings in touched])


def save_received(conn: Connection, tenant_id: int, ranges: Iterable[tuple[Source, Range]]) -> None:
    """Ranges that are new, or reach further than they did."""
    _EXTEND(conn, [(tenant_id, one.agent_id, one.epoch, one.stream, *span) for one, span in ranges])


def save_seen(conn: Connection, tenant_id: int, seen: Iterable[tuple[str, int]]) -> None:
    """When agents were heard of last, in microseconds; what they found out is what readers see from now on."""
    rows = [(tenant_id, *one) for one in seen]
    _SEEN(conn, rows)
    versions.move(conn, tenant_id, "results", [agent_id for _, agent_id, _ in rows])


# --- rows ----------------------------------------------------------------------------------------------------------


def _held(agent: Agent, row: tuple[object, ...]) -> Held:
    stored = _State._make(row)
    outcome = Outcome(
        check=stored.check_id,
        category=stored.category,
        status=stored.status,  # type: ignore[arg-type]  # the column holds what an outcome said
        severity=stored.severity,  # type: ignore[arg-type]  # likewise
        line=stored.line,
        value=stored.value,
        unit=stored.unit,
        cap=stored.cap,
        fix=stored.fix,
        origin=stored.origin,
        interval_s=stored.interval_s,
        items=() if stored.items in {None, "[]"} else msgspec.json.decode(stored.items, type=tuple[Item, ...]),
        warning=stored.warning,
        critical=stored.critical,
    )
    since = None if stored.finding_since is None else instant(stored.finding_since)
    standing = Standing(stored.confirmed, stored.recent, since)
    about = agent.title(stored.check_id)
    return Held.of(outcome, stored.observed_at, standing, series_id=stored.series_id, title=about)


def _save_states(conn: Connection, tenant_id: int, visited: Iterable[Steady]) -> None:
    changed: list[tuple[object, ...]] = []
    again: list[tuple[object, ...]] = []
    for one in visited:
        changed += [(tenant_id, one.row.id, *_state(held, run)) for held, run in one.changed.values()]
        by_run: dict[str, list[str]] = {}
        for check, run in one.again.items():
            by_run.setdefault(run.run, []).append(check)
        for key, checks in by_run.items():
            at = one.place.states[checks[0]].at
            again.append((tenant_id, one.row.id, key, at, orjson.dumps(checks).decode()))
    _SAVE_STATE(conn, changed)
    (_AGAIN_POSTGRES if conn.dialect.name == "postgresql" else _AGAIN_SQLITE)(conn, again)


def _state(held: Held, run: Run) -> tuple[object, ...]:
    outcome, standing = held.outcome, held.standing
    return (
        outcome.check,
        outcome.category,
        outcome.status,
        outcome.severity,
        outcome.line,
        outcome.value,
        outcome.unit,
        outcome.cap,
        outcome.fix,
        outcome.origin,
        orjson.dumps([msgspec.to_builtins(item) for item in outcome.items]).decode(),
        outcome.interval_s,
        run.run,
        held.at,
        outcome.warning,
        outcome.critical,
        standing.confirmed,
        standing.recent,
        None if standing.since is None else microseconds(standing.since),
        held.series_id,
    )


def _save_runs(conn: Connection, tenant_id: int, visited: Sequence[Steady]) -> None:
    count = sum(len(one.runs) for one in visited)
    numbers = iter(sequences.take(conn, "run", count))
    rows: list[tuple[object, ...]] = []
    for one in visited:
        for run, counts in zip(one.runs, one.counts, strict=True):
            number = next(numbers)
            newest = run is one.runs[-1]
            rows.append(
                (
                    tenant_id,
                    number,
                    one.row.id,
                    run.run,
                    microseconds(run.started_at),
                    microseconds(run.ended_at),
                    one.received_at,
                    run.trigger,
                    run.reachable,
                    run.parts,
                    "[1]",
                    orjson.dumps(counts).decode(),
                    one.row.score if newest else None,
                )
            )
            one.row.latest_run_id = number
    _ADD_RUN(conn, rows)


def _row(row: Row) -> tuple[object, ...]:
    return (
        row.id,
        row.latest_run_id,
        row.latest_run_key,
        row.latest_run_at,
        row.facts,
        row.facts_at,
        row.facts_run_key,
        row.stale_at,
        row.covered_until,
    )


def _derived(one: Steady) -> tuple[object, ...]:
    found = one.derived
    if found is None:
        raise AssertionError("only what has been derived is written")
    counts, details = orjson.dumps(found.counts).decode(), orjson.dumps(found.details).decode()
    return found.raw_score, found.summary, counts, details


def _touched(ticket: OpenTicket, sightings: Sequence[Sighting]) -> tuple[object, ...]:
    counted = [one for one in sightings if one.after.recent]
    last = counted[-1].outcome
    fixes = [one.outcome.fix for one in counted if one.outcome.fix]
    seen_at = max(ticket.last_seen_at, *(microseconds(one.at) for one in counted))
    remediation = fixes[-1] if fixes else ticket.remediation
    return ticket.id, last.line, remediation, seen_at, ticket.occurrences + len(counted)


class _State(NamedTuple):
    connection_id: int
    check_id: str
    category: str
    status: str
    severity: str
    line: str
    value: float | None
    unit: str
    cap: int | None
    fix: str | None
    origin: str
    items: str | None
    interval_s: int
    observed_at: int
    warning: float | None
    critical: float | None
    confirmed: int | None
    recent: int | None
    finding_since: int | None
    series_id: int | None


_LOCK = Bulk(
    "WITH s(tenant_id, agent_id, key_id) AS (VALUES {rows})"
    " SELECT a.id, a.state, a.last_seen_at, a.silence,"
    " (SELECT d.version FROM assignment d WHERE d.tenant_id = a.tenant_id AND d.agent_id = a.id),"
    " EXISTS (SELECT 1 FROM agent_key k WHERE k.tenant_id = a.tenant_id AND k.agent_id = a.id AND k.key_id = s.key_id"
    " AND k.retired_at IS NULL)"
    " FROM s CROSS JOIN agent a WHERE a.tenant_id = s.tenant_id AND a.id = s.agent_id ORDER BY a.id{lock}",
    "bigint text text",
)
_TOUCHING = Bulk(
    "WITH s(n, tenant_id, agent_id, epoch, stream, low, high) AS (VALUES {rows})"
    ' SELECT s.n, r."first", r."last" FROM s CROSS JOIN received_range r'
    " WHERE r.tenant_id = s.tenant_id AND r.agent_id = s.agent_id AND r.epoch = s.epoch AND r.stream = s.stream"
    ' AND r."first" <= s.high AND r."last" >= s.low',
    "bigint bigint text text text bigint bigint",
)
_OF_SOURCE = (
    "received_range r WHERE r.tenant_id = s.tenant_id AND r.agent_id = s.agent_id"
    " AND r.epoch = s.epoch AND r.stream = s.stream"
)
_ENDS = Bulk(
    "WITH s(n, tenant_id, agent_id, epoch, stream) AS (VALUES {rows})"
    f' SELECT s.n, (SELECT min(r."first") FROM {_OF_SOURCE}), (SELECT max(r."first") FROM {_OF_SOURCE}) FROM s',
    "bigint bigint text text text",
)
_ROWS = Bulk(
    "WITH s(tenant_id, agent_id, key) AS (VALUES {rows})"
    " SELECT c.agent_id, c.id, c.key, c.removed_at, c.latest_run_id, c.latest_run_key, c.latest_run_at, c.reachable,"
    " c.facts, c.facts_at, c.facts_run_key, c.score, c.stale_at, c.series_id, c.status, c.told, c.told_at,"
    " c.covered_from, c.covered_until FROM s CROSS JOIN connection c"
    " WHERE c.tenant_id = s.tenant_id AND c.agent_id = s.agent_id AND c.key = s.key",
    "bigint text text",
)
_KNOWN_RUNS = Bulk(
    "WITH s(tenant_id, key, connection_id) AS (VALUES {rows})"
    " SELECT r.key, r.connection_id FROM s CROSS JOIN run r"
    " WHERE r.tenant_id = s.tenant_id AND r.key = s.key AND r.connection_id = s.connection_id",
    "bigint text bigint",
)
_MUTES = Bulk(
    "WITH s(tenant_id, connection_id) AS (VALUES {rows})"
    " SELECT m.connection_id, m.check_id, m.expires_at FROM s CROSS JOIN finding_mark m"
    " WHERE m.tenant_id = s.tenant_id AND m.connection_id = s.connection_id AND m.kind = 'mute'",
    "bigint bigint",
)
_STATES = Bulk(
    "WITH s(tenant_id, connection_id) AS (VALUES {rows})"
    f" SELECT {', '.join(f'c.{name}' for name in _State._fields)} FROM s CROSS JOIN check_state c"
    " WHERE c.tenant_id = s.tenant_id AND c.connection_id = s.connection_id",
    "bigint bigint",
)
_OPEN = Bulk(
    "WITH s(tenant_id, connection_id) AS (VALUES {rows})"
    " SELECT t.connection_id, t.check_id, t.id, t.severity, t.occurrences, t.last_seen_at, t.remediation"
    " FROM s CROSS JOIN ticket t"
    " WHERE t.tenant_id = s.tenant_id AND t.connection_id = s.connection_id AND t.status = 'open'",
    "bigint bigint",
)
_TOUCH = Bulk(
    "WITH s(tenant_id, id, line, remediation, seen_at, occurrences) AS (VALUES {rows})"
    " UPDATE ticket SET metric_line = s.line, remediation = s.remediation, last_seen_at = s.seen_at,"
    " occurrences = s.occurrences FROM s WHERE ticket.tenant_id = s.tenant_id AND ticket.id = s.id",
    "bigint bigint text text bigint bigint",
)
_STATE_COLUMNS = [
    "check_id", "category", "status", "severity", "line", "value", "unit", "cap", "fix", "origin", "items",
    "interval_s", "run_key", "observed_at", "warning", "critical", "confirmed", "recent", "finding_since", "series_id",
]  # fmt: skip
_SAVE_STATE = Bulk(
    f"INSERT INTO check_state (tenant_id, connection_id, {', '.join(_STATE_COLUMNS)}) VALUES {{rows}}"
    " ON CONFLICT (tenant_id, connection_id, check_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _STATE_COLUMNS[1:]),
    "bigint bigint text text text text text float8 text bigint text text text bigint text bigint"
    " float8 float8 bigint bigint bigint bigint",
)
_AGAIN = (
    "WITH s(tenant_id, connection_id, run_key, at, checks) AS (VALUES {rows})"
    " UPDATE check_state SET observed_at = s.at, run_key = s.run_key FROM s, %s"
    " WHERE check_state.tenant_id = s.tenant_id AND check_state.connection_id = s.connection_id"
    " AND check_state.check_id = seen.value"
)
_AGAIN_SQLITE = Bulk(_AGAIN % "json_each(s.checks) AS seen", "bigint bigint text bigint text")
_AGAIN_POSTGRES = Bulk(_AGAIN % "json_array_elements_text(s.checks::json) AS seen", "bigint bigint text bigint text")
_ADD_RUN = Bulk(
    "INSERT INTO run (tenant_id, id, connection_id, key, started_at, ended_at, received_at, trigger, reachable, parts,"
    " parts_seen, counts, score) VALUES {rows}",
    "bigint bigint bigint text bigint bigint bigint text boolean bigint text text bigint",
)
_SAVE_ROW = Bulk(
    "WITH s(tenant_id, id, latest_run_id, latest_run_key, latest_run_at, facts, facts_at, facts_run_key, stale_at,"
    " covered_until) AS (VALUES {rows})"
    " UPDATE connection SET latest_run_id = s.latest_run_id, latest_run_key = s.latest_run_key,"
    " latest_run_at = s.latest_run_at, facts = s.facts, facts_at = s.facts_at, facts_run_key = s.facts_run_key,"
    " stale_at = s.stale_at, covered_until = s.covered_until"
    " FROM s WHERE connection.tenant_id = s.tenant_id AND connection.id = s.id",
    "bigint bigint bigint text bigint text bigint text bigint bigint",
)
_SAVE_DERIVED = Bulk(
    "WITH s(tenant_id, id, raw_score, summary_text, counts, details) AS (VALUES {rows})"
    " UPDATE connection SET raw_score = s.raw_score, summary_text = s.summary_text, counts = s.counts,"
    " details = s.details FROM s WHERE connection.tenant_id = s.tenant_id AND connection.id = s.id",
    "bigint bigint bigint text text text",
)
_EXTEND = Bulk(
    'INSERT INTO received_range (tenant_id, agent_id, epoch, stream, "first", "last") VALUES {rows}'
    ' ON CONFLICT (tenant_id, agent_id, epoch, stream, "first") DO UPDATE SET "last" = excluded."last"',
    "bigint text text text bigint bigint",
)
_SEEN = Bulk(
    "WITH s(tenant_id, id, at) AS (VALUES {rows})"
    " UPDATE agent SET last_seen_at = s.at FROM s WHERE agent.tenant_id = s.tenant_id AND agent.id = s.id",
    "bigint text bigint",
)
