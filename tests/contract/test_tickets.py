"""TuneOps tickets and statistics as their document describes them, and lists as CSV."""

import csv
import io
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from collector.api.health import examples, shapes
from collector.core.database import Database
from collector.edge import Edge
from common.clock import utc_now
from common.wire import Status
from tests.collector.accounts import Account, account, client_of
from tests.collector.builders import outcome
from tests.collector.estate import Reporter, entry, info, reporter
from tests.contract.documented import differences

TICKETS = "/api/v1/tuneops/tickets"
STATS = "/api/v1/tuneops/stats"

DOCUMENTED_STATS = {
    "data": {
        "open_count": 7,
        "resolved_this_week": 3,
        "critical_open": 2,
        "warning_open": 5,
        "avg_resolution_hours": 18.4,
    }
}


@pytest_asyncio.fixture
async def agent(database: Database, owner: Account, anonymous: httpx.AsyncClient) -> Reporter:
    """Two connections, of which one has had a critical finding, a warning and a note."""
    made = await reporter(database, owner.tenant, anonymous)
    await made.list_only(info("prod", name="PROD-DB01"), info("dr", name="=DR"))
    await made.catalogue(entry("REDOLOG_SIZE", title="Redo log size too small", remediation="ALTER DATABASE…"))
    now = utc_now().replace(microsecond=0)
    story: tuple[tuple[str, str, Status], ...] = (
        ("prod", "REDOLOG_SIZE", "critical"),
        ("prod", "GONE", "warning"),
        ("dr", "REDOLOG_SIZE", "warning"),
        ("prod", "GONE", "ok"),
    )
    for hour, (connection, check, status) in enumerate(story):
        await made.run(connection, outcome(check, status), at=now - timedelta(hours=4 - hour))
    return made


async def checks(client: httpx.AsyncClient, query: str = "") -> list[tuple[str, str]]:
    answer = await client.get(f"{TICKETS}?{query}")
    assert answer.status_code == 200, answer.text
    return [(row["connection_name"], row["check_id"]) for row in answer.json()["data"]]


@pytest.mark.usefixtures("agent")
async def test_tickets_have_the_fields_that_are_decided(client: httpx.AsyncClient) -> None:
    body = (await client.get(TICKETS)).json()
    shapes.TicketPage.model_validate(body)
    assert differences(examples.TICKETS, {**body, "data": body["data"][-1:]}) == []
    assert body["meta"] == {"total": 3, "page": 1, "per_page": 50, "has_more": False}
    newest, gone, oldest = body["data"]
    assert (newest["severity"], newest["status"], newest["resolved_at"]) == ("warning", "open", None)
    assert (gone["status"], gone["occurrences"]) == ("resolved", 1)
    assert oldest["title"] == "Redo log size too small"
    assert oldest["remediation"] == "ALTER DATABASE…"
    assert oldest["first_seen_at"] < gone["first_seen_at"] < newest["first_seen_at"]


@pytest.mark.usefixtures("agent")
async def test_tickets_are_filtered_by_what_the_document_lists(client: httpx.AsyncClient) -> None:
    prod, gone, standby = ("PROD-DB01", "REDOLOG_SIZE"), ("PROD-DB01", "GONE"), ("=DR", "REDOLOG_SIZE")
    assert await checks(client) == [standby, gone, prod]
    assert await checks(client, "status=open") == [standby, prod]
    assert await checks(client, "status=resolved") == [gone]
    assert await checks(client, "severity=warning") == [standby, gone]
    assert await checks(client, "status=open&severity=critical") == [prod]
    (row,) = (await client.get(f"{TICKETS}?severity=critical")).json()["data"]
    assert await checks(client, f"connection_id={row['connection_id']}") == [gone, prod]
    assert await checks(client, "connection_id=999999") == []
    first = row["first_seen_at"]
    assert await checks(client, f"from={first}&to={first}") == [prod]
    assert await checks(client, f"to={first}") == [prod]
    assert await checks(client, "from=2099-01-01") == []
    assert await checks(client, "page=2&per_page=2") == [prod]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=closed", "status"),
        ("status=", "status"),
        ("status=open&status=open", "status"),
        ("severity=fatal", "severity"),
        ("connection_id=x", "connection_id"),
        ("connection_id=0", "connection_id"),
        ("connection_id=1e3", "connection_id"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("page=0", "page"),
        ("per_page=-1", "per_page"),
    ],
)
async def test_a_filter_that_cannot_be_used_is_named(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"{TICKETS}?{query}")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["message"].startswith(f"{field}: ")


@pytest.mark.usefixtures("agent")
async def test_statistics_have_the_documented_shape(client: httpx.AsyncClient) -> None:
    body = (await client.get(STATS)).json()
    assert differences(DOCUMENTED_STATS, body) == []
    shapes.TicketStatsItem.model_validate(body)
    assert body["data"] == {
        "open_count": 2,
        "resolved_this_week": 1,
        "critical_open": 1,
        "warning_open": 1,
        "avg_resolution_hours": 2.0,
    }


def test_the_example_of_statistics_is_the_documents_own() -> None:
    assert examples.TICKET_STATS == DOCUMENTED_STATS


async def test_nothing_resolved_has_no_average(client: httpx.AsyncClient) -> None:
    assert (await client.get(STATS)).json()["data"]["avg_resolution_hours"] is None


@pytest.mark.usefixtures("agent")
async def test_another_tenant_sees_none_of_it(app: Edge, database: Database) -> None:
    stranger = await account(database)
    async with client_of(app, **stranger.headers) as other:
        assert await checks(other) == []
        assert (await other.get(STATS)).json()["data"]["open_count"] == 0


@pytest.mark.parametrize(
    ("plan", "status"), [("individual", 403), ("team", 403), ("business", 200), ("enterprise", 200)]
)
async def test_tickets_are_for_business_and_up(app: Edge, database: Database, plan: str, status: int) -> None:
    theirs = await account(database, plan=plan)  # type: ignore[arg-type]  # one of the plans
    async with client_of(app, **theirs.headers) as client:
        for path in (TICKETS, STATS):
            answer = await client.get(path)
            assert answer.status_code == status
            assert status == 200 or answer.json()["error"]["code"] == "tier_insufficient"


# --- CSV -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("path", [TICKETS, "/api/v1/health/connections", "/api/v1/health/fleet"])
async def test_a_list_as_csv_has_the_rows_of_the_json(client: httpx.AsyncClient, path: str) -> None:
    plain = (await client.get(path)).json()["data"]
    answer = await client.get(path, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-total-count"] == str(len(plain))
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [list(row) for row in rows] == [list(row) for row in plain]
    for row, expected in zip(rows, plain, strict=True):
        assert row == {
            name: "" if value is None else str(value).replace("=DR", "'=DR") for name, value in expected.items()
        }


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("text/csv;q=0.4, application/json;q=0.5", "application/json"),
        ("application/json, text/csv", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=nonsense", "application/json"),
    ],
)
async def test_csv_is_for_those_who_prefer_it(client: httpx.AsyncClient, accept: str, kind: str) -> None:
    answer = await client.get("/api/v1/health/fleet", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(kind)


@pytest.mark.usefixtures("agent")
async def test_a_ticket_shows_the_name_that_its_connection_has_now(client: httpx.AsyncClient, agent: Reporter) -> None:
    await agent.list_only(info("prod", name="RENAMED"), info("dr"))
    assert [name for name, _ in await checks(client, "severity=critical")] == ["RENAMED"]
