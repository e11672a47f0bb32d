"""The collector says that it goes on only while its database answers and its background work comes round."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from collector import liveness, migrations, worker
from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from common import systemd
from common.liveness import Liveness


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    yield opened
    await opened.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(systemd, "status", lines.append)
    return lines


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_a_database_that_does_not_answer_is_what_is_stuck(db: Database) -> None:
    clock = Clock()
    alive = Liveness(clock)
    free = threading.Event()

    def hang(_conn: Connection) -> None:
        free.wait(10)

    task = asyncio.create_task(liveness.probe(db, alive, well="serving", every_s=0.001))
    hanging = asyncio.create_task(db.write(hang))
    try:
        await asyncio.sleep(0.05)
        clock.now += liveness.DATABASE_S + 1
        await asyncio.sleep(0.05)
        assert [one.name for one in alive.late()] == ["database"]
        free.set()
        await until(lambda: not alive.late())
    finally:
        free.set()
        task.cancel()
        await hanging


async def test_a_database_that_is_away_is_an_answer_and_shown(
    db: Database, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    alive = Liveness(clock)
    away = True
    answers = db.ping

    async def ping() -> None:
        if away:
            raise StoreUnavailable("gone", "no route")
        await answers()

    monkeypatch.setattr(db, "ping", ping)
    task = asyncio.create_task(liveness.probe(db, alive, well="serving", every_s=0.001))
    try:
        await until(lambda: told == ["the database cannot be used: gone"])
        clock.now += liveness.DATABASE_S - 1
        await asyncio.sleep(0.02)
        clock.now += liveness.DATABASE_S - 1
        assert not alive.late()
        away = False
        await until(lambda: told == ["the database cannot be used: gone", "serving"])
    finally:
        task.cancel()


async def test_each_turn_of_the_background_work_is_told_of(db: Database, tmp_path: Path) -> None:
    await db.write(migrations.upgrade)
    turns = 0

    def turned() -> None:
        nonlocal turns
        turns += 1

    task = asyncio.create_task(worker.work(db, Settings(state_dir=tmp_path, sweep_s=0.1), turned))
    try:
        await until(lambda: turns > 1)
    finally:
        task.cancel()


async def test_a_start_that_takes_long_asks_for_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(systemd, "more_time_to_start", asked.append)
    task = asyncio.create_task(liveness.ask_for_time())
    await until(lambda: asked)
    task.cancel()
    assert asked == [60.0]
