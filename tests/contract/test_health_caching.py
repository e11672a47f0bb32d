"""ETags on reads: an unchanged answer is not sent again, and still counts."""

import httpx
import pytest

from collector.core.database import Database
from collector.domain.tenants import store as tenants
from collector.edge import Edge
from tests.collector.accounts import Account, account, client_of
from tests.collector.builders import outcome
from tests.collector.estate import info, reporter
from tests.contract.test_health_errors import LIMIT_HEADERS

FLEET = "/api/v1/health/fleet"
READS = (FLEET, "/api/v1/health/connections", "/api/v1/team/members", "/api/v1/team/roles")


@pytest.mark.parametrize("path", READS)
async def test_an_unchanged_answer_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert "content-type" not in again.headers
    assert all(int(again.headers[name]) >= 0 for name in LIMIT_HEADERS)
    assert int(again.headers["X-RateLimit-Remaining"]) == int(first.headers["X-RateLimit-Remaining"]) - 1
    assert first.headers["cache-control"] == again.headers["cache-control"] == "private, no-cache"


async def test_a_changed_answer_is_sent_with_another_tag(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    agent = await reporter(database, owner.tenant, anonymous)
    tags = []
    for run in (False, True):
        before = await client.get(FLEET)
        await (agent.run("a", outcome("A", "critical")) if run else agent.list_only(info("a")))
        after = await client.get(FLEET, headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        tags += [before.headers["etag"], after.headers["etag"]]
    assert tags[1] == tags[2]
    assert len(set(tags)) == 3


@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', '"a","b" , W/{}', "*"])
async def test_every_way_to_name_a_known_answer_is_understood(client: httpx.AsyncClient, known: str) -> None:
    tag = (await client.get(FLEET)).headers["etag"]
    assert (await client.get(FLEET, headers={"If-None-Match": known.format(tag)})).status_code == 304


@pytest.mark.parametrize("known", ["", '"other"', "nonsense", '"', ",,,", "\u00fc", "W/"])
async def test_what_is_no_known_answer_gets_the_answer(client: httpx.AsyncClient, known: str) -> None:
    answer = await client.get(FLEET, headers={b"If-None-Match": known.encode()})
    assert (answer.status_code, answer.json()["summary"]["total"]) == (200, 0)


async def test_head_carries_the_tag_and_can_be_conditional(client: httpx.AsyncClient) -> None:
    get, head = await client.get(FLEET), await client.head(FLEET)
    assert head.headers["etag"] == get.headers["etag"]
    assert (await client.head(FLEET, headers={"If-None-Match": get.headers["etag"]})).status_code == 304


async def test_an_error_has_no_tag_and_ignores_the_condition(client: httpx.AsyncClient) -> None:
    for path, status in (("/api/v1/health/nothing", 404), ("/api/v1/health/connections?page=0", 400)):
        answer = await client.get(path, headers={"If-None-Match": "*"})
        assert answer.status_code == status
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


async def test_every_endpoint_has_an_etag(client: httpx.AsyncClient, endpoints: tuple[str, ...]) -> None:
    answers = [await client.get(path) for path in endpoints]
    served = [answer for answer in answers if answer.status_code == 200]
    assert len(served) >= len(endpoints) - 2  # those of a connection that is not there
    assert all("etag" in answer.headers for answer in served)


async def test_a_kept_fleet_is_not_served_to_a_plan_or_a_tenant_that_may_not_see_it(
    app: Edge, client: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    agent = await reporter(database, owner.tenant, client)
    await agent.list_only(info("mine"))
    assert [len((await client.get(FLEET)).json()["data"]) for _ in range(2)] == [1, 1]
    async with client_of(app, **(await account(database)).headers) as other:
        assert (await other.get(FLEET)).json()["data"] == []
    await database.write(tenants.change_plan, owner.tenant, "individual", None)
    assert (await client.get(FLEET)).status_code == 403
