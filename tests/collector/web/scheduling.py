"""Schedules of an account, with what an agent told of them, for tests of their pages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.accounts.store import Linked
from collector.domain.agents.tables import agent as agents
from collector.domain.schedules import changes, executions, matches, store
from collector.domain.schedules.changes import Wanted
from collector.domain.schedules.executions import Done, Outcome
from collector.domain.schedules.store import Kept
from common.clock import iso, utc_now
from common.wire_aws import Action, Matched, Matches
from tests.collector import builders

ACCOUNT, REGION = "123456789012", "eu-central-1"
HOURS: dict[str, Any] = {
    "startTime": "07:00",
    "stopTime": "19:00",
    "timezone": "Europe/Berlin",
    "weekdays": [1, 2, 3, 4, 5],
}
FORM: dict[str, str | list[str]] = {
    "name": "Staging",
    "type": "TAG_BASED",
    "place": f"{ACCOUNT}/{REGION}",
    "tags": "Environment=Staging",
    "resources": "",
    "types": ["EC2", "RDS"],
    "start": "07:00",
    "stop": "19:00",
    "timezone": "Europe/Berlin",
    "weekday": ["1", "2", "3", "4", "5"],
    "skip": "",
    "extra": "",
    "do": "save",
}


async def link(
    db: Database, tenant: int, account: str = ACCOUNT, *, name: str = "Production", heard: bool = True
) -> Linked:
    """An account whose agent has just been heard of."""
    agent = await builders.agent(db, tenant)
    linked = Linked(
        tenant_id=tenant,
        account_id=account,
        name=name,
        role_arn=f"arn:aws:iam::{account}:role/fieldpost",
        external_id="uuid-12345-abcde",
        regions=[REGION, "us-east-1"],
        linked_at=utc_now(),
        agent_id=agent.id,
        status="ACTIVE",
    )
    await db.write(accounts.save, tenant, linked)
    if heard:
        seen = update(agents).where(agents.c.id == agent.id).values(last_seen_at=utc_now(), name="agent-frankfurt")
        await db.write(lambda conn: conn.execute(seen).rowcount)
    return linked


async def schedule(
    db: Database, tenant: int, name: str = "Office hours", hours: Mapping[str, Any] = HOURS, **options: Any
) -> Kept:
    given: dict[str, Any] = {
        "type": "TAG_BASED",
        "tag_rules": {"Environment": "Dev", "Scheduler": "Enabled"},
        **options,
    }
    wanted = Wanted(
        name=name,
        **{"account_id": ACCOUNT, "region": REGION, "resource_types": ["EC2", "RDS"], **given},
        hours=dict(hours),
    )
    return await db.write(changes.create, tenant, wanted, Act("ana@example.com", utc_now()))


async def looked(
    db: Database, tenant: int, one: Kept, matched: Sequence[Matched], *, saves: float | None = 412.5
) -> None:
    """The agent's look at what it applies to."""
    at = utc_now() - timedelta(minutes=3)
    look = Matches(one.id, at, tuple(matched), saves, revision=one.revision)

    await db.write(matches.take, tenant, one, look)


def instances(count: int) -> list[Matched]:
    kinds = ("EC2", "RDS", "ASG")
    made = [
        Matched(f"i-{number:017x}", kinds[number % 3], f"dev-app-{number}", "RUNNING", 0.096, saving=33.7)  # type: ignore[arg-type]  # one of them
        for number in range(count)
    ]
    return [replace_match(one, n) for n, one in enumerate(made)]


def replace_match(one: Matched, number: int) -> Matched:
    """Some are left alone, some have no price."""
    if number == 1:
        return Matched(one.resource, one.type, one.name, "RUNNING", skipped="it is tagged fieldpost:exclude")
    if number == 2:
        return Matched(one.resource, one.type, one.name, "STOPPED", None, note="no price for this type is known")
    return one


async def went(
    db: Database,
    tenant: int,
    one: Kept,
    edge: datetime,
    status: Outcome = "SUCCEEDED",
    *,
    action: Action = "STOP",
    results: Mapping[str, tuple[str, str]] | None = None,
) -> Done:
    """What became of an edge: result and detail by resource."""
    told = results if results is not None else {"i-00000000000000000": ("APPLIED", "")}
    at = iso(edge + timedelta(seconds=9))
    done = Done(
        tenant_id=tenant,
        schedule_id=one.id,
        edge=edge,
        action=action,
        at=edge + timedelta(seconds=9),
        status=status,
        results={
            name: {"resource": name, "type": "EC2", "result": result, "detail": detail, "at": at}
            | ({"applied_at": at, "rate": 0.096} if result == "APPLIED" else {})
            for name, (result, detail) in told.items()
        },
    )
    await db.write(executions.save, tenant, done)
    await db.write(store.executed, tenant, one.id, done.at)
    return done


async def unlink(db: Database, tenant: int, one: Kept) -> None:
    """Its account is gone; a schedule is left behind paused."""
    await db.write(accounts.remove, tenant, one.account_id)
    await db.write(store.save, tenant, replace(one, status="PAUSED"))
