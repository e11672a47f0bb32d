"""`/api/v1/services`: the list with its filters, one service, and nobody else's."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.services import changes
from collector.domain.services.changes import Terms
from common.clock import iso, utc_now
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.builders import outcome
from tests.collector.estate import info, reporter
from tests.collector.services.making import add_impact, add_pin, add_service
from tests.collector.tokens import Holder, token

SERVICES = "/api/v1/services"
HOUR = timedelta(hours=1)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def holder(database: Database) -> Holder:
    return await token(database, await builders.tenant(database), "read:status")


async def names(client: httpx.AsyncClient, holder: Holder, query: str) -> list[str]:
    answer = await client.get(f"{SERVICES}?{query}", headers=holder.headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total"] == len(body["services"])
    return [one["name"] for one in body["services"]]


async def test_a_connection_that_does_not_answer_is_down_and_says_why(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    agent = await reporter(database, holder.tenant, client)
    await agent.list_only(info("prod", name="Main DB"))
    down = outcome("DB_CONNECT", "critical", category="availability", interval_s=60)
    await agent.run("prod", down, reachable=False)
    answer = await client.get(SERVICES, headers=holder.headers)
    (found,) = answer.json()["services"]
    assert {name: found[name] for name in ("slug", "name", "current_status", "visibility", "tags", "kind")} == {
        "slug": "main-db",
        "name": "Main DB",
        "current_status": "major_outage",
        "visibility": "internal",
        "tags": [],
        "kind": "connection",
    }
    (reason,) = found["reasons"]
    assert (reason["source"], reason["id"], reason["status"]) == ("alert", "CONNECTION_FAILED", "major_outage")
    assert (found["data_state"], found["stale_since"]) == ("fresh", None)
    assert found["updated_at"] >= reason["since"]
    one = await client.get(f"{SERVICES}/{found['id']}", headers=holder.headers)
    assert one.json() == found
    again = await client.get(SERVICES, headers={**holder.headers, "If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_list_is_filtered_searched_and_paged_by_name(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    now = utc_now()
    shop = await add_service(database, holder.tenant, now, name="Shop", visibility="public", tags=["Prod"], slug="web")
    await add_service(database, holder.tenant, now, name="Billing", tags=["prod", "pci"])
    await add_service(database, holder.tenant, now, name="Älter", removed_at=None)
    await add_service(database, holder.tenant, now, name="Gone", removed_at=now)
    await add_impact(database, holder.tenant, [shop], now - HOUR, None, impact="degraded_performance")
    assert sorted(await names(client, holder, "")) == ["Billing", "Shop", "Älter"]
    assert await names(client, holder, "status=degraded_performance") == ["Shop"]
    assert sorted(await names(client, holder, "status=operational")) == ["Billing", "Älter"]
    assert await names(client, holder, "visibility=public") == ["Shop"]
    assert sorted(await names(client, holder, "search=PROD")) == ["Billing", "Shop"]
    assert await names(client, holder, "search=WEB") == ["Shop"]
    assert await names(client, holder, "search=älter") == ["Älter"]
    assert await names(client, holder, "search=prod&status=operational&visibility=internal") == ["Billing"]
    assert await names(client, holder, "status=major_outage") == []
    whole = (await client.get(SERVICES, headers=holder.headers)).json()["services"]
    for query in ("", "&search=e"):
        body = (await client.get(f"{SERVICES}?limit=1&offset=1{query}", headers=holder.headers)).json()
        assert (len(body["services"]), body["limit"], body["offset"]) == (1, 1, 1)
    body = (await client.get(f"{SERVICES}?limit=1&offset=1", headers=holder.headers)).json()
    assert (body["services"], body["total"]) == ([whole[1]], 3)
    body = (await client.get(f"{SERVICES}?limit=500", headers=holder.headers)).json()
    assert (body["limit"], body["total"]) == (200, 3)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=down", "status"),
        ("status=operational&status=operational", "status"),
        ("visibility=secret", "visibility"),
        ("search=", "search"),
        ("search=%00", "search"),
        (f"search={'x' * 129}", "search"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused_by_name(
    client: httpx.AsyncClient, holder: Holder, query: str, field: str
) -> None:
    answer = await client.get(f"{SERVICES}?{query}", headers=holder.headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"].startswith(f"{field}: ")


async def test_what_is_not_there_and_what_is_another_tenants_are_answered_alike(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    foreign = await add_service(database, await builders.tenant(database), utc_now(), name="Foreign")
    gone = await add_service(database, holder.tenant, utc_now(), removed_at=utc_now())
    bodies = []
    for number in (foreign, gone, 999_999, "x", "0", "007"):
        answer = await client.get(f"{SERVICES}/{number}", headers=holder.headers)
        assert answer.status_code == 404
        bodies.append(answer.content)
    assert len(set(bodies)) == 1
    assert await names(client, holder, "") == []
    assert await names(client, holder, "search=foreign") == []


async def test_it_was_changed_when_its_status_did(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    made, now = utc_now() - 10 * HOUR, utc_now().replace(microsecond=0)
    number = await add_service(database, holder.tenant, made)
    await add_impact(database, holder.tenant, [number], now - 3 * HOUR, now - 2 * HOUR)
    found = (await client.get(f"{SERVICES}/{number}", headers=holder.headers)).json()
    assert (found["current_status"], found["updated_at"]) == ("operational", iso(now - 2 * HOUR))
    await add_pin(database, holder.tenant, number, now - HOUR, now + HOUR, status="partial_outage", reason="storage")
    found = (await client.get(f"{SERVICES}/{number}", headers=holder.headers)).json()
    assert (found["current_status"], found["updated_at"]) == ("partial_outage", iso(now - HOUR))
    assert [(one["source"], one["title"]) for one in found["reasons"]] == [("override", "storage")]


async def test_a_whole_is_as_its_parts_are(client: httpx.AsyncClient, database: Database, holder: Holder) -> None:
    agent = await reporter(database, holder.tenant, client)
    await agent.list_only(info("one"), info("two"))
    down = outcome("DB_CONNECT", "critical", category="availability", interval_s=60)
    await agent.run("one", down, reachable=False)
    listed = (await client.get(SERVICES, headers=holder.headers)).json()["services"]
    parts = [one["id"] for one in listed]
    act = Act("tests", utc_now())
    whole = await database.write(changes.create, holder.tenant, Terms(name="Whole", parts=parts), act)
    found = (await client.get(f"{SERVICES}/{whole.id}", headers=holder.headers)).json()
    assert (found["current_status"], found["data_state"]) == ("major_outage", "no_data")
    await agent.run("two", outcome())
    found = (await client.get(f"{SERVICES}/{whole.id}", headers=holder.headers)).json()
    assert (found["current_status"], found["data_state"]) == ("major_outage", "fresh")
    assert await names(client, holder, "status=major_outage") == ["Whole", "one"]


async def test_what_is_written_shows_in_the_next_list(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    now = utc_now()
    number = await add_service(database, holder.tenant, now - HOUR, name="Shop")
    stranger = await token(database, await builders.tenant(database), "read:status")
    blind = await token(database, holder.tenant, "write:incidents")
    for status in ("partial_outage", "operational", "major_outage"):
        await add_pin(database, holder.tenant, number, utc_now(), now + HOUR, status=status)
        for _ in range(2):
            answer = await client.get(SERVICES, headers=holder.headers)
            (found,) = answer.json()["services"]
            assert found["current_status"] == status
            assert answer.headers["x-ratelimit-remaining"]
        assert await names(client, stranger, "") == []
        assert (await client.get(SERVICES, headers=blind.headers)).status_code == 403
        assert (await client.get(SERVICES)).status_code == 401
    head = await client.head(SERVICES, headers=holder.headers)
    assert (head.content, head.headers["etag"]) == (b"", answer.headers["etag"])
