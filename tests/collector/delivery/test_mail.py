"""Mails reach a real server on the loopback address, over TLS and with a login where that is set up."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from collector.core import certificates
from collector.core.settings import SmtpTls
from collector.delivery.mail import MailSender, MailServer
from collector.domain.notifications import wording
from collector.domain.webhooks.lanes import Lane
from collector.domain.webhooks.rules import Attempt
from common.clock import utc_now
from tests.collector.delivery.messages import alert, message, told, work

LANE = Lane(1, "chn_1")


@dataclass(slots=True)
class Mailbox:
    """What the server took; `refuses` is a recipient that it does not know."""

    port: int = 0
    refuses: str = ""
    taken: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address == self.refuses:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.taken.append(letter)
        return "250 taken"


def _log_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, auth: Any) -> AuthResult:
    assert isinstance(auth, LoginPassword)
    return AuthResult(success=auth == LoginPassword(b"fieldpost", b"correct"), handled=False)


@asynccontextmanager
async def mailbox(
    made: Mailbox | None = None, *, tls: SmtpTls = "off", context: ssl.SSLContext | None = None
) -> AsyncIterator[Mailbox]:
    made, loop = made or Mailbox(), asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(
            made, hostname="mail.example", loop=loop, tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls", authenticator=_log_in if context else None, auth_required=bool(context),
            auth_require_tls=tls == "starttls",
        )  # fmt: skip

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0)  # lets the last connection go


def server_of(box: Mailbox, **changes: Any) -> MailServer:
    return MailServer(**{"host": "127.0.0.1", "port": box.port, "tls": "off", "sender": "fp@example.com", **changes})


async def send(server: MailServer | None, *to: str, data: dict[str, Any] | None = None) -> Attempt:
    there = work("email", to=list(to or ("ana@example.com",)))
    return await MailSender(server).send(LANE, there, message("notification", data or told(alert())))


async def test_a_mail_says_what_is_wrong_where() -> None:
    async with mailbox() as box:
        attempt = await send(server_of(box), "ana@example.com", "ben@example.com")
    assert attempt.error == ""
    [letter] = box.taken
    assert letter["Subject"] == "[Fieldpost] critical: PROD: Tablespace nearly full"
    assert letter["To"] == "ana@example.com, ben@example.com"
    assert letter["X-Fieldpost-Id"] == "msg_1"
    assert "CRITICAL  PROD: Tablespace nearly full: USERS 97% (threshold 95%)" in letter.get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")  # TLS is around it
@pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning")
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_login_over_tls_with_a_password_that_is_read_each_time(tmp_path: Path, tls: SmtpTls) -> None:
    files = certificates.ensure(tmp_path / "tls", ("127.0.0.1",), utc_now())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    password = tmp_path / "password"
    password.write_text("wrong\n")
    async with mailbox(tls=tls, context=context) as box:
        server = server_of(box, tls=tls, user="fieldpost", password_file=password, ca_file=files.ca)
        refused = await send(server)
        password.write_text("correct\n")
        accepted = await send(server)
        unknown = await send(server_of(box, tls=tls, user="fieldpost", password_file=password))
    assert refused.error == "the mail server refused: 535"
    assert accepted.error == ""
    assert unknown.error.startswith("the mail server cannot be used")
    assert len(box.taken) == 1


async def test_what_a_server_refuses_is_told_without_what_was_sent(tmp_path: Path) -> None:
    async with mailbox() as box:
        box.refuses = "gone@example.com"
        assert (await send(server_of(box), "gone@example.com")).error == "the mail server refused every recipient"
        assert (await send(server_of(box), "gone@example.com", "ana@example.com")).error == ""
        assert (await send(server_of(box, tls="starttls"))).error.startswith("the mail server cannot be used")
    assert (await send(server_of(box))).error.startswith("the mail server cannot be used")
    missing = server_of(box, password_file=tmp_path / "none", user="x")
    assert (await send(missing)).error.startswith("the mail server cannot be used")
    assert (await send(None)).error == "no mail server is set up (smtp_host)"


async def test_a_name_cannot_add_a_header() -> None:
    evil = alert(title="Full\r\nBcc: eve@example.com", connection={"id": 1, "name": "P\nX", "host": "h"})
    async with mailbox() as box:
        assert (await send(server_of(box), data=told(evil))).error == ""
    [letter] = box.taken
    assert letter["Bcc"] is None
    assert letter["Subject"] == "[Fieldpost] critical: P X: Full  Bcc: eve@example.com"


def subject(data: dict[str, Any]) -> str:
    return wording.mail({"event": "notification", "timestamp": "2026-05-14T03:00:00Z", "data": data})[0]


def test_subjects_tell_the_essence() -> None:
    over = alert(3, resolved_at="2026-05-14T04:00:00Z")
    mixed = told(alert(1), alert(2, severity="warning"), over)
    assert subject(mixed) == "[Fieldpost] 1 critical, 1 warning, 1 resolved"
    assert subject(told(over)) == "[Fieldpost] resolved: PROD: Tablespace nearly full"
    assert subject(told(alert(), reason="escalation")).startswith("[Fieldpost] Not acknowledged: critical")
    assert subject(told(alert(), alert(2), reason="digest")) == "[Fieldpost] Summary: 2 critical"
    assert subject(told(alert(), again=1)).startswith("[Fieldpost] Still open: critical")


def test_a_long_list_is_cut_and_says_so() -> None:
    data = {**told(*(alert(number) for number in range(150))), "count": 900}
    _, text = wording.mail({"event": "notification", "timestamp": "2026-05-14T03:00:00Z", "data": data})
    assert "… and 800 more" in text
    assert text.endswith("Told by rule nights, 2026-05-14T03:00:00Z.\n")
    place = alert(connection=None, metric_line="", value=81.0, threshold=80.0)
    assert (
        "81%, threshold 80%"
        in wording.mail({"event": "notification", "timestamp": "2026-05-14T03:00:00Z", "data": told(place)})[1]
    )
    assert wording.mail({"event": "webhook.test", "data": {"message": "A test"}}) == (
        "Fieldpost: webhook.test",
        "A test\n",
    )
