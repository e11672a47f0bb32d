"""What the process says of how full its database is: figures, and lines of the log when that changes."""

import io
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.core.room import Terms
from collector.filling import Filling
from common import logs
from tests.collector.quiet import quiet  # noqa: F401 - a fixture


async def test_the_figures_say_how_much_of_what_may_be_is_taken(database: Database) -> None:
    metrics = Metrics()
    await Filling(database, Terms(budget=2**40, reserve=0), metrics).look()
    shown = metrics.render().decode()
    taken = next(float(line.split()[1]) for line in shown.splitlines() if line.startswith("fieldpost_store_bytes "))
    assert taken > 100_000
    ratio = next(
        float(line.split()[1]) for line in shown.splitlines() if line.startswith("fieldpost_store_full_ratio ")
    )
    assert 0 < ratio < 0.01


async def test_people_are_told_that_room_gets_short_and_that_there_was_none(tmp_path: Path) -> None:
    small = Database.open(f"sqlite:///{tmp_path / 'x.sqlite'}", page_limit=20)
    filling = Filling(small, Terms(budget=2**20, reserve=0), Metrics())
    await filling.look()
    assert filling.shortage() == "none"
    await small.write(lambda conn: conn.execute(text("CREATE TABLE note (what TEXT)")))
    await small.write(_note)
    filling._terms = Terms(budget=1)
    await filling.look()
    assert filling.shortage() == "near"
    with pytest.raises(StoreUnavailable):
        await _fill(small)
    assert filling.shortage() == "refused"
    assert not small.found_full(within_s=0.0)
    await small.close()


async def _fill(small: Database) -> None:
    for _ in range(20):
        await small.write(_note)


def _note(conn: Connection) -> None:
    conn.execute(text("INSERT INTO note VALUES (:what)"), {"what": "x" * 5000})


async def test_it_is_said_once_that_there_is_no_room_and_once_that_there_is(database: Database) -> None:
    heard = io.StringIO()
    logs.configure(stream=heard)
    filling = Filling(database, Terms(budget=1), Metrics())
    for _ in range(3):
        await filling.look()
    filling._terms = Terms(budget=2**40, reserve=0)
    for _ in range(3):
        await filling.look()
    said = heard.getvalue().splitlines()
    assert len(said) == 2
    assert "the database is full" in said[0]
    assert "the database has room again" in said[1]
