"""Implementing, snoozing and dismissing recommendations, and what scans and time make of that."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from collector.domain.activity.tables import activity_entry
from collector.domain.costs import deciding
from common.clock import iso, utc_now
from tests.collector.accounts import client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, T0, Estate, estate, finding

DAY = timedelta(days=1)
GONE = ("SNAPSHOT_CLEANUP/snap-0abcd1234",)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    made = await estate(client, database, "dba")
    await made.scan(finding())
    return made


async def rows(client: httpx.AsyncClient, here: Estate, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"{API}/recommendations?accountId={ACCOUNT}{query}", headers=here.headers)
    found: list[dict[str, Any]] = answer.json()["data"]["recommendations"]
    return found


async def move(
    client: httpx.AsyncClient, here: Estate, verb: str, body: dict[str, object], rec_id: str = ""
) -> httpx.Response:
    rec_id = rec_id or (await rows(client, here))[0]["id"]
    return await client.post(f"{API}/recommendations/{rec_id}/{verb}", json=body, headers=here.headers)


async def test_the_realised_saving_is_booked_when_the_next_scan_sees_that_it_was_done(
    client: httpx.AsyncClient, here: Estate
) -> None:
    body: dict[str, object] = {
        "implementedBy": "john.doe@company.com",
        "implementedAt": iso(T0 + DAY),
        "notes": "Deleted",
    }
    answer = await move(client, here, "implement", body)
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (200, "30")
    said = {"status": "IMPLEMENTED", "implementedBy": "john.doe@company.com", "implementedAt": iso(T0 + DAY)}
    assert {key: answer.json()["data"][key] for key in said} == said
    await here.scan(at=T0 + DAY / 2)  # began before it was done: proves nothing
    (row,) = await rows(client, here)
    assert "endedAt" not in row
    await here.scan(at=T0 + 2 * DAY, gone=GONE)
    assert await rows(client, here) == []
    (row,) = await rows(client, here, "&status=IMPLEMENTED")
    assert (row["realizedMonthlySavings"], row["endedAt"]) == (15.36, iso(T0 + 2 * DAY + timedelta(minutes=1)))


async def test_what_is_gone_for_another_reason_books_nothing(client: httpx.AsyncClient, here: Estate) -> None:
    await move(client, here, "implement", {"implementedAt": iso(T0)})
    await here.scan(at=T0 + DAY)
    (row,) = await rows(client, here, "&status=IMPLEMENTED")
    assert ("endedAt" in row, "realizedMonthlySavings" in row) == (True, False)


async def test_what_is_found_again_after_it_was_done_is_open_again(client: httpx.AsyncClient, here: Estate) -> None:
    await move(client, here, "implement", {"implementedAt": iso(T0 + DAY)})
    await here.scan(finding(), at=T0 + DAY / 2)
    assert (await rows(client, here))[0]["status"] == "IMPLEMENTED"
    await here.scan(finding(), at=T0 + 2 * DAY)
    (row,) = await rows(client, here)
    assert (row["status"], "implementedBy" in row) == ("GENERATED", False)


async def test_a_snooze_ends_when_its_time_is_over(client: httpx.AsyncClient, database: Database, here: Estate) -> None:
    answer = await move(client, here, "snooze", {"snoozeDuration": 30, "reason": "Planned for next quarter"})
    data = answer.json()["data"]
    assert (answer.status_code, data["status"], data["snoozedUntil"][-1]) == (200, "SNOOZED", "Z")
    now = utc_now()
    assert await database.write(deciding.wake, now + 29 * DAY, 50) == 0
    assert (await rows(client, here, "&status=SNOOZED"))[0]["reason"] == "Planned for next quarter"
    assert await database.write(deciding.wake, now + 31 * DAY, 50) == 1
    (row,) = await rows(client, here)
    assert (row["status"], "snoozedUntil" in row) == ("GENERATED", False)


async def test_what_was_dismissed_stays_so_whatever_is_found(client: httpx.AsyncClient, here: Estate) -> None:
    answer = await move(client, here, "dismiss", {"reason": "Resource required for backup purposes"})
    assert answer.json()["data"] == {"id": (await rows(client, here))[0]["id"], "status": "DISMISSED"}
    await here.scan(at=T0 + DAY)
    await here.scan(finding(), at=T0 + 2 * DAY)
    assert [row["status"] for row in await rows(client, here)] == ["DISMISSED"]


async def test_what_the_state_machine_refuses_is_a_conflict(client: httpx.AsyncClient, here: Estate) -> None:
    rec_id = (await rows(client, here))[0]["id"]
    await move(client, here, "snooze", {"snoozeDuration": 1})
    again = await move(client, here, "snooze", {"snoozeDuration": 1})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")
    await move(client, here, "dismiss", {})
    for verb, body in (("snooze", {"snoozeDuration": 1}), ("implement", {}), ("dismiss", {})):
        assert (await move(client, here, verb, body)).status_code == 409  # type: ignore[arg-type]
    await here.scan(at=T0 + DAY)
    assert (await move(client, here, "implement", {}, rec_id)).status_code == 409
    assert (await move(client, here, "implement", {}, "rec_none")).status_code == 404


async def test_a_viewer_decides_nothing_and_what_a_dba_decides_is_on_record(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    viewer = await (await someone(database, here.tenant, "viewer")).log_on(client)
    rec_id = (await rows(client, here))[0]["id"]
    refused = await client.post(f"{API}/recommendations/{rec_id}/dismiss", json={}, headers=viewer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")
    await move(client, here, "dismiss", {"reason": "kept"})
    entries = await database.read(lambda conn: conn.execute(activity_entry.select()).all())
    (said,) = [one.properties for one in entries if one.action_type == "recommendation_dismissed"]
    assert (said["recommendation_id"], said["by"].endswith("@example.com")) == (rec_id, True)


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("snooze", {}, "snoozeDuration"),
        ("snooze", {"snoozeDuration": 0}, "snoozeDuration"),
        ("snooze", {"snoozeDuration": "30"}, "snoozeDuration"),
        ("snooze", {"snoozeDuration": 100_000}, "snoozeDuration"),
        ("implement", {"implementedAt": "2099-01-01T00:00:00Z"}, "implementedAt"),
        ("implement", {"implementedAt": "2026-05-14T00:00:00"}, "implementedAt"),
        ("implement", {"implementedAt": "soon"}, "implementedAt"),
        ("implement", {"notes": 5}, "notes"),
        ("dismiss", {"reason": "\0"}, "reason"),
    ],
)
async def test_a_decision_that_makes_no_sense_is_refused_by_field(
    client: httpx.AsyncClient, here: Estate, verb: str, body: dict[str, object], field: str
) -> None:
    answer = await move(client, here, verb, body)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field), answer.text
