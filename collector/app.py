"""Wires settings, database, edge and families; nothing else."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from collector.api.admin import family as admin
from collector.api.admin.statuspage import Reach
from collector.api.agents import family as agents
from collector.api.agents.changes import Changes
from collector.api.agents.link import Link
from collector.api.hashing import Hashing
from collector.api.health import family as health
from collector.api.journal import Journal
from collector.api.keyring import Keyring
from collector.api.logins import Logins
from collector.api.public import family as public
from collector.api.public.auth import PREFIX as PUBLIC
from collector.api.status import family as status
from collector.api.status import probes
from collector.api.tuner import family as tuner
from collector.api.tuner.sessions import JWKS
from collector.api.uses import Uses
from collector.core.carrier import carrier_key
from collector.core.certificates import Announced
from collector.core.database import Database
from collector.core.forwarded import Proxies
from collector.core.limits import Limiter, redis
from collector.core.metrics import Metrics
from collector.core.room import Shortage
from collector.core.settings import Settings
from collector.core.tenancy import acting_for
from collector.core.vault import Vault
from collector.delivery.allowed import outbound
from collector.delivery.setup import outbox_ready
from collector.domain.access import browsers, tokens
from collector.domain.access import store as access
from collector.domain.activity import chain
from collector.domain.activity.store import Entry
from collector.domain.statuspage.links import ABOUT, Links
from collector.edge import Edge, switchboard
from collector.web import family as web
from collector.web.statuspage import family as statuspage
from collector.web.statuspage import places
from common.clock import utc_now


def create_app(
    settings: Settings,
    db: Database,
    *,
    changes: Changes | None = None,
    ca: Callable[[], Announced] | None = None,
    metrics: Metrics | None = None,
    shortage: Callable[[], Shortage] = lambda: "none",
) -> Edge:
    """Everything that the collector answers, as one ASGI application over an open database.

    `changes`: wakes waiting agents, for a server that has to stop it early; `ca`: what agents are to trust;
    `metrics`: where figures are kept, for a server that shows them; `shortage`: whether the database has room.
    """
    limiter = Limiter(redis(settings.limits_url) if settings.limits_url else None)
    metrics = metrics or Metrics()
    changes = changes or Changes(db)
    link = Link(
        db=db,
        limiter=limiter,
        changes=changes,
        heartbeat_s=settings.heartbeat_s,
        ca=ca,
        wants_certificate=settings.tls_client_required,
        collector_key=carrier_key(Vault.of_file(settings.vault_path)).public.text,
        metrics=metrics,
    )
    uses, token_uses = Uses(partial(_key_used, db)), Uses(partial(_token_used, db))
    browsers_seen = Uses(partial(_browser_seen, db))
    journal = Journal(partial(_record, db))
    metrics.watch("writes_queued", "Writes that wait for the database.", lambda: db.queued)
    metrics.watch("activity_waiting", "Requests that are not in the activity log yet.", lambda: journal.waiting)
    of_health = health.build(db, limiter, uses, journal)
    of_status = status.build(db, limiter, token_uses, journal, per_minute=settings.status_requests_per_minute)
    shared = {"redis": limiter.ping} if settings.limits_url else {}
    checks: dict[str, probes.Check] = {db.name: db.ping, **shared, "outbox": partial(outbox_ready, db)}
    of_probes = probes.build(checks, ingest=frozenset({db.name}))
    of_agents = agents.build(link)
    keyring = Keyring(db, Vault.of_file(settings.vault_path))
    logins = Logins(db, limiter, Hashing(), Vault.of_file(settings.vault_path))
    of_tuner = tuner.build(db, keyring, limiter, logins)
    of_public = public.build(db, limiter, _links(settings), _public_terms(settings))
    of_statuspage = statuspage.build(db, limiter, _links(settings), _public_terms(settings))
    ways_out = outbound(settings)
    of_admin = admin.build(db, keyring, limiter, ways_out, Reach(settings.public_url, bool(settings.smtp_host)))
    published = (of_health, of_tuner, of_status, of_admin, of_public)
    documents = {one.name: one.document for one in published if one.document is not None}
    of_web = web.build(
        db,
        limiter,
        browsers_seen,
        settings,
        outbound=ways_out,
        logins=logins,
        documents=documents,
        ca=None if settings.behind_proxy else ca,
        shortage=shortage,
    )
    choose = switchboard(
        exact={"/api/v1/health": of_status, JWKS: of_tuner, "/": of_web},
        below={
            **dict.fromkeys(tuner.paths(), of_tuner),
            "/api/v1/admin": of_admin,
            "/api/v1/health": of_health,
            "/api/v1/tuneops": of_health,
            "/api/v1/activity": of_health,
            "/api/v1/team": of_health,
            "/health": of_probes,
            "/agent/v1": of_agents,
            PUBLIC: of_public,
            places.PREFIX: of_statuspage,
            web.PREFIX: of_web,
        },
        otherwise=of_status,
    )
    on_shutdown = (changes.stop, uses.settle, token_uses.settle, browsers_seen.settle, journal.settle, limiter.close)
    return Edge(choose, metrics=metrics, proxies=_proxies(settings), on_shutdown=on_shutdown)


def _proxies(settings: Settings) -> Proxies:
    return Proxies(settings.trusted_proxies, on_socket=settings.listen_path is not None)


def _links(settings: Settings) -> Links:
    return Links(Vault.of_file(settings.vault_path).derive(ABOUT))


def _public_terms(settings: Settings) -> public.Terms:
    return public.Terms(
        url=settings.public_url,
        mails=bool(settings.smtp_host),
        per_minute=settings.status_page_requests_per_minute,
        fresh_s=settings.status_page_fresh_s,
    )


async def _key_used(db: Database, tenant_id: int, key_id: str) -> None:
    with acting_for(tenant_id):
        await db.write(access.key_used, tenant_id, key_id, utc_now())


async def _token_used(db: Database, tenant_id: int, token_id: str) -> None:
    with acting_for(tenant_id):
        await db.write(tokens.used, tenant_id, token_id, utc_now())


async def _browser_seen(db: Database, tenant_id: int, session_id: str) -> None:
    with acting_for(tenant_id):
        await db.write(browsers.seen, tenant_id, session_id, utc_now())


async def _record(db: Database, entries: Mapping[int, Sequence[Entry]]) -> None:
    await db.write(chain.record_all, entries)
