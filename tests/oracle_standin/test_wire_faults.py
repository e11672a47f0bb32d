"""What goes wrong on purpose looks to the driver as it should."""

import asyncio
import time

import oracledb
import pytest

from tests.oracle_standin.canned import PASSWORD, CannedSession
from tests.standins.oracle.faults import Fault, FaultKind, Faults, parse_fault
from tests.standins.oracle.server import RunningStandin

QUICK = "select 1 from dual"


async def _connect(dsn: str) -> oracledb.AsyncConnection:
    connection: oracledb.AsyncConnection = await oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn)
    return connection


@pytest.mark.parametrize(
    "fault", [Fault(FaultKind.SILENT), Fault(FaultKind.SLOW_LOGIN, seconds=30)], ids=["silent", "slow login"]
)
async def test_a_hanging_login_is_ended_by_the_clients_own_deadline(
    server: RunningStandin, dsn: str, fault: Fault
) -> None:
    server.faults.set("canned", fault)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_connect(dsn), 0.3)
    server.faults.clear()
    async with await _connect(dsn) as connection:
        await connection.ping()


def test_a_refused_connection_carries_the_listeners_code(server: RunningStandin, dsn: str) -> None:
    server.faults.set("canned", Fault(FaultKind.REFUSE, code=12528))
    with pytest.raises(oracledb.DatabaseError, match="ORA-12528"):
        oracledb.connect(user="scott", password=PASSWORD, dsn=dsn)


def test_a_slow_login_succeeds_in_the_end(server: RunningStandin, dsn: str) -> None:
    server.faults.set("canned", Fault(FaultKind.SLOW_LOGIN, seconds=0.3))
    started = time.monotonic()
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn) as connection:
        assert time.monotonic() - started > 0.3
        connection.ping()


@pytest.mark.parametrize("kind", [FaultKind.MUTE, FaultKind.FREEZE])
def test_a_server_that_ignores_breaks_loses_the_session_after_two_timeouts(
    server: RunningStandin, connection: oracledb.Connection, kind: FaultKind
) -> None:
    server.faults.set("canned", Fault(kind))
    connection.call_timeout = 200
    with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
        connection.cursor().execute(QUICK)


def test_a_freeze_waits_for_its_execute(server: RunningStandin, connection: oracledb.Connection) -> None:
    server.faults.set("canned", Fault(FaultKind.FREEZE, on=3))
    for _ in range(2):
        connection.cursor().execute(QUICK)
    connection.call_timeout = 200
    with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
        connection.cursor().execute(QUICK)


def test_the_chosen_execute_fails_and_the_next_works(
    server: RunningStandin, cursor: oracledb.Cursor, session: CannedSession
) -> None:
    server.faults.set("canned", Fault(FaultKind.ERROR, code=1555, on=2))
    cursor.execute(QUICK)
    with pytest.raises(oracledb.DatabaseError, match="ORA-01555"):
        cursor.execute(QUICK)
    assert cursor.execute(QUICK).fetchall() == [(0,), (1,)]
    assert session.log.count(QUICK) == 2


def test_the_socket_may_go_in_the_middle_of_a_fetch(
    server: RunningStandin, connection: oracledb.Connection, cursor: oracledb.Cursor
) -> None:
    server.faults.set("canned", Fault(FaultKind.DROP_FETCH, on=3))
    cursor.execute("select n from thousands")
    with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
        cursor.fetchall()
    assert not connection.is_healthy()


def test_only_matching_statements_are_slow(server: RunningStandin, cursor: oracledb.Cursor) -> None:
    server.faults.set("canned", parse_fault("canned:slow-query:0.3,HUNDRED")[1])
    started = time.monotonic()
    cursor.execute(QUICK)
    assert time.monotonic() - started < 0.25
    cursor.execute("select n from hundred")
    assert time.monotonic() - started > 0.3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prod:silent", Fault(FaultKind.SILENT)),
        ("prod:refuse:12514", Fault(FaultKind.REFUSE, code=12514)),
        ("prod:error:1555@3", Fault(FaultKind.ERROR, code=1555, on=3)),
        ("prod:error:1555", Fault(FaultKind.ERROR, code=1555)),
        ("prod:drop-fetch:2", Fault(FaultKind.DROP_FETCH, on=2)),
        ("prod:freeze", Fault(FaultKind.FREEZE)),
        ("prod:slow-login:1.5", Fault(FaultKind.SLOW_LOGIN, seconds=1.5)),
    ],
)
def test_a_fault_is_read_from_text(text: str, expected: Fault) -> None:
    assert parse_fault(text) == ("prod", expected)


@pytest.mark.parametrize("text", ["prod", "prod:", "prod:earthquake", ":silent", "prod:refuse:x", "prod:mute:1"])
def test_a_fault_that_makes_no_sense_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=f"fault {text!r}"):
        parse_fault(text)


def test_faults_belong_to_their_service() -> None:
    faults = Faults()
    faults.add("PROD", Fault(FaultKind.SILENT))
    assert faults.find("prod", FaultKind.SILENT)
    assert faults.find("test", FaultKind.SILENT) is None
    faults.set("prod")
    assert faults.find("prod", FaultKind.SILENT) is None
