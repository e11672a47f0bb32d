"""Calls that are given up: timeouts, cancels, and the races between a break and its answer."""

import random
import threading
import time
from collections.abc import Callable

import oracledb
import pytest

from tests.oracle_standin.canned import PASSWORD, CannedSession
from tests.standins.oracle.faults import Fault, FaultKind
from tests.standins.oracle.server import RunningStandin

SLEEP = "begin sleep; end;"
QUICK = "select 1 from dual"
TIMEOUT = 600  # ms; a client gives the answer to its break no longer than it gave the call, and machines halt for 0.1 s
ROUNDS = 6


def test_a_call_that_takes_too_long_is_given_up_and_the_session_lives(
    connection: oracledb.Connection, cursor: oracledb.Cursor
) -> None:
    connection.call_timeout = TIMEOUT
    started = time.monotonic()
    with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
        cursor.execute(SLEEP)
    assert time.monotonic() - started < 5
    connection.call_timeout = 0
    assert cursor.execute(QUICK).fetchall() == [(0,), (1,)]


def test_a_cancel_is_ora_01013(connection: oracledb.Connection, cursor: oracledb.Cursor) -> None:
    timer = threading.Timer(0.1, connection.cancel)
    timer.start()
    with pytest.raises(oracledb.DatabaseError, match="ORA-01013"):
        cursor.execute(SLEEP)
    timer.join()
    assert cursor.execute(QUICK).fetchall() == [(0,), (1,)]


def test_timeouts_that_race_with_the_answer_never_lose_the_session(
    server: RunningStandin, connection: oracledb.Connection, cursor: oracledb.Cursor
) -> None:
    server.faults.set("canned", Fault(FaultKind.SLOW_QUERY, seconds=TIMEOUT / 1000))
    chance = random.Random(7)
    outcomes = {"done": 0, "given up": 0}
    for _ in range(ROUNDS):
        connection.call_timeout = TIMEOUT + chance.randint(-8, 8)
        try:
            assert cursor.execute(QUICK).fetchall() == [(0,), (1,)]
            outcomes["done"] += 1
        except oracledb.DatabaseError as error:
            assert "DPY-4024" in str(error), error  # noqa: PT017 - either outcome is right
            outcomes["given up"] += 1
    connection.call_timeout = 0
    assert cursor.execute(QUICK).fetchall() == [(0,), (1,)]
    assert sum(outcomes.values()) == ROUNDS


def test_a_slow_query_hears_a_break(
    server: RunningStandin, connection: oracledb.Connection, cursor: oracledb.Cursor
) -> None:
    server.faults.set("canned", Fault(FaultKind.SLOW_QUERY, seconds=30))
    connection.call_timeout = TIMEOUT
    with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
        cursor.execute(QUICK)
    server.faults.clear()
    connection.call_timeout = 0
    connection.ping()


async def test_an_asynchronous_call_is_given_up_alike(dsn: str) -> None:
    async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
        for _ in range(2):
            connection.call_timeout = TIMEOUT
            with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
                await connection.execute(SLEEP)
            connection.call_timeout = 0
            assert await connection.fetchall(QUICK) == [(0,), (1,)]


async def test_asynchronous_timeouts_come_and_go(server: RunningStandin, dsn: str) -> None:
    """Well before or well after the answer: a timer that fires just then ends python-oracledb 26.1 with SIGSEGV."""
    server.faults.set("canned", Fault(FaultKind.SLOW_QUERY, seconds=0.15))
    async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
        for _ in range(5):
            connection.call_timeout = 30
            with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
                await connection.fetchall(QUICK)
            connection.call_timeout = 10_000
            assert await connection.fetchall(QUICK) == [(0,), (1,)]


def test_a_client_that_leaves_in_a_call_leaves_no_session_behind(
    dsn: str, server: RunningStandin, connection: oracledb.Connection, session: CannedSession
) -> None:
    connection.call_timeout = 10_000
    caller = threading.Thread(target=_expect_loss, args=(connection,))
    caller.start()
    _wait_for(lambda: SLEEP in session.log)
    server.cut_all()
    caller.join(5)
    _wait_for(lambda: session.closed)
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as other:
        other.ping()


def _expect_loss(connection: oracledb.Connection) -> None:
    with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
        connection.cursor().execute(SLEEP)


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen within 3 s")
