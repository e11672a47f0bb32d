"""What each kind of record does to the tables, on both stores."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Row, select

from collector.core.database import Database
from collector.domain.agents import store as agents
from collector.domain.agents.tables import agent
from collector.domain.assignments import store as assignments
from collector.domain.assignments.store import NewJob, Override
from collector.domain.assignments.tables import job
from collector.domain.results import ingest as ingesting
from collector.domain.results.decode import decode_batch
from collector.domain.results.received import Source
from collector.domain.results.tables import check_state, connection, gap, run, unknown_record
from common import wire
from common.identity import NotAuthentic
from common.wire import Ack, Gap, JobResult, Kind
from tests.collector import builders
from tests.collector.builders import T0, AgentHere, outcome

Item = tuple[str, datetime, object]
HOUR = timedelta(hours=1)


class Sender:
    """Puts records straight into the write path, numbered one after the other."""

    def __init__(self, db: Database, here: AgentHere) -> None:
        self.db = db
        self.here = here
        self._next = 1

    async def send(self, *items: Item, now: datetime = T0) -> Ack:
        seqs = range(self._next, self._next + len(items))
        self._next += len(items)
        lines = [wire.record_line(seq, *item) for seq, item in zip(seqs, items, strict=True)]
        _, body = wire.pack(lines, agent=self.here.id, epoch="e", stream="live", seqs=seqs, boot="b", sent_at=now)
        source = Source(self.here.tenant, self.here.id, "e", "live")
        return await self.db.write(ingesting.ingest, source, decode_batch(wire.unpack(body)), now)

    async def one(self, table: Any) -> Row[Any]:
        return await self.db.read(lambda conn: conn.execute(select(table)).one())

    async def all(self, table: Any) -> list[Row[Any]]:
        return await self.db.read(lambda conn: list(conn.execute(select(table)).all()))


@pytest.fixture
async def sender(database: Database) -> Sender:
    return Sender(database, await builders.agent(database))


def visit(key: str, *outcomes: wire.Outcome, at: datetime = T0, **changes: Any) -> Item:
    return (Kind.RUN, at, builders.run(outcomes, key=key, at=at, **changes))


async def test_a_connection_is_listed_as_the_newest_inventory_says(sender: Sender) -> None:
    await sender.send((Kind.INVENTORY, T0, builders.inventory("PROD", "DR")))
    await sender.send((Kind.INVENTORY, T0 + HOUR, builders.inventory("PROD")), now=T0 + HOUR)
    rows = {row.key: row for row in await sender.all(connection)}
    assert rows["prod"].removed_at is None
    assert rows["dr"].removed_at == T0 + HOUR
    assert rows["prod"].score is None
    await sender.send((Kind.INVENTORY, T0 + 2 * HOUR, builders.inventory("PROD", "DR")))
    assert {row.removed_at for row in await sender.all(connection)} == {None}


async def test_an_inventory_in_parts_removes_nothing_before_all_of_it_is_here(sender: Sender) -> None:
    await sender.send((Kind.INVENTORY, T0, builders.inventory("PROD", "DR", "OLD")))
    one, two = (
        msgspec.structs.replace(builders.inventory(name), part=part, parts=2, total=2)
        for part, name in ((1, "PROD"), (2, "NEW"))
    )

    async def listed() -> set[str]:
        return {row.key for row in await sender.all(connection) if row.removed_at is None}

    await sender.send((Kind.INVENTORY, T0 + HOUR, two))
    assert await listed() == {"prod", "dr", "old", "new"}, "what it names is there at once"
    await sender.send((Kind.INVENTORY, T0 + HOUR, two))
    assert await listed() == {"prod", "dr", "old", "new"}, "the same part twice is no whole"
    await sender.send((Kind.INVENTORY, T0 + HOUR, one))
    assert await listed() == {"prod", "new"}


async def test_a_run_before_the_first_inventory_waits_for_its_name(sender: Sender) -> None:
    await sender.send(visit("run_1", outcome()))
    early = await sender.one(connection)
    assert (early.listed_at, early.score) == (None, 100)
    await sender.send((Kind.INVENTORY, T0, builders.inventory("PROD")))
    row = await sender.one(connection)
    assert (row.id, row.name, row.listed_at, row.latest_run_key) == (early.id, "PROD", T0, "run_1")


async def test_an_outcome_never_gives_way_to_an_older_one(sender: Sender) -> None:
    await sender.send(visit("run_2", outcome(status="critical"), at=T0))
    await sender.send(visit("run_1", outcome(status="ok"), outcome("OTHER"), at=T0 - HOUR))
    states = {row.check_id: row for row in await sender.all(check_state)}
    assert states["REDOLOG_SIZE"].status == "critical"
    assert states["OTHER"].run_key == "run_1"
    row = await sender.one(connection)
    assert (row.latest_run_key, row.score) == ("run_2", 82)


async def test_a_clock_that_runs_ahead_freezes_nothing(sender: Sender) -> None:
    await sender.send(visit("run_1", outcome(status="critical"), at=T0 + timedelta(days=400)), now=T0)
    later = T0 + timedelta(minutes=1)
    await sender.send(visit("run_2", outcome(status="ok"), at=later), now=later)
    assert (await sender.one(check_state)).status == "ok"
    assert (await sender.one(connection)).latest_run_key == "run_2"


async def test_a_large_run_arrives_in_parts(sender: Sender) -> None:
    await sender.send(visit("run_1", outcome("B", "warning"), part=2, parts=2))
    await sender.send(visit("run_1", outcome("A", "critical"), part=1, parts=2))
    row = await sender.one(run)
    assert (row.parts_seen, row.counts) == ([1, 2], {"warning": 1, "critical": 1})
    assert (await sender.one(connection)).counts == {"warning": 1, "critical": 1}


async def test_a_run_that_comes_again_under_another_number_counts_once(sender: Sender) -> None:
    again = visit("run_1", outcome(status="warning"))
    await sender.send(again)
    ack = await sender.send(again)
    assert ack.new == 1
    assert (await sender.one(run)).counts == {"warning": 1}


async def test_a_database_that_does_not_answer_has_score_0_and_one_finding(sender: Sender) -> None:
    await sender.send(visit("run_1", outcome(status="critical"), outcome("DB_CONNECT", interval_s=60)))
    line = "refused: ORA-12541 (listener down)"
    down = outcome("DB_CONNECT", "critical", category="availability", line=line, cap=0, interval_s=60)
    await sender.send(visit("run_2", down, at=T0 + HOUR, reachable=False), now=T0 + HOUR)
    row = await sender.one(connection)
    assert (row.score, row.reachable, row.summary_text) == (0, False, "Not reachable: ORA-12541")
    assert row.counts == {"critical": 1, "unknown": 1}
    up = outcome("DB_CONNECT", "ok", category="availability", interval_s=60)
    await sender.send(visit("run_3", up, at=T0 + 2 * HOUR), now=T0 + 2 * HOUR)
    row = await sender.one(connection)
    assert (row.score, row.summary_text) == (82, "1 critical finding: REDOLOG_SIZE")


async def test_silence_turns_results_unknown_and_never_raises_the_score(sender: Sender) -> None:
    await sender.send(
        visit("run_1", outcome(status="critical", cap=55, interval_s=3600), outcome("SLOW", interval_s=86_400))
    )
    assert (await sender.one(connection)).score == 55
    assert await sender.db.write(ingesting.refresh_stale, T0 + 2 * HOUR, 50) == 0
    assert await sender.db.write(ingesting.refresh_stale, T0 + 4 * HOUR, 50) == 1
    row = await sender.one(connection)
    assert (row.score, row.summary_text, row.counts) == (55, "No findings", {"unknown": 1, "ok": 1})
    assert await sender.db.write(ingesting.refresh_stale, T0 + 4 * HOUR, 50) == 0
    assert await sender.db.write(ingesting.refresh_stale, T0 + timedelta(days=9), 50) == 1
    row = await sender.one(connection)
    assert (row.score, row.stale_at, row.summary_text) == (55, None, "No results since 2026-05-14T03:00:00Z")


async def test_the_title_of_a_finding_comes_with_the_catalogue_whenever_that_comes(sender: Sender) -> None:
    await sender.send(visit("run_1", outcome(status="warning"), outcome("B", "warning")))
    assert (await sender.one(connection)).summary_text == "2 warnings: B…"
    await sender.send((Kind.CATALOGUE, T0, builders.catalogue("REDOLOG_SIZE", "B")))
    assert (await sender.one(connection)).summary_text == "2 warnings: Title of B…"
    await sender.send((Kind.CATALOGUE, T0 - HOUR, builders.catalogue("B", digest="older")))
    assert (await sender.one(agent)).catalogue_digest == "cat-1"


async def test_the_newest_heartbeat_is_kept(sender: Sender) -> None:
    newer = builders.heartbeat(version="0.2.0", clock_offset_s=-1.5)
    await sender.send((Kind.HEARTBEAT, T0, newer), now=T0)
    await sender.send((Kind.HEARTBEAT, T0 - HOUR, builders.heartbeat(version="0.1.0")), now=T0 + HOUR)
    row = await sender.one(agent)
    assert (row.version, row.clock_offset_s, row.heartbeat_at) == ("0.2.0", -1.5, T0)
    assert row.heartbeat["spool"]["records"] == 3
    assert row.last_seen_at == T0 + HOUR


async def test_records_of_a_newer_agent_are_kept_and_counted(sender: Sender) -> None:
    ack = await sender.send(("sunspots", T0, {"count": 4, "deep": [1, {"a": None}]}))
    assert (ack.new, ack.unknown, ack.rejected) == (1, 1, ())
    row = await sender.one(unknown_record)
    assert (row.kind, row.seq, row.body) == ("sunspots", 1, '{"count":4,"deep":[1,{"a":null}]}')


async def test_a_gap_is_kept_with_its_reason(sender: Sender) -> None:
    await sender.send((Kind.GAP, T0, Gap(stream="bulk", first=3, last=9, reason="spool_full", count=7)))
    row = await sender.one(gap)
    assert (row.stream, row.first, row.last, row.reason) == ("bulk", 3, 9, "spool_full")


async def test_a_job_is_offered_until_its_result_comes(sender: Sender) -> None:
    here, db = sender.here, sender.db
    new = NewJob(kind="check", target="prod", deadline=T0 + HOUR)
    job_id = await db.write(assignments.add_job, here.tenant, here.id, new, T0)
    offered = (await db.read(assignments.document, here.tenant, here.id)).jobs
    assert [(one.job, one.target) for one in offered] == [(job_id, "prod")]
    lease = offered[0].lease
    await sender.send((Kind.JOB, T0, JobResult(job_id, "another lease", "failed")))
    await sender.send((Kind.JOB, T0, JobResult(job_id, lease, "started")))
    assert (await sender.one(job)).state == "started"
    await sender.send((Kind.JOB, T0, JobResult(job_id, lease, "succeeded", "done")))
    await sender.send((Kind.JOB, T0, JobResult(job_id, lease, "failed")))
    row = await sender.one(job)
    assert (row.state, row.detail, row.finished_at) == ("succeeded", "done", T0)
    assert (await db.read(assignments.document, here.tenant, here.id)).jobs == ()


async def test_a_job_that_nobody_took_expires(sender: Sender) -> None:
    here, db = sender.here, sender.db
    await db.write(assignments.add_job, here.tenant, here.id, NewJob(kind="check", target="p", deadline=T0), T0)
    assert await db.write(assignments.expire_jobs, T0 + HOUR, 50) == 1
    assert (await sender.one(job)).state == "expired"


async def test_an_override_of_a_connection_reaches_its_own_agent_alone(sender: Sender) -> None:
    db, here = sender.db, sender.here
    other = await builders.agent(db, here.tenant)
    await sender.send((Kind.INVENTORY, T0, builders.inventory("PROD")))
    place = str((await sender.one(connection)).id)
    narrow = Override(check="REDOLOG_SIZE", origin="connection", scope=place, warning=3.0)
    await db.write(assignments.put_override, here.tenant, narrow, T0)
    await db.write(assignments.put_override, here.tenant, Override(check="X", origin="tenant", enabled=False), T0)
    mine = await db.read(assignments.document, here.tenant, here.id)
    theirs = await db.read(assignments.document, here.tenant, other.id)
    assert [(one.check, one.connection, one.warning) for one in mine.checks] == [
        ("REDOLOG_SIZE", "prod", 3.0),
        ("X", None, None),
    ]
    assert [one.check for one in theirs.checks] == ["X"]
    assert await db.write(assignments.remove_override, here.tenant, narrow, T0)
    assert [one.check for one in (await db.read(assignments.document, here.tenant, here.id)).checks] == ["X"]


async def test_an_agent_that_was_revoked_in_the_meantime_stores_nothing(sender: Sender) -> None:
    await sender.db.write(agents.revoke, sender.here.tenant, sender.here.id, T0)
    with pytest.raises(NotAuthentic) as caught:
        await sender.send(visit("run_1", outcome()))
    assert caught.value.failure == "revoked"
    assert await sender.all(run) == []
