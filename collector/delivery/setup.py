"""The ways out of this collector, as its settings describe them."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.delivery.allowed import outbound
from collector.delivery.beacon import Beacon
from collector.delivery.dispatcher import Dispatcher
from collector.delivery.letters import Letters, Postbox
from collector.delivery.mail import MailSender, MailServer
from collector.delivery.reports import Press, Reports
from collector.delivery.sending import Sender
from collector.delivery.syslog import SyslogSender
from collector.delivery.webhooks import WebhookSender
from collector.domain.statuspage.links import ABOUT, Links
from collector.domain.webhooks import lanes
from collector.domain.webhooks.rules import Kind
from common.clock import utc_now


def beside(
    settings: Settings,
    db: Database,
    metrics: Metrics,
    turned: Callable[[str], Callable[[], None]] = lambda _: lambda: None,
) -> Iterator[tuple[str, Coroutine[None, None, None]]]:
    """What runs beside the server, by name. `turned` gives by name what is to be told of each turn."""
    drains = dispatcher(settings, db, metrics)
    yield "deliveries", drains.run(turned("deliveries"))
    post = letters(settings, db)
    if post is not None:
        yield "letters", post.run(turned("letters"))
    press = reports(settings, db)
    if press is not None:
        yield "reports", press.run(turned("reports"))
    signals = beacon(settings, db, drains)
    if signals is not None:
        yield "beacon", signals.run()


def dispatcher(settings: Settings, db: Database, metrics: Metrics | None = None) -> Dispatcher:
    """What drains the outbox; made in the loop in which it runs."""
    allowed = outbound(settings)
    senders: dict[Kind, Sender] = {
        "webhook": WebhookSender(allowed.reach, allowed.vault, ca_file=settings.delivery_ca_file),
        "email": MailSender(_mail_server(settings)),
        "syslog": SyslogSender(allowed.reach, ca_file=settings.delivery_ca_file),
    }
    return Dispatcher(db, senders, every=settings.delivery_poll_s, metrics=metrics)


def letters(settings: Settings, db: Database) -> Letters | None:
    """What sends mails to subscribers of status pages; None where there is no server or no address for links."""
    server = _mail_server(settings)
    if server is None or not settings.public_url:
        return None
    sender = settings.status_page_from or server.sender
    links = Links(Vault.of_file(settings.vault_path).derive(ABOUT))
    box = Postbox(replace(server, sender=sender), links, settings.public_url)
    return Letters(db, box, every=settings.delivery_poll_s)


def reports(settings: Settings, db: Database) -> Reports | None:
    """What sends reports of weeks to members; None where there is no server. Links lead to where agents reach us."""
    server = _mail_server(settings)
    if server is None:
        return None
    url = settings.model_copy(update={"status_page_url": ""}).public_url
    return Reports(db, Press(server, url))


async def outbox_ready(db: Database) -> None:
    """`StoreUnavailable` while more waits than should, or for longer than it should."""
    now = utc_now()
    backlog = await db.read(lanes.backlog, now)
    if backlog.is_stuck(now):
        raise StoreUnavailable("busy", f"outbox: {backlog.due} deliveries are due, the oldest since {backlog.oldest}")


def beacon(settings: Settings, db: Database, drains: Dispatcher) -> Beacon | None:
    """None where no second system waits for it. It speaks for the loop, the store and the outbox."""
    if settings.beacon_url_file is None:
        return None
    checks = (partial(_written, db), drains.check, partial(outbox_ready, db))
    return Beacon(settings.beacon_url_file, checks, every=settings.beacon_s, ca_file=settings.delivery_ca_file)


async def _written(db: Database) -> None:
    """The writer takes work and commits it."""
    await db.write(_nothing)


def _nothing(conn: Connection) -> None:
    conn.execute(text("SELECT 1"))


def _mail_server(settings: Settings) -> MailServer | None:
    if not settings.smtp_host:
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password_file=settings.smtp_password_file,
        ca_file=settings.delivery_ca_file,
    )
