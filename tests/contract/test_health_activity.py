"""Activity and team as the document shows them: shapes, filters, paging, who may see them, and that requests are in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from collector.api.health import examples, shapes
from collector.core.database import Database
from collector.domain.access.rules import ROLE_TERMS
from collector.domain.activity import store
from collector.domain.activity.store import Entry
from collector.domain.tenants import store as tenants
from collector.domain.tenants.rules import Plan
from collector.domain.tenants.store import NewMember
from collector.edge import Edge
from common.clock import iso, utc_now
from tests.collector.accounts import Account, account, client_of
from tests.contract import documented
from tests.contract.documented import differences
from tests.contract.test_health_errors import LIMIT_HEADERS, code_of

ACTIVITY = "/api/v1/activity"
MEMBERS = "/api/v1/team/members"
ROLES = "/api/v1/team/roles"
AT = datetime(2026, 5, 14, 3, 1, 22, 500_000, tzinfo=UTC)


async def happened(database: Database, holder: Account, *entries: tuple[str, timedelta]) -> None:
    made = [
        Entry(action_type, {"connection_id": 42, "score": n}, AT + after, "/dashboard")
        for n, (action_type, after) in enumerate(entries)
    ]
    await database.write(store.append, holder.tenant, made)


async def listed(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"{ACTIVITY}?{query}")
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


async def test_the_activity_log_has_the_documented_shape(
    client: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    await happened(database, owner, ("health_check_completed", timedelta()))
    answer = await client.get(ACTIVITY)
    assert differences(documented.ACTIVITY, answer.json()) == []
    shapes.ActivityPage.model_validate_json(answer.content)
    (entry,) = answer.json()["data"]
    assert entry == {
        "id": entry["id"],
        "action_type": "health_check_completed",
        "page_path": "/dashboard",
        "properties": {"connection_id": 42, "score": 0},
        "occurred_at": "2026-05-14T03:01:22Z",
    }
    assert examples.ACTIVITY == documented.ACTIVITY


async def test_entries_come_newest_first_in_pages(
    client: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    await happened(database, owner, *(("login", timedelta(minutes=n)) for n in (2, 0, 1)))
    pages = [(await client.get(f"{ACTIVITY}?page={page}&per_page=2")).json() for page in (1, 2, 3)]
    assert [[entry["properties"]["score"] for entry in page["data"]] for page in pages] == [[0, 2], [1], []]
    assert [page["meta"]["has_more"] for page in pages] == [True, False, False]
    assert {page["meta"]["total"] for page in pages} == {3}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=2026-05-14&to=2026-05-14", [2, 1]),
        ("from=2026-05-14", [3, 2, 1]),
        ("to=2026-05-13", [0]),
        ("from=2026-05-14T03:01:22Z&to=2026-05-14T03:01:22Z", [1]),  # what is shown as this second is in it
        ("from=2026-05-14T05:01:22%2B02:00&to=2026-05-14T03:02Z", [1]),
        ("from=2026-05-15&to=2026-05-13", []),
        ("action_type=login", [3, 1]),
        ("action_type=login&to=2026-05-14", [1]),
        ("action_type=nothing_like_it", []),
        ("from=9999-12-30", []),
        ("from=9999-12-31T23:30:00Z", []),
        ("from=0001-01-01&to=9999-12-30", [3, 2, 1, 0]),
    ],
)
async def test_entries_are_filtered(
    client: httpx.AsyncClient, database: Database, owner: Account, query: str, expected: list[int]
) -> None:
    hour, day = timedelta(hours=1), timedelta(days=1)
    await happened(
        database, owner, ("ticket_opened", -day), ("login", 0 * day), ("ticket_opened", hour), ("login", day)
    )
    assert [entry["properties"]["score"] for entry in await listed(client, query)] == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("from=2026-05-14T03:00:00+02:00", "from"),  # + is a blank in a query
        ("from=", "from"),
        ("from=2026-05-14&from=2026-05-15", "from"),
        ("action_type=Login", "action_type"),
        ("action_type=", "action_type"),
        ("action_type=a%00b", "action_type"),
        ("action_type=login&action_type=login", "action_type"),
        ("page=0", "page"),
    ],
)
async def test_a_filter_that_cannot_be_used_is_named(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"{ACTIVITY}?{query}")
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert answer.json()["error"]["message"].startswith(f"{field}: ")


async def test_every_request_of_a_key_is_in_the_log(app: Edge, client: httpx.AsyncClient, owner: Account) -> None:
    before = utc_now().replace(microsecond=0)
    for path in ("/api/v1/health/fleet?x=secret", "/api/v1/health/nothing", "/api/v1/health/connections?page=0"):
        await client.get(path)
    await client.head("/api/v1/health/fleet")
    await client.get("/api/v1/health/%00%F0%9F%A6%A9")
    await app.shut_down()
    entries = (await listed(client, "action_type=api_request"))[::-1]
    assert {entry["properties"]["key"] for entry in entries} == {owner.key[7:15]}
    assert [
        (each["properties"]["method"], each["properties"]["path"], each["properties"]["status"]) for each in entries
    ] == [
        ("GET", "/api/v1/health/fleet", 200),
        ("GET", "/api/v1/health/nothing", 404),
        ("GET", "/api/v1/health/connections", 400),
        ("HEAD", "/api/v1/health/fleet", 200),
        ("GET", "/api/v1/health/%00%F0%9F%A6%A9", 404),
    ]
    assert [entry["page_path"] for entry in entries] == [entry["properties"]["path"] for entry in entries]
    assert all(iso(before) <= entry["occurred_at"] <= iso(utc_now()) for entry in entries)
    assert set(entries[0]["properties"]) == {"method", "path", "status", "key"}


async def test_requests_over_the_limit_leave_one_entry_a_minute(app: Edge, database: Database) -> None:
    holder = await account(database, rate_limit=2)
    async with client_of(app, **holder.headers) as http:
        statuses = [(await http.get(ROLES)).status_code for _ in range(6)]
    await app.shut_down()
    total, rows = await database.read(store.page, holder.tenant, store.Filter(), 0, 50)
    assert statuses == [200, 200, 429, 429, 429, 429]
    assert total in {3, 4}  # one more where a minute began in between
    assert [row.properties["status"] for row in rows][-2:] == [200, 200]


async def test_members_have_the_documented_fields(
    client: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    assert (await client.get(MEMBERS)).json() == {"data": []}
    joined = datetime(2026, 1, 12, 8, 30, tzinfo=UTC)
    new = NewMember(name="Ana Example", email="ana@example.com", role="owner")
    made = await database.write(tenants.add_member, owner.tenant, new, joined)
    answer = await client.get(MEMBERS)
    shapes.Members.model_validate_json(answer.content)
    assert answer.json()["data"] == [
        {
            "id": made.id,
            "name": "Ana Example",
            "email": "ana@example.com",
            "role": "owner",
            "status": "active",
            "joined_at": "2026-01-12T08:30:00Z",
            "last_active_at": None,
        }
    ]


async def test_roles_are_the_ones_that_permissions_are_checked_by(client: httpx.AsyncClient) -> None:
    answer = await client.get(ROLES)
    shapes.Roles.model_validate_json(answer.content)
    assert {role["name"]: role["permissions"] for role in answer.json()["data"]} == {
        role: list(terms.permissions) for role, terms in ROLE_TERMS.items()
    }


@pytest.mark.parametrize("plan", ["individual", "team", "business"])
async def test_activity_and_team_are_part_of_the_enterprise_plan_alone(
    app: Edge, database: Database, plan: Plan
) -> None:
    holder = await account(database, plan=plan)
    async with client_of(app, **holder.headers) as http:
        for path in (ACTIVITY, MEMBERS, ROLES):
            answer = await http.get(path)
            assert (answer.status_code, code_of(answer)) == (403, "tier_insufficient")
            assert all(name in answer.headers for name in LIMIT_HEADERS)
