"""Agents that fall silent, and spools that fill up: found out by the collector itself."""

from datetime import datetime, timedelta

import msgspec
import pytest

from collector.core.database import Database
from collector.domain.agents.tables import agent
from collector.domain.alerts.tables import alert
from collector.domain.fleet import rules as fleet
from collector.domain.fleet import store as readers
from collector.domain.history.tables import status_interval
from collector.domain.results import silence
from collector.domain.results.tables import connection
from collector.domain.tickets.tables import ticket
from common.wire import Kind, SpoolState
from tests.collector import builders
from tests.collector.builders import T0, outcome
from tests.collector.domain import sending
from tests.collector.domain.sending import MINUTE, Sender

LONG_AGO = T0 - timedelta(days=1)


@pytest.fixture
async def sender(database: Database) -> Sender:
    made = await sending.sender(database)
    await made.visit(T0, outcome("A", interval_s=86_400), outcome("B", "warning", interval_s=86_400))
    return made


async def look(sender: Sender, now: datetime, *, started_at: datetime = LONG_AGO) -> int:
    return await sender.db.write(silence.look(60, started_at), now, 50)


async def shown(sender: Sender, now: datetime) -> dict[str, str]:
    latest = await sender.db.read(readers.latest, sender.here.tenant, await sender.connection_id(), now)
    assert latest is not None
    return {one.check: one.status for one in fleet.shown(latest.states, reachable=latest.reachable, now=now)}


async def test_an_agent_is_late_after_three_heartbeats_and_silent_after_a_quarter_of_an_hour(sender: Sender) -> None:
    assert await look(sender, T0 + 3 * MINUTE) == 0
    assert await look(sender, T0 + 4 * MINUTE) == 1
    assert await look(sender, T0 + 5 * MINUTE) == 0
    assert await shown(sender, T0 + 5 * MINUTE) == {"AGENT_STALE": "warning", "A": "ok", "B": "warning"}
    assert (await sender.one(connection)).score == 91
    assert await look(sender, T0 + 16 * MINUTE) == 1
    assert await shown(sender, T0 + 16 * MINUTE) == {"AGENT_STALE": "critical", "A": "unknown", "B": "unknown"}
    row = await sender.one(connection)
    assert (row.score, row.status) == (79, "unknown")
    assert row.summary_text == "1 critical finding: Agent did not report"
    stale = next(row for row in await sender.all(ticket) if row.check_id == "AGENT_STALE")
    assert (stale.severity, stale.status, stale.remediation) == (
        "critical",
        "open",
        "Check the agent service and the network path.",
    )
    alerts = [one for one in await sender.all(alert) if one.check_id == "AGENT_STALE"]
    assert [(one.rule, one.severity, one.state, one.threshold) for one in alerts] == [
        ("agent_silent", "warning", "resolved", 180.0),
        ("agent_silent", "critical", "open", 900.0),
    ]


async def test_an_agent_that_is_heard_of_again_is_not_silent(sender: Sender) -> None:
    await look(sender, T0 + 30 * MINUTE)
    later = T0 + 40 * MINUTE
    await sender.send((Kind.HEARTBEAT, later, builders.heartbeat(later)), now=later)
    assert await shown(sender, later) == {"AGENT_STALE": "ok", "A": "ok", "B": "warning"}
    row = await sender.one(connection)
    assert (row.score, row.status) == (94, "healthy")
    assert [one.status for one in await sender.all(status_interval)] == ["healthy", "unknown", "healthy"]
    assert {one.state for one in await sender.all(alert) if one.check_id == "AGENT_STALE"} == {"resolved"}
    assert (await sender.one(agent)).silence is None
    assert await look(sender, later + MINUTE) == 0


async def test_time_before_the_collector_started_is_no_silence(sender: Sender) -> None:
    started = T0 + timedelta(hours=5)
    assert await look(sender, started + 2 * MINUTE, started_at=started) == 0
    assert await look(sender, started + 4 * MINUTE, started_at=started) == 1
    assert (await sender.one(agent)).silence == silence.LATE
    assert await look(sender, started + 14 * MINUTE, started_at=started) == 0
    assert await look(sender, started + 16 * MINUTE, started_at=started) == 1
    assert (await sender.one(agent)).silence == silence.SILENT


async def test_a_connection_that_never_ran_or_was_removed_has_no_silent_agent(sender: Sender) -> None:
    await sender.inventory("NEW", at=T0 + MINUTE)
    await look(sender, T0 + 30 * MINUTE)
    assert not [one for one in await sender.all(ticket) if one.check_id == "AGENT_STALE"]
    assert {row.key: row.score for row in await sender.all(connection)}["new"] is None


async def test_a_spool_at_80_percent_alerts_once_and_clears_by_two_points(sender: Sender) -> None:
    for minute, percent in enumerate((79, 80, 95, 79, 78, 77, 79)):
        at = T0 + minute * MINUTE
        spool = SpoolState(records=1, bytes=percent, limit_bytes=100, oldest_at=at, dropped=0, dead=0)
        await sender.send((Kind.HEARTBEAT, at, builders.heartbeat(at, spool=spool)), now=at)
    (row,) = [one for one in await sender.all(alert) if one.rule == "spool"]
    assert (row.connection_id, row.agent_id, row.value, row.threshold) == (None, sender.here.id, 80.0, 80.0)
    assert (row.triggered_at, row.resolved_at) == (T0 + MINUTE, T0 + 5 * MINUTE)
    assert (await sender.activity())[-2:] == ["alert_triggered", "alert_resolved"]


async def test_an_agent_whose_bundles_are_carried_is_late_after_twice_and_silent_after_three_times_the_usual(
    sender: Sender,
) -> None:
    day = timedelta(days=1)
    beat = msgspec.structs.replace(builders.heartbeat(T0), bundle_every_s=86_400)
    await sender.send((Kind.HEARTBEAT, T0, beat), now=T0)
    started_at = T0 + 3 * day - MINUTE  # that the collector was away is no excuse: nobody came to it
    assert await look(sender, T0 + 2 * day) == 0
    assert await look(sender, T0 + 2 * day + MINUTE) == 1
    assert (await sender.one(agent)).silence == silence.LATE
    assert await look(sender, T0 + 3 * day) == 0
    assert await look(sender, T0 + 3 * day + 30 * MINUTE, started_at=started_at) == 1
    assert (await sender.one(agent)).silence == silence.SILENT
    alerts = [one for one in await sender.all(alert) if one.check_id == "AGENT_STALE"]
    assert [(one.severity, one.threshold) for one in alerts] == [
        ("warning", 2 * 86_400.0),
        ("critical", 3 * 86_400.0),
    ]
    beat = msgspec.structs.replace(builders.heartbeat(T0 + 4 * day), bundle_every_s=0)
    await sender.send((Kind.HEARTBEAT, T0 + 4 * day, beat), now=T0 + 4 * day)
    assert await look(sender, T0 + 4 * day + 16 * MINUTE, started_at=LONG_AGO) > 0
