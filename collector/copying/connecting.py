"""Connections for copying: to a whole PostgreSQL database, and to a SQLite file that nobody else writes to."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from collector.core import engines
from collector.core.problems import Refusal
from collector.core.row_security import FOR_EVERYBODY

_CONNECT_S = 10
_FOR_ALL = f"{FOR_EVERYBODY} -c statement_timeout=0 -c timezone=UTC"


def is_sqlite(url: str) -> bool:
    return make_url(url).drivername == "sqlite"


def sqlite_path(url: str) -> Path:
    return Path(make_url(url).database or "").absolute()


def sqlite(path: Path, mode: str) -> sqlite3.Connection:
    """`mode`: `ro` leaves the log to whoever writes, `rw` may take it back; neither makes a file."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=5)


def of_file(path: Path, mode: str) -> Engine:
    return create_engine("sqlite://", creator=lambda: sqlite(path, mode), poolclass=NullPool)


def of_server(url: str, *, writes: bool = False) -> Engine:
    """Sees the rows of all tenants; reading, all of it at one moment."""
    reads = "" if writes else "-c default_transaction_read_only=on "
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
        connect_args={"options": f"{reads}{_FOR_ALL}", "connect_timeout": _CONNECT_S, "keepalives_idle": 10},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Committed when the block ends well; `StoreUnavailable` says what is wrong with the store."""
    try:
        with engine.begin() as conn:
            yield conn
    except DBAPIError as error:
        raise (engines.unavailable(error) or error) from error
    finally:
        engine.dispose()


def check_alone(conn: Connection) -> None:
    """`Refusal` while another process of the same role is connected: a collector that serves would be."""
    if conn.dialect.name == "sqlite":
        return  # its lock says so
    conn.execute(text("SELECT pg_stat_clear_snapshot()"))  # else a transaction sees who was there at its first look
    others = conn.execute(text(_OTHERS)).scalar_one()
    if others:
        raise Refusal(
            f"the PostgreSQL database is in use: {others} more connections of the same role;"
            " stop every collector that uses it"
        )


_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
