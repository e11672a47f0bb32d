"""Lists that are kept until something about them changes: what was acknowledged is in the next answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from collector.api.kept import OLDEST_S, counted
from collector.core.database import Database
from collector.core.memo import Memo
from collector.core.tenancy import acting_for
from collector.domain.versions import store as versions
from collector.edge import Edge
from common.clock import utc_now
from tests.collector import tokens
from tests.collector.accounts import Account, client_of
from tests.collector.builders import outcome
from tests.collector.estate import info, reporter
from tests.collector.services.making import add_service

CONNECTIONS, TICKETS, INCIDENTS = "/api/v1/health/connections", "/api/v1/tuneops/tickets", "/api/v1/incidents"


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements' pages that were really made."""
    made: list[str] = []
    for name in ("fleet", "tickets", "incidents"):
        module = pytest.importorskip(f"collector.domain.{name}.store")
        page = "documents"
        usual = getattr(module, page)

        def noted(*args: object, usual: object = usual, name: str = name) -> object:
            made.append(name)
            return usual(*args)  # type: ignore[operator]  # the function that stood there

        monkeypatch.setattr(module, page, noted)
    return made


async def test_lists_show_each_batch_at_once_and_are_kept_in_between(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, database: Database, owner: Account, making: list[str]
) -> None:
    agent, now = await reporter(database, owner.tenant, anonymous), utc_now()
    steps: list[Callable[[], Awaitable[None]]] = [
        lambda: agent.list_only(info("a"), info("b")),
        lambda: agent.run("a", outcome("A"), at=now - timedelta(minutes=9)),
        lambda: agent.run("a", outcome("A", "critical"), at=now - timedelta(minutes=8)),
        lambda: agent.run("a", outcome("A", "critical"), at=now - timedelta(minutes=7)),
        lambda: agent.run("a", outcome("A", "critical", line="worse"), at=now - timedelta(minutes=6)),
        lambda: agent.list_only(info("a", name="renamed"), info("b")),
        lambda: agent.run("b", outcome("A", "warning"), at=now - timedelta(minutes=5)),
        lambda: agent.list_only(info("b")),
    ]
    seen: list[object] = []
    for step in steps:
        await step()
        answers = [[(await client.get(path)).json() for path in (CONNECTIONS, TICKETS)] for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0] not in seen, len(seen)
        seen.append(answers[0])
    if database.name == "sqlite":
        assert making == ["fleet", "tickets"] * 8


async def test_incidents_show_each_change_at_once_and_are_kept_in_between(
    app: Edge, database: Database, owner: Account, making: list[str]
) -> None:
    bearer = await tokens.token(database, owner.tenant)
    service = await add_service(database, owner.tenant, utc_now() - timedelta(days=9), name="Web", slug="web")
    async with client_of(app, **bearer.headers) as http:
        made = await http.post(INCIDENTS, json={"title": "Slow", "service_ids": [service]})
        number = made.json()["id"]
        seen = [(await http.get(INCIDENTS)).json()]
        for path, body in (
            (f"/{number}/updates", {"message": "We look into it."}),
            ("", {"title": "Down"}),
            (f"/{number}/resolve", {}),
        ):
            answer = await http.post(INCIDENTS + path, json=body)
            assert answer.status_code in {200, 201}, answer.text
            pages = [(await http.get(INCIDENTS)).json() for _ in range(3)]
            assert pages[0] == pages[1] == pages[2]
            assert pages[0] not in seen
            seen.append(pages[0])
    if database.name == "sqlite":
        assert making == ["incidents"] * 4


async def test_a_version_moves_with_its_own_resource_alone(database: Database, owner: Account) -> None:
    tenant = owner.tenant

    async def read() -> tuple[int, int, int]:
        with acting_for(tenant):
            both = await database.read(versions.version_of, tenant, ("incidents", "services"))
            return (
                await database.read(versions.version, tenant),
                await database.read(versions.version_of, tenant, ("results",)),
                both,
            )

    before = await read()
    with acting_for(tenant):
        await database.write(versions.move, tenant, "results")
        await database.write(versions.move, tenant, "services")
        await database.write(versions.move, tenant, "incidents")
        await database.write(versions.bump, tenant)
    after = await read()
    assert [later - earlier for earlier, later in zip(before, after, strict=True)] == [1, 1, 2]


async def test_where_other_processes_write_nothing_is_kept_for_long(database: Database, owner: Account) -> None:
    clock = [100.0]
    version = counted(database, Memo(database), versions.version, lambda: clock[0])
    with acting_for(owner.tenant):
        first = await version(owner.tenant)
        assert await version(owner.tenant) == first
        clock[0] += OLDEST_S
        assert (await version(owner.tenant) == first) == (database.name == "sqlite")
