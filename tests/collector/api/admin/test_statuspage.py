"""The status page is set up by admins, and told of what is done through the documented API."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.access.rules import ROLES, Role
from collector.domain.activity import store as activity
from collector.domain.activity.store import Filter
from collector.domain.statuspage.tables import status_news
from collector.domain.tenants import store as tenants
from tests.collector import builders
from tests.collector.accounts import client_of, someone
from tests.collector.services.making import add_service
from tests.collector.statuspage.posting import subscribe
from tests.collector.tokens import token

PAGE = "/api/v1/admin/status-page"
ON = {"enabled": True, "title": "Acme", "description": "How we do"}


@pytest_asyncio.fixture
async def http(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(state_dir=tmp_path, status_page_fresh_s=0), database)
    async with client_of(app) as client:
        yield client
    await app.shut_down()


@pytest_asyncio.fixture
async def tenant(database: Database) -> int:
    return await builders.tenant(database)


async def logged_on(http: httpx.AsyncClient, db: Database, tenant: int, role: Role = "admin") -> dict[str, str]:
    return await (await someone(db, tenant, role)).log_on(http)


async def test_a_page_is_switched_on_and_off(http: httpx.AsyncClient, database: Database, tenant: int) -> None:
    headers, slug = await logged_on(http, database, tenant), await database.read(tenants.slug_of, tenant)
    page = (await http.get(PAGE, headers=headers)).json()["data"]
    assert (page["enabled"], page["path"]) == (False, f"/status/api/{slug}")
    reason = "no mail server is set up (smtp_host)"
    assert page["subscriptions"] == {"available": False, "reason": reason}
    assert (await http.get(f"{page['path']}/summary")).status_code == 404
    made = (await http.put(PAGE, headers=headers, json=ON)).json()["data"]
    assert (made["enabled"], made["title"]) == (True, "Acme")
    assert (await http.get(f"{page['path']}/summary")).json()["page"]["title"] == "Acme"
    await http.put(PAGE, headers=headers, json={"enabled": False})
    off = (await http.get(PAGE, headers=headers)).json()["data"]
    assert (off["enabled"], off["title"]) == (False, slug.upper())  # the tenant's name
    assert (await http.get(f"{page['path']}/summary")).status_code == 404
    _, rows = await database.read(activity.page, tenant, Filter(action_type="status_page_switched"), 0, 10)
    assert [row.properties["enabled"] for row in rows] == [False, True]


@pytest.mark.parametrize("role", ROLES)
async def test_admins_change_it_and_others_see_masked_addresses(
    http: httpx.AsyncClient, database: Database, tenant: int, role: Role
) -> None:
    headers, may = await logged_on(http, database, tenant, role), role in {"owner", "admin"}
    await subscribe(database, tenant, "ana")
    answer = await http.put(PAGE, headers=headers, json=ON)
    assert answer.status_code == (200 if may else 403)
    listed = (await http.get(f"{PAGE}/subscriptions", headers=headers)).json()["data"]
    assert (listed["total"], listed["subscriptions"][0]["email"]) == (1, "ana@example.com" if may else "a…@e….com")
    gone = await http.delete(f"{PAGE}/subscriptions/ana", headers=headers)
    assert gone.status_code == (200 if may else 403)
    left = (await http.get(f"{PAGE}/subscriptions", headers=headers)).json()["data"]["total"]
    assert left == (0 if may else 1)


async def test_other_tenants_subscriptions_are_missing(
    http: httpx.AsyncClient, database: Database, tenant: int
) -> None:
    headers, other = await logged_on(http, database, tenant), await builders.tenant(database)
    await subscribe(database, other, "ana")
    foreign, missing = [await http.delete(f"{PAGE}/subscriptions/{name}", headers=headers) for name in ("ana", "x")]
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["error"]["message"] == missing.json()["error"]["message"]
    assert (await http.get(f"{PAGE}/subscriptions", headers=headers)).json()["data"]["total"] == 0


async def test_wrong_fields_are_named(http: httpx.AsyncClient, database: Database, tenant: int) -> None:
    headers = await logged_on(http, database, tenant)
    for body, field in (({**ON, "title": "x" * 121}, "title"), ({**ON, "description": "\x00"}, "description")):
        answer = await http.put(PAGE, headers=headers, json=body)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field)
    assert (await http.put(PAGE, headers=headers, json={"enabled": "yes"})).status_code == 400
    assert (await http.put(PAGE, headers=headers, json={})).status_code == 400


async def test_what_is_done_through_the_api_becomes_news(
    http: httpx.AsyncClient, database: Database, tenant: int
) -> None:
    headers = await logged_on(http, database, tenant)
    path = (await http.put(PAGE, headers=headers, json=ON)).json()["data"]["path"]
    web = await add_service(database, tenant, builders.T0, name="Web", slug="web", visibility="public")
    caller = (await token(database, tenant)).headers
    new = {"title": "Slow", "description": "Disks", "severity": "degraded", "service_ids": [web]}
    made = (await http.post("/api/v1/incidents", headers=caller, json=new)).json()
    item = f"/api/v1/incidents/{made['id']}"
    said = {"status": "identified", "message": "A secret disk", "is_public": False}
    assert (await http.post(f"{item}/updates", headers=caller, json=said)).status_code in {200, 201}
    said = {"status": "monitoring", "message": "Mended", "is_public": True}
    assert (await http.post(f"{item}/updates", headers=caller, json=said)).status_code in {200, 201}
    shown = (await http.get(f"{path}/incidents/{made['id']}")).json()
    assert "secret" not in str(shown).lower()
    assert shown["services"] == [{"slug": "web", "name": "Web", "impact": "degraded_performance"}]
    assert (await http.get(f"{path}/summary")).json()["status"] == "degraded_performance"
    assert (await http.post(f"{item}/resolve", headers=caller, json={"root_cause": "secret"})).status_code == 200
    times = {"scheduled_start": "2099-06-01T02:00:00Z", "scheduled_end": "2099-06-01T04:00:00Z"}
    window = {"title": "Patch", "visibility": "public", "service_ids": [web], **times}
    planned = await http.post("/api/v1/maintenance", headers=caller, json=window)
    assert planned.status_code == 201, planned.text
    await http.post(f"/api/v1/maintenance/{planned.json()['id']}/cancel", headers=caller)
    rows = await database.read(lambda conn: conn.execute(select(status_news).order_by(status_news.c.id)).all())
    events = [row.event for row in rows]
    assert events[0] == "incident.created"
    assert [event for event in events if event != "incident.updated"] == [
        "incident.created",
        "incident.resolved",
        "maintenance.scheduled",
        "maintenance.cancelled",
    ]
    assert "secret" not in str([row.body for row in rows]).lower()
    assert (await http.get(f"{path}/summary")).json()["status"] == "operational"
