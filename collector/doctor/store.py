"""The database, read and never written: whether it answers, at which revision it is, and what is stored in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from collector import migrations
from collector.core.row_security import FOR_EVERYBODY
from collector.core.settings import Settings
from collector.doctor import fleet, postgres, room, secrets
from collector.doctor.ground import UNIT, Ground, quoted, serving_process, user
from collector.doctor.host import open_files, others_with
from common.checkup import Finding, Look, untold, unwell, well
from common.errors import ConfigurationError

_TIMEOUT_MS = 15_000
_CONNECT_S = 5
OUTGROWN_BYTES = 32 * 2**30
OUTGROWN_AGENTS = 1000
_LARGE_WAL = 2**30
WAL_SOUND = (3, 51, 3)


class NotMade(Exception):  # noqa: N818 - it reads as the state it is
    """There is no database yet."""


def url_of(settings: Settings) -> URL:
    """It may hold a password, so it is never shown."""
    return make_url(settings.store_url)


@contextmanager
def reading(url: URL) -> Iterator[Connection]:
    """A connection that cannot change anything; `NotMade` where there is nothing to read."""
    engine = _sqlite(url) if url.drivername == "sqlite" else _postgres(url)
    try:
        with engine.connect() as conn:
            yield conn
    finally:
        engine.dispose()


def _sqlite(url: URL) -> Engine:
    path = sqlite_path(url)
    if not path.exists():
        raise NotMade
    alone = not path.with_name(f"{path.name}-wal").exists()  # then nobody has it open, and reading leaves no trace
    name = f"{path.as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(name, uri=True, timeout=5), poolclass=NullPool)


def sqlite_path(url: URL) -> Path:
    return Path(url.database or "").absolute()


def _postgres(url: URL) -> Engine:
    options = f"-c default_transaction_read_only=on -c statement_timeout={_TIMEOUT_MS} -c timezone=UTC {FOR_EVERYBODY}"
    given = {"options": options, "connect_timeout": _CONNECT_S, "client_encoding": "UTF8"}
    return create_engine(url.set(drivername="postgresql+psycopg"), connect_args=given, poolclass=NullPool)


def _store(ground: Ground) -> Iterator[Finding]:
    try:
        url = url_of(ground.settings)
    except ConfigurationError as error:
        file = quoted(ground.settings.database_url_file or ground.settings.database_file or "")
        mend = f"ls -l {file}   # it has to be there, and {user()}'s, mode 0600, with the URL as its only line"
        yield unwell("database", str(error), mend)
        return
    except ArgumentError:
        mend = "correct it: postgresql://user:password@host:5432/name"
        yield unwell("database", "the database URL cannot be understood (it is not shown)", mend)
        return
    if url.drivername == "sqlite":
        yield from _file(ground, sqlite_path(url))
    try:
        with reading(url) as conn:
            yield well("database", "answers")
            yield from _server(conn, url) if url.drivername != "sqlite" else ()
            yield from _contents(ground, conn, url)
    except NotMade:
        yield untold("database", "not made yet; `serve` makes it")
    except DBAPIError as error:
        yield _refused(url, error)


def _server(conn: Connection, url: URL) -> Iterator[Finding]:
    with reading(url) as other:
        pooled = list(postgres.between(conn, other))
    yield from pooled or postgres.look(conn)


def _refused(url: URL, error: DBAPIError) -> Finding:
    if url.drivername != "sqlite":
        return postgres.refused(url, error)
    path = sqlite_path(url)
    said = str(error.orig)
    if "malformed" in said or "not a database" in said:
        mend = f"systemctl stop {UNIT}\nsqlite3 {quoted(path)} .recover   # or restore the last backup"
        return unwell("database", f"{path} is damaged ({said})", mend)
    return unwell("database", f"{path} cannot be read ({said})", f"chown {user()} {quoted(path)}*")


def _contents(ground: Ground, conn: Connection, url: URL) -> Iterator[Finding]:
    revision = _revision(conn)
    yield revision
    if revision.state != "well":
        return
    if url.drivername != "sqlite":
        yield postgres.wall(conn)
    yield from room.look(conn, ground.settings.disk_terms)
    yield from secrets.look(ground, conn)
    seen = fleet.read(conn)
    yield from fleet.judged(seen)
    yield open_files(ground, seen.agents)
    if url.drivername == "sqlite" and seen.agents > OUTGROWN_AGENTS:
        yield _outgrown(f"{seen.agents} agents; one process serves up to {OUTGROWN_AGENTS} well")


def _revision(conn: Connection) -> Finding:
    found = migrations.standing(conn)
    if found.newer:
        mend = "install the version of the collector that upgraded it, or restore the backup from before"
        detail = f"at revision {found.found}, which a newer collector made; this one knows up to {found.newest}"
        return unwell("database-revision", detail, mend)
    if found.pending:
        at = found.found or "none"
        mend = (
            f"fieldpost-collector migrate --check   # what it would do\nsystemctl restart {UNIT}   # does it at start"
        )
        return unwell(
            "database-revision", f"at revision {at}, newest is {found.newest}: {len(found.pending)} behind", mend
        )
    return well("database-revision", f"at revision {found.found}, the newest")


# --- SQLite --------------------------------------------------------------------------------------------------------


def _file(ground: Ground, path: Path) -> Iterator[Finding]:
    if not path.exists():
        return
    size = path.stat().st_size
    wal = path.with_name(f"{path.name}-wal")
    log = wal.stat().st_size if wal.exists() else 0
    if size >= OUTGROWN_BYTES:
        yield _outgrown(f"{path} has {size / 2**30:.0f} GiB")
    elif log >= _LARGE_WAL:
        detail = f"{wal} has {log / 2**30:.1f} GiB: something reads without end and keeps it from being taken back"
        yield unwell("sqlite-size", detail, f"fuser -v {quoted(path)}\nsystemctl restart {UNIT}")
    else:
        yield well("sqlite-size", f"{size / 2**20:.0f} MiB; up to {OUTGROWN_BYTES / 2**30:.0f} GiB is fine")
    yield _library(ground, path)


def _outgrown(why: str) -> Finding:
    mend = (
        "createdb -E UTF8 -T template0 -O fieldpost fieldpost   # on PostgreSQL\n"
        f"systemctl stop {UNIT}\n"
        "fieldpost-collector migrate --to-file /etc/fieldpost-collector/credentials/database"
        "   # postgresql://user:password@host/name\n"
        'database_url_file = "/etc/fieldpost-collector/credentials/database"   # then start it; docs/backup.md'
    )
    return unwell("sqlite-size", f"SQLite is outgrown: {why}", mend)


def _library(ground: Ground, path: Path) -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= WAL_SOUND:
        return well("sqlite-library", version)
    serving = serving_process(ground.settings)
    others = [process for process in others_with(path) if process != serving]
    if serving and others:
        detail = (
            f"process {', '.join(map(str, others))} has {path} open beside the collector: with SQLite {version}"
            " two that write can damage it (fixed in 3.51.3)"
        )
        mend = f"ps -fp {','.join(map(str, others))}   # end it; read a copy instead\nfuser -v {quoted(path)}"
        return unwell("sqlite-library", detail, mend)
    detail = "older than 3.51.3, whose fault in the WAL needs two that write; the collector alone writes here"
    return well("sqlite-library", f"{version}, {detail}")


LOOKS = (
    Look(
        {
            "database": "database",
            "database-server": "database server",
            "database-revision": "revision of the database",
            "database-room": "room for the database",
            "row-security": "row-level security",
            "sqlite-size": "size of the database",
            "sqlite-library": "SQLite",
            "vault": "vault key",
            "agents": "agents",
            "agents-silent": "agents that are silent",
            "agents-pending": "agents that wait for approval",
            "agents-parked": "agents that are parked",
            "agents-clock": "clocks of the agents",
            "bundles": "bundles that are carried here",
            "outbox": "outbox",
            "dead-letters": "dead letters",
            "open-files": "open files",
        },
        _store,
        deadline_s=45.0,
    ),
)
