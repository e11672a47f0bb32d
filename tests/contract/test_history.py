"""The extensions of the health group: history and catalogue."""

from datetime import datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from msgspec import structs

from collector.api.health import shapes
from collector.core.database import Database
from collector.edge import Edge
from common.clock import iso, utc_now
from common.wire import Status
from tests.collector.accounts import Account, account, client_of
from tests.collector.builders import outcome
from tests.collector.estate import Reporter, entry, info, reporter

CONNECTIONS = "/api/v1/health/connections"
CHECKS = "/api/v1/health/checks"


@pytest_asyncio.fixture
async def agent(database: Database, owner: Account, anonymous: httpx.AsyncClient) -> Reporter:
    made = await reporter(database, owner.tenant, anonymous)
    await made.list_only(info("prod"))
    return made


@pytest.fixture
def start() -> datetime:
    """A full hour some time ago."""
    return utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)


async def path_of(client: httpx.AsyncClient) -> str:
    return f"{CONNECTIONS}/{(await client.get(CONNECTIONS)).json()['data'][0]['id']}/history"


async def values(agent: Reporter, start: datetime) -> None:
    for minute, value, status in ((0, 10.0, "ok"), (30, 30.0, "ok"), (61, 90.0, "critical"), (125, 20.0, "ok")):
        used = outcome("USED", status, value=value, unit="%")  # type: ignore[arg-type]
        await agent.run("prod", used, at=start + timedelta(minutes=minute))


async def test_values_are_shown_one_by_one_by_the_hour_and_by_the_day(
    client: httpx.AsyncClient, agent: Reporter, start: datetime
) -> None:
    await values(agent, start)
    path = f"{await path_of(client)}?metric=USED&from={iso(start)}"
    raw = (await client.get(path)).json()
    shapes.HistoryItem.model_validate_json((await client.get(path)).content)
    assert (raw["data"]["step"], raw["data"]["unit"], raw["data"]["metric"]) == ("raw", "%", "USED")
    assert [(one["at"], one["last"]) for one in raw["data"]["points"]] == [
        (iso(start + timedelta(minutes=minute)), value) for minute, value in ((0, 10), (30, 30), (61, 90), (125, 20))
    ]
    hours = (await client.get(f"{path}&step=hour")).json()["data"]["points"]
    assert hours[0] == {"at": iso(start), "min": 10.0, "avg": 20.0, "max": 30.0, "last": 30.0}
    assert [one["avg"] for one in hours] == [20.0, 90.0, 20.0]
    days = (await client.get(f"{path}&step=day")).json()["data"]["points"]
    assert (min(one["min"] for one in days), max(one["max"] for one in days)) == (10.0, 90.0)
    assert {one["at"][10:] for one in days} == {"T00:00:00Z"}


async def test_scores_come_with_the_statuses_that_held(
    client: httpx.AsyncClient, agent: Reporter, start: datetime
) -> None:
    story: tuple[tuple[int, Status, bool], ...] = ((0, "ok", True), (1, "critical", False), (2, "ok", True))
    for hour, status, reachable in story:
        check = outcome("DB_CONNECT", status, category="availability", cap=0, interval_s=86_400)
        await agent.run("prod", check, at=start + timedelta(hours=hour), reachable=reachable)
    found = (await client.get(f"{await path_of(client)}?from={iso(start)}")).json()["data"]
    assert [one["last"] for one in found["points"]] == [100, 0, 100]
    edges = [iso(start + timedelta(hours=hour)) for hour in range(3)]
    assert found["statuses"] == [
        {"began_at": edges[0], "ended_at": edges[1], "status": "healthy"},
        {"began_at": edges[1], "ended_at": edges[2], "status": "unreachable"},
        {"began_at": edges[2], "ended_at": None, "status": "healthy"},
    ]
    later = (await client.get(f"{await path_of(client)}?from={edges[2]}")).json()["data"]
    assert [one["status"] for one in later["statuses"]] == ["healthy"]


async def test_a_backlog_that_comes_later_is_in_the_history(
    client: httpx.AsyncClient, agent: Reporter, start: datetime
) -> None:
    await agent.run("prod", outcome("USED", "ok", value=1.0), at=start + timedelta(hours=2))
    await agent.run("prod", outcome("USED", "critical", value=5.0), outcome("OLD", "ok", value=7.0), at=start)
    path = await path_of(client)
    points = (await client.get(f"{path}?metric=USED&from={iso(start)}")).json()["data"]["points"]
    assert [one["last"] for one in points] == [5.0, 1.0]
    hours = (await client.get(f"{path}?metric=USED&from={iso(start)}&step=hour")).json()["data"]["points"]
    assert [one["last"] for one in hours] == [5.0, 1.0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("metric=NOTHING", "metric"),
        ("metric=", "metric"),
        ("metric=%00", "metric"),
        (f"metric={'x' * 129}", "metric"),
        ("metric=score&metric=score", "metric"),
        ("step=minute", "step"),
        ("from=2026-05-02&to=2026-05-01", "from"),
        ("from=2026-05-01&to=2026-05-10&step=raw", "from"),
        ("from=2020-01-01&to=2026-05-10", "from"),
        ("from=x", "from"),
        ("to=x", "to"),
    ],
)
@pytest.mark.usefixtures("agent")
async def test_what_cannot_be_answered_is_named(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"{await path_of(client)}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].startswith(f"{field}: ")


async def test_a_connection_of_somebody_else_has_no_history(
    app: Edge, database: Database, client: httpx.AsyncClient, agent: Reporter
) -> None:
    await agent.run("prod", outcome("USED", "ok", value=1.0))
    stranger = await account(database)
    path = await path_of(client)
    async with client_of(app, **stranger.headers) as other:
        assert (await other.get(path)).status_code == 404
        assert (await other.get(f"{path}?metric=USED")).status_code == 404
    assert (await client.get(f"{CONNECTIONS}/999999/history")).status_code == 404
    assert (await client.get(f"{path}?from=2026-01-01&to=2026-01-02")).json()["data"]["points"] == []


async def test_the_catalogue_lists_each_check_once(
    client: httpx.AsyncClient, agent: Reporter, database: Database, owner: Account
) -> None:
    second = await reporter(database, owner.tenant, agent.http)
    await agent.catalogue(entry("B"), entry("DB_CONNECT", title="Database does not answer"))
    await second.catalogue(structs.replace(entry("B", title="Newer"), warning="85", pack="diagnostics"), entry("C"))
    body = (await client.get(CHECKS)).json()
    shapes.CataloguePage.model_validate(body)
    rows = {row["check_id"]: row for row in body["data"]}
    assert list(rows) == ["B", "C", "CONNECTION_FAILED"]
    assert body["meta"]["total"] == 3
    assert (rows["B"]["title"], rows["B"]["warning"], rows["B"]["pack"]) == ("Newer", "85", "diagnostics")
    assert [row["check_id"] for row in (await client.get(f"{CHECKS}?per_page=1&page=2")).json()["data"]] == ["C"]
