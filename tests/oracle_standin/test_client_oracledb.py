"""python-oracledb, thin, against the real scenarios: synchronous, asynchronous, pooled, on both personas."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import oracledb
import pytest

from tests.standins.oracle.estate import Target

OWN_SESSION = """
    select sid, serial#, module, action, client_info, client_identifier, username
      from v$session where sid = sys_context('userenv', 'sid')"""


@pytest.fixture
def connection(target: Target) -> Iterator[oracledb.Connection]:
    with oracledb.connect(user=target.user, password=target.password, dsn=target.dsn) as opened:
        yield opened


@pytest.fixture
def cursor(connection: oracledb.Connection) -> Iterator[oracledb.Cursor]:
    with connection.cursor() as opened:
        yield opened


@pytest.fixture
async def patient(target: Target) -> AsyncIterator[oracledb.AsyncConnection]:
    async with oracledb.connect_async(user=target.user, password=target.password, dsn=target.dsn) as opened:
        yield opened


@pytest.fixture
def table(cursor: oracledb.Cursor) -> Iterator[str]:
    """A table with a column of every type that a client may store."""
    cursor.execute(
        "create table everything (n number, n2 number(10,2), v varchar2(100), c char(5), d date, ts timestamp, "
        "r raw(16), bd binary_double, cl clob, bl blob)"
    )
    yield "everything"
    cursor.execute("drop table everything purge")


def test_the_release_is_the_scenarios(connection: oracledb.Connection, persona: str) -> None:
    assert connection.version.startswith("19." if persona == "19c" else "23.")


def test_a_wrong_password_is_ora_01017(target: Target) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-01017"):
        oracledb.connect(user=target.user, password="wrong", dsn=target.dsn)


@pytest.mark.parametrize(("user", "code"), [("LOCKED_USER", "ORA-28000"), ("EXPIRED_USER", "ORA-28001")])
def test_accounts_that_may_not_log_in(target: Target, persona: str, user: str, code: str) -> None:
    suffix, common = ("healthy19c", "") if persona == "19c" else ("healthy23ai", "C##")
    password = f"{user.partition('_')[0].lower()}-{suffix}"
    with pytest.raises(oracledb.DatabaseError, match=code):
        oracledb.connect(user=common + user, password=password, dsn=target.dsn)


def test_sysdg_logs_in_for_the_user_who_has_it(target: Target, persona: str) -> None:
    suffix, common = ("healthy19c", "") if persona == "19c" else ("healthy23ai", "C##")
    how = {"user": f"{common}DGMON", "password": f"dg-{suffix}", "dsn": target.dsn}
    with oracledb.connect(**how, mode=oracledb.AUTH_MODE_SYSDGD) as connection:
        connection.ping()


def test_dates_are_dates_and_numbers_are_numbers(cursor: oracledb.Cursor) -> None:
    created, dbid, now = cursor.execute("select created, dbid, sysdate from v$database").fetchone()
    assert isinstance(created, datetime)
    assert isinstance(dbid, int)
    assert abs(now - datetime.now()) < timedelta(days=1)  # noqa: DTZ005 - the server's own clock


def test_a_session_sees_itself_with_its_attributes(
    connection: oracledb.Connection, cursor: oracledb.Cursor, target: Target
) -> None:
    connection.module, connection.action = "fieldpost", "redo_logs.size"
    connection.clientinfo, connection.client_identifier = "tenant 7", "agent 3"
    row = cursor.execute(OWN_SESSION).fetchone()
    numbers = (connection.session_id, connection.serial_num)
    assert row == (*numbers, "fieldpost", "redo_logs.size", "tenant 7", "agent 3", target.user)


@pytest.mark.parametrize(
    ("sql", "code", "offset"),
    [
        ("select nonsense from v$database", "ORA-00904", 7),
        ("select * from v$nonsense", "ORA-00942", 14),
        ("select 1 / 0 from dual", "ORA-01476", None),
        ("select to_number('x') from dual", "ORA-01722", None),
    ],
)
def test_errors_have_oracles_codes(cursor: oracledb.Cursor, sql: str, code: str, offset: int | None) -> None:
    with pytest.raises(oracledb.DatabaseError) as caught:
        cursor.execute(sql).fetchall()
    (error,) = caught.value.args
    assert error.full_code == code
    if offset is not None:
        assert error.offset == offset
    assert cursor.execute("select 1 from dual").fetchone() == (1,)


def test_every_stored_type_comes_back(connection: oracledb.Connection, cursor: oracledb.Cursor, table: str) -> None:
    moment = datetime(2026, 11, 21, 6, 32, 20, 123456)  # noqa: DTZ001 - TIMESTAMP has no zone
    row = (
        12345678901234567890,
        Decimal("-1234.56"),
        "größer €",
        "abcde",
        moment.replace(microsecond=0),
        moment,
        b"\x00\xff",
        2.5,
        "long " * 20_000,
        b"\x01\x02" * 30_000,
    )
    cursor.setinputsizes(None, None, None, None, None, oracledb.DB_TYPE_TIMESTAMP)
    places = ", ".join(f":{at}" for at in range(1, 11))
    cursor.execute(f"insert into {table} values ({places})", row)
    connection.commit()
    back = cursor.execute(f"select * from {table}", fetch_lobs=False, fetch_decimals=True).fetchone()
    assert back == row
    lob = cursor.execute(f"select cl from {table}").fetchone()[0]
    assert lob.read() == row[8]


def test_rows_are_inserted_together_changed_and_counted(cursor: oracledb.Cursor, table: str) -> None:
    cursor.executemany(f"insert into {table} (n, v) values (:1, :2)", [(n, f"row {n}") for n in range(500)])
    assert cursor.rowcount == 500
    cursor.execute(f"update {table} set v = upper(v) where n >= :least", least=250)
    assert cursor.rowcount == 250
    cursor.arraysize = 33
    rows = cursor.execute(f"select n, v from {table} order by n").fetchall()
    assert rows[249:251] == [(249, "row 249"), (250, "ROW 250")]
    gone = cursor.var(int)
    cursor.execute(f"delete from {table} where n < 3 returning n into :gone", gone=gone)
    assert sorted(gone.getvalue()) == [0, 1, 2]


def test_others_see_what_is_committed_only(
    connection: oracledb.Connection, cursor: oracledb.Cursor, table: str, target: Target
) -> None:
    cursor.execute(f"insert into {table} (n) values (1)")
    with oracledb.connect(user=target.user, password=target.password, dsn=target.dsn) as other:
        watching = other.cursor()
        assert watching.execute(f"select count(*) from {table}").fetchone() == (0,)
        connection.commit()
        assert watching.execute(f"select count(*) from {table}").fetchone() == (1,)
    cursor.execute(f"delete from {table}")
    connection.rollback()
    assert cursor.execute(f"select count(*) from {table}").fetchone() == (1,)


def test_a_block_gives_its_out_binds(cursor: oracledb.Cursor) -> None:
    out = cursor.var(int)
    cursor.execute("begin :out := :base * 2 + 1; end;", out=out, base=20)
    assert out.getvalue() == 41


def test_a_sleeping_block_is_given_up_at_the_call_timeout(
    connection: oracledb.Connection, cursor: oracledb.Cursor
) -> None:
    connection.call_timeout = 200
    started = time.monotonic()
    with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
        cursor.execute("begin dbms_session.sleep(30); end;")
    assert time.monotonic() - started < 5
    connection.call_timeout = 0
    assert cursor.execute("select 1 from dual").fetchone() == (1,)


def test_heavy_sql_is_given_up_at_the_call_timeout(connection: oracledb.Connection, cursor: oracledb.Cursor) -> None:
    heavy = "select count(*) from (select level n from dual connect by level <= 30000000) where mod(n, 7) = 3"
    connection.call_timeout = 300
    started = time.monotonic()
    with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
        cursor.execute(heavy).fetchall()
    assert time.monotonic() - started < 5
    connection.call_timeout = 0
    assert cursor.execute("select 1 from dual").fetchone() == (1,)


async def test_the_dictionary_answers_asynchronously(patient: oracledb.AsyncConnection) -> None:
    rows = await patient.fetchall("select group#, bytes, status from v$log order by group#")
    assert len(rows) >= 2
    assert await patient.fetchone("select count(*) from v$log where status = :s", ["CURRENT"]) == (1,)
    with pytest.raises(oracledb.DatabaseError, match="ORA-00904"):
        await patient.fetchall("select nonsense from v$log")
    await patient.ping()


async def test_an_asynchronous_call_is_given_up_too(patient: oracledb.AsyncConnection) -> None:
    patient.call_timeout = 200
    with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
        await patient.execute("begin dbms_session.sleep(30); end;")
    assert await patient.fetchone("select 1 from dual") == (1,)


async def test_an_asynchronous_pool_serves_many(target: Target) -> None:
    pool = oracledb.create_pool_async(user=target.user, password=target.password, dsn=target.dsn, min=1, max=3)

    async def work(number: int) -> object:
        async with pool.acquire() as connection:
            return await connection.fetchone("select :n + 1 from dual", [number])

    assert await asyncio.gather(*map(work, range(12))) == [(n + 1,) for n in range(12)]
    await pool.close()


def test_a_pool_serves_many_threads(target: Target) -> None:
    pool = oracledb.create_pool(user=target.user, password=target.password, dsn=target.dsn, min=1, max=3)

    def work(number: int) -> object:
        with pool.acquire() as connection, connection.cursor() as cursor:
            return cursor.execute("select :n + 1 from dual", [number]).fetchone()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(24))) == [(n + 1,) for n in range(24)]
    pool.close()
