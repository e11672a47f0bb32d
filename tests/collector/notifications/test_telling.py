"""From an alert to what leaves: rules, groups, quiet hours, repeats, escalation, acknowledgement, in the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, insert, select, update

from collector.core.database import Database
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.mutes.tables import finding_mark
from collector.domain.notifications import changes, jobs, store
from collector.domain.notifications.hours import Hours
from collector.domain.notifications.rules import Terms
from collector.domain.notifications.tables import notice
from collector.domain.results.tables import connection
from collector.domain.webhooks import changes as endpoints
from collector.domain.webhooks import outbox
from collector.domain.webhooks.outbox import Event
from collector.domain.webhooks.store import NewEndpoint
from collector.domain.webhooks.tables import delivery, endpoint, event
from common.clock import iso
from tests.collector import builders

AT = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACT = Act("ana@example.com", AT)


def alert(number: int, *, severity: str = "critical", place: int | None = 42) -> dict[str, object]:
    return {
        "alert_id": number,
        "rule": "finding",
        "severity": severity,
        "title": f"Alert {number}",
        "connection": None if place is None else {"id": place, "name": "PROD", "host": "db1"},
        "metric": "TABLESPACE_USED_PCT",
        "value": 97.0,
        "threshold": 95.0,
        "unit": "%",
        "triggered_at": iso(AT),
    }


class Tenant:
    """A tenant with a mail channel, a webhook and a syslog channel."""

    def __init__(self, db: Database, tenant_id: int) -> None:
        self.db = db
        self.id = tenant_id
        self.seen = 0

    async def rule(self, name: str, **terms: Any) -> store.Rule:
        made = Terms(**{"channels": ("mail",), **terms})
        return await self.db.write(changes.add, self.id, name, made, ACT)

    async def trigger(self, *numbers: int, at: datetime = AT, **more: Any) -> None:
        await self.db.write(
            outbox.emit, self.id, [Event("alert.triggered", alert(number, **more), at) for number in numbers]
        )

    async def resolve(self, number: int, at: datetime) -> None:
        over = {**alert(number), "resolved_at": iso(at)}
        await self.db.write(outbox.emit, self.id, [Event("alert.resolved", over, at)])

    async def sweep(self, at: datetime) -> list[tuple[str, str, dict[str, Any]]]:
        """What it adds to the outbox: channel, event, data."""
        await self.db.write(jobs.tell_due, at, 50)
        rows = await self.db.read(_queued, self.id, self.seen)
        self.seen = max([self.seen, *(row[0] for row in rows)])
        return [(channel, kind, msgspec.json.decode(body)["data"]) for _, channel, kind, body in rows]


def _queued(conn: Connection, tenant_id: int, after: int) -> list[tuple[int, str, str, str]]:
    query = (
        select(event.c.seq, delivery.c.endpoint_id, event.c.type, event.c.body)
        .join(delivery, (delivery.c.tenant_id == event.c.tenant_id) & (delivery.c.seq == event.c.seq))
        .where(event.c.tenant_id == tenant_id, event.c.seq > after)
        .order_by(event.c.seq, delivery.c.endpoint_id)
    )
    return [tuple(row) for row in conn.execute(query)]


@pytest.fixture
async def acme(database: Database) -> Tenant:
    tenant_id = await builders.tenant(database)
    for kind, name in (("email", "mail"), ("email", "boss"), ("webhook", "hook"), ("syslog", "siem")):
        new = NewEndpoint(name, kind, name, {}, ())  # type: ignore[arg-type]  # one of the kinds
        await database.write(endpoints.add, tenant_id, new, ACT)
    return Tenant(database, tenant_id)


async def test_without_a_rule_nothing_is_written(acme: Tenant) -> None:
    await acme.trigger(1)
    count = await acme.db.read(lambda conn: len(conn.execute(select(notice)).all()))
    assert count == 0


async def test_a_storm_is_one_mail_but_every_alert_for_machines(acme: Tenant) -> None:
    await acme.rule("all", channels=("mail", "hook", "siem"))
    await acme.trigger(*range(1, 31))
    assert await acme.sweep(AT + 5 * SECOND) == []
    queued = await acme.sweep(AT + 11 * SECOND)
    mails = [data for channel, _, data in queued if channel == "mail"]
    assert [data["count"] for data in mails] == [30]
    assert mails[0]["rule"] == "all"
    for machine in ("hook", "siem"):
        assert [data["alert_id"] for name, kind, data in queued if name == machine and kind == "alert.triggered"] == [
            *range(1, 31)
        ]
    assert await acme.sweep(AT + 60 * SECOND) == []


async def test_the_end_is_told_as_well(acme: Tenant) -> None:
    await acme.rule("all", channels=("mail", "hook"))
    await acme.trigger(1)
    await acme.sweep(AT + 11 * SECOND)
    await acme.resolve(1, AT + 60 * SECOND)
    queued = await acme.sweep(AT + 71 * SECOND)
    assert [(channel, kind) for channel, kind, _ in queued] == [("hook", "alert.resolved"), ("mail", "notification")]
    assert queued[0][2]["resolved_at"] == "2026-05-14T12:01:00Z"
    assert await acme.sweep(AT + timedelta(days=9)) == []


async def test_quiet_hours_hold_back_what_comes_out_afterwards(acme: Tenant) -> None:
    await acme.rule("day", quiet=Hours("11:00", "14:00"))
    await acme.trigger(1)
    await acme.trigger(2, at=AT + 60 * SECOND)
    assert await acme.sweep(AT + timedelta(hours=1)) == []
    [(channel, _, data)] = await acme.sweep(AT + timedelta(hours=2))
    assert (channel, data["count"]) == ("mail", 2)


async def test_machines_hear_of_beginning_and_end_of_what_was_held_back(acme: Tenant) -> None:
    await acme.rule("day", channels=("hook",), quiet=Hours("11:00", "14:00"))
    await acme.trigger(1)
    await acme.resolve(1, AT + 60 * SECOND)
    queued = await acme.sweep(AT + timedelta(hours=2))
    assert [kind for _, kind, _ in queued] == ["alert.triggered", "alert.resolved"]
    assert "resolved_at" not in queued[0][2]


async def test_only_severities_and_tags_that_are_meant(acme: Tenant) -> None:
    await acme.rule("erp", tags=("erp",), severities=("critical",))
    await acme.db.write(_connect, acme.id, 42, ["erp", "prod"])
    await acme.db.write(_connect, acme.id, 43, ["dev"])
    await acme.trigger(1, place=42)
    await acme.trigger(2, place=43)
    await acme.trigger(3, place=None)
    await acme.trigger(4, place=42, severity="warning")
    [(_, _, data)] = await acme.sweep(AT + 11 * SECOND)
    assert [one["alert_id"] for one in data["alerts"]] == [1]


def _connect(conn: Connection, tenant_id: int, number: int, tags: list[str]) -> None:
    row = {
        "tenant_id": tenant_id, "id": number, "agent_id": "agt_1", "key": f"c{number}", "name": f"C{number}",
        "type": "direct", "host": "db1", "port": 1521, "tier": "prod", "tags": tags, "created_at": AT,
    }  # fmt: skip
    missing = {column.name: 0 for column in connection.columns if not column.nullable and column.name not in row}
    conn.execute(insert(connection), {**row, **missing})


async def test_it_repeats_and_escalates_until_somebody_acknowledges(acme: Tenant) -> None:
    await acme.rule("all", repeat_s=3600, escalate_after_s=1800, escalate_to=("boss",))
    await acme.trigger(1)
    seen = [(await acme.sweep(AT + timedelta(minutes=minutes))) for minutes in (1, 29, 31, 59, 62, 100)]
    assert [[(channel, data["reason"], data["again"]) for channel, _, data in step] for step in seen] == [
        [("mail", "alerts", 0)],
        [],
        [("boss", "escalation", 0)],
        [],
        [("mail", "alerts", 1)],
        [],
    ]
    await acme.db.write(_mark, acme.id)
    assert await acme.sweep(AT + timedelta(hours=5)) == []
    await acme.resolve(1, AT + timedelta(hours=6))
    assert len(await acme.sweep(AT + timedelta(hours=7))) == 1


def _mark(conn: Connection, tenant_id: int) -> None:
    row = {
        "tenant_id": tenant_id, "connection_id": 42, "check_id": "TABLESPACE_USED_PCT", "kind": "acknowledge",
        "author": "ana", "reason": "on it", "created_at": AT,
    }  # fmt: skip
    conn.execute(insert(finding_mark), row)


async def test_what_becomes_worse_is_told_again(acme: Tenant) -> None:
    await acme.rule("all")
    await acme.trigger(1, severity="warning")
    await acme.sweep(AT + 11 * SECOND)
    await acme.trigger(1, severity="warning", at=AT + 60 * SECOND)
    assert await acme.sweep(AT + 90 * SECOND) == []
    await acme.trigger(1, severity="critical", at=AT + 100 * SECOND)
    [(_, _, data)] = await acme.sweep(AT + 111 * SECOND)
    assert data["alerts"][0]["severity"] == "critical"


@pytest.mark.parametrize("gone", [True, False])
async def test_a_rule_that_is_gone_or_off_tells_nothing(acme: Tenant, *, gone: bool) -> None:
    rule = await acme.rule("all")
    await acme.trigger(1)
    if gone:
        await acme.db.write(changes.remove, acme.id, rule, ACT)
    else:
        await acme.db.write(lambda conn: changes.enable(conn, acme.id, rule, ACT, enabled=False))
    assert await acme.sweep(AT + 11 * SECOND) == []
    assert await acme.db.write(jobs.tell_due, AT + timedelta(days=1), 50) == 0
    assert await acme.db.write(store.retire, AT + SECOND, 10) == 0
    await acme.resolve(1, AT + 60 * SECOND)
    assert await acme.sweep(AT + 90 * SECOND) == []
    assert await acme.db.write(store.retire, AT + SECOND, 10) == (0 if gone else 1)


async def test_nothing_is_queued_for_a_channel_that_was_disabled(acme: Tenant) -> None:
    await acme.rule("all", channels=("mail", "hook"))
    await acme.db.write(
        lambda conn: conn.execute(update(endpoint).where(endpoint.c.id == "hook").values(state="disabled"))
    )
    await acme.trigger(1)
    assert [channel for channel, _, _ in await acme.sweep(AT + 11 * SECOND)] == ["mail"]


async def test_rules_name_channels_that_exist_and_keep_them(acme: Tenant) -> None:
    with pytest.raises(Refusal, match="channels: 'pager'; expected the id or name of a webhook or channel"):
        await acme.rule("all", channels=("pager",))
    await acme.rule("all")
    with pytest.raises(Refusal, match="name: 'all'; a rule"):
        await acme.rule("all")
    found = await acme.db.read(endpoints.get, acme.id, "mail")
    with pytest.raises(Refusal, match="is told by rule 'all'"):
        await acme.db.write(endpoints.remove, acme.id, found, ACT)
