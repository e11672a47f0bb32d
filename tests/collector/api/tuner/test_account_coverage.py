"""For how long a scan says that an account is looked after."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Connection, select

from collector.core.database import Database
from collector.domain.services.tables import coverage_span
from tests.collector.accounts import client_of, serving
from tests.collector.api.tuner import aws
from tests.collector.api.tuner.aws import ACCOUNT, T0, Estate, finding

DAY = timedelta(days=1)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    return await aws.estate(client, database)


def covered(conn: Connection) -> list[tuple[str, float, float]]:
    """Source, and the days from T0 in which it begins and ends; a scan takes a minute."""
    rows = conn.execute(select(coverage_span).order_by(coverage_span.c.began_at))
    began = T0 + timedelta(minutes=1)
    return [(row.source, (row.began_at - began) / DAY, (row.ended_at - began) / DAY) for row in rows]


async def test_a_scan_speaks_for_three_of_its_intervals_whatever_order_they_come_in(
    database: Database, here: Estate
) -> None:
    source = f"account/{ACCOUNT}"
    await here.scan(finding(), at=T0)
    await here.scan(finding(), at=T0 + 10 * DAY)
    assert await database.read(covered) == [(source, 0, 3), (source, 10, 13)]
    await here.scan(finding(), at=T0 + 9 * DAY, parts=2)  # the other part never comes
    await here.scan(finding(), at=T0 + 2 * DAY)
    assert await database.read(covered) == [(source, 0, 5), (source, 10, 13)]
