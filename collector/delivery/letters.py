"""Mails to the subscribers of status pages: spread, claimed and handed in, one connection for a handful of them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib
import msgspec

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.delivery import posting
from collector.delivery.mail import MailServer
from collector.delivery.trust import trust
from collector.domain.statuspage import mailing, wording
from collector.domain.statuspage.links import Links
from collector.domain.statuspage.mailing import Letter, Sent
from collector.domain.statuspage.wording import Mail, News, Ways
from common import logs
from common.clock import utc_now
from common.ids import new_id

AT_ONCE = 20
UNSAVED_SECONDS = 0.25  # how much may be sent twice after kill -9
SLICE_SECONDS = 30.0  # below the lease, so that nobody else sends what is still in hand here

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Postbox:
    """What letters say beside the news: who sends them, and where their links lead."""

    server: MailServer
    links: Links
    url: str


class Letters:
    """One per process; any number of processes share the work by leases."""

    def __init__(self, db: Database, box: Postbox, *, every: float) -> None:
        self._db = db
        self._box = box
        self._every = every
        self._owner = new_id("post")
        self._trust = trust(box.server.ca_file) if box.server.tls != "off" else None

    async def run(self, turned: Callable[[], None] = lambda: None) -> None:
        """Send for ever; `turned` is told of each turn."""
        while True:
            turned()
            try:
                while await self.turn():
                    turned()
            except StoreUnavailable as trouble:
                log.warning("mails to subscribers put off", why=trouble.why, detail=trouble.detail)
            await asyncio.sleep(self._every)

    async def turn(self) -> bool:
        """Spread some news, send some mails; whether there was anything to do."""
        now = utc_now()
        if not await self._db.read(mailing.has_work, now):
            return False
        spread = await self._db.write(mailing.spread, now)
        until = asyncio.get_running_loop().time() + SLICE_SECONDS  # the lease runs from here, however long it takes
        letters = await self._db.write(mailing.claim, self._owner, utc_now(), AT_ONCE)
        await self._send(letters, until)
        return spread or bool(letters)

    async def _send(self, letters: Sequence[Letter], until: float) -> None:
        if not letters:
            return
        left, done = list(letters), list[Sent]()
        try:
            async with asyncio.timeout_at(until), posting.connected(self._box.server, self._trust) as client:
                while left:
                    await self._send_some(client, left, done)
                    await self._db.write(mailing.finish, self._owner, tuple(done), utc_now())
                    del left[: len(done)], done[:]
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            why = f"the mail server cannot be used ({type(error).__name__})"
            late = [Sent(letter, "later", why) for letter in left[len(done) :]]
            log.warning("mails to subscribers put off", why=why, waiting=len(late))
            await self._db.write(mailing.finish, self._owner, [*done, *late], utc_now())

    async def _send_some(self, client: aiosmtplib.SMTP, letters: Sequence[Letter], done: list[Sent]) -> None:
        """As many as may be sent twice; `done` has what has left, however this ends."""
        until = time.monotonic() + UNSAVED_SECONDS
        for letter in letters:
            done.append(await self._hand_in(client, letter))
            if time.monotonic() >= until:
                break

    async def _hand_in(self, client: aiosmtplib.SMTP, letter: Letter) -> Sent:
        handed = await posting.hand_in(client, self._box.server.sender, letter.email, written(letter, self._box))
        return Sent(letter, handed.outcome, handed.error)


def written(letter: Letter, box: Postbox) -> EmailMessage:
    """The mail as it leaves; the same one has the same id, however often it does."""
    ways = _ways(letter, box)
    made = _mail(letter, ways)
    message = EmailMessage()
    message["From"] = box.server.sender
    message["To"] = letter.email
    message["Subject"] = made.subject
    message["Date"] = format_datetime(utc_now())
    message["Message-ID"] = f"<{letter.id}@{posting.domain_of(box.server.sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    if ways.out:
        message["List-Unsubscribe"] = f"<{ways.out}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(made.text)
    message.add_alternative(made.html, subtype="html")
    return message


def _ways(letter: Letter, box: Postbox) -> Ways:
    page = f"{box.url}/status/{letter.slug}"
    if letter.news is None:
        token = box.links.confirm(letter.tenant_id, letter.subscriber_id, letter.asked_at)
        return Ways(act=f"{page}/confirm?token={token}", page=page)
    token = box.links.unsubscribe(letter.tenant_id, letter.subscriber_id)
    item = msgspec.convert(letter.news, News).item
    return Ways(f"{page}/{item}", page, f"{page}/unsubscribe?token={token}")


def _mail(letter: Letter, ways: Ways) -> Mail:
    if letter.news is None:
        return wording.question(letter.page, ways)
    return wording.mail_of(msgspec.convert(letter.news, News), letter.page, ways)
