"""Whether the sessions on PostgreSQL are our own.

Behind a pooler they may not be, and then what we rely on is not there: settings, LISTEN, prepared statements, locks.
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from common.errors import ConfigurationError

REFUSAL = "unsupported startup parameter"
"""What a pooler answers that knows but a few settings of a session."""

_SHARED = "a pooler in transaction mode is in between: two connections were given the same session"
_LOST = "a pooler is in between that drops the settings with which a session begins"
_REFUSED = "a pooler is in between that refuses the settings with which a session begins"
_EXPECTED = "expected the address of the server itself (database_url)"


class Session(NamedTuple):
    """What is at the other end of a connection: its number on the server, when it began, whether it only reads."""

    number: int
    began: float
    reads: bool


def session(conn: Connection) -> Session:
    return Session._make(conn.execute(_SESSION).one())


def trouble(reader: Session, other: Session) -> str:
    """Pure: what is between us and the server, of a connection that only reads and another one; empty: nothing."""
    if reader[:2] == other[:2]:
        return _SHARED
    return "" if reader.reads else _LOST


async def guard(db: Database) -> None:
    """`ConfigurationError` where a pooler is in between; `StoreUnavailable` while nobody answers."""
    if db.name == "sqlite":
        return
    try:
        found = trouble(await db.read(session), await db.write(session))  # both are kept open
    except StoreUnavailable as away:
        if REFUSAL not in str(away.__cause__):
            raise
        found = _REFUSED
    if found:
        raise ConfigurationError(f"PostgreSQL: {found}; {_EXPECTED}")


_SESSION = text(
    "SELECT pid, extract(epoch FROM backend_start)::float8, current_setting('default_transaction_read_only') = 'on'"
    " FROM pg_stat_activity WHERE pid = pg_backend_pid()"
)
