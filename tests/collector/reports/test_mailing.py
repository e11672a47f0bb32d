"""Reports reach their readers over a real mail server, each week once, however many send and however often they die."""

import asyncio
import random
import shutil
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from collector.core.database import Database
from collector.core.settings import Settings
from collector.delivery import setup
from collector.domain.access.rules import Act
from collector.domain.reports import jobs, mailing, weeks
from collector.domain.reports.tables import report_mail
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.delivery.test_mail import Mailbox, mailbox
from tests.collector.reports.posting import press, send_all, subscribed

READERS = 60
KILLS = 4
NEXT = timedelta(days=7)


@pytest_asyncio.fixture
async def tenant(database: Database) -> int:
    return (await accounts.account(database)).tenant


async def test_the_report_goes_to_each_reader_once(database: Database, tenant: int) -> None:
    await subscribed(database, tenant, "ana", "ben")
    async with mailbox() as box:
        await send_all(database, box.port)
        await send_all(database, box.port)
    assert sorted(letter["To"] for letter in box.taken) == ["ana@example.com", "ben@example.com"]
    letter, week = box.taken[0], weeks.ready(utc_now())
    assert letter["Subject"].startswith(f"[Fieldpost] Week {week} of T-")
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert f"https://ops.example/ui/report?week={week}" in plain.get_content()
    assert not any(word in html.get_content() for word in ("<img", "<link", "<script", "src="))


async def test_two_processes_share_the_work_and_send_nothing_twice(database: Database, tenant: int) -> None:
    await subscribed(database, tenant, *(f"r{number:02}" for number in range(30)))
    async with mailbox() as box:
        await asyncio.gather(*(send_all(database, box.port) for _ in range(3)))
    assert Counter(letter["To"] for letter in box.taken) == Counter(f"r{number:02}@example.com" for number in range(30))


async def test_each_week_has_a_report_and_whoever_comes_late_waits_for_the_next(
    database: Database, tenant: int
) -> None:
    await subscribed(database, tenant, "ana")
    await subscribed(database, tenant, "late", late=True)
    now = utc_now()
    assert await database.write(mailing.queue, now, 10) == 1
    assert await database.write(mailing.queue, now, 10) == 0
    assert await database.write(mailing.queue, now + NEXT, 10) == 2
    rows = await database.read(lambda conn: conn.execute(select(report_mail.c.week)).scalars().all())
    assert Counter(rows) == {str(weeks.ready(now)): 1, str(weeks.ready(now + NEXT)): 2}


async def test_a_suspended_member_gets_none_and_keeps_nobody_waiting(database: Database, tenant: int) -> None:
    await subscribed(database, tenant, "gone", status="suspended")
    await subscribed(database, tenant, "ben")
    async with mailbox() as box:
        await send_all(database, box.port)
    assert [letter["To"] for letter in box.taken] == ["ben@example.com"]
    assert not await database.read(mailing.has_work, utc_now())


async def test_a_refused_address_is_given_up_and_a_server_that_is_away_is_waited_for(
    database: Database, tenant: int
) -> None:
    await subscribed(database, tenant, "ana", "ben")
    async with mailbox() as box:
        gone = box.port
    await send_all(database, gone)
    rows = await database.read(lambda conn: conn.execute(select(report_mail)).all())
    assert [(row.state, row.tries) for row in rows] == [("pending", 1), ("pending", 1)]
    async with mailbox() as box:
        box.refuses = "ben@example.com"
        claimed = await database.write(mailing.claim, "me", utc_now() + timedelta(minutes=1), 10)
        await press(database, box.port)._send(claimed, asyncio.get_running_loop().time() + 20)
    found = await database.read(lambda conn: conn.execute(select(report_mail.c.state)).scalars().all())
    assert len(box.taken) == 1
    assert found == ["pending", "pending"]  # who has no lease has no say


async def test_whoever_stops_it_gets_nothing_that_waits(database: Database, tenant: int) -> None:
    who = await accounts.someone(database, tenant)
    act = Act(who.email, utc_now() - timedelta(days=30))
    for _ in range(2):
        await database.write(mailing.subscribe, tenant, who.id, act)
    assert [one.email for one in await database.read(mailing.readers, tenant)] == [who.email]
    await database.write(mailing.queue, utc_now(), 10)
    assert await database.write(mailing.unsubscribe, tenant, who.id, act)
    assert not await database.write(mailing.unsubscribe, tenant, who.id, act)
    assert await database.write(mailing.claim, "me", utc_now(), 10) == []


async def test_old_mails_are_forgotten(database: Database, tenant: int) -> None:
    await subscribed(database, tenant, "ana")
    await database.write(mailing.queue, utc_now(), 10)
    forget = jobs.forget(timedelta(days=30))
    assert await database.write(forget, utc_now(), 10) == 0
    assert await database.write(forget, utc_now() + timedelta(days=31), 10) == 1


def test_there_are_reports_by_mail_where_there_is_a_server(tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    try:
        given = Settings(state_dir=tmp_path, smtp_host="127.0.0.1", smtp_tls="off", public_host="ops.example")
        made = setup.reports(given.model_copy(update={"status_page_url": "https://status.example"}), db)
        assert made is not None
        assert made._press.url == "https://ops.example:8443"
        assert setup.reports(Settings(state_dir=tmp_path), db) is None
    finally:
        asyncio.run(db.close())


@pytest.mark.system
async def test_no_report_is_lost_over_many_kills(sqlite_template: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'collector.sqlite')}"
    chance, names = random.Random(7), [f"s{number:02}" for number in range(READERS)]
    db = Database.open(url)
    await subscribed(db, (await accounts.account(db)).tenant, *names)
    await db.close()
    async with mailbox() as box:
        for _ in range(KILLS):
            await _run_and_kill(tmp_path, box, more=chance.randint(1, 10))
        process = await _start(tmp_path, box.port)
        while len({letter["To"] for letter in box.taken}) < READERS:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.7)
        process.kill()
        await process.wait()
    assert {letter["To"] for letter in box.taken} == {f"{name}@example.com" for name in names}
    assert len(box.taken) <= READERS + KILLS  # at most the one that was in hand
    assert len({letter["Message-ID"] for letter in box.taken}) == READERS


async def _run_and_kill(folder: Path, box: Mailbox, *, more: int) -> None:
    wanted = len(box.taken) + more
    process = await _start(folder, box.port)
    while len(box.taken) < min(wanted, READERS):  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.005)
    process.kill()
    await process.wait()


async def _start(folder: Path, port: int) -> asyncio.subprocess.Process:
    arguments = ("-m", "tests.collector.reports.posting", str(folder), str(port))
    return await asyncio.create_subprocess_exec(sys.executable, *arguments)
