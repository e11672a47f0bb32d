"""Durable webhook deliveries a second to a receiver that answers at once, beside bare POSTs in the same run.

The receiver is a process of its own. Durable: each delivery is read from the store, signed, and recorded as delivered
with its attempt before the lane is done. The floor is the same client library with the same bodies: one POST after the
other on a kept connection per lane, nothing checked, signed, read or recorded.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp
from sqlalchemy import Connection

from collector import migrations
from collector.core.database import Database
from collector.core.vault import Vault
from collector.delivery.dispatcher import Dispatcher
from collector.delivery.webhooks import WebhookSender
from collector.domain.webhooks import lanes, outbox
from collector.domain.webhooks.outbox import Event
from common.clock import utc_now
from tests.bench.receiver import receiving
from tests.bench.table import Row
from tests.collector import builders
from tests.collector.webhooks.receiving import hook, reach_of

EVENTS, QUICK_EVENTS = 8000, 2400
WANTED = 1000
ENDPOINTS = (1, 8)
_BODY = {"id": 7, "title": "Redo log size too small", "remediation": "ALTER DATABASE ADD LOGFILE " * 20}


def main(*, quick: bool) -> list[Row]:
    return [_row(endpoints, QUICK_EVENTS if quick else EVENTS) for endpoints in ENDPOINTS]


def _row(endpoints: int, events: int) -> Row:
    ours, floor = asyncio.run(_measure(endpoints, events))
    return Row(
        name=f"durable deliveries to {endpoints} webhook{'s' if endpoints > 1 else ''}",
        value=events / ours,
        unit="/s",
        beside="bare POSTs of the same bodies",
        other=events / floor,
        key="webhooks_s" if endpoints == 1 else "",
        at_least=WANTED,
    )


async def _measure(endpoints: int, events: int) -> tuple[float, float]:
    with receiving() as receiver:
        with tempfile.TemporaryDirectory() as folder:
            ours = await _durable(Path(folder), receiver.port, endpoints, events)
        assert receiver.count >= events, receiver.count
        return ours, await _bare(receiver.port, endpoints, events)


async def _durable(folder: Path, port: int, endpoints: int, events: int) -> float:
    db, vault = Database.open(f"sqlite:///{folder / 'bench.sqlite'}"), Vault.of_file(folder / "vault.key")
    await db.write(migrations.upgrade)
    tenant_id = await builders.tenant(db)
    for _ in range(endpoints):
        await hook(db, tenant_id, f"http://127.0.0.1:{port}/hook", vault)
    sender = WebhookSender(reach_of(port), vault)
    dispatcher = Dispatcher(db, {"webhook": sender}, every=0.05)
    for _ in range(events // endpoints // 50):
        await db.write(_emit, tenant_id, 50)
    began = time.perf_counter()
    task = asyncio.create_task(dispatcher.run())
    while (await db.read(lanes.backlog, utc_now())).due:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await db.close()
    return seconds


def _emit(conn: Connection, tenant_id: int, count: int) -> None:
    outbox.emit(conn, tenant_id, [_event() for _ in range(count)])


def _event() -> Event:
    return Event("tuneops.ticket_created", _BODY, utc_now())


async def _bare(port: int, endpoints: int, events: int) -> float:
    body = outbox.render(_event()).encode()
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as session:

        async def post() -> None:
            for _ in range(events // endpoints):
                async with session.post(f"http://127.0.0.1:{port}/hook", data=body) as answer:
                    await answer.read()

        began = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(endpoints)))
        return time.perf_counter() - began
