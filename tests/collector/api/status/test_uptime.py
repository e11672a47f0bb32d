"""Uptime and history of a service, as a client of the status document reads them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from common.clock import iso, utc_now
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.services.making import add_impact, add_service, add_work
from tests.collector.tokens import Holder, token

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SERVICES = "/api/v1/services"


@pytest.fixture
async def holder(database: Database) -> Holder:
    return await token(database, await builders.tenant(database))


@pytest.fixture
async def client(database: Database, holder: Holder) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app, **holder.headers) as client:
        yield client


async def got(client: httpx.AsyncClient, path: str, **asked: str) -> dict[str, Any]:
    answer = await client.get(f"{SERVICES}/{path}", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_uptime_is_as_documented_with_what_it_takes_to_check_it(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    now = utc_now()
    service = await add_service(database, holder.tenant, now - 100 * DAY)
    await add_impact(database, holder.tenant, [service], now - 3 * DAY, now - 3 * DAY + 12 * HOUR)
    await add_work(database, holder.tenant, [service], (now - 5 * DAY, now - 4 * DAY))
    found = await got(client, f"{service}/uptime")
    assert [found[name] for name in ("service_id", "uptime_24h", "uptime_7d", "uptime_30d")] == [
        service,
        100.0,
        91.666,
        98.275,
    ]
    assert [found[f"coverage_{name}"] for name in ("24h", "7d", "30d")] == [1.0, 1.0, 1.0]
    week = found["windows"]["7d"]
    assert found["policy"] == "default"
    assert (week["excluded_seconds"], week["unknown_seconds"]) == (86_400, 0)
    assert week["seconds"]["major_outage"] == 43_200
    assert sum(week["seconds"].values()) == week["observed_seconds"] == 6 * 86_400


async def test_a_service_that_nobody_heard_of_yet_has_no_figures(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    service = await add_service(database, holder.tenant, utc_now() - DAY, source="connection/4711")
    found = await got(client, f"{service}/uptime")
    assert (found["uptime_24h"], found["coverage_24h"]) == (None, 0.0)
    assert found["windows"]["24h"]["unknown_seconds"] > 80_000


async def test_history_says_how_it_was_without_a_hole(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    now = utc_now().replace(microsecond=0)
    service = await add_service(database, holder.tenant, now - 10 * DAY)
    await add_impact(database, holder.tenant, [service], now - 3 * HOUR, now - 2 * HOUR, impact="partial_outage")
    found = await got(client, f"{service}/history", **{"from": iso(now - 4 * HOUR), "to": iso(now - HOUR)})
    began = now - 4 * HOUR
    assert found["segments"] == [
        segment(began, began + HOUR, "operational"),
        segment(began + HOUR, began + 2 * HOUR, "partial_outage"),
        segment(began + 2 * HOUR, began + 3 * HOUR + timedelta(seconds=1), "operational"),
    ]
    assert (await got(client, f"{service}/history"))["segments"][0]["status"] == "operational"


def segment(began: datetime, ended: datetime, status: str) -> dict[str, object]:
    return {"from": iso(began), "to": iso(ended), "status": status, "known": True, "excluded": False}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-05-14", "to": "2026-05-13"}, "from"),
        ({"from": "2020-01-01", "to": "2020-06-01"}, "from"),
        ({"to": "2026-13-01"}, "to"),
    ],
)
async def test_a_bad_range_names_the_field(
    client: httpx.AsyncClient, database: Database, holder: Holder, asked: dict[str, str], field: str
) -> None:
    service = await add_service(database, holder.tenant, utc_now())
    answer = await client.get(f"{SERVICES}/{service}/history", params=asked)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")


@pytest.mark.parametrize("path", ["uptime", "history"])
async def test_a_foreign_service_is_as_missing_as_any_and_a_token_needs_its_scope(
    client: httpx.AsyncClient, database: Database, holder: Holder, path: str
) -> None:
    foreign = await add_service(database, await builders.tenant(database), utc_now())
    bodies = [(await client.get(f"{SERVICES}/{number}/{path}")).content for number in (foreign, 999_999)]
    answer = await client.get(f"{SERVICES}/none/{path}")
    assert answer.status_code == 404
    assert {*bodies} == {answer.content}
    own = await add_service(database, holder.tenant, utc_now())
    writer = await token(database, holder.tenant, "write:incidents")
    refused = await client.get(f"{SERVICES}/{own}/{path}", headers=writer.headers)
    assert (refused.status_code, refused.json()) == (403, {"error": "missing required scope: read:status"})
