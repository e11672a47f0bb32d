"""Work for many callers in one turn."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, text

from collector.core.database import Database


async def _table(database: Database) -> None:
    await database.write(lambda conn: conn.execute(text("CREATE TABLE noted (n INT)")) and None)


def note(conn: Connection, key: str, numbers: Sequence[int]) -> list[int | Exception]:
    """Negative numbers are refused; 13 spoils everything; the answer says who shared the turn."""
    for number in numbers:
        conn.execute(text("INSERT INTO noted VALUES (:n)"), {"n": number})
    if 13 in numbers:
        raise LookupError(key)
    return [ValueError(number) if number < 0 else len(numbers) for number in numbers]


async def _noted(database: Database) -> list[int]:
    return await database.read(lambda conn: list(conn.execute(text("SELECT n FROM noted ORDER BY n")).scalars()))


async def test_who_waits_at_the_same_time_shares_a_turn(database: Database) -> None:
    await _table(database)
    answers = await asyncio.gather(*(database.write_together(note, "a", number) for number in range(20, 60)))
    assert max(answers) > 1
    assert await _noted(database) == list(range(20, 60))


async def test_an_exception_among_the_answers_is_its_callers_alone(database: Database) -> None:
    await _table(database)
    answers = await asyncio.gather(
        *(database.write_together(note, "a", number) for number in (1, -2, 3)), return_exceptions=True
    )
    assert [type(one) for one in answers] == [int, ValueError, int]


async def test_one_that_spoils_a_turn_is_undone_alone(database: Database) -> None:
    await _table(database)
    answers = await asyncio.gather(
        *(database.write_together(note, "a", number) for number in (1, 13, 3, 4)), return_exceptions=True
    )
    assert [type(one) for one in answers] == [int, LookupError, int, int]
    assert await _noted(database) == [1, 3, 4]


async def test_different_keys_never_share_a_turn(database: Database) -> None:
    await _table(database)

    def by_key(conn: Connection, key: int, items: Sequence[int]) -> list[int]:
        del conn
        return [key for _ in items if set(items) == {key}]

    answers = await asyncio.gather(*(database.write_together(by_key, n % 3, n % 3) for n in range(30)))
    assert answers == [n % 3 for n in range(30)]


async def test_other_writes_of_the_same_group_hold_when_a_turn_is_spoilt(database: Database) -> None:
    await _table(database)

    def add(conn: Connection, number: int) -> None:
        conn.execute(text("INSERT INTO noted VALUES (:n)"), {"n": number})

    spoilt = [database.write_together(note, "a", number) for number in (13, 2)]
    await asyncio.gather(database.write(add, 100), *spoilt, database.write(add, 101), return_exceptions=True)
    assert await _noted(database) == [2, 100, 101]
    with pytest.raises(LookupError):
        await database.write_together(note, "b", 13)
