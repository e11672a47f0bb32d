"""Who has lost the lease of an endpoint has no say any more, but that something has arrived."""

from datetime import timedelta
from pathlib import Path

from collector.core.database import Database
from collector.domain.webhooks import lanes
from collector.domain.webhooks.lanes import Lane, Result
from collector.domain.webhooks.rules import Attempt, judge
from common.clock import utc_now
from tests.collector import builders
from tests.collector.webhooks.receiving import Hook, found, hook, vault_in
from tests.collector.webhooks.test_delivery import log_of, tell


async def _lost(db: Database, folder: Path) -> tuple[Hook, Lane, list[lanes.Message]]:
    """An endpoint with two messages, which the slow one had first, and the quick one has now."""
    tenant_id = await builders.tenant(db)
    made = await hook(db, tenant_id, "https://receiver.example.com/hook", vault_in(folder))
    await tell(db, tenant_id, 1, 2)
    now = utc_now() + timedelta(seconds=1)
    [lane] = await db.write(lanes.claim, "slow", now, 1, 1)
    work = await db.read(lanes.load, lane, "slow", now, 10)
    assert work is not None
    assert await db.write(lanes.claim, "quick", now, 1, 1) == []
    assert await db.write(lanes.claim, "quick", now + lanes.LEASE, 1, 1) == [lane]
    return made, lane, work.messages


def _result(message: lanes.Message, status: int) -> Result:
    attempt = Attempt(utc_now(), status, 5, "" if status == 200 else f"HTTP {status}: refused")
    return Result(message, attempt, judge(attempt, message.tries + 1))


async def test_a_failure_of_the_slow_one_does_not_undo_a_delivery_of_the_quick_one(
    database: Database, tmp_path: Path
) -> None:
    made, lane, (first, _) = await _lost(database, tmp_path)
    await database.write(lanes.finish, lane, "quick", [_result(first, 200)], utc_now())
    await database.write(lanes.finish, lane, "slow", [_result(first, 500)], utc_now())
    entries = await log_of(database, made)
    assert sorted((entry.state, len(entry.attempts)) for entry in entries) == [("delivered", 1), ("pending", 0)]
    assert await database.read(lanes.load, lane, "quick", utc_now(), 10) is not None, "it goes on with it"
    assert await database.read(lanes.load, lane, "slow", utc_now(), 10) is None


async def test_what_the_slow_one_has_delivered_is_not_sent_again(database: Database, tmp_path: Path) -> None:
    made, lane, (first, second) = await _lost(database, tmp_path)
    await database.write(lanes.finish, lane, "slow", [_result(first, 200), _result(second, 410)], utc_now())
    assert (await found(database, made)).pending == 1
    work = await database.read(lanes.load, lane, "quick", utc_now(), 10)
    assert work is not None
    assert [message.id for message in work.messages] == [second.id], "and 410 has disabled nothing"
