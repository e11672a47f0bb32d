"""Reads that are asked for again: the same answer by the short way, for the same right to it."""

import httpx
from starlette.responses import Response
from starlette.types import Scope

from collector.api.again import Again, again
from collector.api.family import Caller
from collector.core.database import Database
from collector.domain.tenants import store as tenants
from tests.collector.accounts import account, client_of, serving
from tests.collector.estate import info, reporter

CONNECTIONS = "/api/v1/health/connections"


async def test_every_way_of_asking_gets_the_same_again(database: Database) -> None:
    holder = await account(database)
    async with serving(database) as app, client_of(app, **holder.headers) as http:
        agent = await reporter(database, holder.tenant, http)
        await agent.list_only(*(info(f"c{number}") for number in range(3)))
        ways: list[tuple[str, dict[str, str]]] = [
            ("", {}),
            ("?per_page=2", {}),
            ("?per_page=2&page=2", {}),
            ("", {"Accept": "text/csv"}),
            ("?per_page=0", {}),
            ("?per_page=1&per_page=2", {}),
        ]
        for query, headers in ways:
            first, again = [await http.get(CONNECTIONS + query, headers=headers) for _ in range(2)]
            assert (first.status_code, first.content) == (again.status_code, again.content)
            assert first.headers["content-type"] == again.headers["content-type"]


async def test_what_a_plan_no_longer_includes_is_refused_although_it_was_asked_for_before(database: Database) -> None:
    holder = await account(database)
    async with serving(database) as app, client_of(app, **holder.headers) as http:
        assert [(await http.get("/api/v1/tuneops/tickets")).status_code for _ in range(2)] == [200, 200]
        await database.write(tenants.change_plan, holder.tenant, "individual", None)
        assert (await http.get("/api/v1/tuneops/tickets")).status_code == 403


async def test_each_tenant_is_answered_with_its_own_rows(database: Database) -> None:
    one, two = await account(database), await account(database)
    async with serving(database) as app:
        async with client_of(app, **one.headers) as http:
            agent = await reporter(database, one.tenant, http)
            await agent.list_only(info("mine"))
            assert [await _names(http) for _ in range(2)] == [["mine"], ["mine"]]
        async with client_of(app, **two.headers) as http:
            assert [await _names(http) for _ in range(2)] == [[], []]


async def test_what_is_remembered_is_bounded_and_only_what_is_marked(database: Database) -> None:
    known, caller = Again(database, most=3), Caller(tenant=1, credential="k", scopes=frozenset({"health"}))
    for number in range(8):
        scope: Scope = {"path": "/a", "query_string": b"n=%d" % number, "headers": []}
        assert known.call(caller, scope) is None
        known.learn(caller, scope)
        assert known.call(caller, scope) is None
        await _marked(number=number, caller=caller, db=database)
        known.learn(caller, scope)
        found = known.call(caller, scope)
        assert found is not None
        assert (await found).body == b"%d" % number
        assert len(known._known) <= 3


@again
async def _marked(*, number: int, caller: Caller, db: Database) -> Response:
    del caller, db
    return Response(b"%d" % number)


async def _names(http: httpx.AsyncClient) -> list[str]:
    return [one["name"] for one in (await http.get(CONNECTIONS)).json()["data"]]
