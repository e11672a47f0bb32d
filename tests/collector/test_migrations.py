"""One chain for both databases, and it ends in exactly what the tables declare."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Connection, Engine, MetaData, String, Table, create_engine, insert, text
from sqlalchemy.types import TypeEngine

from collector import migrations
from collector.core import partitions, sequences
from collector.core.database import Database
from collector.domain.tables import metadata
from tests.collector.conftest import Postgres, StoreName


@pytest.fixture
def empty(store_name: StoreName, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without any table."""
    if store_name == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        yield engine
        engine.dispose()
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.new(template="template0")
    engine = create_engine(server.url.set(database=name))
    yield engine
    engine.dispose()
    server.drop(name)


def is_declared(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions are made and dropped as time goes on."""
    return kind != "table" or name is None or not partitions.is_part(name)


COMPARED = {"compare_type": True, "compare_server_default": True, "include_name": is_declared}


def differences(conn: Connection) -> list[object]:
    context = MigrationContext.configure(conn, opts=COMPARED)
    found: list[object] = compare_metadata(context, metadata)
    return found


async def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    assert await database.read(differences, heavy=True) == []


def test_what_is_critical_when_services_come_in_is_what_they_are_like(empty: Engine) -> None:
    """Not what is muted, of a removed connection, about the agent itself, or less than critical."""
    with empty.begin() as conn:
        migrations.upgrade(conn, "0008")
        for number, removed in ((1, None), (2, 5)):
            _insert(conn, "connection", id=number, agent_id="agt_1", key=f"k{number}", removed_at=removed)
        for check, place, category, confirmed in (
            ("DB_CONNECT", 1, "availability", 3),
            ("FULL", 1, "storage", 3),
            ("SLOW", 1, "performance", 3),
            ("MUTED", 1, "performance", 3),
            ("AGENT_LOGIN", 1, "monitoring", 3),
            ("NEARLY", 1, "storage", 2),
            ("GONE", 2, "storage", 3),
        ):
            given = {"connection_id": place, "category": category, "confirmed": confirmed, "observed_at": 7}
            _insert(conn, "check_state", check_id=check, **given)
        for check in ("FULL", "SLOW"):
            _insert(conn, "catalogue_entry", agent_id="agt_1", check_id=check, gate=check == "FULL")
        _insert(conn, "finding_mark", connection_id=1, check_id="MUTED", kind="mute")
        migrations.upgrade(conn)
        rows = conn.execute(text("SELECT source, check_id, began_at, ended_at, status FROM baseline_span ORDER BY 2"))
        assert [tuple(row) for row in rows] == [
            ("connection/1", "DB_CONNECT", 7, None, "major_outage"),
            ("connection/1", "FULL", 7, None, "partial_outage"),
            ("connection/1", "SLOW", 7, None, "degraded_performance"),
        ]


def _insert(conn: Connection, name: str, **given: object) -> None:
    """A row with these values and, where one is needed, any other."""
    found = Table(name, MetaData(), autoload_with=conn)
    blank = {column.name: _blank(column.type) for column in found.c if not column.nullable}
    conn.execute(insert(found), {**blank, "tenant_id": 1, **given})


def _blank(of: TypeEngine[Any]) -> object:
    if isinstance(of, Boolean):
        return False
    return "" if isinstance(of, String) else 0


async def test_numbers_are_given_out_once(database: Database) -> None:
    first = await database.write(sequences.take, "run", 3)
    second = await database.write(sequences.take, "run", 2)
    assert len(set(first + second)) == 5
    assert min(second) > max(first) > 0
    assert await database.write(sequences.take, "run", 0) == []


def test_two_databases_are_upgraded_at_once(tmp_path: Path) -> None:
    """Alembic keeps in its module which database it is at: one got what the other was missing."""

    def upgraded(number: int) -> str:
        engine = create_engine(f"sqlite:///{tmp_path / str(number)}.sqlite")
        with engine.begin() as conn:
            migrations.upgrade(conn)
            return migrations.current(conn)

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(upgraded, range(4))) == {migrations.newest()}
