"""Subscribers, news, and a process that sends until it is killed: `python -m tests.collector.statuspage.posting`."""

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from collector.core.database import Database
from collector.delivery.letters import Letters, Postbox
from collector.delivery.mail import MailServer
from collector.domain.statuspage import mailing
from collector.domain.statuspage.links import Links
from collector.domain.statuspage.tables import subscriber
from collector.domain.webhooks import outbox
from collector.domain.webhooks.outbox import Event
from common.clock import utc_now

LINKS = Links(b"0123456789abcdef0123456789abcdef")


def box(port: int) -> Postbox:
    server = MailServer(host="127.0.0.1", port=port, tls="off", sender="status@example.com")
    return Postbox(server, LINKS, "https://status.example")


def post(db: Database, port: int) -> Letters:
    return Letters(db, box(port), every=0.02)


async def send_all(db: Database, port: int) -> None:
    """Everything that is due."""
    letters = post(db, port)
    while await letters.turn():
        pass


async def subscribe(db: Database, tenant: int, *names: str, **changes: Any) -> None:
    """Confirmed subscribers; their ids are their names."""
    now = utc_now()
    given = {"state": "confirmed", "services": [], "events": ["incidents", "maintenance"], "asked_at": now, "asked": 0}
    rows = [
        {"tenant_id": tenant, "id": name, "email": f"{name}@example.com", "created_at": now, **given, **changes}
        for name in names
    ]
    await db.write(lambda conn: conn.execute(insert(subscriber), rows))


async def happened(db: Database, tenant: int, kind: str, number: int, at: datetime | None = None) -> None:
    """What a change of this item leaves in the outbox."""
    await db.write(outbox.emit, tenant, [Event(kind, {"id": number}, at or utc_now())])


async def main(folder: Path, port: int) -> None:
    mailing.LEASE = timedelta(seconds=0.3)  # short, so that the next process need not wait long for this one's mails
    db = Database.open(f"sqlite:///{folder / 'collector.sqlite'}")
    await post(db, port).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
