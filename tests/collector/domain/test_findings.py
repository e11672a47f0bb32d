"""Findings become tickets and alerts, once each, whatever comes twice or late."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.core.database import Database
from collector.domain.activity.tables import activity_entry
from collector.domain.alerts.tables import alert
from collector.domain.results.tables import check_state, connection
from collector.domain.tickets import store as tickets
from collector.domain.tickets.rules import Ticket
from collector.domain.tickets.store import Query
from collector.domain.tickets.tables import ticket
from common import wire
from common.wire import Kind
from tests.collector import builders
from tests.collector.builders import T0, outcome
from tests.collector.domain import sending
from tests.collector.domain.sending import MINUTE, Sender

HOUR = timedelta(hours=1)


@pytest.fixture
async def sender(database: Database) -> Sender:
    return await sending.sender(database)


def often(status: wire.Status, **changes: Any) -> wire.Outcome:
    return outcome(status=status, interval_s=60, **changes)


async def states(sender: Sender) -> list[tuple[str, str]]:
    return [(row.status, row.severity) for row in await sender.all(ticket)]


async def test_a_ticket_tells_the_story_of_a_finding(sender: Sender) -> None:
    await sender.send((Kind.CATALOGUE, T0, builders.catalogue("REDOLOG_SIZE")))
    for minute, status in enumerate(("ok", "warning", "warning", "unknown", "critical", "critical", "ok", "ok")):
        await sender.visit(T0 + minute * MINUTE, often(status, line=f"{minute}: {status}"))  # type: ignore[arg-type]
    row = await sender.one(ticket)
    assert Ticket(**row._asdict()) == Ticket(
        tenant_id=sender.here.tenant,
        id=row.id,
        connection_id=await sender.connection_id(),
        check_id="REDOLOG_SIZE",
        category="redo_logs",
        title="Title of REDOLOG_SIZE",
        severity="critical",
        status="resolved",
        metric_line="5: critical",
        remediation="Mend REDOLOG_SIZE.",
        first_seen_at=T0 + MINUTE,
        last_seen_at=T0 + 5 * MINUTE,
        resolved_at=T0 + 7 * MINUTE,
        occurrences=4,
    )
    assert await sender.activity() == [
        "ticket_opened",
        "alert_triggered",
        "alert_resolved",
        "alert_triggered",
        "ticket_resolved",
        "alert_resolved",
    ]


async def test_one_bad_outcome_where_checks_run_often_opens_nothing(sender: Sender) -> None:
    for minute, status in enumerate(("ok", "critical", "ok", "unknown", "critical", "ok")):
        await sender.visit(T0 + minute * MINUTE, often(status))  # type: ignore[arg-type]
    assert await sender.all(ticket) == []
    assert await sender.all(alert) == []


async def test_the_same_finding_later_is_a_new_ticket(sender: Sender) -> None:
    for hour, status in enumerate(("warning", "ok", "warning")):
        await sender.visit(T0 + hour * HOUR, outcome(status=status))  # type: ignore[arg-type]
    assert await states(sender) == [("resolved", "warning"), ("open", "warning")]


async def test_what_comes_and_goes_within_a_batch_leaves_its_tickets_and_no_alert(sender: Sender) -> None:
    runs = [
        sender.run(T0 + hour * HOUR, outcome(status=status))  # type: ignore[arg-type]
        for hour, status in enumerate(("warning", "ok", "critical", "ok"))
    ]
    await sender.send(*runs, now=T0 + 4 * HOUR)
    assert await states(sender) == [("resolved", "warning"), ("resolved", "critical")]
    assert await sender.all(alert) == []
    await sender.visit(T0 + 5 * HOUR, outcome(status="warning"))
    again = [sender.run(T0 + (6 + n) * HOUR, outcome(status=s)) for n, s in enumerate(("ok", "warning"))]  # type: ignore[arg-type]
    await sender.send(*again, now=T0 + 8 * HOUR)
    assert (await states(sender))[2:] == [("resolved", "warning"), ("open", "warning")]


async def test_late_outcomes_and_copies_change_no_ticket(sender: Sender) -> None:
    await sender.visit(T0, outcome(status="critical"))
    await sender.send(sender.run(T0 - HOUR, outcome(status="ok")), sender.run(T0 - 2 * HOUR, outcome(status="warning")))
    await sender.again()
    row = await sender.one(ticket)
    assert (row.status, row.severity, row.occurrences) == ("open", "critical", 1)
    assert len(await sender.all(alert)) == 1


async def test_a_note_is_a_ticket_and_no_alert(sender: Sender) -> None:
    await sender.visit(T0, outcome(status="warning", severity="info"))
    assert await states(sender) == [("open", "info")]
    assert await sender.all(alert) == []


async def test_an_alert_says_what_was_crossed(sender: Sender) -> None:
    full = outcome("FRA_USED_PCT", "critical", value=98.5, unit="%", warning=85.0, critical=97.0, line="98.5 %")
    await sender.visit(T0, full)
    row = await sender.one(alert)
    assert (row.rule, row.check_id, row.severity, row.state) == ("finding", "FRA_USED_PCT", "critical", "open")
    assert (row.value, row.threshold, row.unit, row.line) == (98.5, 97.0, "%", "98.5 %")
    assert (row.triggered_at, row.sent_at, row.resolved_at) == (T0, T0, None)


async def test_a_warning_that_becomes_critical_is_an_alert_of_its_own(sender: Sender) -> None:
    for hour, status in enumerate(("warning", "critical", "critical", "warning", "ok")):
        await sender.visit(T0 + hour * HOUR, outcome(status=status))  # type: ignore[arg-type]
    rows = [(row.severity, row.triggered_at - T0, row.resolved_at - T0) for row in await sender.all(alert)]
    assert rows == [("warning", 0 * HOUR, HOUR), ("critical", HOUR, 3 * HOUR), ("warning", 3 * HOUR, 4 * HOUR)]
    assert [row.occurrences for row in await sender.all(ticket)] == [4]


async def test_a_database_that_does_not_answer_has_a_ticket_under_the_documented_name(sender: Sender) -> None:
    down = outcome("DB_CONNECT", "critical", category="availability", line="ORA-12541", cap=0, interval_s=60)
    for minute in range(2):
        await sender.visit(T0 + minute * MINUTE, down, reachable=False)
    (logged,) = [row for row in await sender.all(activity_entry) if row.action_type == "ticket_opened"]
    assert logged.properties["check_id"] == "CONNECTION_FAILED"


async def test_what_is_not_watched_any_more_has_no_findings(sender: Sender) -> None:
    await sender.visit(T0, outcome(status="critical"))
    await sender.inventory(at=T0 + HOUR)
    assert await states(sender) == [("resolved", "critical")]
    assert [(row.state, row.resolved_at) for row in await sender.all(alert)] == [("resolved", T0 + HOUR)]
    await sender.visit(T0 + 2 * HOUR, outcome(status="critical"))
    assert len(await sender.all(ticket)) == 1
    await sender.inventory("PROD", at=T0 + 3 * HOUR)
    await sender.visit(T0 + 4 * HOUR, outcome(status="critical"))
    assert await states(sender) == [("resolved", "critical"), ("open", "critical")]


async def test_a_health_check_is_told_of_first_then_hourly_then_when_something_changes(sender: Sender) -> None:
    for at, status in (
        (0, "ok"),
        (10, "ok"),
        (59, "ok"),
        (60, "ok"),
        (70, "warning"),
        (71, "warning"),
        (72, "warning"),
    ):
        await sender.visit(T0 + at * MINUTE, outcome(status=status))  # type: ignore[arg-type]
    rows = [row for row in await sender.all(activity_entry) if row.action_type == "health_check_completed"]
    assert [(row.occurred_at - T0) // MINUTE for row in rows] == [0, 60, 70]
    place = await sender.one(connection)
    assert rows[2].properties == {
        "check_id": rows[2].properties["check_id"],
        "connection_id": place.id,
        "connection_name": "PROD",
        "score": 94,
        "status": "healthy",
    }


async def test_a_run_on_demand_is_always_told_of_and_one_in_parts_when_it_is_whole(sender: Sender) -> None:
    await sender.visit(T0, outcome())
    await sender.visit(T0 + MINUTE, outcome(), trigger="demand")
    first, second = builders.run([outcome("A", "critical")], key="whole", at=T0 + 2 * MINUTE, parts=2), None
    second = builders.run([outcome("B", "critical")], key="whole", at=T0 + 2 * MINUTE, part=2, parts=2)
    for part in (first, second):
        await sender.send((Kind.RUN, T0 + 2 * MINUTE, part), now=T0 + 2 * MINUTE)
    rows = [row for row in await sender.all(activity_entry) if row.action_type == "health_check_completed"]
    assert [row.properties["score"] for row in rows] == [100, 100, 71]


@given(
    statuses=st.lists(
        st.tuples(st.sampled_from(["ok", "info", "warning", "critical", "unknown", "skipped"]), st.integers(0, 20)),
        max_size=12,
    ),
    cuts=st.sets(st.integers(1, 11)),
)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
async def test_tickets_follow_what_is_confirmed(
    database: Database, statuses: list[tuple[wire.Status, int]], cuts: set[int]
) -> None:
    sender = await sending.sender(database)
    runs = [sender.run(T0 + minute * MINUTE, often(status)) for status, minute in statuses]
    edges = [0, *sorted(cut for cut in cuts if cut < len(runs)), len(runs)]
    for begin, end in (pair for pair in pairwise(edges) if pair[0] < pair[1]):
        await sender.send(*runs[begin:end], now=T0 + HOUR)
    before = await everything(sender)
    await sender.again()
    assert await everything(sender) == before
    rows = [row for row in before["ticket"] if row["tenant_id"] == sender.here.tenant]
    level = next((s["confirmed"] for s in before["state"] if s["tenant_id"] == sender.here.tenant), None)
    assert len([row for row in rows if row["status"] == "open"]) == bool(level)
    assert all(row["first_seen_at"] <= row["last_seen_at"] <= (row["resolved_at"] or T0 + HOUR) for row in rows)


async def everything(sender: Sender) -> dict[str, list[dict[str, Any]]]:
    tables = {"ticket": ticket, "alert": alert, "state": check_state, "activity": activity_entry}
    return {name: [dict(row._mapping) for row in await sender.all(table)] for name, table in tables.items()}


async def test_a_page_of_tickets_is_filtered_and_newest_first(sender: Sender) -> None:
    for hour, (check, status) in enumerate((("A", "warning"), ("B", "critical"), ("C", "critical"))):
        await sender.visit(T0 + hour * HOUR, outcome(check, status))  # type: ignore[arg-type]
    await sender.visit(T0 + 3 * HOUR, outcome("C", "ok"))
    here, place = sender.here.tenant, await sender.connection_id()

    async def checks(query: Query, offset: int = 0, limit: int = 10) -> tuple[int, list[str]]:
        total, rows = await sender.db.read(tickets.page, here, query, offset, limit)
        return total, [row.ticket.check_id for row in rows]

    assert await checks(Query()) == (3, ["C", "B", "A"])
    assert await checks(Query(), 1, 1) == (3, ["B"])
    assert await checks(Query(), 5, 5) == (3, [])
    assert await checks(Query(status="open")) == (2, ["B", "A"])
    assert await checks(Query(severity="critical")) == (2, ["C", "B"])
    assert await checks(Query(status="open", severity="critical", connection_id=place)) == (1, ["B"])
    assert await checks(Query(connection_id=place + 1)) == (0, [])
    assert await checks(Query(since=T0 + HOUR, until=T0 + 2 * HOUR)) == (1, ["B"])
    stats = await sender.db.read(tickets.stats, here, T0 + 4 * HOUR)
    assert stats == (2, 1, 1, 1, 1.0)
    assert await sender.db.read(tickets.stats, here + 1, T0) == (0, 0, 0, 0, None)


async def test_every_filter_of_tickets_answers_from_an_index(database: Database) -> None:
    """Whatever is asked for, a page takes its rows in order from an index; only the name comes from another table."""
    if database.name != "sqlite":
        return
    for statement in [one.statement for one in (*tickets._PAGES.values(), *tickets._COUNTS.values())]:
        names = statement.compile().params
        sql = str(statement.compile(compile_kwargs={"render_postcompile": True}))
        plan = await database.read(
            lambda conn, sql=sql, names=names: conn.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(names, 1)
            ).all()
        )
        steps = [row[3] for row in plan]
        assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step], (sql, steps)
