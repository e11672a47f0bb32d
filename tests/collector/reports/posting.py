"""Readers of reports, and a process that sends until it is killed: `python -m tests.collector.reports.posting`."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, insert

from collector.core import sequences
from collector.core.database import Database
from collector.delivery.mail import MailServer
from collector.delivery.reports import Press, Reports
from collector.domain.reports import mailing
from collector.domain.reports.tables import report_reader
from collector.domain.tenants.tables import member
from common.clock import utc_now

LONG_AGO = timedelta(days=30)


def press(db: Database, port: int) -> Reports:
    server = MailServer(host="127.0.0.1", port=port, tls="off", sender="Fieldpost <ops@example.com>")
    return Reports(db, Press(server, "https://ops.example"), every=0.02)


async def send_all(db: Database, port: int) -> None:
    """Everything that is due."""
    sender = press(db, port)
    while await sender.turn():
        pass


async def subscribed(db: Database, tenant: int, *names: str, status: str = "active", late: bool = False) -> None:
    """Members who get the report, since long ago or since just now."""
    now = utc_now()
    since = now if late else now - LONG_AGO

    def write(conn: Connection) -> None:
        ids = sequences.take(conn, "member", len(names))
        about = {"tenant_id": tenant, "role": "viewer", "status": status, "joined_at": since}
        rows = [
            {**about, "id": n, "name": name, "email": f"{name}@example.com"} for n, name in zip(ids, names, strict=True)
        ]
        conn.execute(insert(member), rows)
        readers = [{"tenant_id": tenant, "member_id": n, "since": since, "queued": mailing.NOBODY_YET} for n in ids]
        conn.execute(insert(report_reader), readers)

    await db.write(write)


async def main(folder: Path, port: int) -> None:
    mailing.LEASE = timedelta(seconds=0.3)  # short, so that the next process need not wait long for this one's mails
    db = Database.open(f"sqlite:///{folder / 'collector.sqlite'}")
    await press(db, port).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
