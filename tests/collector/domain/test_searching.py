"""Tickets, alerts and checks are found by whatever people look for, each set of filters by an index."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import Connection, create_engine

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.alerts import search as alert_search
from collector.domain.fleet import inspecting
from collector.domain.history import charting
from collector.domain.history.charting import Reach
from collector.domain.history.rules import day_of
from collector.domain.results import marking
from collector.domain.results.marking import Wanted
from collector.domain.tables import metadata
from collector.domain.tickets import search as ticket_search
from common import wire
from common.wire import Kind
from tests.collector import builders
from tests.collector.builders import T0, outcome
from tests.collector.domain import sending
from tests.collector.domain.sending import MINUTE, Sender
from tests.collector.test_stores import Statement, sql_of

SWITCHES = (False, True)
HOUR = timedelta(hours=1)
ANY = ticket_search.Query(now=T0 + HOUR)
OPEN = replace(ANY, status="open")
HELD = alert_search.Query(state="suppressed", text="size")


@pytest.fixture(scope="module")
def empty() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def statements() -> Iterator[Statement]:
    for shape in product(SWITCHES, repeat=8):
        yield ticket_search._page(shape)
        yield ticket_search._count(shape)
    for six in product(SWITCHES, repeat=6):
        yield alert_search._page(six)
        yield alert_search._count(six)


def test_no_search_reads_a_whole_table_or_leaves_the_tenant_out(empty: Connection) -> None:
    for statement in statements():
        sql, values = sql_of(statement)
        steps = [row[3] for row in empty.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * values)]
        assert not [step for step in steps if step.startswith("SCAN")], sql
        assert "tenant_id = ?" in sql.partition("WHERE")[2]


@pytest.fixture
async def sender(database: Database) -> Sender:
    made = await sending.sender(database)
    await made.send((Kind.CATALOGUE, T0, builders.catalogue("REDOLOG_SIZE", "FRA_FULL")))
    return made


async def seen(sender: Sender, *statuses: wire.Status) -> None:
    for hour, status in enumerate(statuses):
        await sender.visit(T0 + hour * HOUR, outcome(status=status, value=80.0 + hour, unit="%", warning=80.0))


async def found(sender: Sender, **query: object) -> list[str]:
    wanted = ticket_search.Query(now=T0 + HOUR, **query)  # type: ignore[arg-type]  # fields of the query
    total, rows = await sender.db.read(ticket_search.page, sender.here.tenant, wanted, 0, 50)
    assert total == len(rows)
    return [row.ticket.check_id for row in rows]


async def test_tickets_are_found_by_every_filter_and_the_worst_open_one_comes_first(sender: Sender) -> None:
    await sender.visit(T0, outcome("REDOLOG_SIZE", "warning"), outcome("FRA_FULL", "critical", category="backup"))
    assert await found(sender) == ["FRA_FULL", "REDOLOG_SIZE"]
    assert await found(sender, status="open") == ["FRA_FULL", "REDOLOG_SIZE"]
    assert await found(sender, severity="warning") == ["REDOLOG_SIZE"]
    assert await found(sender, category="backup") == ["FRA_FULL"]
    assert await found(sender, check="FRA_FULL") == ["FRA_FULL"]
    assert await found(sender, connection_id=await sender.connection_id()) == ["FRA_FULL", "REDOLOG_SIZE"]
    assert await found(sender, connection_id=2**40) == []
    assert await found(sender, text="redolog") == ["REDOLOG_SIZE"]
    assert await found(sender, text="prod") == ["FRA_FULL", "REDOLOG_SIZE"]
    assert await found(sender, text="%") == [], "a sign of the pattern is looked for as it stands"
    assert await found(sender, status="resolved") == []


async def test_marks_come_with_tickets_and_take_them_out_of_the_unhandled_ones(sender: Sender) -> None:
    await sender.visit(T0, outcome("REDOLOG_SIZE", "warning"), outcome("FRA_FULL", "critical"))
    place, act = await sender.connection_id(), Act("ana@example.com", T0 + MINUTE)
    wanted = [
        Wanted(place, "FRA_FULL", "acknowledge", "on it"),
        Wanted(place, "REDOLOG_SIZE", "mute", "known", T0 + 2 * HOUR),
        Wanted(place, "NO_SUCH_CHECK", "mute", "known"),
    ]
    assert await sender.db.write(marking.mark_each, sender.here.tenant, wanted, act) == 2
    _, rows = await sender.db.read(ticket_search.page, sender.here.tenant, OPEN, 0, 50)
    assert [(row.acknowledged_by, row.acknowledged_for, row.muted_by) for row in rows] == [
        ("ana@example.com", "on it", None),
        (None, None, "ana@example.com"),
    ]
    assert await found(sender, status="open", unhandled=True) == []
    checks = await sender.db.read(inspecting.checks, sender.here.tenant, place, T0 + 3 * HOUR)
    assert [(one.outcome.check, one.outcome.muted, one.acknowledged is not None) for one in checks] == [
        ("FRA_FULL", False, True),
        ("REDOLOG_SIZE", False, False),
    ]


async def test_a_ticket_comes_with_what_was_told_while_it_was_open(sender: Sender) -> None:
    await seen(sender, "ok", "warning", "critical", "warning", "ok")
    (row,) = (await sender.db.read(ticket_search.page, sender.here.tenant, ANY, 0, 50))[1]
    told = await sender.db.read(ticket_search.alerts, sender.here.tenant, row.ticket)
    assert [one.severity for one in told] == ["warning", "critical", "warning"]
    for one in told:
        assert await sender.db.read(ticket_search.of_alert, sender.here.tenant, one) == row.ticket.id
    place, act = await sender.connection_id(), Act("ana@example.com", T0 + 2 * HOUR)
    await sender.db.write(marking.mark, sender.here.tenant, Wanted(place, "REDOLOG_SIZE", "mute", "known"), act)
    said = await sender.db.read(ticket_search.marked, sender.here.tenant, row.ticket)
    assert said == [("finding_muted", T0 + 2 * HOUR, "ana@example.com", "known")]
    stranger = await builders.tenant(sender.db)
    assert await sender.db.read(ticket_search.find, stranger, row.ticket.id, T0) is None
    assert await sender.db.read(ticket_search.some, stranger, [row.ticket.id]) == []


async def test_alerts_are_counted_and_say_why_they_are_held_back(sender: Sender) -> None:
    await seen(sender, "ok", "critical")
    tenant, place = sender.here.tenant, await sender.connection_id()
    assert await sender.db.read(alert_search.counts, tenant) == (1, 0, 0)
    act = Act("ana@example.com", T0 + HOUR)
    await sender.db.write(marking.mark, tenant, Wanted(place, "REDOLOG_SIZE", "mute", "known"), act)
    assert await sender.db.read(alert_search.counts, tenant) == (0, 0, 1)
    (row,) = (await sender.db.read(alert_search.page, tenant, HELD, 0, 50))[1]
    assert await sender.db.read(alert_search.holding, tenant, [row.alert], T0 + HOUR) == {row.alert.id: "muted"}
    assert (row.connection_name, row.agent_name) == ("PROD", "agent-1")
    assert await sender.db.read(alert_search.incident_of, tenant, row.alert.id) is None


async def test_a_connection_is_seen_close_with_its_checks_and_its_runs(sender: Sender) -> None:
    await seen(sender, "ok", "warning")
    tenant, place = sender.here.tenant, await sender.connection_id()
    head = await sender.db.read(inspecting.head, tenant, place)
    assert head is not None
    assert (head.name, head.agent_name, head.score) == ("PROD", "agent-1", 94)
    (check,) = await sender.db.read(inspecting.checks, tenant, place, T0 + HOUR, "REDOLOG_SIZE")
    assert (check.value, check.warning, check.since, len(check.items)) == (81.0, 80.0, T0 + HOUR, 0)
    total, runs = await sender.db.read(inspecting.visits, tenant, place, 0, 1)
    assert (total, [one.score for one in runs]) == (2, [94])
    stranger = await builders.tenant(sender.db)
    assert await sender.db.read(inspecting.head, stranger, place) is None
    assert await sender.db.read(inspecting.checks, stranger, place, T0) == []
    assert await sender.db.read(inspecting.visits, stranger, place, 0, 10) == (0, [])


async def test_values_are_joined_to_the_steps_of_a_picture(sender: Sender) -> None:
    await seen(sender, "ok", "ok", "warning", "warning")
    tenant, place = sender.here.tenant, await sender.connection_id()
    (check,) = await sender.db.read(inspecting.checks, tenant, place, T0)
    reach = Reach(day_of(T0), day_of(T0) + timedelta(days=1), timedelta(hours=4))
    found = await sender.db.read(charting.sums, tenant, [check.series_id], reach)
    joined = [(one.at, one.points, one.low, one.high, one.average) for one in found[check.series_id or 0]]
    assert joined == [(T0, 1, 80.0, 80.0, 80.0), (T0 + HOUR, 3, 81.0, 83.0, 82.0)]
    assert await sender.db.read(charting.sums, await builders.tenant(sender.db), [check.series_id], reach) == {}
