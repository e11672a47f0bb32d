"""Mails reach a real server on the loopback address, each at least once, however often the sender is killed."""

import asyncio
import random
import re
import shutil
import sys
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import select

from collector.core.database import Database
from collector.core.settings import Settings
from collector.delivery import setup
from collector.delivery.letters import written
from collector.delivery.posting import packed
from collector.domain.statuspage import subscribers, wording
from collector.domain.statuspage.mailing import Letter
from collector.domain.statuspage.rules import EVENT_KINDS, Wishes
from collector.domain.statuspage.tables import status_mail, subscriber
from common.clock import utc_now
from tests.collector.api.public.making import Site, site
from tests.collector.builders import T0
from tests.collector.delivery.test_mail import Mailbox, mailbox
from tests.collector.statuspage.posting import LINKS, box, happened, send_all, subscribe

READERS = 120
KILLS = 5


@pytest_asyncio.fixture
async def acme(database: Database) -> Site:
    return await site(database)


def link_in(letter: EmailMessage, word: str) -> str:
    plain = letter.get_body(("plain",))
    assert plain is not None
    found = re.search(rf"https://status\.example\S*/{word}\?token=(\S+)", plain.get_content())
    assert found
    return found[1]


async def test_from_the_question_to_the_news_and_out_again(database: Database, acme: Site) -> None:
    wishes = Wishes((), EVENT_KINDS)
    await database.write(subscribers.ask, acme.tenant, "ana@example.com", wishes, utc_now())
    async with mailbox() as box:
        await send_all(database, box.port)
        [question] = box.taken
        assert question["Subject"] == "[Acme] Please confirm your subscription"
        assert question["List-Unsubscribe"] is None
        token = link_in(question, "confirm")
        assert await database.write(subscribers.confirm, acme.tenant, token, LINKS, utc_now())
        await happened(database, acme.tenant, "incident.created", acme.outage)
        await send_all(database, box.port)
        _, told = box.taken
    assert (told["Subject"], told["To"]) == ("[Acme] Incident: Slow", "ana@example.com")
    assert told["From"] == "status@example.com"
    out = link_in(told, "unsubscribe")
    assert told["List-Unsubscribe"] == f"<https://status.example/status/{acme.slug}/unsubscribe?token={out}>"
    assert told["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html = told.get_body(("html",))
    assert html is not None
    assert "We are looking into it." in html.get_content()
    assert re.search(r"\d\d:\d\d UTC", html.get_content())
    assert await database.write(subscribers.unsubscribe, acme.tenant, out, LINKS)
    assert await database.read(lambda conn: conn.execute(select(subscriber.c.id)).all()) == []


def test_the_link_for_one_click_stands_in_one_line_as_it_is() -> None:
    letter = Letter(1, "news_1.ana", "ana", "ana@example.com", T0, "acme" * 15, "Acme Ünited", None, None, "news_1", 0)
    news = wording.News("incident.created", "incidents/1", "Incident", "Slow", [], "Looking")
    content = packed(written(letter._replace(event=news.event, news=msgspec.to_builtins(news)), box(25)))
    link = f"<https://status.example/status/{letter.slug}/unsubscribe?token="
    assert f"\r\nList-Unsubscribe: {link}{LINKS.unsubscribe(1, 'ana')}>\r\n".encode() in content
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


async def test_one_refused_address_keeps_nobody_else_waiting(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana", "ben", "cleo")
    await happened(database, acme.tenant, "incident.created", acme.outage)
    async with mailbox() as box:
        box.refuses = "ben@example.com"
        await send_all(database, box.port)
    assert sorted(letter["To"] for letter in box.taken) == ["ana@example.com", "cleo@example.com"]
    wanted = select(status_mail.c.state, status_mail.c.error).where(status_mail.c.subscriber_id == "ben")
    assert await database.read(lambda conn: tuple(conn.execute(wanted).one())) == (
        "dead",
        "the address was refused: 550",
    )


async def test_an_address_that_cannot_be_written_to_keeps_nobody_else_waiting(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "a\u00fc", "ben")
    await happened(database, acme.tenant, "incident.created", acme.outage)
    async with mailbox() as box:
        await send_all(database, box.port)
    assert [letter["To"] for letter in box.taken] == ["ben@example.com"]


async def test_a_server_that_is_away_is_waited_for(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    await happened(database, acme.tenant, "incident.created", acme.outage)
    async with mailbox() as box:
        gone = box.port
    await send_all(database, gone)
    row = await database.read(lambda conn: conn.execute(select(status_mail)).one())
    assert (row.state, row.tries) == ("pending", 1)
    assert row.error == "the mail server cannot be used (SMTPConnectError)"


def test_there_are_letters_where_there_is_a_server_and_an_address(tmp_path: Path) -> None:
    given = {"state_dir": tmp_path, "smtp_host": "127.0.0.1", "public_host": "ops.example"}
    db = Database.open(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    try:
        made = setup.letters(Settings(**given, status_page_from="status@example.com", smtp_tls="off"), db)  # type: ignore[arg-type]  # settings by name
        assert made is not None
        assert (made._box.url, made._box.server.sender) == ("https://ops.example:8443", "status@example.com")
        assert setup.letters(Settings(**{**given, "public_host": ""}), db) is None  # type: ignore[arg-type]  # likewise
        assert setup.letters(Settings(**{**given, "smtp_host": ""}), db) is None  # type: ignore[arg-type]  # likewise
    finally:
        asyncio.run(db.close())


@pytest.mark.system
async def test_no_mail_is_lost_over_many_kills(sqlite_template: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'collector.sqlite')}"
    chance, names = random.Random(5), [f"s{number:03}" for number in range(READERS)]
    db = Database.open(url)
    acme = await site(db)
    await subscribe(db, acme.tenant, *names)
    await happened(db, acme.tenant, "incident.created", acme.outage)
    await db.close()
    async with mailbox() as box:
        for _ in range(KILLS):
            await _run_and_kill(tmp_path, box, more=chance.randint(1, 15))
        process = await _start(tmp_path, box.port)
        while len({letter["To"] for letter in box.taken}) < READERS:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.7)
        process.kill()
        await process.wait()
    assert {letter["To"] for letter in box.taken} == {f"{name}@example.com" for name in names}
    ids = {letter["To"]: set[str]() for letter in box.taken}
    for letter in box.taken:
        ids[letter["To"]].add(letter["Message-ID"])
    assert all(len(same) == 1 for same in ids.values())  # who gets a mail twice can tell
    db = Database.open(url)
    states = await db.read(lambda conn: conn.execute(select(status_mail.c.state).distinct()).scalars().all())
    assert states == ["sent"]
    await db.close()


async def _run_and_kill(folder: Path, box: Mailbox, *, more: int) -> None:
    process, enough = await _start(folder, box.port), min(len(box.taken) + more, READERS)
    while len(box.taken) < enough:  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0.001)
    process.kill()
    await process.wait()


async def _start(folder: Path, port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.collector.statuspage.posting",
        str(folder),
        str(port),
        cwd=Path(__file__).parents[3],
    )
