"""A pooler between the collector and PostgreSQL is noticed, whatever it does with a session."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from collector.core import pooling
from collector.core.database import Database
from collector.core.engines import Engines
from collector.core.pooling import Session
from collector.core.problems import StoreUnavailable
from common.errors import ConfigurationError
from tests.collector.conftest import Postgres
from tests.collector.refusing import refusing

READER, WRITER = Session(17, 1000.5, reads=True), Session(18, 1000.6, reads=False)


def test_sessions_of_our_own_are_no_trouble() -> None:
    assert pooling.trouble(READER, WRITER) == ""
    assert pooling.trouble(READER, READER._replace(began=900.0)) == ""  # numbers are given again, on two servers too


def test_two_connections_with_one_session_are_those_of_a_pooler_in_transaction_mode() -> None:
    assert "transaction mode" in pooling.trouble(READER, READER)
    assert "transaction mode" in pooling.trouble(WRITER, WRITER)


def test_a_session_without_the_settings_that_it_was_begun_with_is_that_of_a_pooler() -> None:
    assert "drops the settings" in pooling.trouble(READER._replace(reads=False), WRITER)


async def test_a_server_that_is_reached_directly_is_no_trouble(database: Database) -> None:
    await pooling.guard(database)


async def test_a_pooler_that_drops_settings_is_refused(postgres: Postgres) -> None:
    url = make_url(postgres.url_of("postgres")).set(drivername="postgresql+psycopg")
    bare = [create_engine(url, connect_args={"autocommit": True}) for _ in range(2)]
    db = Database(Engines(name="postgres", writer=bare[0], readers=bare[1], threads=1))
    with pytest.raises(ConfigurationError, match=r"drops the settings.*expected the address of the server itself"):
        await pooling.guard(db)
    await db.close()


async def test_a_pooler_that_refuses_settings_is_not_waited_for() -> None:
    async with refusing("08P01", "unsupported startup parameter: options") as port:
        db = Database.open(f"postgresql://fieldpost:secret@127.0.0.1:{port}/fieldpost")
        with pytest.raises(ConfigurationError, match="refuses the settings") as caught:
            await pooling.guard(db)
        await db.close()
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_away_is_none() -> None:
    db = Database.open("postgresql://fieldpost@127.0.0.1:1/fieldpost")
    with pytest.raises(StoreUnavailable):
        await pooling.guard(db)
    await db.close()


async def test_sqlite_has_no_sessions(tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path / 'x.sqlite'}")
    await pooling.guard(db)
    await db.close()
