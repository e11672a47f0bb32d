"""The manual's page of events: an example of each, as the code makes it when it happens."""

import asyncio
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, create_engine, insert, select

from agent.checks import known
from agent.watching import catalogue_entries
from collector import migrations
from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.incidents import changes as incidents
from collector.domain.incidents.rules import Change, Wanted
from collector.domain.maintenance import changes as maintenance
from collector.domain.maintenance.rules import Action
from collector.domain.webhooks import changes as webhooks
from collector.domain.webhooks.rules import EVENT_TYPES
from collector.domain.webhooks.tables import endpoint
from collector.domain.webhooks.tables import event as events
from common.identity import PrivateKey
from common.wire import Catalogue, Kind
from common.wire_aws import Applied, Execution
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.domain.sending import Sender
from tests.collector.services.making import add_service
from tests.collector.web import scheduling

HEAD = """# Events

What webhooks are sent, with one example of each as the collector makes it. When each is sent, what its fields mean,
and how signatures are checked, is on the page about [webhooks](webhooks.md); who is told of alerts by rules, e-mail and
syslog on the one about [notifications](notifications.md). Ignore fields that you do not know: some will be added, none
will change.
"""
ALL = (*EVENT_TYPES, webhooks.TEST)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
_ACT = Act("ana@example.com", T0)
_RANDOM = re.compile(r"\b([a-z]{2,5}_)[0-9A-Za-z]{16,}")


_LIVES: Sequence[Sequence[tuple[int, Action]]] = (((58, "start"), (110, "complete")), ((5, "cancel"),))
"""What becomes of two windows, and after how many minutes."""


def manual() -> str:
    found = asyncio.run(_recorded())
    parts = [HEAD]
    for kind in ALL:
        body = json.dumps(json.loads(found[kind]), indent=1, ensure_ascii=False)
        parts.append(f"## {kind}\n\n```json\n{body}\n```\n")
    return "\n".join(parts)


async def _recorded() -> Mapping[str, str]:
    """The first event of each kind of a day in which everything happens once."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'collector.sqlite'}"
        engine = create_engine(url)
        with engine.begin() as conn:
            migrations.upgrade(conn)
        engine.dispose()
        db = Database.open(url)
        try:
            await _live_through(db)
            return await db.read(_bodies)
        finally:
            await db.close()


async def _live_through(db: Database) -> None:
    here = await builders.agent(db)
    await db.write(_listen, here.tenant)
    await _databases(Sender(db, here))
    await _people(db, here.tenant)
    await _switching(db, here.tenant)
    receiver = await db.read(webhooks.get, here.tenant, "whk_1")
    await db.write(webhooks.test, here.tenant, receiver, _ACT)


def _listen(conn: Connection, tenant_id: int) -> None:
    row = {
        "tenant_id": tenant_id, "id": "whk_1", "kind": "webhook", "name": "siem", "target": {}, "events": list(ALL),
        "state": "enabled", "created_at": T0, "failures": 0, "due_at": T0, "ready_since": T0,
    }  # fmt: skip
    conn.execute(insert(endpoint), row)


async def _databases(sender: Sender) -> None:
    entries = tuple(catalogue_entries([known()["TABLESPACE_USED_PCT"]]))
    await sender.send((Kind.CATALOGUE, T0, Catalogue("cat-1", 1, 1, entries)))
    await sender.inventory("PROD-DB01")
    full = builders.outcome(
        "TABLESPACE_USED_PCT", "critical", category="tablespace", line="USERS 96.4 % full", value=96.4, unit="%",
        warning=85.0, critical=95.0,
    )  # fmt: skip
    well = builders.outcome("TABLESPACE_USED_PCT", category="tablespace", line="USERS 41.0 % full", value=41.0)
    for hour, outcome in enumerate((full, full, full, well, well, well)):
        await sender.visit(T0 + hour * HOUR, outcome, connection="prod-db01")


async def _people(db: Database, tenant: int) -> None:
    shop = await add_service(db, tenant, T0 - 9 * HOUR, name="Shop", slug="shop")
    wanted = Wanted(title="Deploy failed", services={shop: None}, started_at=T0, severity="degraded")
    made = await db.write(incidents.create, tenant, wanted, _ACT)
    for minutes, change in ((9, Change(message="Rolled back.")), (30, Change(status="resolved"))):
        later = Act(_ACT.by, T0 + minutes * MINUTE)
        await db.write(incidents.change, tenant, made.incident.id, change, later)
    for steps in _LIVES:
        window = maintenance.Wanted(
            title="Patch to 19.23", description="The shop is read-only.", visibility="public",
            scheduled_start=T0 + HOUR, scheduled_end=T0 + 2 * HOUR, services=(shop,), exclude_from_sla=True,
            suppress_alerts=False,
        )  # fmt: skip
        number = (await db.write(maintenance.schedule, tenant, window, _ACT)).window.id
        for minutes, action in steps:
            await db.write(maintenance.move, tenant, number, action, Act(_ACT.by, T0 + minutes * MINUTE))


async def _switching(db: Database, tenant: int) -> None:
    linked = await scheduling.link(db, tenant)
    kept = await scheduling.schedule(db, tenant)
    result = Applied("i-0abc123def4567890", "EC2", "FAILED", detail="UnauthorizedOperation: ec2:StopInstances")
    execution = Execution(kept.id, T0, "STOP", T0, "FAILED", (result,))
    agent = builders.AgentHere(tenant, linked.agent_id or "", PrivateKey.generate())
    await Sender(db, agent).send((Kind.AWS_EXECUTION, T0, execution))


def _bodies(conn: Connection) -> dict[str, str]:
    rows = conn.execute(select(events.c.type, events.c.body).order_by(events.c.seq)).all()
    found: dict[str, str] = {}
    for kind, body in rows:
        found.setdefault(kind, _RANDOM.sub(r"\g<1>…", body))
    return found
