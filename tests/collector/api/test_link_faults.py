"""What agents are told while the store cannot take anything, and that it goes on by itself afterwards."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import Connection, text

from collector.core.database import Database
from common import wire
from common.clock import utc_now
from common.wire import Ack, Kind, LinkError
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.builders import AgentHere
from tests.collector.conftest import Postgres


def hoard(conn: Connection, size: int) -> None:
    conn.execute(text("CREATE TABLE IF NOT EXISTS hoard (body BLOB)"))
    conn.execute(text("INSERT INTO hoard VALUES (zeroblob(:size))"), {"size": size})


def clear_out(conn: Connection) -> None:
    conn.execute(text("DELETE FROM hoard"))


def large_batch(here: AgentHere, first: int) -> tuple[bytes, str]:
    now = utc_now()
    outcomes = [builders.outcome(f"CHECK_{n}", line="x" * 900) for n in range(50)]
    lines = [
        wire.record_line(seq, Kind.RUN, now, builders.run(outcomes, key=f"run_{seq}", connection=f"c{seq}"))
        for seq in range(first, first + 20)
    ]
    return here.batch(lines, seqs=range(first, first + 20))


async def test_a_full_disk_is_507_nothing_is_lost_and_service_resumes(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    shutil.copy(sqlite_template, path)
    pages = path.stat().st_size // 4096 + 600
    database = Database.open(f"sqlite:///{path}", page_limit=pages)
    here = await builders.agent(database)
    await database.write(hoard, 2_000_000)
    body, signature = large_batch(here, 1)
    async with serving(database) as app, client_of(app) as client:
        full = await here.send(client, body, signature)
        assert full.status_code == 507, full.text
        assert int(full.headers["retry-after"]) >= 1
        assert wire.decode(full.content, LinkError).code == "service_unavailable"
        assert (await client.get("/health")).status_code == 200
        small = await here.push(client, [(Kind.HEARTBEAT, utc_now(), builders.heartbeat())], first=21)
        assert small.gaps == ((1, 20),)
        await database.write(clear_out)
        ack = wire.decode((await here.send(client, body, signature)).content, Ack)
        assert (ack.new, ack.dup, ack.gaps) == (20, 0, ())
    await database.close()


async def test_a_database_that_is_away_is_503_and_service_resumes(postgres: Postgres) -> None:
    name = postgres.new()
    database = Database.open(postgres.url_of(name))
    here = await builders.agent(database)
    beat = [(Kind.HEARTBEAT, utc_now(), builders.heartbeat())]
    async with serving(database) as app, client_of(app) as client:
        await here.push(client, beat, first=1)
        postgres.run(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        line = wire.record_line(2, *beat[0])
        body, signature = here.batch([line], seqs=[2])
        away = await here.send(client, body, signature)
        assert away.status_code == 503, away.text
        assert int(away.headers["retry-after"]) >= 1
        postgres.run(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        back = await here.send(client, body, signature)
        assert (back.status_code, wire.decode(back.content, Ack).new) == (200, 1)
    await database.close()
    postgres.drop(name)


async def test_a_body_is_read_no_further_than_it_may_be_long(database: Database) -> None:
    here = await builders.agent(database)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"x" * 65536

    headers = {**here.headers("POST", "/agent/v1/batches"), "Content-Type": wire.CONTENT_TYPE}
    async with serving(database) as app, client_of(app) as client:
        answer = await client.post("/agent/v1/batches", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert sent <= 18


async def test_a_stranger_cannot_make_the_collector_read_a_body(database: Database) -> None:
    asked: list[bool] = []

    async def never() -> AsyncIterator[bytes]:
        asked.append(True)
        yield b"x"

    async with serving(database) as app, client_of(app) as client:
        answer: httpx.Response = await client.post("/agent/v1/batches", content=never())
    assert (answer.status_code, asked) == (401, [])


async def test_a_clock_that_differs_is_told_by_how_much(database: Database) -> None:
    here = await builders.agent(database)
    path = "/agent/v1/assignment"
    async with serving(database) as app, client_of(app) as client:
        ahead = here.headers("GET", path, now=utc_now() + timedelta(hours=1))
        error = wire.decode((await client.get(path, headers=ahead)).content, LinkError)
        slightly = here.headers("GET", path, now=utc_now() + timedelta(seconds=90))
        assert (await client.get(path, headers=slightly)).status_code == 200
    assert error.code == "clock_skew"
    assert "3600 s" in error.message or "3599 s" in error.message
