"""Puts records straight into the write path, numbered one after the other."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from collector.core.database import Database
from collector.domain.activity.tables import activity_entry
from collector.domain.results import ingest as ingesting
from collector.domain.results.decode import decode_batch
from collector.domain.results.received import Source
from collector.domain.results.tables import connection
from common import wire
from common.wire import Ack, Kind, Outcome
from tests.collector import builders
from tests.collector.builders import T0, AgentHere

Item = tuple[str, datetime, object]
MINUTE = timedelta(minutes=1)


class Sender:
    """One agent; `minute` is what its clock and the collector's say."""

    def __init__(self, db: Database, here: AgentHere) -> None:
        self.db = db
        self.here = here
        self.sent: list[tuple[Sequence[int], list[bytes], datetime]] = []
        self._next = 1
        self._runs = 0

    async def send(self, *items: Item, now: datetime = T0) -> Ack:
        seqs = range(self._next, self._next + len(items))
        self._next += len(items)
        lines = [wire.record_line(seq, *item) for seq, item in zip(seqs, items, strict=True)]
        self.sent.append((seqs, lines, now))
        return await self._put(seqs, lines, now)

    async def again(self) -> None:
        """Everything that was sent so far, once more."""
        for seqs, lines, now in self.sent:
            ack = await self._put(seqs, lines, now)
            assert ack.new == 0

    async def _put(self, seqs: Sequence[int], lines: Sequence[bytes], now: datetime) -> Ack:
        _, body = wire.pack(lines, agent=self.here.id, epoch="e", stream="live", seqs=seqs, boot="b", sent_at=now)
        source = Source(self.here.tenant, self.here.id, "e", "live")
        return await self.db.write(ingesting.ingest, source, decode_batch(wire.unpack(body)), now)

    async def inventory(self, *names: str, at: datetime = T0) -> None:
        await self.send((Kind.INVENTORY, at, builders.inventory(*names)), now=at)

    async def visit(self, at: datetime, *outcomes: Outcome, **changes: Any) -> None:
        """One run that ends at this time and comes in at once."""
        await self.send(self.run(at, *outcomes, **changes), now=at)

    def run(self, at: datetime, *outcomes: Outcome, **changes: Any) -> Item:
        self._runs += 1
        return (Kind.RUN, at, builders.run(outcomes, key=f"run_{self._runs:04}", at=at, **changes))

    async def one(self, table: Any) -> Row[Any]:
        return await self.db.read(lambda conn: conn.execute(select(table)).one())

    async def all(self, table: Any) -> list[Row[Any]]:
        return await self.db.read(lambda conn: list(conn.execute(select(table).order_by(*table.primary_key)).all()))

    async def activity(self, *, without: str = "health_check_completed") -> list[str]:
        return [row.action_type for row in await self.all(activity_entry) if row.action_type != without]

    async def connection_id(self) -> int:
        found: int = (await self.one(connection)).id
        return found


async def sender(db: Database) -> Sender:
    """An agent with the connection PROD."""
    made = Sender(db, await builders.agent(db))
    await made.inventory("PROD")
    return made
