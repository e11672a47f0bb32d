"""What an agent would make and send: enrolled agents, records, batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from collector.core.database import Database
from collector.domain.agents import store as agents
from collector.domain.agents.enrolment import enrol
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from common import wire
from common.clock import utc_now
from common.identity import NOWHERE, Origin, PrivateKey
from common.ids import random_text
from common.wire import (
    Ack,
    Catalogue,
    CatalogueEntry,
    ConnectionInfo,
    EnrolRequest,
    Heartbeat,
    Inventory,
    Kind,
    Outcome,
    Run,
    SpoolState,
    Stream,
)

T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AgentHere:
    """An enrolled agent with its private key."""

    tenant: int
    id: str
    key: PrivateKey

    def headers(
        self, method: str, path: str, *, now: datetime | None = None, origin: Origin = NOWHERE
    ) -> dict[str, str]:
        token = self.key.request_token(agent=self.id, method=method, path=path, now=now or utc_now(), origin=origin)
        return {"Authorization": f"Bearer {token}"}

    def batch(
        self,
        lines: Sequence[bytes],
        *,
        seqs: Sequence[int],
        stream: Stream = "live",
        epoch: str = "epoch-1",
        agent: str | None = None,
    ) -> tuple[bytes, str]:
        """A packed batch and its signature."""
        header, body = wire.pack(
            lines, agent=agent or self.id, epoch=epoch, stream=stream, seqs=seqs, boot="boot-1", sent_at=utc_now()
        )
        return body, self.key.sign(header)

    async def send(self, client: httpx.AsyncClient, body: bytes, signature: str) -> httpx.Response:
        headers = {
            **self.headers("POST", "/agent/v1/batches"),
            "Content-Type": wire.CONTENT_TYPE,
            wire.SIGNATURE_HEADER: signature,
        }
        return await client.post("/agent/v1/batches", content=body, headers=headers)

    async def push(
        self, client: httpx.AsyncClient, bodies: Iterable[tuple[Kind | str, datetime, object]], *, first: int = 1
    ) -> Ack:
        """Send these as the records `first` and up, and read the ack."""
        lines = [wire.record_line(first + n, kind, at, body) for n, (kind, at, body) in enumerate(bodies)]
        body, signature = self.batch(lines, seqs=range(first, first + len(lines)))
        answer = await self.send(client, body, signature)
        assert answer.status_code == 200, answer.text
        return wire.decode(answer.content, Ack)


async def tenant(db: Database) -> int:
    slug = f"t-{random_text(8)}"
    made = await db.write(tenants.add, NewTenant(slug=slug, name=slug.upper(), plan="enterprise"), utc_now())
    return made.id


async def token(db: Database, tenant_id: int, *, uses: int = 1, requires_approval: bool = False) -> str:
    def add(conn: object) -> agents.NewToken:
        return agents.add_token(
            conn,  # type: ignore[arg-type]  # the gateway hands over its connection
            tenant_id,
            uses=uses,
            valid_for=timedelta(hours=24),
            requires_approval=requires_approval,
            now=utc_now(),
        )

    return (await db.write(add)).secret


async def agent(db: Database, tenant_id: int | None = None) -> AgentHere:
    """An agent of a tenant of its own, or of the given one."""
    tenant_id = tenant_id if tenant_id is not None else await tenant(db)
    key = PrivateKey.generate()
    request = enrol_request(await token(db, tenant_id), key)
    made = await db.write(enrol, request, key.public, utc_now())
    return AgentHere(tenant_id, made.id, key)


def enrol_request(secret: str, key: PrivateKey, *, name: str = "agent-1") -> EnrolRequest:
    return EnrolRequest(
        token=secret,
        public_key=key.public.text,
        proof=key.sign(secret.encode()),
        name=name,
        hostname="db01.example",
        version="0.1.0",
        client_time=utc_now(),
    )


def outcome(check: str = "REDOLOG_SIZE", status: wire.Status = "ok", **changes: object) -> Outcome:
    severity = status if status in {"critical", "warning"} else "info"
    given: dict[str, object] = {
        "check": check,
        "category": "redo_logs",
        "status": status,
        "severity": severity,
        "line": f"{check} is {status}",
        "interval_s": 3600,
    }
    return Outcome(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one struct


def run(
    outcomes: Iterable[Outcome], *, key: str, at: datetime = T0, connection: str = "prod", **changes: object
) -> Run:
    given: dict[str, object] = {
        "run": key,
        "connection": connection,
        "started_at": at - timedelta(seconds=2),
        "ended_at": at,
        "trigger": "schedule",
        "outcomes": tuple(outcomes),
    }
    return Run(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one struct


def inventory(*names: str) -> Inventory:
    """Connections whose key is their lower-case name."""
    return Inventory(
        tuple(
            ConnectionInfo(key=name.lower(), name=name, type="direct", host="10.0.1.10", port=1521, tier="prod")
            for name in names
        )
    )


def catalogue(*checks: str, digest: str = "cat-1") -> Catalogue:
    entries = tuple(
        CatalogueEntry(
            check=check,
            category="redo_logs",
            title=f"Title of {check}",
            remediation=f"Mend {check}.",
            unit="",
            ceiling="critical",
            interval_s=3600,
            cost="cheap",
            scope="instance",
        )
        for check in checks
    )
    return Catalogue(digest, 1, 1, entries)


def heartbeat(at: datetime = T0, **changes: object) -> Heartbeat:
    spool = SpoolState(records=3, bytes=4096, limit_bytes=1 << 29, oldest_at=at, dropped=0, dead=0)
    given: dict[str, object] = {"version": "0.1.0", "started_at": T0, "rss_bytes": 40 << 20, "spool": spool}
    return Heartbeat(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one struct
