"""Changing only how a schedule is applied, and how its latest edge went."""

from datetime import UTC, datetime, timedelta

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.accounts.store import Linked
from collector.domain.schedules import changes, executions
from collector.domain.schedules.changes import Switch, Wanted
from collector.domain.schedules.executions import Done, Outcome
from tests.collector.builders import tenant

T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
ACT = Act("tests", T0)
ACCOUNT, REGION = "123456789012", "us-east-1"


async def schedule(db: Database, here: int) -> str:
    linked = Linked(
        tenant_id=here,
        account_id=ACCOUNT,
        name="Production",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/fieldpost",
        external_id="uuid-12345-abcde",
        regions=[REGION],
        linked_at=T0,
    )
    await db.write(accounts.save, here, linked)
    hours = {"startTime": "08:00", "stopTime": "18:00", "timezone": "UTC", "weekdays": [1]}
    wanted = Wanted(
        name="Staging",
        type="RESOURCE_BASED",
        account_id=ACCOUNT,
        region=REGION,
        resource_ids=["i-1"],
        hours=hours,
        resource_types=["EC2"],
        hibernate=True,
    )
    return (await db.write(changes.create, here, wanted, ACT)).id


async def test_an_option_changes_nothing_else_and_is_nobody_elses_business(database: Database) -> None:
    here = await tenant(database)
    made = await schedule(database, here)
    changed = await database.write(changes.set_option, here, made, Switch("dry_run", on=True), ACT)
    assert changed is not None
    assert (changed.dry_run, changed.enforce, changed.hibernate, changed.revision) == (True, False, True, 1)
    assert changed.resource_ids == ["i-1"]
    elsewhere = await tenant(database)
    assert await database.write(changes.set_option, elsewhere, made, Switch("dry_run", on=False), ACT) is None


async def test_the_latest_edge_of_each_schedule_is_known(database: Database) -> None:
    here = await tenant(database)
    first, second, idle = [await schedule(database, here) for _ in range(3)]

    async def went(schedule_id: str, hours: int, status: Outcome) -> None:
        edge = T0 + timedelta(hours=hours)
        one = Done(
            tenant_id=here, schedule_id=schedule_id, edge=edge, action="STOP", at=edge, status=status, results={}
        )
        await database.write(executions.save, here, one)

    await went(first, 1, "FAILED")
    await went(first, 12, "SUCCEEDED")
    await went(second, 3, "PARTIAL")
    found = await database.read(executions.latest, here)
    assert {key: (one.edge, one.status) for key, one in found.items()} == {
        first: (T0 + timedelta(hours=12), "SUCCEEDED"),
        second: (T0 + timedelta(hours=3), "PARTIAL"),
    }
    assert idle not in found
    assert await database.read(executions.latest, await tenant(database)) == {}
