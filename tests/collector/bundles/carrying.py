"""An agent's spool and a collector's database with nothing between them but bytes that somebody carries."""

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from agent.bundles import Export, Freed, Speaker, Wanted, ledger_of, let_go, note_receipt, read_receipt
from agent.records import Keep
from agent.spool import Limits, Spool
from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.bundles import answering, taking
from collector.domain.bundles.taking import Counts, Outlook, Taken, Welcome
from common import bundle
from common.bundle import Place, Receipt, Refused
from common.identity import Origin, PrivateKey
from common.wire import Kind, Outcome, Rejection
from tests.collector import builders
from tests.collector.builders import T0, AgentHere

KEY = PrivateKey.generate()
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class Clock:
    def __init__(self, at: datetime = T0) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Site:
    """One agent far away; `clock` is what its host says, and, moved by hand, the collector's too."""

    def __init__(self, db: Database, here: AgentHere, folder: Path, *, origin: Origin | None = None) -> None:
        self.db = db
        self.here = here
        self.clock = Clock()
        self.spool = Spool(folder, Limits(min_free=0, carried=True), now=self.clock)
        self.origin = origin or Origin("instance-1", "host-1", "boot-1")
        self.rejected: dict[Place, list[Rejection]] = {}
        self._runs = 0

    def say(self, kind: Kind, body: object, at: datetime | None = None) -> None:
        self.spool.append(kind, at or self.clock.at, body, keep=Keep.RESULT)
        assert self.spool.flush()

    def visit(self, at: datetime, *outcomes: Outcome, **changes: Any) -> None:
        self._runs += 1
        run = builders.run(outcomes, key=f"run_{self._runs:05}", at=at, **changes)
        self.spool.append(Kind.RUN, at, run)

    def export(self, *, overlap: int = 0, everything: bool = False) -> bytes:
        assert self.spool.flush()
        speaker = Speaker(agent=self.here.id, key=self.here.key, origin=self.origin, every_s=86_400, assignment="")
        made = Export(self.spool, speaker, Wanted(overlap, everything), now=self.clock)
        content = b"".join(made.pieces())
        made.commit()
        return content

    async def look(self, content: bytes) -> Welcome:
        opened = bundle.opened(io.BytesIO(content))
        return await self.db.write(lambda conn: taking.welcome(conn, opened, heartbeat_s=60, now=self.clock.at))

    async def bring(self, content: bytes) -> tuple[Counts, Outlook]:
        """As the command does."""
        opened = bundle.opened(io.BytesIO(content))
        welcome = await self.look(content)
        assert not welcome.refusal, welcome.refusal
        taken = [await self._take(batch) for batch in bundle.batches(io.BytesIO(content))]
        counts = Counts(
            sum(one.new for one in taken), sum(one.dup for one in taken), sum(len(one.rejected) for one in taken)
        )
        outlook = await self.db.write(taking.note, opened, welcome, counts, self._act())
        return counts, outlook

    async def _take(self, batch: bundle.Batch) -> Taken:
        taken = await self.db.write(taking.take, self.here.id, batch, self.clock.at)
        if taken.rejected:
            self.rejected.setdefault(Place(taken.epoch, taken.stream), []).extend(taken.rejected)
        return taken

    async def receipt(self) -> bytes:
        refused = tuple(Refused(*place, tuple(found)) for place, found in self.rejected.items())
        wanted = answering.Wanted(self.here.id, 60, KEY.public.text, refused)
        made: Receipt = await self.db.write(answering.receipt, wanted, self._act())
        return bundle.seal(made, KEY)

    def apply(self, content: bytes) -> tuple[Receipt, Freed]:
        receipt = read_receipt(
            content,
            collector_key=KEY.public.text,
            agent=self.here.id,
            ledger=ledger_of(self.spool),
            now=self.clock.at,
        )
        freed = let_go(self.spool, receipt)
        note_receipt(self.spool, receipt)
        return receipt, freed

    async def all(self, table: Any) -> Sequence[Any]:
        return await self.db.read(lambda conn: list(conn.execute(select(table).order_by(*table.primary_key)).all()))

    def _act(self) -> Act:
        return Act("cli", self.clock.at)
