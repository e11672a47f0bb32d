"""What an upgrade of a database would do, before anything is done."""

from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from collector import migrations
from collector.migrations import effects
from collector.migrations.effects import Effect, Verb


class Step(msgspec.Struct, frozen=True):
    """One revision. `rows`: how many, at most, it has to look at; `seconds`: roughly how long that takes."""

    revision: str
    what: str
    does: tuple[str, ...]
    contracts: bool
    rows: int
    seconds: float


class Report(msgspec.Struct, frozen=True):
    """`state`: `newer_usable` and `newer` are a database that a newer program upgraded."""

    state: str
    found: str
    newest: str
    steps: tuple[Step, ...]
    database_bytes: int


def look(conn: Connection) -> Report:
    """Reads alone."""
    standing = migrations.standing(conn)
    found = effects.of_revisions(migrations.config(), standing.found, standing.pending)
    if conn.dialect.name == "postgresql":
        found = {revision: (*done, *_on_postgresql(revision)) for revision, done in found.items()}
    rows = _rows(conn, {table for done in found.values() for effect in done for table in effect.tables})
    titles = {script.revision: script.doc or "" for script in migrations.scripts(migrations.FOLDER)}
    steps = tuple(_step(revision, titles[revision], done, rows) for revision, done in found.items())
    return Report(_state(standing), standing.found, standing.newest, steps, _bytes(conn))


def _on_postgresql(revision: str) -> tuple[Effect, ...]:
    """What a revision says that it does there alone: it is not done to the database in memory that is watched."""
    scripts = {script.revision: script.module for script in migrations.scripts(migrations.FOLDER)}
    done: Mapping[Verb, tuple[str, ...]] = getattr(scripts[revision], "ON_POSTGRESQL", {})
    return tuple(Effect(verb, (table,)) for verb, tables in done.items() for table in tables)


def _state(standing: migrations.Standing) -> str:
    if standing.newer:
        return "newer_usable" if standing.usable else "newer"
    return "pending" if standing.pending else "current"


def _step(revision: str, title: str, done: tuple[Effect, ...], rows: Mapping[str, int]) -> Step:
    touched = {table for effect in done for table in effect.tables}
    return Step(
        revision=revision,
        what=title,
        does=tuple(_summary(done)),
        contracts=any(effect.contracts for effect in done),
        rows=sum(rows.get(table, 0) for table in touched),
        seconds=sum(effects.seconds(one, max(rows.get(table, 0) for table in one.tables)) for one in done),
    )


def _summary(done: tuple[Effect, ...]) -> Iterator[str]:
    by_verb: dict[str, list[str]] = {}
    for effect in done:
        tables = by_verb.setdefault(effect.verb, [])
        if effect.tables[0] not in tables:
            tables.append(effect.tables[0])
    return (f"{verb} {', '.join(tables)}" for verb, tables in by_verb.items())


def _rows(conn: Connection, touched: set[str]) -> Mapping[str, int]:
    about = _about_postgresql if conn.dialect.name == "postgresql" else _about_sqlite
    return {table: about(conn, table) for table in touched & set(inspect(conn).get_table_names())}


def _about_sqlite(conn: Connection, table: str) -> int:
    """The highest row id is found at once, and is never less than the number of rows; few tables have none."""
    try:
        return conn.execute(text(f'SELECT max(rowid) FROM "{table}"')).scalar() or 0
    except OperationalError:
        return _count(conn, table)


def _about_postgresql(conn: Connection, table: str) -> int:
    """What the server knows since it last looked; a table that it has not looked at is counted."""
    about = conn.execute(text("SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS regclass)"), {"name": table})
    known = int(about.scalar_one())
    return known if known >= 0 else _count(conn, table)


def _count(conn: Connection, table: str) -> int:
    counted: int = conn.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one()
    return counted


def _bytes(conn: Connection) -> int:
    if conn.dialect.name == "postgresql":
        size: int = conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        return size
    pages, page = (conn.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
    return int(pages * page)
