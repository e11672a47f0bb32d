"""One decision about many recommendations, sums of them, and lists as CSV."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity.tables import activity_entry
from collector.domain.costs import deciding
from collector.domain.costs.deciding import Decision
from common.clock import iso, utc_now
from tests.collector.accounts import client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, T0, Estate, estate, finding

LIST = f"{API}/recommendations"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    made = await estate(client, database, "dba")
    idle = finding("i-1", 70.08, factor="IDLE_EC2", category="OverProvisioned")
    below = finding("i-1", 5.0, suppressed_by="IDLE_EC2")
    await made.scan(finding("snap-1"), finding("snap-2", 3.65), finding("snap-3", None), idle, below)
    return made


async def data_of(client: httpx.AsyncClient, here: Estate, query: str) -> Any:
    answer = await client.get(f"{LIST}{query}", headers=here.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def ids(client: httpx.AsyncClient, here: Estate) -> dict[str, str]:
    rows = (await data_of(client, here, f"?accountId={ACCOUNT}"))["recommendations"]
    return {row["resourceId"]: row["id"] for row in rows}


async def decide(client: httpx.AsyncClient, here: Estate, **body: object) -> httpx.Response:
    return await client.post(f"{LIST}/bulk", json=body, headers=here.headers)


async def test_each_of_many_has_a_result_of_its_own(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    known = await ids(client, here)
    await client.post(f"{LIST}/{known['snap-1']}/dismiss", json={}, headers=here.headers)
    wanted = [known["snap-1"], known["snap-2"], "rec_none", known["i-1"], known["snap-2"]]
    answer = await decide(client, here, ids=wanted, action="snooze", snoozeDuration=30, reason="next quarter")
    data = answer.json()["data"]
    assert (answer.status_code, data["succeeded"], data["failed"]) == (200, 2, 2)
    told = [(one["id"], one["status"], (one["error"] or {}).get("code")) for one in data["results"]]
    assert told == [
        (known["snap-1"], "DISMISSED", "CONFLICT"),
        (known["snap-2"], "SNOOZED", None),
        ("rec_none", None, "NOT_FOUND"),
        (known["i-1"], "SNOOZED", None),
    ]
    entries = await database.read(lambda conn: conn.execute(activity_entry.select()).all())
    assert [one.action_type for one in entries].count("recommendation_snoozed") == 2
    assert answer.headers["X-RateLimit-Limit"] == "10"


async def test_what_was_done_is_said_of_many_at_once(client: httpx.AsyncClient, here: Estate) -> None:
    known = await ids(client, here)
    said = {"implementedBy": "john.doe@company.com", "implementedAt": iso(T0), "reason": "deleted"}
    assert (await decide(client, here, ids=list(known.values()), action="implement", **said)).status_code == 200
    rows = (await data_of(client, here, f"?accountId={ACCOUNT}&status=IMPLEMENTED"))["recommendations"]
    assert {(row["implementedBy"], row["implementedAt"], row["notes"]) for row in rows} == {
        ("john.doe@company.com", iso(T0), "deleted")
    }
    assert len(rows) == len(known)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": [], "action": "dismiss"}, "ids"),
        ({"ids": ["rec_a"] * 201, "action": "dismiss"}, "ids"),
        ({"ids": ["rec_a"], "action": "delete"}, "action"),
        ({"ids": ["rec_a"], "action": "snooze"}, "snoozeDuration"),
        ({"ids": ["rec_a"], "action": "implement", "implementedAt": "2099-01-01T00:00:00Z"}, "implementedAt"),
    ],
)
async def test_what_makes_no_sense_for_many_is_named(
    client: httpx.AsyncClient, here: Estate, body: dict[str, object], field: str
) -> None:
    answer = await client.post(f"{LIST}/bulk", json=body, headers=here.headers)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field), answer.text


async def test_a_viewer_decides_nothing_about_many_and_a_stranger_finds_nothing(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    known = await ids(client, here)
    viewer = await (await someone(database, here.tenant, "viewer")).log_on(client)
    body = {"ids": list(known.values()), "action": "dismiss"}
    assert (await client.post(f"{LIST}/bulk", json=body, headers=viewer)).status_code == 403
    stranger = await estate(client, database)
    results = (await client.post(f"{LIST}/bulk", json=body, headers=stranger.headers)).json()["data"]["results"]
    assert {one["error"]["code"] for one in results} == {"NOT_FOUND"}
    assert (await data_of(client, stranger, "/summary"))["totalRecommendations"] == 0


async def test_sums_are_parted_in_every_way_and_agree(client: httpx.AsyncClient, here: Estate) -> None:
    known = await ids(client, here)
    await client.post(f"{LIST}/{known['snap-2']}/snooze", json={"snoozeDuration": 3}, headers=here.headers)
    sums = await data_of(client, here, "/summary")
    assert (sums["totalRecommendations"], sums["totalMonthlySavings"], sums["withoutPrice"]) == (4, 89.09, 1)
    assert sums["byAccount"] == {ACCOUNT: {"count": 4, "savings": 89.09}}
    assert sums["byRegion"] == {"us-east-1": {"count": 4, "savings": 89.09}}
    assert sums["byService"] == {"EC2": {"count": 4, "savings": 89.09}}
    assert sums["byStatus"] == {
        "GENERATED": {"count": 3, "savings": 85.44},
        "SNOOZED": {"count": 1, "savings": 3.65},
    }
    listed = await data_of(client, here, f"?accountId={ACCOUNT}")
    assert {name: sums[name] for name in listed["summary"]} == listed["summary"]
    assert (await data_of(client, here, "/summary?region=eu-west-1"))["byAccount"] == {}


async def test_what_was_saved_is_in_the_sums_once_a_scan_has_proved_it(client: httpx.AsyncClient, here: Estate) -> None:
    known = await ids(client, here)
    done = {"implementedAt": iso(T0)}
    await client.post(f"{LIST}/{known['snap-1']}/implement", json=done, headers=here.headers)
    assert (await data_of(client, here, "/summary"))["realizedMonthlySavings"] == 0.0
    later = T0.replace(day=15)
    await here.scan(finding("snap-2", 3.65), at=later, gone=("SNAPSHOT_CLEANUP/snap-1",))
    assert (await data_of(client, here, "/summary"))["realizedMonthlySavings"] == 15.36
    listed = await data_of(client, here, f"?accountId={ACCOUNT}&category=Cleaner")
    assert listed["summary"]["realizedMonthlySavings"] == 15.36
    assert (await data_of(client, here, "/summary?category=Modernization"))["realizedMonthlySavings"] == 0.0


async def test_what_is_not_to_be_followed_is_listed_on_request(client: httpx.AsyncClient, here: Estate) -> None:
    rows = (await data_of(client, here, f"?accountId={ACCOUNT}&includeSuppressed=true"))["recommendations"]
    assert [row["metadata"].get("suppressedBy") for row in rows] == [None, None, "IDLE_EC2", None, None]
    refused = await client.get(f"{LIST}?accountId={ACCOUNT}&includeSuppressed=yes", headers=here.headers)
    assert refused.json()["error"]["details"]["field"] == "includeSuppressed"


async def test_a_list_as_csv_has_the_rows_of_the_json(client: httpx.AsyncClient, here: Estate) -> None:
    plain = (await data_of(client, here, f"?accountId={ACCOUNT}&limit=3"))["recommendations"]
    answer = await client.get(f"{LIST}?accountId={ACCOUNT}&limit=3", headers={**here.headers, "Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-total-count"] == "4"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["id"] for row in rows] == [row["id"] for row in plain]
    for row, expected in zip(rows, plain, strict=True):
        assert row["monthlySavings"] == str(expected["monthlySavings"])
        assert (row["priceLabel"], row["factorKey"]) == (expected["metadata"]["priceLabel"], expected["factorKey"])
    everything = await client.get(f"{LIST}?accountId={ACCOUNT}", headers={**here.headers, "Accept": "text/csv"})
    *_, unknown = csv.DictReader(io.StringIO(everything.text, newline=""))
    assert (unknown["monthlySavings"], unknown["priceLabel"]) == ("", "UNKNOWN")


async def test_of_decisions_at_the_same_time_one_wins(
    client: httpx.AsyncClient, database: Database, database_url: str, here: Estate
) -> None:
    rec_id = (await ids(client, here))["snap-1"]
    second = database if database.name == "sqlite" else Database.open(database_url)
    wanted = [Decision(status="DISMISSED"), Decision(status="IMPLEMENTED", by="a", at=T0)] * 4
    act = Act("tests", utc_now())
    made = await asyncio.gather(
        *(
            (database, second)[number % 2].write(deciding.decide, here.tenant, rec_id, one, act)
            for number, one in enumerate(wanted)
        ),
        return_exceptions=True,
    )
    if second is not database:
        await second.close()
    assert [type(one) for one in made].count(Refusal) == len(wanted) - 1
