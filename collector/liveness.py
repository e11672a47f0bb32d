"""What the service manager hears of the collector: that it goes on, and what it waits for."""

import asyncio

from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from common import systemd
from common.liveness import Liveness

PROBE_EVERY_S = 10.0
DATABASE_S = 90.0
TURN_S = 180.0
"""How long one turn of background work may take; between two of them lies what the settings say."""
_START_S = 60.0
_START_EVERY_S = 20.0


async def ask_for_time() -> None:
    """Until this is cancelled the start may go on: a database is waited for, or its schema brought up to date."""
    while True:
        systemd.more_time_to_start(_START_S)
        await asyncio.sleep(_START_EVERY_S)


async def probe(db: Database, alive: Liveness, *, well: str, every_s: float = PROBE_EVERY_S) -> None:
    """See for ever whether the database takes a read and a write in time. That it is away is an answer too.

    `well`: what the service manager shows while all is well.
    """
    shown = well
    while True:
        alive.beat("database", within_s=DATABASE_S)
        state = await _asked(db) or well
        if state != shown:
            systemd.status(state)
            shown = state
        await asyncio.sleep(every_s)


async def _asked(db: Database) -> str:
    try:
        await db.ping()
        await db.write(_nothing)
    except StoreUnavailable as trouble:
        return f"the database cannot be used: {trouble.why}"
    return ""


def _nothing(conn: Connection) -> None:
    conn.execute(text("SELECT 1"))
