"""The collector's support file: what goes into it, and which secrets of this host must not."""

import hashlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from collector import migrations
from collector.core.settings import Settings
from collector.core.tenancy import across_tenants
from collector.doctor import store
from collector.doctor.examining import Source, examined, read
from collector.doctor.ground import UNIT
from collector.doctor.store import NotMade, reading, url_of
from collector.domain import tables
from collector.domain.agents.tables import agent
from collector.domain.tenants.tables import tenant
from common import support
from common.checkup import Report
from common.errors import ConfigurationError
from common.redacting import Names, Redactor, as_they_are
from common.support import Bundle

PACKAGES = (
    "aiohttp", "aiosmtplib", "alembic", "cryptography", "fastapi", "httptools", "joserfc", "limits", "msgspec",
    "orjson", "psycopg", "pydantic", "redis", "sqlalchemy", "sqlmodel", "starlette", "structlog", "uvicorn",
)  # fmt: skip
HARMLESS = frozenset(
    [
        "state_dir",
        "database_url_file",
        "database_file",
        "redis_url_file",
        "stop_grace_s",
        "vault_key_file",
        "listen",
        "port",
        "public_host",
        "public_port",
        "metrics_listen",
        "trusted_proxies",
        "tls",
        "tls_certificate",
        "tls_key",
        "tls_client_ca_file",
        "tls_client_required",
        "log_level",
        "log_format",
        "heartbeat_s",
        "sweep_s",
        "status_requests_per_minute",
        "status_page_url",
        "status_page_requests_per_minute",
        "status_page_fresh_s",
        "status_page_from",
        "oidc_issuer",
        "oidc_client_secret_file",
        "oidc_name",
        "oidc_ca_file",
        "oidc_origin",
        "oidc_role",
        "oidc_tenant",
        "delivery_networks",
        "delivery_ports",
        "delivery_plain_http",
        "delivery_ca_file",
        "delivery_poll_s",
        "delivery_keep_days",
        "keep_values_days",
        "keep_hours_days",
        "keep_days_days",
        "keep_activity_days",
        "keep_runs_days",
        "keep_records_days",
        "keep_findings_days",
        "keep_executions_days",
        "keep_services_days",
        "smtp_host",
        "smtp_port",
        "smtp_tls",
        "smtp_from",
        "smtp_user",
        "smtp_password_file",
        "beacon_url_file",
        "beacon_s",
    ]
)
_COUNTING_S = 10.0


def collect(source: Source, *, anonymous: bool) -> tuple[Bundle, Report]:
    """Everything, redacted. What cannot be read is left out and stands in doctor's findings."""
    settings, _ = read(source)
    report = examined(source)
    stored = _stored(settings) if settings else {}
    rename = Names(_names(settings), _key(settings)) if anonymous else as_they_are
    bundle = Bundle(Redactor(_secrets(settings)), rename)
    bundle.text("README.txt", _README.format(names="hashed" if anonymous else "shown as they are"))
    support.common_members(bundle, unit=UNIT, packages=PACKAGES)
    bundle.document("doctor.json", report.findings)
    if settings is not None:
        shown = support.shown(settings.model_dump(), HARMLESS)
        urls = {"database_url": _place(_database_url(settings)), "redis_url": _place(_redis_url(settings))}
        bundle.document("settings.json", shown | urls)
        bundle.document("files.json", support.listing(settings.state_dir, Path("/etc") / UNIT))
        bundle.document("database.json", stored)
    return bundle, report


_README = """Support file of a Fieldpost collector. Names of hosts, users, agents and tenants are {names}.
It holds no password, key, token or content of the database: secrets that this host knows were searched for in every
line, in plain, base64, hexadecimal and URL form, and everything that looks like one was hidden.
Look at it before you send it: tar xzf FILE
"""


def _place(url: str) -> str:
    """Where a URL leads, without who logs in there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if url else ""


def _database_url(settings: Settings) -> str:
    try:
        return settings.store_url
    except ConfigurationError:
        return ""


def _redis_url(settings: Settings) -> str:
    try:
        return settings.limits_url
    except ConfigurationError:
        return ""


# --- what is stored --------------------------------------------------------------------------------------------------


def _stored(settings: Settings) -> dict[str, Any]:
    """Revision and how many rows each table has; no row."""
    try:
        with reading(url_of(settings)) as conn:
            standing = migrations.standing(conn)
            found: dict[str, Any] = {"store": conn.dialect.name, "revision": standing.found, "newest": standing.newest}
            return found | {"rows": _rows(conn), "agents": _agents(conn), "tenants": _tenants(conn)}
    except NotMade:
        return {"made": False}
    except (ConfigurationError, ArgumentError, DBAPIError) as error:
        return {"error": type(error).__name__}


def _rows(conn: Connection) -> dict[str, int | None]:
    """Counted for ten seconds at most on SQLite; PostgreSQL keeps an estimate."""
    if conn.dialect.name != "sqlite":
        estimates = conn.execute(text("SELECT relname, n_live_tup FROM pg_stat_user_tables ORDER BY relname"))
        return {str(row.relname): int(row.n_live_tup) for row in estimates}
    raw: Any = conn.connection.driver_connection
    timer = threading.Timer(_COUNTING_S, raw.interrupt)
    timer.start()
    counts: dict[str, int | None] = dict.fromkeys(tables.metadata.tables)
    with suppress(DBAPIError):  # interrupted, or an older schema without that table
        for name, table in tables.metadata.tables.items():
            counts[name] = int(conn.execute(select(func.count()).select_from(table)).scalar_one())
    timer.cancel()
    return counts


@across_tenants("counts alone, for whoever runs the collector")
def _agents(conn: Connection) -> dict[str, int]:
    rows = conn.execute(select(agent.c.state, agent.c.version, func.count()).group_by(agent.c.state, agent.c.version))
    return dict(Counter({f"{state} {version}": number for state, version, number in rows}))


def _tenants(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(tenant)).scalar_one())


# --- what must not be in it ------------------------------------------------------------------------------------------


def _secrets(settings: Settings | None) -> Iterator[str]:
    """Every secret that this user can read here, so that it is found wherever else it may stand."""
    yield from support.values_in_environment()
    if settings is None:
        return
    for url in (_database_url(settings), _redis_url(settings)):
        yield from support.passwords_in(url)
    tls = settings.tls_dir
    files = (
        settings.vault_path, settings.smtp_password_file, settings.oidc_client_secret_file, settings.beacon_url_file,
        settings.database_url_file, settings.database_file, settings.redis_url_file, settings.setup_code_path,
        settings.tls_key, *sorted(tls.glob("*.key")),
    )  # fmt: skip
    for content in support.content_of(files):
        yield from (line for line in content.splitlines() if not line.startswith("-----"))


# --- names ---------------------------------------------------------------------------------------------------------


def _names(settings: Settings | None) -> Iterator[str]:
    host = socket.gethostname()
    yield from (host, host.partition(".")[0])
    if settings is None:
        return
    yield from (settings.public_host, settings.smtp_host, settings.smtp_user, settings.oidc_tenant)
    for address in (settings.smtp_from, settings.status_page_from):
        yield from (address, address.rpartition("@")[2])
    for url in (
        settings.status_page_url,
        settings.oidc_issuer,
        settings.oidc_origin,
        _database_url(settings),
        _redis_url(settings),
    ):
        parts = urlsplit(url)
        yield from (parts.hostname or "", parts.username or "")
        if parts.scheme.startswith("postgresql"):
            yield parts.path.strip("/")
    with suppress(NotMade, ConfigurationError, ArgumentError, DBAPIError), store.reading(url_of(settings)) as conn:
        yield from _names_stored(conn)


@across_tenants("names of all of them are taken out")
def _names_stored(conn: Connection) -> Iterator[str]:
    for one in conn.execute(select(agent.c.name, agent.c.hostname, agent.c.id)):
        yield from (one.name, one.hostname, one.id)
    for known in conn.execute(select(tenant.c.slug, tenant.c.name)):
        yield from (known.slug, known.name)


def _key(settings: Settings | None) -> bytes:
    """The same on each run of one collector, and unknown to whoever gets the file."""
    content = support.content_of([settings.vault_path] if settings else [])
    known = content or support.content_of([Path("/etc/machine-id")]) or [UNIT]
    return hashlib.sha256(b"fieldpost diag names " + known[0].encode()).digest()
