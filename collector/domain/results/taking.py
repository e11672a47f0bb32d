"""Batches of many agents in one go: steady visits all at once, whatever is more than that one by one (`ingest`).

Either way the same tables come of it; the tests compare.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.core.columns import instant, microseconds
from collector.domain.assignments.rules import EMPTY
from collector.domain.mutes.rules import Mutes
from collector.domain.results import ingest as ingesting
from collector.domain.results import received, steady_store
from collector.domain.results.decode import Decoded
from collector.domain.results.levels import level_of, severity_of
from collector.domain.results.received import Range, Source
from collector.domain.results.remembered import Agent, Remembered, remembered
from collector.domain.results.rows import Sighting
from collector.domain.results.steady import Row, Steady, steady
from collector.domain.results.steady_store import Locked, OpenTicket, Received
from collector.domain.results.targets import Targets
from collector.domain.results.visits import Visits
from common.identity import NotAuthentic
from common.wire import Ack, Heartbeat, Run

_NOT_MUTED = Mutes()


class Job(NamedTuple):
    """A proven batch, when it came, and the key that has proven it; without one, nobody looks at keys again."""

    source: Source
    batch: Decoded
    now: datetime
    key_id: str = ""


class KeyGoneError(NotAuthentic):
    """The key has been retired since the request was proven."""

    def __init__(self) -> None:
        super().__init__("key_unknown", "this agent has another key by now")


Answer = Ack | NotAuthentic


@dataclass(slots=True)
class Taken:
    """A batch of runs, all of them new, of an agent that reports as usual."""

    job: Job
    locked: Locked
    seqs: Sequence[int]
    span: Range
    by_key: dict[str, list[Run]]
    has_beats: bool
    is_whole: bool
    """Nothing is missing before it, or after."""
    visited: list[Steady] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)

    @property
    def seen_at(self) -> datetime:
        """Now; another instant than that of the batch before, for what is remembered goes by it."""
        now = microseconds(self.job.now)
        return instant(now + 1) if now == self.locked.last_seen_at else self.job.now


def ingest_all(conn: Connection, tenant_id: int, jobs: Sequence[Job]) -> list[Answer]:
    """An answer for each, in their order; whatever is raised is about all of them."""
    answers: dict[int, Answer] = {}
    with ExitStack() as undone:
        undone.callback(_forget, remembered(conn.info), jobs)
        for turn in _turns(jobs):
            answers |= _ingest(conn, tenant_id, turn)
        undone.pop_all()
    return [answers[number] for number in range(len(jobs))]


def _forget(memory: Remembered, jobs: Sequence[Job]) -> None:
    """What was judged in a turn that failed did not happen."""
    for job in jobs:
        memory.forget(job.source.agent_id)


def _turns(jobs: Sequence[Job]) -> Iterator[dict[int, Job]]:
    """An agent's batches one after the other."""
    left = dict(enumerate(jobs))
    while left:
        first: dict[str, int] = {}
        for number, job in left.items():
            first.setdefault(job.source.agent_id, number)
        turn = {number: left.pop(number) for number in first.values()}
        yield turn


def _ingest(conn: Connection, tenant_id: int, turn: Mapping[int, Job]) -> dict[int, Answer]:
    memory = remembered(conn.info)
    locked = steady_store.lock_agents(conn, tenant_id, [(job.source.agent_id, job.key_id) for job in turn.values()])
    refused: dict[int, Answer] = {
        number: KeyGoneError() for number, job in turn.items() if _is_refused(job, locked.get(job.source.agent_id))
    }
    turn = {number: job for number, job in turn.items() if number not in refused}
    plain = {number: job for number, job in turn.items() if _is_plain(job, locked.get(job.source.agent_id))}
    taken = _new(conn, tenant_id, plain, locked)
    if taken:
        _take(conn, tenant_id, list(taken.values()), memory)
    answers = {**refused, **{number: _conclude(conn, tenant_id, one) for number, one in taken.items()}}
    for number, job in turn.items():
        if number not in answers:
            memory.forget(job.source.agent_id)
            answers[number] = _alone(conn, job)
    return answers


def _alone(conn: Connection, job: Job) -> Answer:
    try:
        return ingesting.ingest(conn, job.source, job.batch, job.now)
    except NotAuthentic as refusal:  # before anything was written
        return refusal


def _is_refused(job: Job, locked: Locked | None) -> bool:
    return bool(job.key_id) and locked is not None and locked.state == "active" and not locked.key_is_good


def _is_plain(job: Job, locked: Locked | None) -> bool:
    batch = job.batch
    usual = locked is not None and locked.state == "active" and locked.silence is None
    plain = usual and batch.known and not batch.strange and not batch.rejected
    return bool(plain) and all(isinstance(record.body, Run | Heartbeat) for record in batch.known)


def _new(conn: Connection, tenant_id: int, plain: Mapping[int, Job], locked: Mapping[str, Locked]) -> dict[int, Taken]:
    """Those of which nothing came before."""
    seqs = {number: sorted(record.seq for record in job.batch.known) for number, job in plain.items()}
    wanted = [(job.source, seqs[number][0], seqs[number][-1]) for number, job in plain.items()]
    found: dict[int, Taken] = {}
    for (number, job), here in zip(plain.items(), steady_store.received(conn, tenant_id, wanted), strict=True):
        span = _extended(here, seqs[number])
        if span is not None:
            found[number] = _taken(job, locked[job.source.agent_id], seqs[number], span, here)
    return found


def _extended(here: Received, seqs: Sequence[int]) -> Range | None:
    """The stored range that these numbers make longer at its end, or the one that they begin; None for all else."""
    first, last = seqs[0], seqs[-1]
    if last - first + 1 != len(seqs):
        return None
    match here.touching:
        case []:
            return first, last
        case [(begin, end)] if end == first - 1:
            return begin, last
    return None


def _taken(job: Job, locked: Locked, seqs: Sequence[int], span: Range, here: Received) -> Taken:
    by_key: dict[str, list[Run]] = {}
    for record in job.batch.known:
        if isinstance(record.body, Run):
            by_key.setdefault(record.body.connection, []).append(record.body)
    has_beats = any(isinstance(record.body, Heartbeat) for record in job.batch.known)
    is_whole = span[0] == 1 and here.first in {None, 1} and here.last_first in {None, 1}
    return Taken(job, locked, seqs, span, by_key, has_beats, is_whole)


# --- visits --------------------------------------------------------------------------------------------------------


def _take(conn: Connection, tenant_id: int, taken: Sequence[Taken], memory: Remembered) -> None:
    """Judge all visits, and store what the steady ones leave behind."""
    rows = steady_store.rows(conn, tenant_id, [(one.job.source.agent_id, key) for one in taken for key in one.by_key])
    agents = _agents(conn, tenant_id, taken, rows, memory)
    again = _known_runs(conn, tenant_id, taken, rows)
    muted = steady_store.mutes(conn, tenant_id, [row.id for row in rows.values()])
    for one in taken:
        agent = agents[one.job.source.agent_id]
        for key, runs in one.by_key.items():
            row = rows.get((one.job.source.agent_id, key))
            known = row is None or any((run.run, row.id) in again for run in runs) or _says_twice(runs)
            found = None
            if row is not None and not known:
                found = steady(agent, row, runs, muted.get(row.id, _NOT_MUTED), one.job.now)
            if found is None:
                _leave(one, agent, key, row)
            else:
                one.visited.append(found)
    touched = _tickets(conn, tenant_id, taken, agents)
    steady_store.save(conn, tenant_id, [found for one in taken for found in one.visited])
    steady_store.touch_tickets(conn, tenant_id, touched)
    steady_store.save_received(conn, tenant_id, [(one.job.source, one.span) for one in taken])
    _remember(conn, tenant_id, taken, agents, memory)


def _says_twice(runs: Sequence[Run]) -> bool:
    return len({run.run for run in runs}) < len(runs)


def _leave(one: Taken, agent: Agent, key: str, row: Row | None) -> None:
    """More follows from these visits: they are taken one by one, and what was remembered may have moved."""
    one.unsteady.append(key)
    if row is not None:
        agent.places.pop(row.id, None)


def _agents(
    conn: Connection,
    tenant_id: int,
    taken: Sequence[Taken],
    rows: Mapping[tuple[str, str], Row],
    memory: Remembered,
) -> dict[str, Agent]:
    """The agents with the outcomes of all connections that are asked for."""
    agents: dict[str, Agent] = {}
    for one in taken:
        agent_id, at = one.job.source.agent_id, one.locked.last_seen_at
        known = memory.get(agent_id, at, one.job.now)
        agents[agent_id] = known or steady_store.titles(conn, tenant_id, agent_id, at or 0, one.job.now)
    missing = [(agent_id, row.id) for (agent_id, _), row in rows.items() if row.id not in agents[agent_id].places]
    steady_store.load(conn, tenant_id, agents, missing)
    return agents


def _known_runs(
    conn: Connection, tenant_id: int, taken: Sequence[Taken], rows: Mapping[tuple[str, str], Row]
) -> set[tuple[str, int]]:
    wanted = [
        (run.run, rows[one.job.source.agent_id, key].id)
        for one in taken
        for key, runs in one.by_key.items()
        if (one.job.source.agent_id, key) in rows
        for run in runs
    ]
    return steady_store.known_runs(conn, tenant_id, wanted)


def _tickets(
    conn: Connection, tenant_id: int, taken: Sequence[Taken], agents: Mapping[str, Agent]
) -> list[tuple[OpenTicket, Sequence[Sighting]]]:
    """The tickets of findings that go on; a connection that has one of which the ticket has to move is left."""
    places = {found.row.id for one in taken for found in one.visited if found.sightings}
    current = steady_store.open_tickets(conn, tenant_id, sorted(places))
    touched: list[tuple[OpenTicket, Sequence[Sighting]]] = []
    for one in taken:
        for found in list(one.visited):
            going_on = _going_on(found, current)
            if going_on is None:
                one.visited.remove(found)
                _leave(one, agents[one.job.source.agent_id], found.row.key, found.row)
            else:
                touched += going_on
    return touched


def _going_on(
    found: Steady, current: Mapping[tuple[int, str], OpenTicket]
) -> list[tuple[OpenTicket, Sequence[Sighting]]] | None:
    by_check: dict[str, list[Sighting]] = {}
    for sighting in found.sightings:
        if level_of(sighting.outcome.status, sighting.outcome.severity) is not None:
            by_check.setdefault(sighting.outcome.check, []).append(sighting)
    touched: list[tuple[OpenTicket, Sequence[Sighting]]] = []
    for check, sightings in by_check.items():
        ticket = current.get((found.row.id, check))
        if ticket is None or ticket.severity != severity_of(sightings[-1].after.confirmed or 0):
            return None
        counted = [one for one in sightings if one.after.recent]
        if counted:
            touched.append((ticket, counted))
    return touched


def _remember(
    conn: Connection, tenant_id: int, taken: Sequence[Taken], agents: Mapping[str, Agent], memory: Remembered
) -> None:
    seen: list[tuple[str, int]] = []
    for one in taken:
        agent_id, agent = one.job.source.agent_id, agents[one.job.source.agent_id]
        agent.last_seen_at = microseconds(one.seen_at)
        seen.append((agent_id, agent.last_seen_at))
        memory.put(agent_id, agent)
    steady_store.save_seen(conn, tenant_id, seen)


# --- the rest of a batch -------------------------------------------------------------------------------------------


def _conclude(conn: Connection, tenant_id: int, one: Taken) -> Ack:
    """Take what more follows from, and answer."""
    job, source = one.job, one.job.source
    if one.unsteady:
        _take_unsteady(conn, tenant_id, one)
    if one.has_beats:
        ingesting.take_heartbeats(conn, source, job.batch, one.seen_at)
    gaps = () if one.is_whole else received.missing(conn, source)
    return Ack(
        acked=((one.seqs[0], one.seqs[-1]),),
        new=len(one.seqs),
        dup=0,
        rejected=(),
        gaps=gaps,
        server_time=job.now,
        assignment=EMPTY.version if one.locked.assignment is None else one.locked.assignment,
    )


def _take_unsteady(conn: Connection, tenant_id: int, one: Taken) -> None:
    runs = [run for key in one.unsteady for run in one.by_key[key]]
    agent_id = one.job.source.agent_id
    targets = Targets(conn, tenant_id, agent_id, one.job.now)
    visits = Visits(conn, tenant_id, agent_id, targets, one.job.now)
    visits.apply(runs)
    targets.save()
    visits.trace()
