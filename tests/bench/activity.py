"""Pages of a long activity log beside a bare count of it, and entries chained a second beside bare inserts."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from collector import migrations
from collector.core.database import Database
from collector.core.upsert import insert_missing
from collector.domain.activity import chain, store
from collector.domain.activity.store import Entry, Filter
from collector.domain.activity.tables import activity_entry
from tests.bench.table import Row

ENTRIES = 200_000
AT_ONCE = 10_000
BEGIN = datetime(2026, 5, 14, tzinfo=UTC)
STEP = timedelta(days=90) / ENTRIES

_INSERT = insert_missing(activity_entry)


def main(*, quick: bool) -> list[Row]:  # noqa: ARG001 - a part of the full run alone
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collector.sqlite"
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as conn:
            migrations.upgrade(conn)
        engine.dispose()
        return asyncio.run(_measure(path))


async def _measure(path: Path) -> list[Row]:
    db = Database.open(f"sqlite:///{path}")
    ours = await _fill(
        db, lambda conn, first: chain.record(conn, 1, [_entry(n) for n in range(first, first + AT_ONCE)])
    )
    floor = await _fill(db, _bare)
    rows = [Row(name="entries, chained", value=ours, unit="/s", beside="bare inserts", other=floor)]
    began = time.perf_counter()
    await db.read(_count, heavy=True)
    count = (time.perf_counter() - began) * 1000
    typed, ranged = Filter(action_type="login"), Filter(since=BEGIN + timedelta(days=3, minutes=7))
    for name, wanted, offset in (
        ("first page", Filter(), 0),
        ("last page", Filter(), ENTRIES - 50),
        ("first page of a type", typed, 0),
        ("middle of a range", ranged, ENTRIES // 2),
    ):
        took = await _page(db, wanted, offset)
        rows.append(Row(name=name, value=took, unit="ms", beside=f"a bare count of {ENTRIES:,}", other=count))
    await db.close()
    return rows


async def _fill(db: Database, write: Callable[[Connection, int], None]) -> float:
    began = time.perf_counter()
    for first in range(0, ENTRIES, AT_ONCE):
        await db.write(write, first)
    return ENTRIES / (time.perf_counter() - began)


async def _page(db: Database, wanted: Filter, offset: int) -> float:
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        await db.read(store.page, 1, wanted, offset, 50)
        best = min(best, time.perf_counter() - began)
    return best * 1000


def _entry(number: int) -> Entry:
    path = "/api/v1/health/fleet"
    properties = {"method": "GET", "path": path, "status": 200, "key": "E9fKyZDR"}
    return Entry("api_request" if number % 5_000 else "login", properties, BEGIN + STEP * number, path)


def _bare(conn: Connection, first: int) -> None:
    rows = (
        {**_entry(n)._asdict(), "tenant_id": 2, "id": n, "position": n, "hash": b"x" * 32}
        for n in range(first, first + AT_ONCE)
    )
    _INSERT(conn, rows)


def _count(conn: Connection) -> int:
    return int(conn.execute(text("SELECT count(*) FROM activity_entry WHERE tenant_id = 1")).scalar_one())
