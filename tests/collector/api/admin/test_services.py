"""Services made, changed, pinned and removed by people; who may, and what cannot be."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access.rules import Role
from collector.domain.activity.tables import activity_entry
from collector.domain.services.tables import service
from common.clock import iso, utc_now
from tests.collector.accounts import Account, account, client_of, serving, someone
from tests.collector.estate import info, reporter
from tests.collector.services.making import add_impact, add_service, add_work

SERVICES = "/api/v1/admin/services"
HOUR = timedelta(hours=1)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def acme(database: Database) -> Account:
    return await account(database)


@pytest.fixture
async def headers(client: httpx.AsyncClient, database: Database, acme: Account) -> dict[str, str]:
    return dict(await (await someone(database, acme.tenant, "admin")).log_on(client))


class Admin:
    """What an admin does with services."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    async def make(self, name: str = "Main API", **fields: object) -> dict[str, object]:
        answer = await self.client.post(SERVICES, headers=self.headers, json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, object] = answer.json()["data"]
        return made

    async def change(self, number: object, **fields: object) -> httpx.Response:
        return await self.client.patch(f"{SERVICES}/{number}", headers=self.headers, json=fields)

    async def delete(self, number: object, what: str = "") -> httpx.Response:
        return await self.client.delete(f"{SERVICES}/{number}{what}", headers=self.headers)

    async def pin(self, number: object, **fields: object) -> httpx.Response:
        return await self.client.post(f"{SERVICES}/{number}/pin", headers=self.headers, json=fields)

    async def show(self, number: object) -> dict[str, object]:
        answer = await self.client.get(f"{SERVICES}/{number}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()["data"]
        return found


@pytest.fixture
def admin(client: httpx.AsyncClient, headers: dict[str, str]) -> Admin:
    return Admin(client, headers)


async def entries(database: Database, action: str) -> list[dict[str, object]]:
    rows = await database.read(lambda conn: conn.execute(activity_entry.select()).all())
    return [row.properties for row in rows if row.action_type == action]


async def test_a_service_is_as_it_was_made_and_the_log_knows_by_whom(admin: Admin, database: Database) -> None:
    since = utc_now().replace(microsecond=0) - 24 * HOUR
    made = await admin.make(
        description="What all use",
        visibility="public",
        group="Shop",
        tags=["eu", "eu"],
        publish_baseline=True,
        on_stale="degraded",
        since=iso(since),
    )
    assert {name: made[name] for name in ("slug", "kind", "tags", "own_tags", "group", "since", "on_stale")} == {
        "slug": "main-api",
        "kind": "manual",
        "tags": ["eu"],
        "own_tags": ["eu"],
        "group": "Shop",
        "since": iso(since),
        "on_stale": "degraded",
    }
    assert (made["current_status"], made["public_status"], made["data_state"]) == ("operational",) * 2 + ("fresh",)
    assert await admin.show(made["id"]) == made
    assert (await admin.make())["slug"] == "main-api-2"
    created, _ = await entries(database, "service_created")
    assert (created["service_id"], str(created["by"]).endswith("@example.com")) == (made["id"], True)


async def test_what_is_left_out_stays_as_it_is(admin: Admin, database: Database) -> None:
    made = await admin.make(description="one", visibility="public", tags=["eu"])
    changed = (await admin.change(made["id"], description="two")).json()["data"]
    assert {**changed, "updated_at": 0} == {**made, "description": "two", "updated_at": 0}
    assert (await admin.change(made["id"], description="two")).json()["data"] == changed
    assert [one["changed"] for one in await entries(database, "service_changed")] == [["description"]]


async def test_an_automatic_service_keeps_what_it_stands_for(
    admin: Admin, client: httpx.AsyncClient, database: Database, acme: Account
) -> None:
    agent = await reporter(database, acme.tenant, client)
    await agent.list_only(info("prod", name="Prod"))
    answer = await client.get(SERVICES, headers=admin.headers)
    (found,) = answer.json()["data"]["services"]
    changed = (await admin.change(found["id"], name="Payments", visibility="public", tags=["mine"])).json()["data"]
    assert (changed["name"], changed["slug"], changed["tags"]) == ("Payments", "prod", ["mine"])
    assert (await admin.change(found["id"], name=None)).json()["data"]["name"] == "Prod"
    assert (await admin.change(found["id"], slug="x")).status_code == 409
    assert (await admin.change(found["id"], parts=[])).status_code == 409
    refused = await admin.delete(found["id"])
    assert (refused.status_code, "stands for connection/" in refused.text) == (409, True)
    made = await admin.make()
    assert (await admin.change(made["id"], name=None)).status_code == 409


async def test_a_removed_service_leaves_its_slug_to_others(admin: Admin, client: httpx.AsyncClient) -> None:
    made = await admin.make(slug="api")
    taken = await client.post(SERVICES, headers=admin.headers, json={"name": "x", "slug": "api"})
    assert taken.status_code == 409
    assert (await admin.delete(made["id"])).status_code == 200
    assert (await admin.delete(made["id"])).status_code == 404
    assert (await admin.make(slug="api"))["id"] != made["id"]


async def test_a_service_that_something_goes_on_with_stays(admin: Admin, database: Database, acme: Account) -> None:
    now = utc_now()
    hit, worked, part = [await admin.make(f"Service {n}") for n in range(3)]
    await admin.make("Whole", parts=[part["id"]])
    incident = await add_impact(database, acme.tenant, [int(str(hit["id"]))], now - HOUR, None)
    window = await add_work(
        database, acme.tenant, [int(str(worked["id"]))], (now + HOUR, now + 2 * HOUR), status="scheduled"
    )
    for one, reason in ((hit, f"incidents: {incident}"), (worked, f"ahead: {window}"), (part, "a part of Whole")):
        refused = await admin.delete(one["id"])
        assert (refused.status_code, reason in refused.text) == (409, True), refused.text


async def test_a_part_has_no_parts_and_nothing_goes_round_in_circles(admin: Admin, database: Database) -> None:
    one, two = await admin.make("One"), await admin.make("Two")
    whole = await admin.make("Whole", parts=[one["id"], one["id"]])
    assert whole["parts"] == [one["id"]]
    foreign = await add_service(database, (await account(database)).tenant, utc_now())
    for number, parts in (
        (whole["id"], [whole["id"]]),
        (two["id"], [whole["id"]]),
        (one["id"], [two["id"]]),
        (two["id"], [foreign]),
        (two["id"], [999_999]),
        (two["id"], [0]),
    ):
        refused = await admin.change(number, parts=parts)
        assert refused.status_code == 400, refused.text
        assert refused.json()["error"]["details"]["field"] == "parts"
    assert (await admin.change(whole["id"], parts=[])).json()["data"]["parts"] == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": 5}, "name"),
        ({"slug": "A b"}, "slug"),
        ({"visibility": "secret"}, "visibility"),
        ({"group": "a\nb"}, "group"),
        ({"tags": [""]}, "tags"),
        ({"tags": "eu"}, "tags"),
        ({"description": "\x00"}, "description"),
        ({"on_stale": "never"}, "on_stale"),
        ({"publish_baseline": "yes"}, "publish_baseline"),
        ({"since": "2999-01-01T00:00:00Z"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"parts": ["1"]}, "parts.0"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(
    admin: Admin, client: httpx.AsyncClient, fields: dict[str, object], field: str
) -> None:
    made = await admin.make()
    posted = await client.post(SERVICES, headers=admin.headers, json={"name": "x", **fields})
    for refused in (posted, await admin.change(made["id"], **fields)):
        assert refused.status_code == 400, refused.text
        assert refused.json()["error"]["details"]["field"] == field


async def test_half_a_character_is_refused_by_field_as_well(admin: Admin, client: httpx.AsyncClient) -> None:
    headers = {**admin.headers, "Content-Type": "application/json"}
    refused = await client.post(SERVICES, headers=headers, content=b'{"name": "a\\ud800"}')
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["details"]["value"] == "a\\ud800"


async def test_a_pin_beats_everything_until_it_is_over(admin: Admin, database: Database, acme: Account) -> None:
    made = await admin.make(visibility="public")
    await add_impact(database, acme.tenant, [int(str(made["id"]))], utc_now() - HOUR, None)
    assert (await admin.show(made["id"]))["public_status"] == "operational"
    for status in ("degraded_performance", "partial_outage"):
        pinned = await admin.pin(made["id"], status=status, reason="known", hours=1)
        assert pinned.status_code == 200, pinned.text
    found = await admin.show(made["id"])
    assert (found["current_status"], found["public_status"]) == ("partial_outage", "partial_outage")
    assert (await admin.delete(made["id"], "/pin")).status_code == 200
    assert (await admin.show(made["id"]))["current_status"] == "major_outage"
    assert (await admin.delete(made["id"], "/pin")).status_code == 404
    assert len(await entries(database, "service_pinned")) == 2
    assert len(await entries(database, "service_unpinned")) == 1


async def test_a_pin_has_an_end_within_a_day_and_a_reason(admin: Admin) -> None:
    made, day = await admin.make(), utc_now() + 25 * HOUR
    good = {"status": "operational", "reason": "known"}
    for fields, field in (
        ({**good}, "hours"),
        ({**good, "hours": 1, "until": iso(utc_now() + HOUR)}, "hours"),
        ({**good, "hours": 25}, "hours"),
        ({**good, "hours": 0}, "hours"),
        ({**good, "until": iso(day)}, "until"),
        ({**good, "until": iso(utc_now() - HOUR)}, "until"),
        ({**good, "status": "down", "hours": 1}, "status"),
        ({**good, "reason": " ", "hours": 1}, "reason"),
    ):
        refused = await admin.pin(made["id"], **fields)
        assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, field)
    assert (await admin.pin(made["id"], **good, until=iso(utc_now() + HOUR))).status_code == 200


@pytest.mark.parametrize(("role", "changes", "pins"), [("viewer", 403, 403), ("dba", 403, 200), ("admin", 200, 200)])
async def test_admins_change_and_whoever_handles_incidents_pins(
    headers: dict[str, str], client: httpx.AsyncClient, database: Database, *, role: Role, changes: int, pins: int
) -> None:
    admin = Admin(client, headers)
    made = await admin.make()
    tenant_id = (await database.read(lambda conn: conn.execute(service.select()).one())).tenant_id
    mine = Admin(client, await (await someone(database, tenant_id, role)).log_on(client))
    assert (await mine.show(made["id"]))["id"] == made["id"]
    assert (await mine.change(made["id"], description="x")).status_code == changes
    posted = await client.post(SERVICES, headers=mine.headers, json={"name": "x"})
    assert posted.status_code == {403: 403, 200: 201}[changes]
    assert (await mine.pin(made["id"], status="operational", reason="x", hours=1)).status_code == pins
    assert (await mine.delete(made["id"], "/pin")).status_code == pins
    assert (await mine.delete(made["id"])).status_code == changes


async def test_another_tenants_service_is_as_one_that_is_not_there(admin: Admin, database: Database) -> None:
    foreign = await add_service(database, (await account(database)).tenant, utc_now())
    for number in (foreign, 999_999, "x"):
        for answer in (
            await admin.client.get(f"{SERVICES}/{number}", headers=admin.headers),
            await admin.change(number, description="x"),
            await admin.delete(number),
            await admin.pin(number, status="operational", reason="x", hours=1),
            await admin.delete(number, "/pin"),
        ):
            assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Resource not found.")
