"""Webhooks, channels and alert rules over the admin API: who may, what comes back, what is refused and how."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from tests.collector.accounts import Account, account, client_of, serving, someone

ADMIN = "/api/v1/admin"
HOOK = {"name": "siem", "url": "https://hooks.example.com/a", "events": ["alert.triggered"]}
MAIL = {"kind": "email", "name": "dbas", "to": ["dba@example.com"]}
SYSLOG = {"kind": "syslog", "name": "splunk", "host": "siem.example.com"}


@pytest.fixture
async def acme(database: Database) -> Account:
    return await account(database)


@pytest.fixture
async def client(database: Database, acme: Account) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        client.base_url = httpx.URL(f"{client.base_url}".rstrip("/") + ADMIN)
        await someone(database, acme.tenant)  # an owner, so that others can be less
        admin = await someone(database, acme.tenant, "admin")
        plain = httpx.AsyncClient(transport=client._transport, base_url=str(client.base_url).removesuffix(f"{ADMIN}/"))
        client.headers.update(await admin.log_on(plain))
        yield client


async def actions(client: httpx.AsyncClient, acme: Account) -> list[str]:
    url = str(client.base_url).replace("/admin/", "/activity")
    answer = await client.get(url, headers=acme.headers)
    return [entry["action_type"] for entry in answer.json()["data"] if entry["action_type"] != "api_request"]


async def test_a_webhook_from_its_making_to_its_end(client: httpx.AsyncClient, acme: Account) -> None:
    made = (await client.post("/webhooks", json=HOOK)).json()["data"]
    assert made["secret"].startswith("whsec_")
    at = f"/webhooks/{made['id']}"
    shown = (await client.get(at)).json()["data"]
    assert "secret" not in shown
    assert (shown["url"], shown["events"], shown["state"]) == (HOOK["url"], HOOK["events"], "enabled")
    changed = await client.patch(at, json={"events": ["alert.resolved", "alert.triggered"]})
    assert changed.json()["data"]["events"] == ["alert.triggered", "alert.resolved"]
    fresh = (await client.post(f"{at}/secret")).json()["data"]["secret"]
    assert fresh != made["secret"]
    assert (await client.post(f"{at}/pause")).json()["data"]["state"] == "paused"
    assert (await client.post(f"{at}/test")).status_code == 409
    assert (await client.post(f"{at}/resume")).json()["data"]["state"] == "enabled"
    tested = (await client.post(f"{at}/test")).json()["data"]
    listed = (await client.get(f"{at}/deliveries", params={"state": "pending"})).json()["data"]
    assert [row["id"] for row in listed["deliveries"]] == [tested["delivery"]]
    one = await client.get(f"{at}/deliveries/{tested['delivery']}")
    assert one.json()["data"]["event"] == "webhook.test"
    assert (await client.post(f"{at}/deliveries/{tested['delivery']}/replay")).status_code == 202
    assert (await client.post(f"{at}/replay")).json()["data"] == {"replayed": 0}
    assert (await client.get("/webhooks")).json()["data"]["total"] == 1
    assert (await client.delete(at)).status_code == 200
    assert (await client.get(at)).status_code == 404
    assert set(await actions(client, acme)) >= {
        "webhook_added", "webhook_changed", "webhook_secret_rotated", "webhook_paused", "webhook_resumed",
        "webhook_tested", "webhook_replayed", "webhook_removed",
    }  # fmt: skip


async def test_channels_and_rules_belong_together(client: httpx.AsyncClient, acme: Account) -> None:
    mail = (await client.post("/channels", json=MAIL)).json()["data"]
    siem = (await client.post("/channels", json=SYSLOG)).json()["data"]
    assert (mail["to"], siem["port"], siem["transport"]) == (["dba@example.com"], 6514, "tls")
    rule = {
        "name": "nights", "channels": ["dbas", siem["id"]], "tags": ["prod"],
        "quiet": {"start": "22:00", "end": "07:00"},
        "repeatSeconds": 3600, "escalateAfterSeconds": 900, "escalateTo": ["dbas"], "digest": {"every": "hour"},
    }  # fmt: skip
    made = (await client.post("/alert-rules", json=rule)).json()["data"]
    assert made["channels"] == [mail["id"], siem["id"]]
    assert made["quiet"] == {"start": "22:00", "end": "07:00", "timezone": "UTC", "weekdays": [1, 2, 3, 4, 5, 6, 7]}
    at = f"/alert-rules/{made['id']}"
    again = {name: value for name, value in made.items() if name not in {"id", "created_at", "enabled"}}
    assert (await client.put(at, json={**again, "name": "all nights"})).json()["data"]["name"] == "all nights"
    assert (await client.delete(f"/channels/{mail['id']}")).status_code == 409
    assert (await client.post(f"{at}/disable")).json()["data"]["enabled"] is False
    assert (await client.post(f"{at}/enable")).json()["data"]["enabled"] is True
    assert (await client.get("/alert-rules")).json()["data"]["total"] == 1
    assert (await client.delete(at)).status_code == 200
    assert (await client.get(at)).status_code == 404
    assert (await client.delete(f"/channels/{mail['id']}")).status_code == 200
    assert {"channel_added", "rule_added", "rule_disabled", "rule_removed"} <= set(await actions(client, acme))


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/webhooks", {**HOOK, "url": "http://hooks.example.com/"}, "url"),
        ("/webhooks", {**HOOK, "url": "https://169.254.169.254/"}, "url"),
        ("/webhooks", {**HOOK, "url": 5}, "url"),
        ("/webhooks", {**HOOK, "events": ["alert.*"]}, "events"),
        ("/webhooks", {**HOOK, "name": " "}, "name"),
        ("/webhooks", {"name": "x"}, "url"),
        ("/channels", {**MAIL, "to": ["not an address"]}, "to"),
        ("/channels", {**MAIL, "to": []}, "to"),
        ("/channels", {**SYSLOG, "port": 22}, "port"),
        ("/channels", {**SYSLOG, "host": "127.0.0.1"}, "host"),
        ("/channels", {**MAIL, "kind": "pager"}, "body"),
        ("/alert-rules", {"name": "x", "channels": []}, "channels"),
        ("/alert-rules", {"name": "x", "channels": ["y"], "repeatSeconds": 1}, "repeatSeconds"),
        ("/alert-rules", {"name": "x", "channels": ["y"], "hours": {"timezone": "Mars"}}, "hours.timezone"),
        ("/alert-rules", {"name": "x", "channels": ["y"], "severities": ["info"]}, "severities"),
    ],
)
async def test_what_cannot_be_used_is_refused_by_name(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "INVALID_REQUEST"
    assert error["details"]["field"].startswith(field)


async def test_an_unknown_channel_or_a_name_that_is_taken_is_a_conflict(client: httpx.AsyncClient) -> None:
    assert (await client.post("/alert-rules", json={"name": "x", "channels": ["nobody"]})).status_code == 409
    assert (await client.post("/webhooks", json=HOOK)).status_code == 201
    assert (await client.post("/webhooks", json=HOOK)).status_code == 409


async def test_readers_read_and_another_tenants_webhook_is_nothing(
    client: httpx.AsyncClient, database: Database, acme: Account
) -> None:
    made = (await client.post("/webhooks", json=HOOK)).json()["data"]
    channel = (await client.post("/channels", json=MAIL)).json()["data"]
    assert (await client.get(f"/webhooks/{channel['id']}")).status_code == 404
    assert (await client.get(f"/channels/{made['id']}")).status_code == 404
    assert (await client.get(f"/webhooks/{made['id']}/deliveries/7")).status_code == 404
    plain = httpx.AsyncClient(transport=client._transport, base_url=str(client.base_url).removesuffix(f"{ADMIN}/"))
    reader = await (await someone(database, acme.tenant, "viewer")).log_on(plain)
    seen = (await client.get("/webhooks", headers=reader)).json()["data"]["webhooks"]
    assert [row["url"] for row in seen] == ["https://hooks.example.com/…"]
    assert (await client.get("/webhooks/%00")).status_code == 404
    for method, path in [("POST", ""), ("DELETE", f"/{made['id']}"), ("POST", f"/{made['id']}/pause")]:
        answer = await client.request(method, f"/webhooks{path}", headers=reader, json=HOOK)
        assert answer.status_code == 403
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(plain)
    assert (await client.get(f"/webhooks/{made['id']}", headers=stranger)).status_code == 404
    assert (await client.get("/webhooks", headers=stranger)).json()["data"]["total"] == 0
