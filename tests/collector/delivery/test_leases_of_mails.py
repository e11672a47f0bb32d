"""Two replicas on PostgreSQL send what is due at the same time: each mail once, and once more only if it must be."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Connection, Table, select, update

from collector.core.database import Database
from collector.delivery import letters, reports
from collector.domain.reports import mailing as report_mailing
from collector.domain.reports import reading
from collector.domain.reports.rules import Report
from collector.domain.reports.tables import report_mail
from collector.domain.statuspage import mailing as letter_mailing
from collector.domain.statuspage.tables import status_mail
from common.clock import utc_now
from tests.collector import builders
from tests.collector.api.public.making import site
from tests.collector.builders import T0
from tests.collector.delivery.test_mail import Mailbox, mailbox
from tests.collector.reports import posting as reporting
from tests.collector.statuspage import posting
from tests.collector.statuspage.posting import happened

Pair = tuple[Database, Database]

NAMES = [f"r{number:02}" for number in range(60)]
EACH_ONCE = Counter(f"{name}@example.com" for name in NAMES)
FEW = NAMES[:6]
FEW_ONCE = Counter(f"{name}@example.com" for name in FEW)
LEASE, SLICE = 1.5, 1.0


@pytest_asyncio.fixture
async def pair(postgres_url: str) -> AsyncIterator[Pair]:
    one, other = Database.open(postgres_url), Database.open(postgres_url)
    yield one, other
    await one.close()
    await other.close()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Until it is undone leases end after a moment, and the time to send in is still below that."""
    with monkeypatch.context() as short:
        for kind in (letter_mailing, report_mailing):
            short.setattr(kind, "LEASE", timedelta(seconds=LEASE))
        for sender in (letters, reports):
            short.setattr(sender, "SLICE_SECONDS", SLICE)
        yield short


@dataclass
class Hanging(Mailbox):
    """Takes so many mails, and then answers nobody any more until it is let go."""

    first: int = 0
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(self.taken) >= self.first:
            self.hangs.set()
            await self.let_go.wait()
        return await super().handle_RCPT(server, session, envelope, address, options)


def _taken(*boxes: Mailbox) -> Counter[str]:
    return Counter(letter["To"] for box in boxes for letter in box.taken)


async def _queued_letters(db: Database, names: Iterable[str] = NAMES) -> None:
    acme = await site(db)
    await posting.subscribe(db, acme.tenant, *names)
    await happened(db, acme.tenant, "incident.created", acme.outage)
    while await db.write(letter_mailing.spread, utc_now()):
        pass


async def _queued_reports(db: Database, names: Iterable[str] = NAMES) -> None:
    await reporting.subscribed(db, await builders.tenant(db), *names)
    await db.write(report_mailing.queue, utc_now(), len(NAMES))


async def test_two_replicas_that_race_send_each_letter_once(pair: Pair) -> None:
    await _queued_letters(pair[0])
    async with mailbox() as one, mailbox() as other:
        await asyncio.gather(posting.send_all(pair[0], one.port), posting.send_all(pair[1], other.port))
    assert _taken(one, other) == EACH_ONCE
    assert one.taken
    assert other.taken


async def test_two_replicas_that_race_send_each_report_once(pair: Pair) -> None:
    await _queued_reports(pair[0])
    async with mailbox() as one, mailbox() as other:
        await asyncio.gather(reporting.send_all(pair[0], one.port), reporting.send_all(pair[1], other.port))
    assert _taken(one, other) == EACH_ONCE
    assert one.taken
    assert other.taken


async def test_letters_that_hang_with_one_replica_are_sent_once_by_the_other(
    pair: Pair, soon: pytest.MonkeyPatch
) -> None:
    await _queued_letters(pair[0], FEW)
    stuck = Hanging(first=2)
    async with mailbox(stuck), mailbox() as other:
        await posting.post(pair[0], stuck.port).turn()
        assert len(stuck.taken) == 2
        soon.undo()
        await _all_due(pair[1], status_mail)
        await posting.send_all(pair[1], other.port)
        stuck.let_go.set()
    assert _taken(stuck, other) == FEW_ONCE
    assert await _states(pair[0], status_mail) == {"sent"}


async def test_reports_that_hang_with_one_replica_are_sent_once_by_the_other(
    pair: Pair, soon: pytest.MonkeyPatch
) -> None:
    await _queued_reports(pair[0], FEW)
    stuck = Hanging(first=2)
    async with mailbox(stuck), mailbox() as other:
        await reporting.press(pair[0], stuck.port).turn()
        assert len(stuck.taken) == 2
        soon.undo()
        await _all_due(pair[1], report_mail)
        await reporting.send_all(pair[1], other.port)
        stuck.let_go.set()
    assert _taken(stuck, other) == FEW_ONCE
    assert await _states(pair[0], report_mail) == {"sent"}


async def test_letters_whose_claim_had_to_wait_are_sent_by_one_replica(pair: Pair, soon: pytest.MonkeyPatch) -> None:
    """The lease begins when they are claimed, not when it was first looked for them."""
    await _queued_letters(pair[0], FEW)
    async with mailbox() as one, mailbox() as other:
        busy = asyncio.create_task(pair[0].write(_sleep, 2 * LEASE))
        late = asyncio.create_task(posting.post(pair[0], one.port).turn())
        await busy
        await asyncio.gather(late, posting.send_all(pair[1], other.port))
        soon.undo()
        await _all_due(pair[1], status_mail)
        await posting.send_all(pair[1], other.port)
    assert _taken(one, other) == FEW_ONCE


async def test_reports_that_took_longer_to_make_than_their_lease_are_left_to_the_other_replica(
    pair: Pair, soon: pytest.MonkeyPatch
) -> None:
    await _queued_reports(pair[0], FEW)
    made, slowly = reading.report, threading.Event()

    def slow_at_first(*args: Any) -> Report:
        if not slowly.is_set():
            slowly.set()
            time.sleep(2 * LEASE)
        return made(*args)

    soon.setattr(reading, "report", slow_at_first)
    async with mailbox() as one, mailbox() as other:
        late = asyncio.create_task(reporting.press(pair[0], one.port).turn())
        await asyncio.to_thread(slowly.wait)
        await asyncio.sleep(LEASE)
        soon.undo()
        await _all_due(pair[1], report_mail)
        await reporting.send_all(pair[1], other.port)
        await late
    assert _taken(one, other) == FEW_ONCE


def _sleep(_conn: Connection, seconds: float) -> None:
    time.sleep(seconds)


async def _states(db: Database, table: Table) -> set[str]:
    return await db.read(lambda conn: set(conn.execute(select(table.c.state)).scalars()))


async def _all_due(db: Database, table: Table) -> None:
    now = update(table).where(table.c.state == "pending").values(due_at=T0)
    await db.write(lambda conn: conn.execute(now))
