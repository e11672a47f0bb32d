"""Where rows go: an empty store of either kind, which has all of them afterwards or is as empty as before."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from collector import migrations
from collector.copying import connecting, loading
from collector.copying.loading import Copied, Progress
from collector.copying.rows import Damaged
from collector.copying.shapes import NOT_COPIED, filled
from collector.copying.snapshots import workplace
from collector.copying.source import Source
from collector.core.engines import FileLock
from collector.core.problems import Refusal, StoreUnavailable
from common.identity import sync_folder

OF_NOBODY = frozenset({"schema_floor", "chore", "vault_seal"})
"""What a collector that was never set up may have stored."""


@contextmanager
def emptied(url: str) -> Iterator[Connection]:
    """A transaction on a store that nobody uses and that holds nothing; it is kept when the block ends well."""
    with _new_file(url) if connecting.is_sqlite(url) else _new_rows(url) as conn:
        yield conn


def fill(conn: Connection, source: Source, expected: Sequence[Copied] | None, progress: Progress) -> tuple[Copied, ...]:
    """Make the tables, copy every row, compare, and only then bring the schema up to date.

    `expected`: what the source says of itself; None where that is not known before it has been read.
    """
    _make_tables(conn, source.revision)
    try:
        copied = loading.load(conn, source, progress)
    except IntegrityError as error:
        raise Refusal(f"a row contradicts another one ({error.orig})") from None
    if expected is not None and (odd := [one.name for one, said in zip(copied, expected, strict=True) if one != said]):
        raise Damaged(f"{odd[0]}: not what its manifest says; nothing was changed")
    differing = loading.compare(conn, copied, progress)
    if differing:
        raise Refusal(f"copied, compared and given up: {'; '.join(differing)}")
    migrations.upgrade(conn)
    return copied


def _make_tables(conn: Connection, revision: str) -> None:
    found = migrations.standing(conn)
    if revision not in found.known:
        raise Refusal(
            f"of a database at revision {revision or '(none)'}; this program knows revisions up to {found.newest}."
            " Install the version that it was made with"
        )
    if found.found not in {"", revision}:
        raise Refusal(
            f"the tables that are there are of revision {found.found}; expected a database without tables,"
            f" or with those of revision {revision}"
        )
    migrations.upgrade(conn, revision)


def _check_empty(conn: Connection, where: str) -> None:
    if not migrations.current(conn):
        if others := sorted(set(inspect(conn).get_table_names()) - NOT_COPIED):
            raise Refusal(f"{where}: has tables of something else ({others[0]}); expected an empty database of its own")
        return
    if used := [name for name in filled(conn) if name not in OF_NOBODY]:
        raise Refusal(
            f"{where}: holds something ({', '.join(used[:3])}); expected an empty database, nothing was changed"
        )


# --- SQLite --------------------------------------------------------------------------------------------------------


@contextmanager
def _new_file(url: str) -> Iterator[Connection]:
    """A draft that takes the place of the empty database when it is whole."""
    path = connecting.sqlite_path(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock.take(path.with_name(f"{path.name}.lock"))
    except OSError as error:
        raise StoreUnavailable("gone", f"{path}: {error.strerror}") from None
    try:
        _check_file(path)
        with workplace(path) as folder:
            draft = folder / path.name
            with _draft(draft) as conn:
                yield conn
            try:
                _take_place(draft, path)
            except OSError as error:
                raise StoreUnavailable("gone", f"{path}: cannot be written ({error.strerror})") from None
    finally:
        lock.release()


def _check_file(path: Path) -> None:
    if not path.exists():
        return
    with connecting.transaction(connecting.of_file(path, "rw")) as conn:
        _check_empty(conn, str(path))


@contextmanager
def _draft(path: Path) -> Iterator[Connection]:
    """Nothing of it counts before it is whole, so nothing of it has to survive a crash."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    def connected(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        raw.isolation_level = None
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-32000"):
            raw.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
    with connecting.transaction(engine) as conn:
        yield conn


def _take_place(draft: Path, path: Path) -> None:
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if os.geteuid() == 0:
        owner = path.parent.stat()  # the service's user, which has to write to it
        os.chown(draft, owner.st_uid, owner.st_gid)
    for log in ("-wal", "-shm"):
        path.with_name(path.name + log).unlink(missing_ok=True)
    draft.replace(path)
    sync_folder(path.parent)


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


@contextmanager
def _new_rows(url: str) -> Iterator[Connection]:
    """One transaction, tables and all."""
    with connecting.transaction(connecting.of_server(url, writes=True)) as conn:
        connecting.check_alone(conn)
        _check_empty(conn, f"the database {make_url(url).database}")
        yield conn
