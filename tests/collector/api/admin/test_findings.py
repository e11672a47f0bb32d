"""Findings and alerts as people with a login see and change them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from collector.core.database import Database
from collector.domain.activity.tables import activity_entry
from collector.domain.results import marking
from common.clock import iso, utc_now
from tests.collector.accounts import Account, account, client_of, serving, someone
from tests.collector.builders import outcome
from tests.collector.estate import entry, info, reporter

ADMIN = "/api/v1/admin"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def acme(client: httpx.AsyncClient, database: Database) -> Account:
    """A tenant with one connection that has a critical finding and a warning."""
    made = await account(database)
    agent = await reporter(database, made.tenant, client)
    await agent.list_only(info("prod", name="PROD"))
    await agent.catalogue(entry("REDOLOG_SIZE"))
    await agent.run("prod", outcome("REDOLOG_SIZE", "critical"), outcome("DB_CONNECT", "warning"))
    return made


async def place_of(client: httpx.AsyncClient, acme: Account) -> int:
    found = await client.get("/api/v1/health/connections", headers=acme.headers)
    number: int = found.json()["data"][0]["id"]
    return number


async def scores(client: httpx.AsyncClient, acme: Account) -> tuple[int, int]:
    row = (await client.get("/api/v1/health/connections", headers=acme.headers)).json()["data"][0]
    latest = await client.get(f"/api/v1/health/connections/{row['id']}/checks/latest", headers=acme.headers)
    data = latest.json()["data"]
    assert (data["score"], data["raw_score"]) == (row["score"], row["raw_score"])
    return row["score"], row["raw_score"]


async def test_a_muted_finding_is_out_of_the_score_until_it_is_let_back_in(
    client: httpx.AsyncClient, database: Database, acme: Account
) -> None:
    headers = await (await someone(database, acme.tenant, "dba")).log_on(client)
    place = await place_of(client, acme)
    path = f"{ADMIN}/connections/{place}/findings/REDOLOG_SIZE/mute"
    before = await scores(client, acme)
    assert before[0] == before[1] < 85
    muted = await client.put(path, headers=headers, json={"reason": "known, CHG-17"})
    assert muted.status_code == 200, muted.text
    assert (muted.json()["data"]["reason"], muted.json()["data"]["expires_at"]) == ("known, CHG-17", None)
    during = await scores(client, acme)
    assert (during[0] > before[0], during[1]) == (True, before[1])
    (alert,) = (await client.get(f"{ADMIN}/alerts?state=suppressed", headers=headers)).json()["data"]["alerts"]
    assert alert["metric"] == "REDOLOG_SIZE"
    assert (await client.delete(path, headers=headers)).status_code == 200
    assert await scores(client, acme) == before
    assert (await client.delete(path, headers=headers)).status_code == 404
    rows = await database.read(lambda conn: conn.execute(activity_entry.select()).all())
    said = [row.properties for row in rows if row.action_type in {"finding_muted", "finding_unmuted"}]
    assert [(one["check_id"], one["connection_id"]) for one in said] == [("REDOLOG_SIZE", place)] * 2
    assert said[0]["by"].endswith("@example.com")


async def test_a_mute_ends_when_its_time_is_over(client: httpx.AsyncClient, database: Database, acme: Account) -> None:
    headers = await (await someone(database, acme.tenant, "dba")).log_on(client)
    place, before = await place_of(client, acme), await scores(client, acme)
    until = utc_now() + timedelta(hours=1)
    path = f"{ADMIN}/connections/{place}/findings/CONNECTION_FAILED/mute"
    body = {"reason": "planned", "expiresAt": iso(until)}
    assert (await client.put(path, headers=headers, json=body)).json()["data"]["check_id"] == "CONNECTION_FAILED"
    assert (await scores(client, acme))[0] > before[0]
    checks = await client.get(f"/api/v1/health/connections/{place}/checks/latest", headers=acme.headers)
    assert {one["check_id"]: one["muted"] for one in checks.json()["data"]["checks"]} == {
        "REDOLOG_SIZE": False,
        "CONNECTION_FAILED": True,
    }
    assert await database.write(marking.expire, until - timedelta(seconds=2), 10) == 0
    assert await database.write(marking.expire, until + timedelta(seconds=2), 10) == 1
    assert await scores(client, acme) == before
    assert (await client.get(f"{ADMIN}/findings/marks", headers=headers)).json()["data"]["total"] == 0


async def test_an_acknowledged_finding_says_by_whom_and_still_counts(
    client: httpx.AsyncClient, database: Database, acme: Account
) -> None:
    ana = await someone(database, acme.tenant, "dba")
    headers = await ana.log_on(client)
    place, before = await place_of(client, acme), await scores(client, acme)
    path = f"{ADMIN}/connections/{place}/findings/REDOLOG_SIZE/acknowledgement"
    assert (await client.put(path, headers=headers, json={"reason": "on it"})).status_code == 200
    assert await scores(client, acme) == before
    found = (await client.get(f"{ADMIN}/findings?connectionId={place}", headers=headers)).json()["data"]
    by_check = {one["check_id"]: one for one in found["findings"]}
    assert found["total"] == 2
    assert by_check["REDOLOG_SIZE"]["acknowledgement"]["reason"] == "on it"
    assert by_check["REDOLOG_SIZE"]["mute"] is None
    assert by_check["CONNECTION_FAILED"]["acknowledgement"] is None
    assert (await client.delete(path, headers=headers)).status_code == 200
    assert (await client.delete(path, headers=headers)).status_code == 404


async def test_only_who_may_can_mute_and_nobody_elses_finding(
    client: httpx.AsyncClient, database: Database, acme: Account
) -> None:
    place = await place_of(client, acme)
    viewer = await (await someone(database, acme.tenant, "viewer")).log_on(client)
    stranger = await (await someone(database, (await account(database)).tenant, "owner")).log_on(client)
    body = {"reason": "because"}
    for kind in ("mute", "acknowledgement"):
        path = f"{ADMIN}/connections/{place}/findings/REDOLOG_SIZE/{kind}"
        assert (await client.put(path, headers=viewer, json=body)).status_code == 403
        assert (await client.put(path, headers=stranger, json=body)).status_code == 404
        missing = path.replace("REDOLOG_SIZE", "NOTHING")
        assert (await client.put(missing, headers=stranger, json=body)).status_code == 404
        strange = path.replace("REDOLOG_SIZE", "%00")
        assert (await client.put(strange, headers=stranger, json=body)).status_code == 404
        assert (await client.delete(strange, headers=stranger)).status_code == 404
    assert (await client.get(f"{ADMIN}/findings", headers=viewer)).status_code == 200
    assert (await client.get(f"{ADMIN}/findings", headers=stranger)).json()["data"]["findings"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"reason": 5}, "reason"),
        ({}, "reason"),
        ({"reason": "x", "expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"reason": "x", "expiresAt": "2099-01-01T00:00:00"}, "expiresAt"),
        ({"reason": "x", "expiresAt": "soon"}, "expiresAt"),
    ],
)
async def test_a_mark_that_makes_no_sense_is_refused_by_field(
    client: httpx.AsyncClient, database: Database, acme: Account, body: dict[str, object], field: str
) -> None:
    headers = await (await someone(database, acme.tenant, "dba")).log_on(client)
    path = f"{ADMIN}/connections/{await place_of(client, acme)}/findings/REDOLOG_SIZE/mute"
    answer = await client.put(path, headers=headers, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["details"]["field"] == field


async def test_alerts_are_listed_by_state_and_time(
    client: httpx.AsyncClient, database: Database, acme: Account
) -> None:
    headers = await (await someone(database, acme.tenant, "viewer")).log_on(client)
    found = (await client.get(f"{ADMIN}/alerts", headers=headers)).json()["data"]
    assert (found["total"], found["page"], found["limit"]) == (2, 1, 50)
    alert = next(one for one in found["alerts"] if one["severity"] == "critical")
    assert alert["connection"] == {"id": alert["connection"]["id"], "name": "PROD", "host": "10.0.1.10"}
    assert (alert["state"], alert["rule"], alert["resolved_at"]) == ("open", "finding", None)
    assert (await client.get(f"{ADMIN}/alerts?state=resolved", headers=headers)).json()["data"]["total"] == 0
    assert (await client.get(f"{ADMIN}/alerts?from=2099-01-01", headers=headers)).json()["data"]["alerts"] == []
    assert len((await client.get(f"{ADMIN}/alerts?limit=1&page=2", headers=headers)).json()["data"]["alerts"]) == 1
    for query in ("state=on", "from=x", "limit=0", "page=x", "state=open&state=open"):
        assert (await client.get(f"{ADMIN}/alerts?{query}", headers=headers)).status_code == 400
