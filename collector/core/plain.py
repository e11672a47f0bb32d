"""Statements that are asked so often that they go to the driver itself: no row objects, no conversion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, TextClause, text
from sqlalchemy.exc import DBAPIError

Values = Mapping[str, object]
Found = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A statement in the words of one store; `names`: its parameters in their order, None where they go by name."""

    sql: str
    fixed: Values
    names: Sequence[str] | None
    trouble: type[Exception]


class Plain:
    """A select as the driver takes it; made when it is first used.

    Values and rows are as the store keeps them: instants are microseconds (`columns.instant`), documents are texts,
    and truth may be 0 or 1.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]] | TextClause) -> None:
        self.statement = statement
        self._made: dict[str, _Made] = {}

    def __call__(self, conn: Connection, values: Values) -> Found:
        made = self._made.get(conn.dialect.name) or self._make(conn)
        given = {**made.fixed, **values} if made.fixed else values
        wanted = given if made.names is None else [given[name] for name in made.names]
        raw: Any = conn.connection.driver_connection
        try:
            found: Found = raw.execute(made.sql, wanted).fetchall()
        except made.trouble as error:
            raise _as_usual(conn, made, error) from error
        return found

    def _make(self, conn: Connection) -> _Made:
        compiled: Any = self.statement.compile(dialect=conn.dialect)
        dialect: Any = conn.dialect
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        made = _Made(compiled.string, fixed, compiled.positiontup, dialect.loaded_dbapi.Error)
        self._made[dialect.name] = made
        return made


class Steady(Plain):
    """A select whose answer is remembered until something is committed, where the store can tell within a snapshot.

    For what takes as long as there are rows and is asked far more often than they change: how many there are.
    """

    def __call__(self, conn: Connection, values: Values) -> Found:
        own: Any = conn.connection.driver_connection
        if conn.dialect.name != "sqlite" or own.total_changes:  # nothing tells whoever writes of what it wrote itself
            return super().__call__(conn, values)
        memory = _memory(conn, _COMMITS(conn, {})[0][0])
        key = (self, *values.items())
        if key not in memory:
            memory[key] = super().__call__(conn, values)
        return memory[key]


def _memory(conn: Connection, number: int) -> dict[object, Found]:
    """What this connection to the store has found since the last commit of another one."""
    known: tuple[int, dict[object, Found]] | None = conn.info.get(_MEMORY)
    if known is None or known[0] != number or len(known[1]) >= _MOST_REMEMBERED:
        known = number, {}
        conn.info[_MEMORY] = known
    return known[1]


_COMMITS = Plain(text("PRAGMA data_version"))
_MEMORY = "fieldpost_steady"
_MOST_REMEMBERED = 1024


def _as_usual(conn: Connection, made: _Made, error: Exception) -> Exception:
    """The failure as SQLAlchemy words it, so that the gateway knows what it means; a lost connection is let go."""
    lost = conn.dialect.is_disconnect(error, conn.connection, None)  # type: ignore[arg-type]  # the driver's own error
    if lost:
        conn.invalidate(error)
    return DBAPIError.instance(
        made.sql,
        {},
        error,
        made.trouble,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=conn.dialect,
    )
