"""However often the process that delivers is killed, every event arrives, in order, and nothing is signed wrongly."""

import asyncio
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.core.database import Database
from collector.domain.webhooks import lanes, outbox
from collector.domain.webhooks.outbox import Event
from common.clock import utc_now
from tests.collector import builders
from tests.collector.webhooks.receiving import hook, receiver, vault_in

EVENTS = 400
KILLS = 6


@pytest.mark.system
async def test_every_event_arrives_in_order_over_many_kills(sqlite_template: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'collector.sqlite')}"
    chance, vault = random.Random(7), vault_in(tmp_path)
    db = Database.open(url)
    tenant_id = await builders.tenant(db)
    async with receiver() as there:
        made = await hook(db, tenant_id, there.url, vault)
        events = [Event("tuneops.ticket_created", {"id": number}, utc_now()) for number in range(EVENTS)]
        await db.write(outbox.emit, tenant_id, events)
        await db.close()
        for _ in range(KILLS):
            await _run_and_kill(tmp_path, there.port, there.got, more=chance.randint(5, 60))
        process = await _start(tmp_path, there.port)
        while len(set(there.ids)) < EVENTS:  # noqa: ASYNC110 - the receiver has no event for it
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        process.kill()
        await process.wait()
        numbers = [body["data"]["id"] for body in there.opened(made.secret)]  # type: ignore[index]  # our own bodies
    firsts = list(dict.fromkeys(numbers))
    assert firsts == list(range(EVENTS))
    assert len(numbers) <= EVENTS + (KILLS + 1) * 110  # what is repeated is what was not recorded yet
    db = Database.open(url)
    assert (await db.read(lanes.backlog, utc_now())).due == 0
    await db.close()


async def _run_and_kill(folder: Path, port: int, got: Sequence[object], *, more: int) -> None:
    """Kill it after it has delivered some more."""
    process, enough = await _start(folder, port), len(got) + more
    while len(got) < enough and len(got) < EVENTS:  # noqa: ASYNC110 - the receiver has no event for it
        await asyncio.sleep(0.001)
    process.kill()
    await process.wait()


async def _start(folder: Path, port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.collector.webhooks.killed", str(folder), str(port), cwd=Path(__file__).parents[3]
    )
