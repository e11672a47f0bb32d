"""One chain for both databases, and it ends in exactly what the tables declare."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from collector.core import sequences
from collector.core.database import Database
from collector.domain.tables import metadata


def differences(conn: Connection) -> list[object]:
    context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
    found: list[object] = compare_metadata(context, metadata)
    return found


async def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    assert await database.read(differences, heavy=True) == []


async def test_numbers_are_given_out_once(database: Database) -> None:
    first = await database.write(sequences.take, "run", 3)
    second = await database.write(sequences.take, "run", 2)
    assert len(set(first + second)) == 5
    assert min(second) > max(first) > 0
    assert await database.write(sequences.take, "run", 0) == []
