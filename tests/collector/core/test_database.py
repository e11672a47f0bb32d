"""The gateway: durable group commits, savepoints per closure, snapshots, and a store that goes away."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from collector.core.database import Database
from collector.core.problems import StoreInUse, StoreUnavailable
from tests.collector.conftest import Postgres


def create(conn: Connection) -> None:
    conn.execute(text("CREATE TABLE note (id BIGINT PRIMARY KEY, body TEXT)"))


def add(conn: Connection, number: int, body: str = "") -> int:
    conn.execute(text("INSERT INTO note VALUES (:id, :body)"), {"id": number, "body": body})
    return number


def count(conn: Connection) -> int:
    return int(conn.execute(text("SELECT count(*) FROM note")).scalar_one())


async def fill(database: Database) -> None:
    for number in range(1000):
        await database.write(add, number, "x" * 4000)


async def test_a_write_returns_the_value_of_its_closure_and_is_visible_afterwards(database: Database) -> None:
    await database.write(create)
    assert await database.write(add, 7) == 7
    assert await database.read(count) == 1
    assert await database.read(count, heavy=True) == 1


async def test_many_writers_are_committed_together_and_none_is_lost(database: Database) -> None:
    await database.write(create)
    done = await asyncio.gather(*(database.write(add, number) for number in range(300)))
    assert done == list(range(300))
    assert await database.read(count) == 300


async def test_a_failing_closure_undoes_itself_alone(database: Database) -> None:
    await database.write(create)

    def spoil(conn: Connection) -> None:
        add(conn, 100)
        add(conn, 1)

    results = await asyncio.gather(
        database.write(add, 1), database.write(spoil), database.write(add, 2), return_exceptions=True
    )
    assert results[0] == 1
    assert isinstance(results[1], IntegrityError)
    assert results[2] == 2
    assert await database.read(count) == 2


async def test_a_read_cannot_write(database: Database) -> None:
    await database.write(create)
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await database.read(add, 1)
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await database.read(add, 1, heavy=True)
    assert await database.read(count) == 0


async def test_a_long_read_leaves_the_event_loop_free(database: Database) -> None:
    slow = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) FROM n"
    )

    def read(conn: Connection) -> int:
        return int(conn.execute(slow).scalar_one())

    longest = 0.0
    task = asyncio.create_task(database.read(read))
    loop = asyncio.get_running_loop()
    while not task.done():
        before = loop.time()
        await asyncio.sleep(0.001)
        longest = max(longest, loop.time() - before)
    assert task.result() == 2_000_000
    assert longest < 0.25


async def test_what_is_queued_is_written_before_the_gateway_closes(database_url: str) -> None:
    first = Database.open(database_url)
    await first.write(create)
    tasks = [asyncio.create_task(first.write(add, number)) for number in range(50)]
    await asyncio.sleep(0)
    await first.close()
    assert len(await asyncio.gather(*tasks)) == 50
    with pytest.raises(StoreUnavailable):
        await first.write(add, 99)
    second = Database.open(database_url)
    assert await second.read(count) == 50
    await second.close()


async def test_a_second_process_may_not_open_the_same_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite'}"
    first = Database.open(url)
    with pytest.raises(StoreInUse, match=r"x\.sqlite\.lock"):
        Database.open(url)
    await first.close()
    await Database.open(url).close()


async def test_a_full_disk_is_named_and_work_goes_on_when_there_is_space(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    small = Database.open(f"sqlite:///{path}", page_limit=20)
    await small.write(create)
    with pytest.raises(StoreUnavailable) as caught:
        await fill(small)
    assert caught.value.why == "full"
    stored = await small.read(count)
    assert 5 < stored < 20

    def make_room(conn: Connection) -> None:
        conn.execute(text("DELETE FROM note"))

    await small.write(make_room)
    assert await small.write(add, 5000) == 5000
    await small.close()


async def test_a_full_disk_in_a_group_loses_no_write_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    small = Database.open(f"sqlite:///{path}", page_limit=40)
    await small.write(create)
    results = await asyncio.gather(
        *(small.write(add, number, "x" * 3000) for number in range(200)), return_exceptions=True
    )
    await small.close()
    acknowledged = {result for result in results if isinstance(result, int)}
    assert all(isinstance(result, (int, StoreUnavailable)) for result in results)
    with sqlite3.connect(path) as raw:
        stored = {row[0] for row in raw.execute("SELECT id FROM note")}
    raw.close()
    assert stored == acknowledged


async def test_a_lost_connection_is_replaced(postgres: Postgres) -> None:
    name = postgres.new()
    database = Database.open(postgres.url_of(name))
    await database.write(create)
    await database.read(count)
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    assert await database.read(count) == 0
    assert await database.write(add, 2) == 2
    assert await database.read(count) == 1
    await database.close()
    postgres.drop(name)


async def test_a_server_that_is_gone_without_a_word_is_noticed_within_half_a_minute(postgres: Postgres) -> None:
    def noticed(conn: Connection) -> int:
        raw: Any = conn.connection.driver_connection
        told = {name: int(value) for name, value in raw.info.get_parameters().items() if value.isdigit()}
        silent = told["keepalives_idle"] + told["keepalives_interval"] * told["keepalives_count"]
        return max(silent, told["tcp_user_timeout"] // 1000)

    database = Database.open(postgres.url_of("postgres"))
    assert await database.read(noticed) < 30
    assert await database.write(noticed) < 30
    await database.close()


async def test_a_store_that_is_away_is_unavailable_and_not_an_error_of_ours() -> None:
    database = Database.open("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable) as caught:
        await database.ping()
    assert caught.value.why == "gone"
    with pytest.raises(StoreUnavailable):
        await database.write(create)
    await database.close()
