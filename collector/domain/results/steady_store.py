"""Queries about all batches of a group at once: what they are judged by, and what steady visits leave behind."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import orjson
from sqlalchemy import Connection

from collector.core import sequences
from collector.core.columns import instant, microseconds
from collector.domain.history import store as history
from collector.domain.mutes.rules import Mutes
from collector.domain.results import steady_words as words
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
    rows = words.LOCK(conn, [(tenant_id, *caller) for caller in sorted(callers)])
    return {agent_id: Locked(*rest) for agent_id, *rest in rows}


def received(conn: Connection, tenant_id: int, wanted: Sequence[tuple[Source, int, int]]) -> list[Received]:
    """For each source and the first and last number of a batch of it."""
    keys = [(n, tenant_id, one.agent_id, one.epoch, one.stream) for n, (one, _, _) in enumerate(wanted)]
    bounds = [(low - 1, high + 1) for _, low, high in wanted]
    touching: list[list[Range]] = [[] for _ in wanted]
    for number, first, last in words.TOUCHING(conn, [(*key, *bound) for key, bound in zip(keys, bounds, strict=True)]):
        touching[number].append((first, last))
    ends = {number: (first, last) for number, first, last in words.ENDS(conn, keys)}
    return [Received(sorted(touching[n]), *ends[n]) for n in range(len(wanted))]


def rows(conn: Connection, tenant_id: int, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Connections by agent and key."""
    found = words.ROWS(conn, [(tenant_id, *key) for key in keys])
    return {(agent_id, row[1]): Row(*row) for agent_id, *row in found}


def known_runs(conn: Connection, tenant_id: int, runs: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of these runs, by key and connection, of which something is here already."""
    return {(key, place) for key, place in words.KNOWN_RUNS(conn, [(tenant_id, *run) for run in runs])}


def mutes(conn: Connection, tenant_id: int, connection_ids: Iterable[int]) -> dict[int, Mutes]:
    found: dict[int, Mutes] = {}
    for place, check, until in words.MUTES(conn, [(tenant_id, place) for place in connection_ids]):
        found.setdefault(place, Mutes()).add(check, None if until is None else instant(until))
    return found


def load(conn: Connection, tenant_id: int, agents: dict[str, Agent], places: Iterable[tuple[str, int]]) -> None:
    """Remember the outcomes of these connections, each with its agent."""
    of = {place: agent_id for agent_id, place in places}
    for place, agent_id in of.items():
        agents[agent_id].places[place] = Place({})
    for row in words.STATES(conn, [(tenant_id, place) for place in of]):
        agent = agents[of[row[0]]]
        held = _held(agent, row)
        agent.places[row[0]].states[held.outcome.check] = held


def titles(conn: Connection, tenant_id: int, agent_id: str, at: int, now: datetime) -> Agent:
    """An agent of whose connections nothing is remembered yet."""
    return Agent(at, now, store.titles(conn, tenant_id, agent_id))


def open_tickets(conn: Connection, tenant_id: int, connection_ids: Iterable[int]) -> dict[tuple[int, str], OpenTicket]:
    found = words.OPEN(conn, [(tenant_id, place) for place in connection_ids])
    return {(place, check): OpenTicket(*rest) for place, check, *rest in found}


def save(conn: Connection, tenant_id: int, visited: Sequence[Steady]) -> None:
    """Store what steady visits leave behind, all but their tickets."""
    _save_states(conn, tenant_id, visited)
    _save_runs(conn, tenant_id, visited)
    words.SAVE_ROW(conn, [(tenant_id, *_row(one.row)) for one in visited])
    derived = [(tenant_id, one.row.id, *_derived(one)) for one in visited if one.derived is not None]
    words.SAVE_DERIVED(conn, derived)
    history.add(conn, tenant_id, [point for one in visited for point in one.points])


def touch_tickets(conn: Connection, tenant_id: int, touched: Iterable[tuple[OpenTicket, Sequence[Sighting]]]) -> None:
    """Findings go on."""
    words.TOUCH(conn, [(tenant_id, *_touched(ticket, sightings)) for ticket, sightings in touched])


def save_received(conn: Connection, tenant_id: int, ranges: Iterable[tuple[Source, Range]]) -> None:
    """Ranges that are new, or reach further than they did."""
    words.EXTEND(conn, [(tenant_id, one.agent_id, one.epoch, one.stream, *span) for one, span in ranges])


def save_seen(conn: Connection, tenant_id: int, seen: Iterable[tuple[str, int]]) -> None:
    """When agents were heard of last, in microseconds; what they found out is what readers see from now on."""
    rows = [(tenant_id, *one) for one in seen]
    words.SEEN(conn, rows)
    if rows:
        versions.move(conn, tenant_id, "results")


# --- rows ----------------------------------------------------------------------------------------------------------


def _held(agent: Agent, row: tuple[object, ...]) -> Held:
    stored = words.State._make(row)
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
    whole: list[tuple[object, ...]] = []
    for one in visited:
        changed += [(tenant_id, one.row.id, *_state(held, run)) for held, run in one.changed.values()]
        if _has_seen_all(one):
            whole.append((tenant_id, one.row.id, one.row.latest_run_key, one.row.latest_run_at))
        else:
            again += [(tenant_id, one.row.id, *seen) for seen in _seen_again(one)]
    words.SEEN_ALL(conn, whole)
    words.SAVE_STATE(conn, changed)
    (words.AGAIN_POSTGRES if conn.dialect.name == "postgresql" else words.AGAIN_SQLITE)(conn, again)


def _has_seen_all(one: Steady) -> bool:
    """One run has brought every check that there is: no need to name them."""
    return len(one.runs) == 1 and len(one.again) + len(one.changed) == len(one.place.states)


def _seen_again(one: Steady) -> list[tuple[object, ...]]:
    """By run: its key, when it was, and the checks that it has seen last as they were."""
    by_run: dict[str, list[str]] = {}
    for check, run in one.again.items():
        by_run.setdefault(run.run, []).append(check)
    states = one.place.states
    return [(key, states[checks[0]].at, orjson.dumps(checks).decode()) for key, checks in by_run.items()]


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
    words.ADD_RUN(conn, rows)


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
