"""A memo repeats what it has read until something is committed, by whomever; never longer."""

import pytest
from sqlalchemy import Connection, text

from collector.core import memo as module
from collector.core.database import Database
from collector.core.memo import Memo
from collector.core.problems import StoreUnavailable


def create(conn: Connection) -> None:
    conn.execute(text("CREATE TABLE note (id BIGINT PRIMARY KEY)"))


def add(conn: Connection, number: int) -> None:
    conn.execute(text("INSERT INTO note VALUES (:id)"), {"id": number})


def newest(conn: Connection) -> int | None:
    found: int | None = conn.execute(text("SELECT max(id) FROM note")).scalar()
    return found


async def test_what_was_committed_is_seen_at_once(database: Database) -> None:
    await database.write(create)
    memo = Memo(database)
    for number in range(1, 30):
        await database.write(add, number)
        assert [await memo.read(newest), await memo.read(newest)] == [number, number]


async def test_a_read_is_not_repeated_while_nothing_changes_where_the_store_can_tell(database: Database) -> None:
    asked: list[int] = []

    def ask(_conn: Connection, number: int) -> int:
        asked.append(number)
        return number

    memo = Memo(database)
    await database.read(lambda conn: conn.execute(text("SELECT 1")).scalar())
    assert [await memo.read(ask, number) for number in (1, 2, 1, 1)] == [1, 2, 1, 1]
    assert asked == ([1, 2] if database.name == "sqlite" else [1, 2, 1, 1])


async def test_what_is_not_there_is_not_kept_and_what_is_kept_is_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    memo = Memo(database)
    await database.ping()
    for number in range(10):
        await memo.read(lambda _conn, _number: None, number)
    assert memo._kept == {}
    for number in range(10):
        await memo.read(lambda _conn, number: number, number)
    assert len(memo._kept) <= 3


async def test_a_store_that_is_gone_is_not_answered_for(database: Database) -> None:
    memo = Memo(database)
    assert await memo.read(lambda _conn: 1) == 1
    await database.close()
    with pytest.raises(StoreUnavailable):
        await memo.read(lambda _conn: 1)
