"""An agent that reports over the link, as the real one does, and what it says about its connections."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from collector.core.database import Database
from common.clock import utc_now
from common.wire import Catalogue, CatalogueEntry, ConnectionInfo, Inventory, Kind, Outcome, Run
from tests.collector import builders
from tests.collector.builders import AgentHere


@dataclass(slots=True)
class Reporter:
    """One enrolled agent; each call is one batch."""

    agent: AgentHere
    http: httpx.AsyncClient
    sent: int = 0
    runs: int = 0
    listed: dict[str, ConnectionInfo] = field(default_factory=dict)

    async def send(self, *records: tuple[Kind, object]) -> None:
        now = utc_now()
        ack = await self.agent.push(self.http, [(kind, now, body) for kind, body in records], first=self.sent + 1)
        assert ack.rejected == ()
        self.sent += len(records)

    async def list_only(self, *infos: ConnectionInfo) -> None:
        """Report the whole inventory; what it leaves out has been removed."""
        self.listed = {info.key: info for info in infos}
        await self.send((Kind.INVENTORY, Inventory(tuple(infos))))

    async def list_also(self, *infos: ConnectionInfo) -> None:
        await self.list_only(*self.listed.values(), *infos)

    async def catalogue(self, *entries: CatalogueEntry) -> None:
        await self.send((Kind.CATALOGUE, Catalogue(digest="d1", part=1, parts=1, entries=entries)))

    async def run(
        self, connection: str, *outcomes: Outcome, at: datetime | None = None, reachable: bool = True
    ) -> None:
        self.runs += 1
        ended = at or utc_now()
        visit = Run(
            run=f"run-{self.runs:04}",
            connection=connection,
            started_at=ended - timedelta(seconds=2),
            ended_at=ended,
            trigger="schedule",
            outcomes=outcomes,
            reachable=reachable,
        )
        await self.send((Kind.RUN, visit))


async def reporter(db: Database, tenant_id: int, http: httpx.AsyncClient) -> Reporter:
    return Reporter(await builders.agent(db, tenant_id), http)


def info(key: str, *, name: str = "", host: str = "10.0.1.10", port: int = 1521) -> ConnectionInfo:
    return ConnectionInfo(key=key, name=name or key, type="direct", host=host, port=port, tier="prod")


def entry(check: str, *, title: str = "", remediation: str = "") -> CatalogueEntry:
    return CatalogueEntry(
        check=check,
        category="redo_logs",
        title=title or f"About {check}",
        remediation=remediation or f"Look at {check}",
        unit="",
        ceiling="critical",
        interval_s=3600,
        cost="cheap",
        scope="database",
    )
