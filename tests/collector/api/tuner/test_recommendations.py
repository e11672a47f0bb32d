"""Recommendations as a client of the tuner document reads them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from collector.domain.results.tables import unknown_record
from common.wire import Kind
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, T0, Estate, estate, finding, scan
from tests.collector.estate import reporter

DAY = timedelta(days=1)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    return await estate(client, database)


async def listed(client: httpx.AsyncClient, here: Estate, **params: object) -> dict[str, Any]:
    given = {"accountId": ACCOUNT, **params}
    answer = await client.get(f"{API}/recommendations", params=given, headers=here.headers)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def resources(data: dict[str, Any]) -> list[str]:
    return [row["resourceId"] for row in data["recommendations"]]


async def test_what_a_scan_finds_is_listed_with_most_savings_first_and_unknown_money_last(
    client: httpx.AsyncClient, here: Estate
) -> None:
    idle = finding("i-1", 70.08, factor="IDLE_EC2", category="OverProvisioned")
    await here.scan(finding("snap-unknown", None), finding("snap-1"), idle)
    data = await listed(client, here)
    assert resources(data) == ["i-1", "snap-1", "snap-unknown"]
    unknown = data["recommendations"][2]
    money = [unknown[key] for key in ("currentCost", "recommendedCost", "monthlySavings", "annualSavings")]
    assert (money, unknown["metadata"]["priceLabel"]) == ([None] * 4, "UNKNOWN")
    assert data["pagination"] == {"currentPage": 1, "totalPages": 1, "totalItems": 3, "itemsPerPage": 50}
    assert data["summary"] == {
        "totalRecommendations": 3,
        "totalMonthlySavings": 85.44,
        "totalAnnualSavings": 1025.28,
        "byCategory": {
            "Cleaner": {"count": 2, "savings": 15.36},
            "OverProvisioned": {"count": 1, "savings": 70.08},
            "Modernization": {"count": 0, "savings": 0.0},
            "PotentialBenefits": {"count": 0, "savings": 0.0},
        },
        "realizedMonthlySavings": 0.0,
    }


async def test_filters_narrow_the_list_and_its_summary(client: httpx.AsyncClient, here: Estate) -> None:
    idle = finding("i-1", 70.08, factor="IDLE_EC2", category="OverProvisioned")
    await here.scan(finding("snap-unknown", None), finding("snap-1"), idle)
    for params, wanted in (
        ({"category": "Cleaner"}, ["snap-1", "snap-unknown"]),
        ({"minSavings": "15.36"}, ["i-1", "snap-1"]),
        ({"minSavings": "0"}, ["i-1", "snap-1"]),
        ({"region": "eu-west-1"}, []),
        ({"region": "us-east-1", "status": "GENERATED", "minSavings": "50"}, ["i-1"]),
        ({"status": "SNOOZED"}, []),
    ):
        data = await listed(client, here, **params)
        assert resources(data) == wanted, params
        assert data["summary"]["totalRecommendations"] == len(wanted)


async def test_pages_add_up_to_the_list(client: httpx.AsyncClient, here: Estate) -> None:
    await here.scan(*(finding(f"snap-{number}", float(number)) for number in range(7)))
    pages = [await listed(client, here, page=page, limit=3) for page in (1, 2, 3, 4)]
    assert [resources(page) for page in pages] == [
        ["snap-6", "snap-5", "snap-4"],
        ["snap-3", "snap-2", "snap-1"],
        ["snap-0"],
        [],
    ]
    assert {page["pagination"]["totalPages"] for page in pages} == {3}


async def test_a_recommendation_keeps_its_id_and_leaves_when_a_scan_no_longer_finds_it(
    client: httpx.AsyncClient, here: Estate
) -> None:
    await here.scan(finding("snap-1"), finding("snap-2"))
    before = {row["resourceId"]: row["id"] for row in (await listed(client, here))["recommendations"]}
    await here.scan(finding("snap-1", 20.0), at=T0 + DAY)
    (row,) = (await listed(client, here))["recommendations"]
    assert (row["id"], row["monthlySavings"]) == (before["snap-1"], 20.0)
    assert (row["createdAt"], row["updatedAt"]) == ("2026-05-14T03:01:00Z", "2026-05-15T03:01:00Z")
    answer = await client.get(f"{API}/recommendations/{before['snap-2']}", headers=here.headers)
    assert (answer.json()["data"]["status"], answer.json()["data"]["endedAt"]) == ("GENERATED", "2026-05-15T03:01:00Z")
    await here.scan(finding("snap-2"), at=T0 + 2 * DAY)
    assert [row["id"] for row in (await listed(client, here))["recommendations"]] == [before["snap-2"]]


async def test_a_scan_of_some_factors_leaves_the_others_alone(client: httpx.AsyncClient, here: Estate) -> None:
    await here.scan(finding("snap-1"), finding("i-1", 70.0, factor="IDLE_EC2"))
    await here.scan(at=T0 + DAY, factors=("IDLE_EC2",))
    assert resources(await listed(client, here)) == ["snap-1"]


async def test_parts_and_scans_may_come_in_any_order(client: httpx.AsyncClient, here: Estate) -> None:
    await here.scan(finding("snap-old"))
    later = {"name": "later", "at": T0 + DAY, "parts": 2}
    await here.agent.send((Kind.AWS_SCAN, scan(finding("snap-2"), part=2, **later)))  # type: ignore[arg-type]
    assert set(resources(await listed(client, here))) == {"snap-old", "snap-2"}
    await here.agent.send((Kind.AWS_SCAN, scan(finding("snap-1"), part=1, **later)))  # type: ignore[arg-type]
    assert set(resources(await listed(client, here))) == {"snap-1", "snap-2"}
    await here.scan(finding("snap-old", 99.0), finding("snap-1", 99.0), at=T0 + DAY / 2)
    data = await listed(client, here)
    assert set(resources(data)) == {"snap-1", "snap-2"}
    assert data["summary"]["totalMonthlySavings"] == 30.72


async def test_what_is_not_to_be_followed_is_neither_listed_nor_counted(
    client: httpx.AsyncClient, here: Estate
) -> None:
    await here.scan(finding("i-1", factor="IDLE_EC2"), finding("i-1", 5.0, suppressed_by="IDLE_EC2"))
    data = await listed(client, here)
    assert (resources(data), data["summary"]["totalMonthlySavings"]) == (["i-1"], 15.36)


async def test_an_agent_is_not_believed_about_the_account_of_another(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    other = await reporter(database, here.tenant, client)
    await other.send((Kind.AWS_SCAN, scan(finding())))
    assert resources(await listed(client, here)) == []
    kept = await database.read(lambda conn: conn.execute(unknown_record.select()).all())
    assert [row.kind for row in kept] == ["aws_scan"]


async def test_another_tenants_recommendation_answers_as_a_missing_one(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    await here.scan(finding())
    rec_id = (await listed(client, here))["recommendations"][0]["id"]
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    theirs = await client.get(f"{API}/recommendations/{rec_id}", headers=stranger)
    missing = await client.get(f"{API}/recommendations/rec_none", headers=stranger)
    assert theirs.status_code == missing.status_code == 404
    assert theirs.json()["error"]["code"] == missing.json()["error"]["code"] == "NOT_FOUND"
    empty = await client.get(f"{API}/recommendations?accountId={ACCOUNT}", headers=stranger)
    assert empty.json()["data"]["recommendations"] == []


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("", "accountId", ""),
        ("accountId=12345", "accountId", "12345"),
        (f"accountId={ACCOUNT}&category=cleaner", "category", "cleaner"),
        (f"accountId={ACCOUNT}&status=NEW", "status", "NEW"),
        (f"accountId={ACCOUNT}&limit=201", "limit", "201"),
        (f"accountId={ACCOUNT}&page=0", "page", "0"),
        (f"accountId={ACCOUNT}&minSavings=nan", "minSavings", "nan"),
        (f"accountId={ACCOUNT}&minSavings=-1", "minSavings", "-1"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(
    client: httpx.AsyncClient, here: Estate, query: str, field: str, value: str
) -> None:
    answer = await client.get(f"{API}/recommendations?{query}", headers=here.headers)
    body = answer.json()
    assert answer.status_code == 400
    assert (body["error"]["code"], body["error"]["details"]["field"]) == ("INVALID_REQUEST", field)
    assert (body["error"]["details"]["value"], bool(body["error"]["details"]["expected"])) == (value, True)
    assert (body["success"], body["data"]) == (False, None)
    assert {"requestId", "timestamp"} <= body["error"].keys()


@pytest.mark.parametrize("base", ["/tuner/v1/api", "/tuner/v1/api/v1", "/api/v1", "/api"])
async def test_every_spelling_of_the_path_answers(client: httpx.AsyncClient, here: Estate, base: str) -> None:
    answer = await client.get(f"{base}/recommendations?accountId={ACCOUNT}", headers=here.headers)
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (200, "100")
