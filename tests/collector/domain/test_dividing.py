"""Partitions on PostgreSQL as time goes on: made ahead, filled from the default one, dropped whole, read meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text

from collector import migrations
from collector.core import partitions, row_security
from collector.core.columns import microseconds
from collector.core.database import Database
from collector.core.partitions import DIVIDED, HOURS, POINTS, Part
from collector.core.tenancy import acting_for, go_on_for_everybody
from collector.domain.history import store as history
from collector.domain.history.rules import Point
from collector.domain.retention import dividing
from collector.domain.retention.rules import Keep
from collector.domain.tables import metadata
from common.clock import utc_now
from tests.collector.conftest import Postgres

KEEP = Keep(raw=14, hourly=90, daily=1095, runs=90, records=90, findings=1095, executions=400, services=400)
DAY = timedelta(days=1)
NOW = utc_now()  # which is when the database was made
_WAITS = text("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = CAST('metric_point_default' AS regclass)")


@pytest_asyncio.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    go_on_for_everybody()
    opened = Database.open(postgres_url)
    yield opened
    await opened.close()


def counted(conn: Connection) -> dict[str, int]:
    """Rows of values by the partition in which they are."""
    rows = conn.execute(text("SELECT tableoid::regclass::text, count(*) FROM metric_point GROUP BY 1"))
    return {str(name): int(number) for name, number in rows}


async def put(db: Database, *days: float, tenant: int = 1) -> None:
    """A value each, so many days from now."""
    points = [Point(1, microseconds(NOW + day * DAY), 1.0) for day in days]
    await db.write(history.add, tenant, points)


async def tend(db: Database, day: float = 0.0) -> None:
    await db.write(dividing.keeping(KEEP), NOW + day * DAY, 50)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)), st.sampled_from(DIVIDED))  # noqa: DTZ001 - hypothesis adds the zone
def test_an_instant_is_in_the_first_of_the_partitions_that_it_wants(now: datetime, table: partitions.Divided) -> None:
    begins = table.wanted(now)
    assert Part("first", begins[0], begins[1]).covers(microseconds(now))
    assert all(after - before == table.step for before, after in pairwise(begins))
    assert partitions.is_part(table.name(begins[0]))


async def test_a_new_value_finds_a_partition_of_its_own(db: Database) -> None:
    await put(db, 0, 7, 14, 21)
    found = await db.read(counted)
    assert sum(found.values()) == 4
    assert POINTS.default not in found
    assert len(found) >= 3


async def test_partitions_are_made_ahead_as_time_goes_on(db: Database) -> None:
    for day in range(0, 70, 7):
        await tend(db, day)
    begins = {part.begin for part in await db.read(partitions.parts, POINTS)}
    assert set(POINTS.wanted(NOW + 63 * DAY)) <= begins
    assert await db.read(row_security.unwalled, metadata) == []


async def test_what_is_far_ahead_waits_in_the_default_partition_until_its_time_comes(db: Database) -> None:
    await put(db, 100, 101, 3000)
    assert (await db.read(counted))[POINTS.default] == 3
    await tend(db, 85)
    found = await db.read(counted)
    assert found[POINTS.default] == 1
    assert sum(found.values()) == 3
    await put(db, 100.5)
    assert (await db.read(counted))[POINTS.default] == 1


async def test_old_partitions_go_whole_and_strays_that_are_too_old_go_with_them(db: Database) -> None:
    await put(db, -1, 0, 1, 20)
    await tend(db, 40)
    await put(db, 0.5, 30)
    assert sum((await db.read(counted)).values()) == 2
    await tend(db, 42)
    left = await db.read(history.points, 1, 1, NOW - 5 * DAY, NOW + 100 * DAY)
    assert [(at - NOW) // DAY for at, _ in left] == [30]
    names = {part.name for part in await db.read(partitions.parts, POINTS)}
    assert POINTS.before not in names


async def test_hours_stay_until_they_have_become_days(db: Database) -> None:
    await put(db, 0)
    await tend(db, 130)
    assert len(await db.read(history.hours, 1, 1, NOW - DAY, NOW + DAY)) == 1
    await tend(db, 200)
    assert len(await db.read(history.hours, 1, 1, NOW - DAY, NOW + DAY)) == 0
    assert all(part.end > microseconds(NOW + 110 * DAY) for part in await db.read(partitions.parts, HOURS))


async def test_a_long_read_puts_it_off_and_nobody_waits(db: Database, postgres_url: str) -> None:
    await put(db, 0)
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as reading:
        reading.execute(text("SELECT count(*) FROM metric_point"))
        before = await db.read(partitions.parts, POINTS)
        await tend(db, 40)
        assert await db.read(partitions.parts, POINTS) == before
        await put(db, 1)
    await tend(db, 40.01)
    assert await db.read(partitions.parts, POINTS) != before
    engine.dispose()


async def test_a_stray_that_comes_while_its_partition_is_made_ends_up_in_it(db: Database, postgres_url: str) -> None:
    await put(db, 100)
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as coming:
        coming.execute(text("INSERT INTO metric_point VALUES (1, 1, :at, 2.5)"), {"at": microseconds(NOW + 85 * DAY)})
        tending = asyncio.create_task(tend(db, 85))
        while not coming.execute(_WAITS).first() and not tending.done():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
    await tending
    await tend(db, 85.01)  # it is put off where the stray took too long
    found = await db.read(counted)
    assert POINTS.default not in found
    assert sum(found.values()) == 2
    engine.dispose()


async def test_two_replicas_tend_once(db: Database, postgres_url: str) -> None:
    other = Database.open(postgres_url)
    for day in range(0, 40, 2):
        await tend(db, day)
        await other.write(dividing.keeping(KEEP), NOW + day * DAY, 50)
    await other.close()
    found = await db.read(partitions.parts, POINTS)
    assert len({part.begin for part in found}) == len(found)


async def test_the_wall_stands_before_partitions_too(db: Database) -> None:
    await put(db, 0, 3000, tenant=1)
    await put(db, 0, 3000, tenant=2)
    await tend(db, 1)
    with acting_for(2):
        found = await db.read(counted)
    assert sum(found.values()) == 2


def test_a_grown_table_is_divided_without_losing_or_copying_a_row(postgres: Postgres) -> None:
    name = postgres.new(template="template0")
    engine = create_engine(postgres.url.set(database=name))
    with engine.begin() as conn:
        migrations.upgrade(conn, "0017")
        for day in (-400, -1, 0, 3, 5000):
            conn.execute(
                text("INSERT INTO metric_point VALUES (1, 1, :at, 2.5)"), {"at": microseconds(NOW + day * DAY)}
            )
        file = conn.execute(text("SELECT pg_relation_filenode('metric_point')")).scalar_one()
        migrations.upgrade(conn, "0018")
    with engine.connect() as conn:
        found = counted(conn)
        same = conn.execute(text("SELECT pg_relation_filenode(CAST(:old AS regclass))"), {"old": POINTS.before})
        assert same.scalar_one() == file
    engine.dispose()
    postgres.drop(name)
    assert sum(found.values()) == 5
    assert found[POINTS.default] == 1
    assert found[POINTS.before] in {3, 4}
