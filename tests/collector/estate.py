"""An agent's reports, as it would send them: packed, unpacked, decoded and taken in by the one write path."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.core.database import Database
from collector.domain.agents import enrolment
from collector.domain.agents import store as agents
from collector.domain.results.decode import decode_batch
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import (
    Ack,
    Catalogue,
    CatalogueEntry,
    ConnectionInfo,
    EnrolRequest,
    Inventory,
    Kind,
    Outcome,
    Run,
    Severity,
    Status,
)


@dataclass(slots=True)
class Reporter:
    """One enrolled agent of a tenant that reports straight into the store."""

    db: Database
    source: Source
    seq: int = 0
    runs: int = 0
    listed: dict[str, ConnectionInfo] = field(default_factory=dict)

    async def send(self, *records: tuple[Kind, object]) -> Ack:
        now = utc_now()
        seqs = range(self.seq + 1, self.seq + 1 + len(records))
        self.seq += len(records)
        lines = [wire.record_line(seq, kind, now, body) for seq, (kind, body) in zip(seqs, records, strict=True)]
        _, packed = wire.pack(
            lines,
            agent=self.source.agent_id,
            epoch=self.source.epoch,
            stream=self.source.stream,
            seqs=list(seqs),
            boot="boot",
            sent_at=now,
        )
        return await self.db.write(ingest, self.source, decode_batch(wire.unpack(packed)), now)

    async def list_only(self, *infos: ConnectionInfo) -> None:
        """Report the whole inventory; what it leaves out has been removed."""
        self.listed = {info.key: info for info in infos}
        await self.send((Kind.INVENTORY, Inventory(tuple(infos))))

    async def list_also(self, *infos: ConnectionInfo) -> None:
        await self.list_only(*self.listed.values(), *infos)

    async def catalogue(self, *entries: CatalogueEntry) -> None:
        await self.send((Kind.CATALOGUE, Catalogue(digest="d1", part=1, parts=1, entries=entries)))

    async def run(
        self,
        connection: str,
        *outcomes: Outcome,
        at: datetime | None = None,
        reachable: bool = True,
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


async def reporter(db: Database, tenant_id: int) -> Reporter:
    key, now = PrivateKey.generate(), utc_now()
    token = await db.write(_token, tenant_id, now)
    request = EnrolRequest(
        token=token,
        public_key=key.public.text,
        proof=key.sign(token.encode()),
        name="dbhost",
        hostname="dbhost.example",
        version="0.1.0",
        client_time=now,
    )
    made = await db.write(enrolment.enrol, request, enrolment.prove(request), now)
    return Reporter(db, Source(made.tenant_id, made.id, "epoch", "live"))


def info(key: str, *, name: str = "", host: str = "10.0.1.10", port: int = 1521) -> ConnectionInfo:
    return ConnectionInfo(key=key, name=name or key, type="direct", host=host, port=port, tier="prod")


def outcome(
    check: str,
    status: Status = "ok",
    *,
    severity: Severity | None = None,
    category: str = "redo_logs",
    line: str = "",
    fix: str | None = None,
    interval_s: int = 3600,
) -> Outcome:
    usual: Severity = "critical" if status == "critical" else "warning" if status == "warning" else "info"
    return Outcome(
        check=check,
        category=category,
        status=status,
        severity=severity or usual,
        line=line or f"{check} is {status}",
        fix=fix,
        interval_s=interval_s,
    )


def entry(check: str, *, title: str = "", remediation: str = "", category: str = "redo_logs") -> CatalogueEntry:
    return CatalogueEntry(
        check=check,
        category=category,
        title=title or f"About {check}",
        remediation=remediation or f"Look at {check}",
        unit="",
        ceiling="critical",
        interval_s=3600,
        cost="cheap",
        scope="database",
    )


def ids(rows: Sequence[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


def _token(conn: Connection, tenant_id: int, now: datetime) -> str:
    made = agents.add_token(conn, tenant_id, uses=1, valid_for=timedelta(hours=1), requires_approval=False, now=now)
    return made.secret
