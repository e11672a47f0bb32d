"""For whom the gateway is asked while a request is served: for its caller's tenant, whichever family it belongs to."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest

from collector.core import tenancy
from collector.core.database import Database
from collector.core.tenancy import Acting, acting_for
from common import wire
from common.clock import utc_now
from common.wire import Kind
from tests.collector import builders, tokens
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.public.making import site
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
ELSEWHERE = 4711
WHO_ASKS = {"collector.domain.access.sessions.signed"}


class Asked(NamedTuple):
    """A function that the gateway ran, and for whom."""

    name: str
    who: Acting


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What is not marked as going across tenants."""
    found: list[Asked] = []
    read, write = Database.read, Database.write

    def note(fn: Callable[..., Any]) -> None:
        with acting_for(ELSEWHERE):
            marked = tenancy.of(fn) == tenancy.EVERYBODY
        while isinstance(fn, partial):
            fn = fn.func
        if not marked:
            found.append(Asked(f"{fn.__module__}.{fn.__qualname__}", tenancy.of(fn)))

    async def noted_read(db: Database, fn: Callable[..., Any], *args: object, **options: bool) -> Any:
        note(fn)
        return await read(db, fn, *args, **options)

    async def noted_write(db: Database, fn: Callable[..., Any], *args: object) -> Any:
        note(fn)
        return await write(db, fn, *args)

    monkeypatch.setattr(Database, "read", noted_read)
    monkeypatch.setattr(Database, "write", noted_write)
    return found


def only_for(asked: list[Asked], tenant: int) -> bool:
    """Something was asked, and all of it for this tenant; but for who it is that asks."""
    about = [one for one in asked if one.name not in WHO_ASKS]
    return bool(about) and {one.who for one in about} == {tenant}


async def test_the_health_family(database: Database, asked: list[Asked]) -> None:
    owner = await account(database)
    paths = ("health/connections", "health/fleet", "tuneops/tickets", "activity", "team/members")
    async with serving(database) as app, client_of(app, **owner.headers) as client:
        for path in paths:
            asked.clear()
            assert (await client.get(f"/api/v1/{path}")).status_code == 200
            assert only_for(asked, owner.tenant), (path, asked)


async def test_the_status_family(database: Database, asked: list[Asked]) -> None:
    tenant = await builders.tenant(database)
    holder = await tokens.token(database, tenant)
    async with serving(database) as app, client_of(app, **holder.headers) as client:
        for path in ("services", "incidents", "maintenance"):
            asked.clear()
            assert (await client.get(f"/api/v1/{path}")).status_code == 200
            assert only_for(asked, tenant), (path, asked)
        asked.clear()
        assert (await client.post("/api/v1/incidents", json={"title": "Deploy failed"})).status_code == 201
        assert only_for(asked, tenant), asked


async def test_the_tuner_and_the_admin_family(database: Database, asked: list[Asked]) -> None:
    owner = await account(database)
    ana = await someone(database, owner.tenant)
    async with serving(database) as app, client_of(app) as client:
        headers = await ana.log_on(client)
        for path in ("/api/accounts", "/api/v1/admin/agents", "/api/v1/admin/webhooks"):
            asked.clear()
            assert (await client.get(path, headers=headers)).status_code == 200, path
            assert only_for(asked, owner.tenant), (path, asked)


async def test_the_web_ui(database: Database, asked: list[Asked]) -> None:
    async with visiting(database) as ana:
        for path in ("/ui/fleet", "/ui/tickets", "/ui/agents", "/ui/account", "/ui/activity"):
            asked.clear()
            await ana.page(path)
            assert only_for(asked, ana.tenant), (path, asked)


async def test_status_pages(database: Database, asked: list[Asked]) -> None:
    acme = await site(database)
    async with serving(database) as app, client_of(app) as client:
        for path in (f"{acme.path}/services", f"/status/{acme.slug}"):
            asked.clear()
            assert (await client.get(path)).status_code == 200, path
            assert only_for(asked, acme.tenant), (path, asked)


async def test_agents(database: Database, asked: list[Asked]) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        asked.clear()
        await here.push(client, [(Kind.HEARTBEAT, utc_now(), builders.heartbeat())])
        path = "/agent/v1/assignment"
        answer = await client.get(path, headers=here.headers("GET", path))
        assert answer.status_code == 200
        assert wire.decode(answer.content, dict)
    assert only_for(asked, here.tenant), asked
