"""The health family as its document shows it: shapes, paging, order, null values, tenants apart."""

import csv
import io
from datetime import datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from collector.api.health import examples, shapes
from collector.core.database import Database
from collector.edge import Edge
from common.clock import iso, utc_now
from tests.collector.accounts import Account, account, client_of
from tests.collector.builders import outcome
from tests.collector.estate import Reporter, entry, info, reporter
from tests.contract import documented
from tests.contract.documented import differences

FLEET = "/api/v1/health/fleet"
CONNECTIONS = "/api/v1/health/connections"


def latest_of(connection_id: object) -> str:
    return f"{CONNECTIONS}/{connection_id}/checks/latest"


@pytest_asyncio.fixture
async def agent(database: Database, owner: Account, anonymous: httpx.AsyncClient) -> Reporter:
    return await reporter(database, owner.tenant, anonymous)


async def document_estate(agent: Reporter) -> datetime:
    """One connection that looks as the document's example; returns when it was checked."""
    at = utc_now().replace(microsecond=0)
    await agent.list_only(info("prod", name="PROD-DB01"))
    await agent.catalogue(
        entry("REDOLOG_SIZE", title="Redo log size too small", remediation="Look at V$LOG"), entry("REDOLOG_MEMBERS")
    )
    await agent.run(
        "prod",
        outcome("REDOLOG_MEMBERS", "warning", line="1 member"),
        outcome(
            "REDOLOG_SIZE", "critical", line="50MB (recommended: ≥ 500MB)", fix="ALTER DATABASE ADD LOGFILE SIZE 500M"
        ),
        outcome("REDOLOG_SWITCHES", "ok"),
        at=at,
    )
    return at


# --- shapes --------------------------------------------------------------------------------------------------------


async def test_the_list_of_connections_has_the_documented_shape(client: httpx.AsyncClient, agent: Reporter) -> None:
    at = await document_estate(agent)
    body = (await client.get(f"{CONNECTIONS}?page=1&per_page=20")).json()
    assert differences(documented.CONNECTIONS, body) == []
    (connection,) = body["data"]
    assert connection == {
        "id": connection["id"],
        "name": "PROD-DB01",
        "host": "10.0.1.10",
        "port": 1521,
        "connection_type": "direct",
        "latest_check_id": connection["latest_check_id"],
        "score": 78,
        "last_checked_at": iso(at),
        "summary_text": "1 critical finding, 1 warning: Redo log size too small…",
        "raw_score": 78,
    }
    assert body["meta"] == {"total": 1, "page": 1, "per_page": 20, "has_more": False}


async def test_the_latest_checks_have_the_documented_shape(client: httpx.AsyncClient, agent: Reporter) -> None:
    at = await document_estate(agent)
    (connection,) = (await client.get(CONNECTIONS)).json()["data"]
    body = (await client.get(latest_of(connection["id"]))).json()
    assert differences(documented.LATEST, body) == []
    latest = body["data"]
    assert (latest["id"], latest["score"]) == (connection["latest_check_id"], connection["score"])
    assert (latest["created_at"], latest["summary_text"]) == (iso(at), connection["summary_text"])
    assert latest["checks"][0] == {
        "check_id": "REDOLOG_SIZE",
        "category": "redo_logs",
        "status": "critical",
        "title": "Redo log size too small",
        "metric_line": "50MB (recommended: ≥ 500MB)",
        "remediation": "ALTER DATABASE ADD LOGFILE SIZE 500M",
        "severity": "critical",
        "muted": False,
    }


async def test_the_fleet_has_the_documented_shape(client: httpx.AsyncClient, agent: Reporter) -> None:
    await document_estate(agent)
    body = (await client.get(FLEET)).json()
    assert differences(documented.FLEET, body) == []
    assert body["data"] == [{"id": body["data"][0]["id"], "name": "PROD-DB01", "score": 78, "status": "warning"}]
    assert body["summary"] == {"total": 1, "healthy": 0, "warning": 1, "critical": 0, "never_run": 0}


async def test_every_answer_fits_its_own_openapi_model(client: httpx.AsyncClient, agent: Reporter) -> None:
    await document_estate(agent)
    await agent.list_also(info("new"))
    page = shapes.ConnectionPage.model_validate_json((await client.get(CONNECTIONS)).content)
    shapes.Fleet.model_validate_json((await client.get(FLEET)).content)
    shapes.LatestChecksItem.model_validate_json((await client.get(latest_of(page.data[0].id))).content)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (examples.CONNECTIONS, documented.CONNECTIONS),
        (examples.LATEST_CHECKS, documented.LATEST),
        (examples.FLEET, documented.FLEET),
    ],
)
def test_the_examples_of_openapi_are_the_documents_own(shown: object, printed: object) -> None:
    assert shown == printed


async def test_openapi_describes_every_endpoint_with_its_errors(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/api/v1/health/openapi.json")).json()
    assert set(document["paths"]) >= {
        CONNECTIONS,
        f"{CONNECTIONS}/{{connection_id}}/checks/latest",
        FLEET,
        "/api/v1/activity",
        "/api/v1/team/members",
        "/api/v1/team/roles",
    }
    assert document["components"]["securitySchemes"]["health"]["scheme"] == "bearer"
    for path in document["paths"].values():
        answers = path["get"]["responses"]
        assert {"200", "401", "403", "429", "500", "503"} <= set(answers)
        assert "422" not in answers
        assert "example" in answers["200"]["content"]["application/json"]
        assert set(answers["200"]["headers"]) >= {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


async def test_the_documents_splunk_export_runs_unchanged(client: httpx.AsyncClient, agent: Reporter) -> None:
    await document_estate(agent)
    fleet = (await client.get(FLEET)).json()
    output = io.StringIO()
    writer = csv.DictWriter(output, fieldnames=["name", "score", "status"])
    writer.writeheader()
    for conn in fleet["data"]:
        writer.writerow({"name": conn["name"], "score": conn["score"], "status": conn["status"]})
    assert output.getvalue().splitlines() == ["name,score,status", "PROD-DB01,78,warning"]


# --- what the figures mean -----------------------------------------------------------------------------------------


async def test_a_connection_that_never_ran_has_nulls_and_no_latest_checks(
    client: httpx.AsyncClient, agent: Reporter
) -> None:
    await agent.list_only(info("new"))
    (connection,) = (await client.get(CONNECTIONS)).json()["data"]
    empty = ("latest_check_id", "score", "last_checked_at", "summary_text")
    assert {name: connection[name] for name in empty} == dict.fromkeys(empty)
    fleet = (await client.get(FLEET)).json()
    assert fleet["data"] == [{"id": connection["id"], "name": "new", "score": None, "status": "never_run"}]
    assert fleet["summary"] == {"total": 1, "healthy": 0, "warning": 0, "critical": 0, "never_run": 1}
    assert (await client.get(latest_of(connection["id"]))).status_code == 404


async def test_checks_come_worst_first_and_what_was_not_measured_says_why(
    client: httpx.AsyncClient, agent: Reporter
) -> None:
    await agent.list_only(info("prod"))
    await agent.run(
        "prod",
        outcome("A_OK", "ok"),
        outcome("B_SKIPPED", "skipped", line="Not a CDB"),
        outcome("C_UNKNOWN", "unknown", line="GRANT SELECT ON V_$LOG TO FIELDPOST"),
        outcome("D_WARNING", "warning"),
        outcome("E_CAPPED", "critical", severity="warning"),
        outcome("F_CRITICAL", "critical"),
        outcome("G_INFO", "info"),
    )
    (connection,) = (await client.get(CONNECTIONS)).json()["data"]
    checks = (await client.get(latest_of(connection["id"]))).json()["data"]["checks"]
    assert [check["check_id"] for check in checks] == [
        "F_CRITICAL",
        "D_WARNING",
        "E_CAPPED",
        "C_UNKNOWN",
        "G_INFO",
        "A_OK",
        "B_SKIPPED",
    ]
    lines = {check["check_id"]: check["metric_line"] for check in checks}
    assert lines["B_SKIPPED"] == "Not a CDB"
    assert lines["C_UNKNOWN"] == "GRANT SELECT ON V_$LOG TO FIELDPOST"
    assert {check["title"] for check in checks} == {check["check_id"] for check in checks}  # no catalogue yet


async def test_the_latest_outcome_of_each_check_counts_whatever_run_it_came_with(
    client: httpx.AsyncClient, agent: Reporter
) -> None:
    now = utc_now()
    await agent.list_only(info("prod"))
    await agent.run("prod", outcome("A", "ok"), outcome("B", "warning"), at=now - timedelta(minutes=5))
    await agent.run("prod", outcome("A", "critical"), at=now)
    (connection,) = (await client.get(CONNECTIONS)).json()["data"]
    latest = (await client.get(latest_of(connection["id"]))).json()["data"]
    assert [(check["check_id"], check["status"]) for check in latest["checks"]] == [("A", "critical"), ("B", "warning")]
    assert latest["created_at"] == iso(now)


async def test_a_database_that_does_not_answer_has_score_0_and_one_finding(
    client: httpx.AsyncClient, agent: Reporter
) -> None:
    now = utc_now()
    await agent.list_only(info("prod"))
    await agent.run("prod", outcome("REDOLOG_SIZE", "critical"), at=now - timedelta(minutes=5))
    failed = outcome("DB_CONNECT", "critical", category="availability", line="ORA-12541: no listener at 10.0.1.10:1521")
    await agent.run("prod", failed, at=now, reachable=False)
    (connection,) = (await client.get(CONNECTIONS)).json()["data"]
    assert (connection["score"], connection["summary_text"]) == (0, "Not reachable: ORA-12541")
    checks = (await client.get(latest_of(connection["id"]))).json()["data"]["checks"]
    assert [(check["check_id"], check["status"], check["severity"]) for check in checks] == [
        ("CONNECTION_FAILED", "critical", "critical"),
        ("REDOLOG_SIZE", "unknown", "info"),
    ]


async def test_results_too_old_to_count_are_unknown(client: httpx.AsyncClient, agent: Reporter) -> None:
    at = utc_now() - timedelta(days=1)
    await agent.list_only(info("prod"))
    await agent.run("prod", outcome("REDOLOG_SIZE", "critical", interval_s=3600), at=at)
    (connection,) = (await client.get(CONNECTIONS)).json()["data"]
    (check,) = (await client.get(latest_of(connection["id"]))).json()["data"]["checks"]
    assert (check["status"], check["metric_line"]) == ("unknown", f"No result since {iso(at)}.")


async def test_a_removed_connection_leaves_the_lists(client: httpx.AsyncClient, agent: Reporter) -> None:
    await agent.list_only(info("stays"), info("goes"))
    await agent.run("goes", outcome("A"))
    rows = (await client.get(CONNECTIONS)).json()["data"]
    gone = next(row["id"] for row in rows if row["name"] == "goes")
    assert (await client.get(latest_of(gone))).status_code == 200
    await agent.list_only(info("stays"))
    body = (await client.get(CONNECTIONS)).json()
    assert ([row["name"] for row in body["data"]], body["meta"]["total"]) == (["stays"], 1)
    assert (await client.get(FLEET)).json()["summary"]["total"] == 1
    assert (await client.get(latest_of(gone))).status_code == 404


async def test_names_come_back_as_they_were_sent(client: httpx.AsyncClient, agent: Reporter) -> None:
    names = ["Größe \U0001f98e", "<script>alert(1)</script>", 'a"b\\c', "\u202eDROP"]
    await agent.list_only(*(info(f"k{n}", name=name, host="2001:db8::1") for n, name in enumerate(names)))
    rows = (await client.get(CONNECTIONS)).json()["data"]
    assert sorted(row["name"] for row in rows) == sorted(names)
    assert {row["host"] for row in rows} == {"2001:db8::1"}


# --- paging --------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def seven(agent: Reporter) -> Reporter:
    await agent.list_only(*(info(f"db{n}") for n in range(7)))
    return agent


@pytest.mark.usefixtures("seven")
async def test_pages_together_hold_every_connection_once(client: httpx.AsyncClient) -> None:
    names: list[str] = []
    for page in (1, 2, 3):
        body = (await client.get(f"{CONNECTIONS}?page={page}&per_page=3")).json()
        assert body["meta"] == {"total": 7, "page": page, "per_page": 3, "has_more": page < 3}
        names += [row["name"] for row in body["data"]]
    assert sorted(names) == [f"db{n}" for n in range(7)]


@pytest.mark.usefixtures("seven")
async def test_the_edges_of_paging_are_served_as_documented(client: httpx.AsyncClient) -> None:
    for query, rows, meta in (
        ("", 7, {"total": 7, "page": 1, "per_page": 50, "has_more": False}),
        ("?per_page=7", 7, {"total": 7, "page": 1, "per_page": 7, "has_more": False}),
        ("?per_page=6", 6, {"total": 7, "page": 1, "per_page": 6, "has_more": True}),
        ("?per_page=100", 7, {"total": 7, "page": 1, "per_page": 100, "has_more": False}),
        ("?per_page=101", 7, {"total": 7, "page": 1, "per_page": 100, "has_more": False}),
        (f"?per_page={'9' * 1000}", 7, {"total": 7, "page": 1, "per_page": 100, "has_more": False}),
        ("?page=8&per_page=1", 0, {"total": 7, "page": 8, "per_page": 1, "has_more": False}),
        (f"?page={2**53 - 1}&per_page=100", 0, {"total": 7, "page": 2**53 - 1, "per_page": 100, "has_more": False}),
    ):
        body = (await client.get(CONNECTIONS + query)).json()
        assert (query, len(body["data"]), body["meta"]) == (query, rows, meta)


async def test_an_empty_tenant_has_an_empty_first_page(client: httpx.AsyncClient) -> None:
    body = (await client.get(CONNECTIONS)).json()
    assert body == {"data": [], "meta": {"total": 0, "page": 1, "per_page": 50, "has_more": False}}


# --- tenants -------------------------------------------------------------------------------------------------------


async def test_another_tenants_connection_answers_like_a_missing_one(
    app: Edge, database: Database, agent: Reporter, client: httpx.AsyncClient
) -> None:
    await document_estate(agent)
    (own,) = (await client.get(CONNECTIONS)).json()["data"]
    stranger = await account(database)
    async with client_of(app, **stranger.headers) as other:
        foreign = await other.get(latest_of(own["id"]))
        missing = await other.get(latest_of(999_999))
        assert (await other.get(CONNECTIONS)).json()["data"] == []
        assert (await other.get(FLEET)).json()["summary"]["total"] == 0
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
    assert foreign.status_code == 404
    own_words = {"x-request-id", "x-ratelimit-remaining"}
    assert [(k, v) for k, v in foreign.headers.items() if k not in own_words] == [
        (k, v) for k, v in missing.headers.items() if k not in own_words
    ]


async def test_two_tenants_see_what_is_theirs(
    app: Edge, database: Database, agent: Reporter, client: httpx.AsyncClient
) -> None:
    neighbour = await account(database)
    other_agent = await reporter(database, neighbour.tenant, agent.http)
    await agent.list_only(info("same-key", name="MINE"))
    await other_agent.list_only(info("same-key", name="THEIRS"))
    await other_agent.run("same-key", outcome("A", "critical"))
    async with client_of(app, **neighbour.headers) as other:
        theirs = (await other.get(FLEET)).json()["data"]
    mine = (await client.get(FLEET)).json()["data"]
    assert [(row["name"], row["status"]) for row in mine] == [("MINE", "never_run")]
    assert [row["name"] for row in theirs] == ["THEIRS"]
    assert mine[0]["id"] != theirs[0]["id"]
