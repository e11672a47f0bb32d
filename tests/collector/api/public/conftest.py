"""A tenant with a page, full of things that nobody outside may see."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.edge import Edge
from tests.collector.accounts import client_of
from tests.collector.api.public.making import Site, site
from tests.collector.quiet import quiet  # noqa: F401 - a fixture


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        state_dir=tmp_path,
        status_page_fresh_s=0,
        status_page_requests_per_minute=10_000,
        status_page_url="https://status.example",
        smtp_host="127.0.0.1",
    )


@pytest_asyncio.fixture
async def app(database: Database, settings: Settings) -> AsyncIterator[Edge]:
    made = create_app(settings, database)
    yield made
    await made.shut_down()


@pytest_asyncio.fixture
async def http(app: Edge) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest_asyncio.fixture
async def acme(database: Database) -> Site:
    return await site(database)
