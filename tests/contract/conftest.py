"""The contract holds on both stores: the collector's fixtures, and the application over them."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from collector.core.database import Database
from collector.edge import Edge
from tests.collector.accounts import Account, account, client_of, serving
from tests.collector.conftest import (  # noqa: F401 - fixtures
    database,
    database_url,
    few_signing_keys,
    postgres,
    postgres_url,
    sqlite_template,
    store_name,
)
from tests.collector.quiet import quiet  # noqa: F401 - likewise
from tests.contract.status_desk import Desk, desk_of, unlimited

PLENTY = 100_000


@pytest_asyncio.fixture
async def app(database: Database) -> AsyncIterator[Edge]:  # noqa: F811 - a fixture's name
    async with serving(database) as edge:
        yield edge


@pytest_asyncio.fixture
async def owner(database: Database) -> Account:  # noqa: F811 - likewise
    """An enterprise tenant whose limit no test reaches by accident."""
    return await account(database, rate_limit=PLENTY)


@pytest_asyncio.fixture
async def client(app: Edge, owner: Account) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, **owner.headers) as http:
        yield http


@pytest_asyncio.fixture
async def anonymous(app: Edge) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, address="192.0.2.99") as http:
        yield http


@pytest.fixture
def endpoints() -> tuple[str, ...]:
    """Every documented endpoint of the family."""
    return (
        "/api/v1/health/connections",
        "/api/v1/health/connections/42/checks/latest",
        "/api/v1/health/connections/42/history",
        "/api/v1/health/checks",
        "/api/v1/health/fleet",
        "/api/v1/tuneops/tickets",
        "/api/v1/tuneops/stats",
        "/api/v1/activity",
        "/api/v1/team/members",
        "/api/v1/team/roles",
    )


@pytest_asyncio.fixture
async def desk(database: Database, owner: Account) -> AsyncIterator[Desk]:  # noqa: F811 - likewise
    async with unlimited(database) as edge, desk_of(database, owner.tenant, edge) as made:
        yield made
