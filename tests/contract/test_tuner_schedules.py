"""Schedules have the shape that the tuner document shows."""

from datetime import UTC, datetime

from collector.core.database import Database
from collector.edge import Edge
from common.wire import Kind
from common.wire_aws import Applied, Execution, Matches
from tests.collector.accounts import client_of
from tests.collector.api.tuner.aws import API, estate
from tests.contract.test_tuner_recommendations import enveloped
from tests.contract.tuner_documented import NEW_SCHEDULE, SCHEDULED, SCHEDULES, deviations

EXTENSIONS = {"matchedResources", "updatedAt", "enforce", "hibernate", "dryRun", "pausedUntil"}
T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


async def test_schedules_are_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        path = f"{API}/scheduler/schedules"
        made = await client.post(path, json=NEW_SCHEDULE, headers=here.headers)
        assert made.status_code == 201, made.text
        schedule_id = made.json()["data"]["id"]
        done = Execution(schedule_id, T0, "STOP", T0, "SUCCEEDED", (Applied("i-1", "EC2", "APPLIED"),))
        await here.agent.send((Kind.AWS_MATCHES, Matches(schedule_id, T0, (), 1840.0)), (Kind.AWS_EXECUTION, done))
        changed = await client.put(f"{path}/{schedule_id}", json=NEW_SCHEDULE, headers=here.headers)
        assert enveloped(changed).keys() == SCHEDULED.keys()  # type: ignore[attr-defined]
        await here.agent.send((Kind.AWS_MATCHES, Matches(schedule_id, T0, (), 1840.0)))
        listed = enveloped(await client.get(path, headers=here.headers))
    assert deviations(SCHEDULES, listed, extensions=EXTENSIONS) == []
