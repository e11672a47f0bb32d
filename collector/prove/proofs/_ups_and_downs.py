"""Findings that come and go, reported in batches that overtake each other; and what is left of tickets and alerts."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from collector.core.tenancy import across_tenants
from collector.domain.activity.tables import activity_entry
from collector.domain.alerts.tables import alert
from collector.domain.tickets.tables import ticket
from collector.prove import sim, stores
from collector.prove.proof import Terms
from collector.prove.proofs._chance import chance
from collector.prove.proofs._desk import Desk
from collector.prove.proofs._findings import Findings
from collector.prove.sim import Agent, Manners
from common import wire
from common.clock import utc_now
from common.wire import Kind, Outcome, Run, Severity, Status

CHECK = "PROOF_CHECK"
_STEP = timedelta(seconds=20)
_SURE = 5
"""Outcomes alike after which nobody may be of another opinion."""
_LEVELS: Sequence[tuple[Status, Severity, float]] = (
    ("ok", "info", 10.0),
    ("warning", "warning", 80.0),
    ("critical", "critical", 95.0),
)


class Left(NamedTuple):
    """Tickets and alerts of the check, and how often the log says of each alert that it was told."""

    tickets: Sequence[Row[Any]]
    alerts: Sequence[Row[Any]]
    told: Counter[tuple[str, int]]

    @property
    def open(self) -> tuple[int, int]:
        return sum(one.resolved_at is None for one in self.tickets), sum(one.resolved_at is None for one in self.alerts)


async def live(terms: Terms, desk: Desk, findings: Findings, name: str) -> Counter[str]:
    """Ups and downs, then well for sure, then bad for sure."""
    runs, random = 150 if terms.quick else 1_500, chance(terms, "findings", name)
    folder = terms.folder / f"findings-{name}"
    url, house = desk.collectors[0].url, desk.houses[0]
    manners = Manners(size=4, lanes=6)
    async with sim.enrolled(folder, url, house.enrolment, chance=random, manners=manners) as agent:
        agent.say(1)
        began = utc_now() - _STEP * (runs + 2 * _SURE * sim.CONNECTIONS + 10)
        levels = [random.choice(_LEVELS) for _ in range(runs)]
        at = await _say(agent, random, levels, began)
        at = await _say(agent, random, [_LEVELS[0]] * _SURE * sim.CONNECTIONS, at, shuffled=False)
        well = await asyncio.to_thread(stores.look, desk.url, _read)
        findings.expect(well.open == (0, 0), f"{name}: when all is well, {well.open} tickets and alerts are open")
        await _say(agent, random, [_LEVELS[2]] * _SURE * sim.CONNECTIONS, at, shuffled=False)
        left = await asyncio.to_thread(stores.look, desk.url, _read)
    both = (sim.CONNECTIONS, sim.CONNECTIONS)
    findings.expect(left.open == both, f"{name}: when all is bad, {left.open} tickets and alerts are open, not {both}")
    for one in (*_of_tickets(left), *_of_alerts(left)):
        findings.add(f"{name}: {one}")
    return Counter(outcomes=len(agent.journal.lines) - 1, tickets=len(left.tickets), alerts=len(left.alerts))


async def _say(
    agent: Agent,
    random: Random,
    levels: Sequence[tuple[Status, Severity, float]],
    began: datetime,
    *,
    shuffled: bool = True,
) -> datetime:
    """One run for each level, on one connection after the other; the newest may arrive first."""
    for number, (status, severity, value) in enumerate(levels):
        at = began + _STEP * number
        outcome = Outcome(CHECK, "capacity", status, severity, f"{value:g} %", value=value, unit="%", interval_s=300)
        seq = len(agent.journal.lines) + 1
        run = Run(f"{agent.name}-{seq}", f"db{number % sim.CONNECTIONS}", at, at, "schedule", (outcome,))
        agent.journal.lines[seq] = wire.record_line(seq, Kind.RUN, at, run)
    while pending := agent.journal.pending:
        if shuffled:
            random.shuffle(pending)
        await agent.send(pending)
    return began + _STEP * len(levels)


def _of_tickets(left: Left) -> Iterator[str]:
    """At most one is open for a place, and none begins before the one before it has ended."""
    places: dict[tuple[int, str], list[Row[Any]]] = defaultdict(list)
    for one in left.tickets:
        places[one.connection_id, one.check_id].append(one)
    for place, found in places.items():
        if sum(one.resolved_at is None for one in found) > 1:
            yield f"several open tickets for {place}"
        for one in found:
            if one.resolved_at is not None and one.resolved_at < one.first_seen_at:
                yield f"ticket {one.id} ended before it began"


def _of_alerts(left: Left) -> Iterator[str]:
    """Each was told once, and its end once, where it has ended."""
    for one in left.alerts:
        told = (left.told["alert_triggered", one.id], left.told["alert_resolved", one.id])
        wanted = (1, 1 if one.resolved_at is not None else 0)
        if told != wanted:
            yield f"alert {one.id} was told {told[0]} times and resolved {told[1]} times; expected {wanted}"


@across_tenants("a proof looks at a store of its own")
def _read(conn: Connection) -> Left:
    tickets = conn.execute(select(ticket).where(ticket.c.check_id == CHECK)).all()
    alerts = conn.execute(select(alert).where(alert.c.check_id == CHECK)).all()
    types = ("alert_triggered", "alert_resolved")
    entries = conn.execute(select(activity_entry).where(activity_entry.c.action_type.in_(types))).all()
    told = Counter((one.action_type, one.properties["alert_id"]) for one in entries)
    return Left(tickets, alerts, told)
