"""Schedules have the shape that the tuner document shows."""

from datetime import UTC, datetime

import httpx
import pytest

from collector.api.tuner import schedule_examples as examples
from collector.api.tuner import schedule_shapes as shapes
from collector.api.tuner import schedules as route
from collector.api.tuner.shapes import Answer, Shape
from collector.core.database import Database
from collector.edge import Edge
from common.wire import Kind
from common.wire_aws import Applied, Execution, Matched, Matches
from tests.collector.accounts import client_of
from tests.collector.api.tuner.aws import ACCOUNT, API, REGION, estate
from tests.contract import tuner_documented as documented
from tests.contract.test_tuner_recommendations import enveloped
from tests.contract.tuner_documented import NEW_SCHEDULE, SCHEDULED, SCHEDULES, deviations

T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
PATH = f"{API}/scheduler/schedules"
EXTENSIONS = {"matchedResources", "enforce", "hibernate", "dryRun", "pausedUntil", "updatedAt"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent looks at anything here."""
    monkeypatch.setattr(route, "WAIT_S", 0.0)


async def test_schedules_are_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        made = await client.post(PATH, json=NEW_SCHEDULE, headers=here.headers)
        assert made.status_code == 201, made.text
        schedule_id = made.json()["data"]["id"]
        done = Execution(schedule_id, T0, "STOP", T0, "SUCCEEDED", (Applied("i-1", "EC2", "APPLIED"),))
        await here.agent.send((Kind.AWS_MATCHES, Matches(schedule_id, T0, (), 1840.0)), (Kind.AWS_EXECUTION, done))
        changed = await client.put(f"{PATH}/{schedule_id}", json=NEW_SCHEDULE, headers=here.headers)
        assert enveloped(changed).keys() == SCHEDULED.keys()
        await here.agent.send((Kind.AWS_MATCHES, Matches(schedule_id, T0, (), 1840.0)))
        listed = enveloped(await client.get(PATH, headers=here.headers))
    assert deviations(SCHEDULES, listed, extensions=EXTENSIONS) == []


async def test_pausing_resuming_and_deleting_are_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        made = enveloped(await client.post(PATH, json=NEW_SCHEDULE, headers=here.headers))
        own = {"id": made["id"]}
        for verb, example in (("pause", documented.PAUSED), ("resume", documented.RESUMED)):
            answer = await client.post(f"{PATH}/{made['id']}/{verb}", headers=here.headers)
            assert (answer.status_code, enveloped(answer)) == (200, example | own)
        gone = await client.delete(f"{PATH}/{made['id']}", headers=here.headers)
    assert (gone.status_code, enveloped(gone)) == (200, documented.DELETED | own)


async def test_every_answer_about_schedules_has_its_shape(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        path = f"{API}/scheduler"

        async def asked(shape: type[Shape], method: str, where: str, body: object = None) -> httpx.Response:
            answer = await client.request(method, f"{path}{where}", json=body, headers=here.headers)
            Answer[shape].model_validate_json(answer.content)  # type: ignore[valid-type]  # a model at run time
            return answer

        hours = {**NEW_SCHEDULE["schedule"], "skipDates": ["2026-12-24"]}  # type: ignore[dict-item]  # a dictionary
        new = {**NEW_SCHEDULE, "type": "RESOURCE_BASED", "resourceIds": ["i-1"], "schedule": hours}
        name = (await asked(shapes.Scheduled, "POST", "/schedules", new)).json()["data"]["id"]
        seen = (Matched("i-1", "EC2", name="web", state="RUNNING", rate=0.1, saving=1.5), Matched("i-2", "EC2"))
        done = Execution(name, T0, "STOP", T0, "PARTIAL", (Applied("i-1", "EC2", "LATE", "3 min", 3),))
        await here.agent.send((Kind.AWS_MATCHES, Matches(name, T0, seen)), (Kind.AWS_EXECUTION, done))
        await asked(shapes.Schedules, "GET", "/schedules")
        await asked(shapes.OneSchedule, "GET", f"/schedules/{name}")
        await asked(shapes.Scheduled, "PUT", f"/schedules/{name}", new)
        await asked(shapes.Resources, "GET", f"/schedules/{name}/resources")
        await asked(shapes.Executions, "GET", f"/schedules/{name}/executions")
        await asked(shapes.Executions, "GET", f"/executions?accountId={ACCOUNT}&from=2026-05-01")
        await asked(shapes.Preview, "GET", f"/schedules/{name}/preview?from=2026-03-01&to=2026-03-31")
        await asked(shapes.Preview, "POST", "/preview", {"schedule": hours})
        resource = {"accountId": ACCOUNT, "region": REGION, "resourceId": "i-1"}
        await asked(shapes.Override, "POST", "/overrides", {**resource, "keep": "asIs", "hours": 2})
        await asked(shapes.Overrides, "GET", "/overrides")
        await asked(shapes.Released, "DELETE", f"/overrides?{httpx.QueryParams(resource)}")
        await asked(shapes.Switched, "POST", f"/schedules/{name}/pause")
        await asked(shapes.Switched, "POST", f"/schedules/{name}/resume")
        await asked(shapes.Switched, "DELETE", f"/schedules/{name}")


@pytest.mark.parametrize(
    ("shape", "example"),
    [
        (shapes.Schedules, examples.SCHEDULES),
        (shapes.OneSchedule, examples.ONE_SCHEDULE),
        (shapes.Scheduled, examples.SCHEDULED),
        (shapes.Switched, examples.PAUSED),
        (shapes.Switched, examples.RESUMED),
        (shapes.Switched, examples.DELETED),
        (shapes.Preview, examples.PREVIEW),
        (shapes.Executions, examples.EXECUTIONS),
        (shapes.Resources, examples.RESOURCES),
        (shapes.Override, examples.OVERRIDE),
        (shapes.Overrides, examples.OVERRIDES),
        (shapes.Released, examples.RELEASED),
    ],
)
def test_an_example_has_the_shape_that_it_is_one_of(shape: type[Shape], example: object) -> None:
    shape.model_validate(example)
