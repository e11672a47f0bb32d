"""E-mail: one message to all recipients of a channel, through the operator's mail server."""

import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import aiosmtplib
import msgspec

from collector.core.settings import SmtpTls
from collector.delivery.sending import CONNECT_SECONDS, TOTAL_SECONDS, Began, within
from collector.delivery.trust import trust
from collector.domain.notifications.wording import mail
from collector.domain.webhooks.lanes import Lane, Message, Work
from collector.domain.webhooks.rules import Attempt
from common import logs

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed in; the password is read for each of them, so that a rotated one needs no restart."""

    host: str
    port: int
    tls: SmtpTls
    sender: str
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None


class MailSender:
    """One connection per mail: they are few, and servers differ in how long they keep one."""

    def __init__(self, server: MailServer | None) -> None:
        self._server = server
        self._trust = trust(server.ca_file) if server and server.tls != "off" else None

    async def send(self, lane: Lane, work: Work, message: Message) -> Attempt:
        del lane
        began = Began.now()
        if self._server is None:
            return began.failed("no mail server is set up (smtp_host)")
        letter = _letter(self._server, work.target["to"], message, began)
        try:
            await within(TOTAL_SECONDS, _hand_in(self._server, letter, self._trust))
        except aiosmtplib.SMTPResponseException as refused:
            return began.failed(f"the mail server refused: {refused.code}")
        except aiosmtplib.SMTPRecipientsRefused:
            return began.failed("the mail server refused every recipient")
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return began.failed(f"the mail server cannot be used ({type(error).__name__})")
        return began.well()

    async def close(self) -> None:
        """Nothing is kept open."""


async def _hand_in(server: MailServer, letter: EmailMessage, context: ssl.SSLContext | None) -> None:
    password = server.password_file.read_text().strip() if server.password_file else None
    refused, _ = await aiosmtplib.send(
        letter,
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        tls_context=context,
        username=server.user or None,
        password=password,
        timeout=CONNECT_SECONDS,
    )
    if refused:  # the others have it: a second mail would do them no good
        log.warning("some recipients were refused", refused=len(refused), message=letter["X-Fieldpost-Id"])


def _letter(server: MailServer, recipients: list[str], message: Message, began: Began) -> EmailMessage:
    subject, text = mail(msgspec.json.decode(message.body))
    letter = EmailMessage()
    letter["From"] = server.sender
    letter["To"] = ", ".join(recipients)
    letter["Subject"] = subject
    letter["Date"] = format_datetime(began.at)
    letter["Message-ID"] = make_msgid(message.id, domain=server.sender.rpartition("@")[2] or "fieldpost")
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-Fieldpost-Id"] = message.id
    letter.set_content(text)
    return letter
