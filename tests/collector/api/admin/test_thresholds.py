"""Overrides of checks: what the catalogue allows, who may set them, what agents get."""

from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec import structs

from collector.core.database import Database
from collector.domain.activity.tables import activity_entry
from collector.domain.assignments import store as assignments
from tests.collector.accounts import Account, account, client_of, serving, someone
from tests.collector.estate import Reporter, entry, info, reporter

THRESHOLDS = "/api/v1/admin/thresholds"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def acme(database: Database) -> Account:
    return await account(database)


@pytest.fixture
async def agent(client: httpx.AsyncClient, database: Database, acme: Account) -> Reporter:
    made = await reporter(database, acme.tenant, client)
    await made.list_only(info("prod"))
    await made.catalogue(
        structs.replace(entry("USED"), warning="85", critical="97"),
        structs.replace(entry("FREE"), warning="15", critical="5"),
        structs.replace(entry("WORDS"), warning="INVALID", critical=""),
    )
    return made


@pytest.fixture
async def headers(client: httpx.AsyncClient, database: Database, acme: Account) -> dict[str, str]:
    return dict(await (await someone(database, acme.tenant, "admin")).log_on(client))


async def test_an_override_reaches_the_agent_and_can_be_taken_away(
    client: httpx.AsyncClient, database: Database, acme: Account, agent: Reporter, headers: dict[str, str]
) -> None:
    place = (await client.get("/api/v1/health/connections", headers=acme.headers)).json()["data"][0]["id"]
    for path, body in (
        ("USED/tenant", {"warning": 80}),
        ("USED/tags/dev & test", {"enabled": False}),
        (f"USED/connections/{place}", {"warning": 90.5, "critical": 99, "intervalS": 600}),
    ):
        answer = await client.put(f"{THRESHOLDS}/{path}", headers=headers, json=body)
        assert answer.status_code == 200, answer.text
    listed = (await client.get(THRESHOLDS, headers=headers)).json()["data"]["thresholds"]
    assert [(one["origin"], one["tag"], one["connection_id"], one["warning"]) for one in listed] == [
        ("tenant", None, None, 80.0),
        ("tag", "dev & test", None, None),
        ("connection", None, place, 90.5),
    ]
    document = await database.read(assignments.document, acme.tenant, agent.agent.id)
    assert {(one.origin, one.tag, one.connection, one.warning, one.interval_s) for one in document.checks} == {
        ("tenant", None, None, 80.0, None),
        ("tag", "dev & test", None, None, None),
        ("connection", None, "prod", 90.5, 600),
    }
    assert (await client.delete(f"{THRESHOLDS}/USED/tenant", headers=headers)).status_code == 200
    assert (await client.delete(f"{THRESHOLDS}/USED/tenant", headers=headers)).status_code == 404
    assert len((await client.get(THRESHOLDS, headers=headers)).json()["data"]["thresholds"]) == 2
    rows = await database.read(lambda conn: conn.execute(activity_entry.select()).all())
    assert [row.action_type for row in rows if row.action_type.startswith("threshold")] == [
        "threshold_changed",
        "threshold_changed",
        "threshold_changed",
        "threshold_removed",
    ]


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("NOTHING/tenant", {"warning": 1}, "check"),
        ("USED/tenant", {}, "override"),
        ("USED/tenant", {"warning": "80"}, "warning"),
        ("USED/tenant", {"warning": 98}, "critical"),
        ("USED/tenant", {"warning": 90, "critical": 80}, "critical"),
        ("FREE/tenant", {"warning": 4}, "critical"),
        ("FREE/tenant", {"critical": 16}, "critical"),
        ("WORDS/tenant", {"warning": 1}, "warning"),
        ("WORDS/tenant", {"critical": 1}, "critical"),
        ("USED/tenant", {"intervalS": 59}, "intervalS"),
        ("USED/tenant", {"intervalS": 604_801}, "intervalS"),
        ("USED/tenant", {"intervalS": 60.5}, "intervalS"),
        ("USED/tags/%20x", {"warning": 80}, "tag"),
        (f"USED/tags/{'x' * 65}", {"warning": 80}, "tag"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(
    client: httpx.AsyncClient, headers: dict[str, str], path: str, body: dict[str, object], field: str
) -> None:
    answer = await client.put(f"{THRESHOLDS}/{path}", headers=headers, json=body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["details"]["field"]) == ("INVALID_REQUEST", field)


@pytest.mark.usefixtures("agent")
async def test_a_connection_that_nobody_watches_is_not_found(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.put(f"{THRESHOLDS}/USED/connections/999999", headers=headers, json={"warning": 80})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.usefixtures("agent")
async def test_levels_may_be_equal_and_a_check_of_words_can_be_switched_off(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for path, body in (
        ("USED/tenant", {"warning": 97}),
        ("FREE/tenant", {"warning": 30, "critical": 20}),
        ("WORDS/tenant", {"enabled": False}),
    ):
        assert (await client.put(f"{THRESHOLDS}/{path}", headers=headers, json=body)).status_code == 200


@pytest.mark.usefixtures("agent")
async def test_a_dba_may_look_and_not_change(client: httpx.AsyncClient, database: Database, acme: Account) -> None:
    dba = await (await someone(database, acme.tenant, "dba")).log_on(client)
    assert (await client.get(THRESHOLDS, headers=dba)).status_code == 200
    assert (await client.put(f"{THRESHOLDS}/USED/tenant", headers=dba, json={"warning": 80})).status_code == 403
    assert (await client.delete(f"{THRESHOLDS}/USED/tenant", headers=dba)).status_code == 403


@pytest.mark.parametrize("path", ["%00/tenant", "USED/tags/%00", f"{'x' * 129}/tenant", "USED/connections/0"])
async def test_a_place_that_cannot_be_is_not_there(
    client: httpx.AsyncClient, headers: dict[str, str], path: str
) -> None:
    for method in ("PUT", "DELETE"):
        answer = await client.request(method, f"{THRESHOLDS}/{path}", headers=headers, json={"warning": 1})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
