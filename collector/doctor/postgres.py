"""PostgreSQL: why it refuses, and whether it is as the collector needs it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from collector.core import pooling, row_security
from collector.core.pooling import Session
from collector.doctor.ground import UNIT
from collector.domain.tables import metadata
from common.checkup import Finding, unwell, well

OLDEST = 14
PER_PROCESS = 6
_SPARE = 0.9

_ASKED = text(
    "SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS named,"
    " current_setting('server_encoding') AS encoding, current_user AS role, current_schema() AS schema,"
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS slots,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,"
    " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS creates, current_database() AS database"
)


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself and of what we may do there; `slots`: connections for ordinary roles."""

    version: int
    named: str
    encoding: str
    role: str
    schema: str | None
    slots: int
    used: int
    creates: bool
    database: str


def look(conn: Connection) -> Iterator[Finding]:
    yield judge(Server(**conn.execute(_ASKED).one()._mapping))  # noqa: SLF001 - SQLAlchemy's name for what is public


def between(conn: Connection, other: Connection) -> Iterator[Finding]:
    """Whether a pooler is in between; each is asked in a transaction that ends, or a pooler would keep them apart."""
    found: list[Session] = []
    for asked in (conn, other):
        found.append(pooling.session(asked))
        asked.rollback()
    trouble = pooling.trouble(*found)
    if trouble:
        yield unwell("database-server", trouble, _DIRECT)


def judge(server: Server) -> Finding:
    """Pure: the first thing that is wrong with it."""
    if server.version // 10_000 < OLDEST:
        mend = f"upgrade it to PostgreSQL {OLDEST} or newer (pg_upgrade)"
        return unwell(
            "database-server", f"PostgreSQL {server.named} is too old; {OLDEST} is the oldest that does", mend
        )
    if server.encoding != "UTF8":
        mend = f"createdb -E UTF8 -T template0 {server.database}_utf8   # and name it in the database URL"
        detail = f"the database {server.database} has the encoding {server.encoding}; expected UTF8"
        return unwell("database-server", detail, mend)
    if not server.creates:
        where = server.schema or "public"
        mend = f'GRANT CREATE ON SCHEMA {where} TO "{server.role}";   -- in the database {server.database}'
        return unwell("database-server", f"{server.role} may not create tables in schema {where}", mend)
    if server.used + PER_PROCESS > server.slots * _SPARE:
        detail = f"{server.used} of {server.slots} connections are in use; each collector takes {PER_PROCESS}"
        mend = f"ALTER SYSTEM SET max_connections = {server.slots * 2};   -- then restart PostgreSQL"
        return unwell("database-server", detail, mend)
    return well("database-server", f"PostgreSQL {server.named}, {server.used} of {server.slots} connections in use")


def wall(conn: Connection) -> Finding:
    """Whether tenants are kept apart by the server as well."""
    role = conn.execute(_ROLE).one()
    return judge_wall(role.name, row_security.unwalled(conn, metadata), binds=role.binds)


def judge_wall(role: str, unwalled: Sequence[str], *, binds: bool) -> Finding:
    """Pure: `binds`: row-level security holds for the role."""
    if unwalled:
        mend = "fieldpost-collector migrate   # or restore the policies that somebody has taken away"
        return unwell("row-security", f"tables without it: {', '.join(unwalled)}", mend)
    if not binds:
        detail = f"does not bind {role}, who is a superuser or has BYPASSRLS: the filter of each query stands alone"
        return unwell("row-security", detail, _OWN_ROLE)
    return well("row-security", f"binds {role}")


_ROLE = text(
    "SELECT rolname AS name, NOT (rolsuper OR rolbypassrls) AS binds FROM pg_roles WHERE rolname = current_user"
)
_OWN_ROLE = (
    "createuser --pwprompt --no-superuser fieldpost   # on PostgreSQL\n"
    "# give it the database and all tables in it (manual: operations, PostgreSQL), and name it in the database URL"
)

_DIRECT = "# name the server itself in the database URL, not the pooler before it"

_REASONS: tuple[tuple[str, str, str], ...] = (
    (pooling.REFUSAL, "is reached by a pooler that refuses the settings with which a session begins", _DIRECT),
    (
        "password authentication failed",
        "refuses the password of {user}",
        "\\password {user}   # in psql as a superuser; then correct the file of database_url_file",
    ),
    (
        "no password supplied",
        "wants a password, and the URL has none",
        'database_url_file = "…"   # a file with postgresql://user:password@host/name, mode 0600',
    ),
    (
        "pg_hba.conf",
        "does not let this host in (pg_hba.conf)",
        "hostssl {database} {user} ADDRESS/32 scram-sha-256   # in pg_hba.conf\nSELECT pg_reload_conf();",
    ),
    ("is not permitted to log in", "does not let the role {user} log in", 'ALTER ROLE "{user}" LOGIN;'),
    ("role .* does not exist", "has no role {user}", "createuser --pwprompt {user}   # on PostgreSQL"),
    (
        "database .* does not exist",
        "has no database {database}",
        "createdb -E UTF8 -T template0 -O {user} {database}   # on PostgreSQL",
    ),
    ("too many", "has no connection left", "ALTER SYSTEM SET max_connections = 200;   -- then restart PostgreSQL"),
    ("permission denied", "refuses a right to {user}", 'GRANT CONNECT ON DATABASE {database} TO "{user}";'),
)
_SILENT = f"pg_isready -h {{host}} -p {{port}}\nsystemctl status postgresql   # there\nsystemctl status {UNIT}"


def refused(url: URL, error: DBAPIError) -> Finding:
    """Why no connection came about; nothing of the URL but its host, database and user is shown."""
    said = str(error.orig)
    host, port = url.host or "localhost", url.port or 5432
    words = {"user": url.username or "", "database": url.database or "", "host": host, "port": port}
    place = f"PostgreSQL at {host}:{port}"
    for reason, sentence, mend in _REASONS:
        if re.search(reason, said):
            return unwell("database", f"{place} {sentence.format(**words)}", mend.format(**words))
    return unwell("database", f"{place} does not answer: {_first(said)}", _SILENT.format(**words))


def _first(text_: str) -> str:
    return text_.strip().splitlines()[0] if text_.strip() else "no reason given"
