"""Handing mails in at the operator's server: one connection for a handful of them, and what it says of each."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Literal, NamedTuple

import aiosmtplib

from collector.delivery.mail import MailServer
from collector.delivery.sending import CONNECT_SECONDS, TOTAL_SECONDS

_PERMANENT = 500
_UNFOLDED = SMTP.clone(max_line_length=998)


class Handed(NamedTuple):
    """`refused`: the server will not take it for this address, ever; `later`: this time it did not work."""

    outcome: Literal["sent", "refused", "later"]
    error: str = ""


@asynccontextmanager
async def connected(server: MailServer, context: ssl.SSLContext | None) -> AsyncIterator[aiosmtplib.SMTP]:
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        tls_context=context,
        timeout=CONNECT_SECONDS,
    )
    await client.connect()
    try:
        if server.user:
            password = server.password_file.read_text().strip() if server.password_file else ""
            await client.login(server.user, password, timeout=TOTAL_SECONDS)
        yield client
        await client.quit()
    finally:
        client.close()


async def hand_in(client: aiosmtplib.SMTP, sender: str, email: str, message: EmailMessage) -> Handed:
    """What the server says of one address is about that address alone; what ends the connection is raised."""
    try:
        await client.sendmail(parseaddr(sender)[1], [email], packed(message))
    except aiosmtplib.SMTPRecipientsRefused as refused:
        codes = [one.code for one in refused.recipients]
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as refused:
        return Handed("later", f"the mail server refused: {refused.code}")
    except (aiosmtplib.SMTPNotSupported, ValueError) as error:
        return Handed("refused", f"this address cannot be written to ({type(error).__name__})")
    else:
        return Handed("sent")
    for_good = bool(codes) and min(codes) >= _PERMANENT
    return Handed("refused" if for_good else "later", f"the address was refused: {', '.join(map(str, codes))}")


def packed(message: EmailMessage) -> bytes:
    """As it goes over the line. A link in a header is not folded: mail programs read it as it stands."""
    return message.as_bytes(policy=_UNFOLDED)


def domain_of(sender: str) -> str:
    """What the ids of mails end with."""
    return sender.rpartition("@")[2].strip("<> ") or "fieldpost"
