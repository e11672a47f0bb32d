"""A tenant with a service, on both stores."""

from pathlib import Path

import pytest_asyncio

from collector.core.database import Database
from tests.collector.maintenance.desk import Desk
from tests.collector.maintenance.desk import desk as made
from tests.collector.webhooks.receiving import vault_in


@pytest_asyncio.fixture
async def desk(database: Database, tmp_path: Path) -> Desk:
    return await made(database, vault_in(tmp_path))
