"""Background work looks for what time alone has changed."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from collector import worker
from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from collector.domain.activity import chain
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.assignments import store as assignments
from collector.domain.assignments.store import NewJob
from collector.domain.assignments.tables import job
from collector.domain.results.decode import Decoded, Known
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from collector.domain.results.tables import connection
from common.clock import utc_now
from tests.collector import builders


async def scores(database: Database) -> set[tuple[int, datetime | None]]:
    rows = await database.read(lambda conn: conn.execute(select(connection.c.score, connection.c.stale_at)).all())
    return {(row.score, row.stale_at) for row in rows}


async def test_stale_scores_and_late_jobs_are_brought_up_to_date(database: Database) -> None:
    here = await builders.agent(database)
    long_ago = utc_now() - timedelta(days=30)
    runs = [
        builders.run([builders.outcome()], key=f"run_{n}", at=long_ago, connection=f"c{n}")
        for n in range(worker.SLICE + 5)
    ]
    records = tuple(Known(seq, long_ago, run) for seq, run in enumerate(runs, start=1))
    source = Source(here.tenant, here.id, "e", "live")
    await database.write(ingest, source, Decoded(records, (), ()), long_ago)
    assert await scores(database) == {(100, long_ago + timedelta(hours=3))}
    new = NewJob(kind="check", target="c1", deadline=long_ago)
    await database.write(assignments.add_job, here.tenant, here.id, new, long_ago)
    await worker.tick(database, worker.chores(Settings(), utc_now()))
    assert await scores(database) == {(79, None)}
    assert await database.read(lambda conn: conn.execute(select(job.c.state)).scalar_one()) == "expired"


async def test_it_goes_on_until_it_is_stopped(database: Database) -> None:
    task = asyncio.create_task(worker.work(database, Settings(sweep_s=0.1)))
    await asyncio.sleep(0.25)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_on_a_full_disk_it_still_forgets_what_is_old(tmp_path: Path) -> None:
    small = Database.open(f"sqlite:///{tmp_path / 'x.sqlite'}", page_limit=20)

    def grow(conn: Connection, _now: datetime, _limit: int) -> int:
        conn.execute(text("INSERT INTO note VALUES (:what)"), {"what": "x" * 3000})
        return worker.SLICE

    def forget(conn: Connection, _now: datetime, _limit: int) -> int:
        conn.execute(text("DELETE FROM note"))
        return 0

    await small.write(lambda conn: conn.execute(text("CREATE TABLE note (what TEXT)")))
    with pytest.raises(StoreUnavailable) as caught:
        await worker.tick(small, (grow, forget))
    assert caught.value.why == "full"
    assert await small.read(lambda conn: conn.execute(text("SELECT count(*) FROM note")).scalar_one()) == 0
    await small.close()


async def test_what_was_appended_to_the_activity_log_is_chained(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(activity.append, tenant_id, [Entry("login", {}, utc_now())] * (worker.SLICE + 5))
    await worker.tick(database, worker.chores(Settings(), utc_now()))
    assert (await database.read(chain.head_of, tenant_id)).position == worker.SLICE + 5
