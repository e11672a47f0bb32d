"""What revisions would do to a database, read from the statements that they send to an empty one."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event

Verb = Literal["creates", "adds to", "indexes", "fills", "changes", "guards", "partitions"]

_RATES: dict[Verb, float] = {
    "indexes": 400_000.0,
    "fills": 50_000.0,
    "changes": 100_000.0,
    "partitions": 1_000_000.0,
}
"""Rows a second on a small machine; to add a column or a table takes no time that rows could tell."""

_CREATES = re.compile(r"CREATE TABLE (\w+)")
_INDEXES = re.compile(r"CREATE (UNIQUE )?INDEX \w+ ON (\w+)")
_ADDS = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (.*)")
_FILLS = re.compile(r"(?:UPDATE|INSERT INTO) (\w+)")
_ALTERS = re.compile(r"(?:ALTER|DROP) \w+ (\w+)|DELETE FROM (\w+)")
_SOURCES = re.compile(r"(?:FROM|JOIN) (\w+)")
_OWN = "alembic_version"


class Effect(NamedTuple):
    """`tables`: whose rows it touches, the one that it is done to first; `contracts`: earlier programs may fail."""

    verb: Verb
    tables: tuple[str, ...]
    contracts: bool = False


def of_statement(statement: str, created: frozenset[str] = frozenset()) -> Effect | None:
    """None for what changes nothing. `created`: tables that are new with the same revision: nobody reads them yet."""
    text = " ".join(statement.replace('"', "").split())
    if _OWN in text:
        return None
    if found := _CREATES.match(text):
        return Effect("creates", (found[1],))
    if found := _INDEXES.match(text):
        return Effect("indexes", (found[2],), contracts=bool(found[1]) and found[2] not in created)
    if found := _ADDS.match(text):
        return Effect("adds to", (found[1],), contracts="NOT NULL" in found[2] and "DEFAULT" not in found[2])
    if found := _FILLS.match(text):
        return Effect("fills", (found[1], *_SOURCES.findall(text)))
    if found := _ALTERS.match(text):
        return Effect("changes", (found[1] or found[2],), contracts=True)
    return None


def seconds(effect: Effect, rows: int) -> float:
    """Roughly how long it takes on a table with so many rows."""
    return rows / _RATES[effect.verb] if effect.verb in _RATES else 0.0


def of_revisions(config: Config, found: str, pending: Sequence[str]) -> dict[str, tuple[Effect, ...]]:
    """Run them on a database in memory that stands at `found`, and watch."""
    if not pending:
        return {}
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as conn:
            config.attributes["connection"] = conn
            if found:
                command.upgrade(config, found)
            return {revision: tuple(_watched(conn, config, revision)) for revision in pending}
    finally:
        engine.dispose()


def _watched(conn: Connection, config: Config, revision: str) -> Iterator[Effect]:
    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(conn, "before_cursor_execute", note)
    command.upgrade(config, revision)
    event.remove(conn, "before_cursor_execute", note)
    created: frozenset[str] = frozenset()
    for statement in sent:
        effect = of_statement(statement, created)
        if effect is None:
            continue
        if effect.verb == "creates":
            created |= {effect.tables[0]}
        yield effect
