"""Reports by mail: one for each reader and week, whichever process gets there first."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.delivery import posting
from collector.delivery.mail import MailServer
from collector.delivery.trust import trust
from collector.domain.reports import mailing, reading, wording
from collector.domain.reports.mailing import Letter, Sent
from collector.domain.reports.weeks import Week
from collector.domain.reports.wording import Mail
from common import logs
from common.clock import utc_now
from common.ids import new_id

AT_ONCE = 20
SLICE_SECONDS = 30.0  # below the lease, so that nobody else sends what is still in hand here
_REST_SECONDS = 5.0

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Press:
    """Who sends reports, and where their links lead."""

    server: MailServer
    url: str


class Reports:
    """One per process; any number of processes share the work by leases."""

    def __init__(self, db: Database, press: Press, *, every: float = _REST_SECONDS) -> None:
        self._db = db
        self._press = press
        self._every = every
        self._owner = new_id("press")
        self._trust = trust(press.server.ca_file) if press.server.tls != "off" else None

    async def run(self, turned: Callable[[], None] = lambda: None) -> None:
        """Send for ever; `turned` is told of each turn."""
        while True:
            turned()
            try:
                while await self.turn():
                    turned()
            except StoreUnavailable as trouble:
                log.warning("reports put off", why=trouble.why, detail=trouble.detail)
            await asyncio.sleep(self._every)

    async def turn(self) -> bool:
        """Queue some reports, send some; whether there was anything to do."""
        now = utc_now()
        if not await self._db.read(mailing.has_work, now):
            return False
        queued = await self._db.write(mailing.queue, now, AT_ONCE)
        until = asyncio.get_running_loop().time() + SLICE_SECONDS  # the lease runs from here, however long it takes
        letters = await self._db.write(mailing.claim, self._owner, utc_now(), AT_ONCE)
        await self._send(letters, until)
        return bool(queued or letters)

    async def _send(self, letters: Sequence[Letter], until: float) -> None:
        if not letters:
            return
        left, made = list(letters), dict[tuple[int, str], Mail]()
        try:
            async with asyncio.timeout_at(until), posting.connected(self._press.server, self._trust) as client:
                while left:
                    week = left[0].tenant_id, left[0].week
                    if week not in made:
                        made[week] = await self._made(left[0])
                    sent = await self._hand_in(client, left[0], made[week])
                    await self._db.write(mailing.finish, self._owner, [sent], utc_now())
                    del left[0]
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            why = f"the mail server cannot be used ({type(error).__name__})"
            log.warning("reports put off", why=why, waiting=len(left))
            late = [Sent(letter, "later", why) for letter in left]
            await self._db.write(mailing.finish, self._owner, late, utc_now())

    async def _made(self, letter: Letter) -> Mail:
        week = Week.parse(letter.week)
        found = await self._db.read(reading.report, letter.tenant_id, week, utc_now(), heavy=True)
        return wording.mail_of(found, self._press.url)

    async def _hand_in(self, client: aiosmtplib.SMTP, letter: Letter, mail: Mail) -> Sent:
        sender = self._press.server.sender
        handed = await posting.hand_in(client, sender, letter.email, written(letter, mail, sender))
        return Sent(letter, handed.outcome, handed.error)


def written(letter: Letter, mail: Mail, sender: str) -> EmailMessage:
    """The mail as it leaves; the same one has the same id, however often it does."""
    name = f"report.{letter.tenant_id}.{letter.week}.{letter.member_id}"
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.email
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(utc_now())
    message["Message-ID"] = f"<{name}@{posting.domain_of(sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
