"""Binds of every kind, from the client to the database and back."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import oracledb
import pytest

from tests.oracle_standin.canned import CannedSession
from tests.oracle_standin.canned_answers import INSERT_RETURNING, LONG_TEXT

NOON = datetime(2026, 3, 4, 12, 0, 0)  # noqa: DTZ001 - a DATE has no zone


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "größer € 𝄞",
        "x" * 4001,
        "long " * 8000,
        0,
        -1,
        10**37,
        1.5,
        b"\x00\xff raw",
        NOON,
        timedelta(days=400, hours=3, microseconds=7),
        None,
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_was_bound(cursor: oracledb.Cursor, value: object) -> None:
    cursor.execute("select :1 from dual", [value])
    assert cursor.fetchone() == (value,)


@pytest.mark.parametrize("text", ["1E-30", "-123456789012345678901234567890.12345678", "99.99"])
def test_a_decimal_keeps_all_its_digits(cursor: oracledb.Cursor, text: str) -> None:
    cursor.execute("select :1 from dual", [Decimal(text)], fetch_decimals=True)
    assert cursor.fetchone() == (Decimal(text),)


def test_a_date_becomes_midnight(cursor: oracledb.Cursor) -> None:
    cursor.execute("select :1 from dual", [date(2026, 3, 4)])
    assert cursor.fetchone() == (datetime(2026, 3, 4),)  # noqa: DTZ001


def test_an_empty_string_is_null(cursor: oracledb.Cursor) -> None:
    assert cursor.execute("select :1 from dual", [""]).fetchone() == (None,)


@pytest.mark.parametrize("value", [True, False, None])
def test_a_boolean_comes_back(cursor: oracledb.Cursor, value: bool | None) -> None:  # noqa: FBT001 - the value under test
    cursor.setinputsizes(oracledb.DB_TYPE_BOOLEAN)
    assert cursor.execute("select :1 from dual", [value]).fetchone() == (value,)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (oracledb.DB_TYPE_TIMESTAMP, NOON.replace(microsecond=123456)),
        (oracledb.DB_TYPE_TIMESTAMP_LTZ, NOON.replace(microsecond=1)),
        (oracledb.DB_TYPE_BINARY_DOUBLE, -1.25),
        (oracledb.DB_TYPE_BINARY_FLOAT, 0.5),
        (oracledb.DB_TYPE_CHAR, "fixed"),
        (oracledb.DB_TYPE_NVARCHAR, "naïve €"),
        (oracledb.DB_TYPE_RAW, b"\x01\x02"),
        (oracledb.DB_TYPE_LONG, "long"),
    ],
    ids=str,
)
def test_a_declared_type_comes_back(cursor: oracledb.Cursor, kind: oracledb.DbType, value: object) -> None:
    cursor.setinputsizes(kind)
    assert cursor.execute("select :1 from dual", [value]).fetchone() == (value,)


def test_names_are_told_by_the_statement(cursor: oracledb.Cursor) -> None:
    cursor.execute("select :a, :b, :a from dual", a=1, b="two")
    assert cursor.fetchone() == (1, "two", 1)


def test_the_type_of_a_bind_may_change_between_executions(cursor: oracledb.Cursor) -> None:
    for value in (1, "text", 2, None, "more"):
        assert cursor.execute("select :1 from dual", [value]).fetchone() == (value,)


def test_a_statement_runs_again_with_other_values(cursor: oracledb.Cursor) -> None:
    assert [cursor.execute("select :1 from dual", [n]).fetchone() for n in range(50)] == [(n,) for n in range(50)]


@pytest.mark.parametrize(("kind", "value"), [("CLOB", LONG_TEXT), ("BLOB", b"\x00\x01" * 30_000)])
def test_a_temporary_lob_may_be_bound(
    connection: oracledb.Connection, cursor: oracledb.Cursor, kind: str, value: str | bytes
) -> None:
    lob = connection.createlob(getattr(oracledb, f"DB_TYPE_{kind}"), value)
    assert lob.read() == value
    cursor.execute("select :1 from dual", [lob])
    (back,) = cursor.fetchone()
    assert back.read() == value


def test_a_lob_can_be_written_and_cut(connection: oracledb.Connection) -> None:
    lob = connection.createlob(oracledb.DB_TYPE_CLOB)
    lob.write("hello")
    lob.write("world", 7)
    assert lob.read() == "hello world"
    lob.trim(5)
    assert lob.read() == "hello"


def test_many_rows_are_inserted_in_one_call(cursor: oracledb.Cursor, session: CannedSession) -> None:
    cursor.executemany("insert into t values (:1, :2)", [(n, "x" * n) for n in range(1, 501)])
    assert cursor.rowcount == 500
    assert session.log.count("insert into t values (:1, :2)") == 1
    cursor.executemany("insert into t values (:1, :2)", [(1, "a"), (2, None)])
    assert cursor.rowcount == 2


def test_large_values_come_after_small_ones(cursor: oracledb.Cursor) -> None:
    large = "y" * 40_000
    cursor.execute("select :a, :b, :a from dual", a=large, b=7)
    assert cursor.fetchone() == (large, 7, large)


def test_returning_gives_the_values_of_each_row(cursor: oracledb.Cursor) -> None:
    twice, upper = cursor.var(int), cursor.var(str)
    cursor.execute(INSERT_RETURNING, n=21, name="abc", t=twice, u=upper)
    assert (twice.getvalue(), upper.getvalue()) == ([42], ["ABC"])


def test_returning_works_for_many_rows(cursor: oracledb.Cursor) -> None:
    twice, upper = cursor.var(int, arraysize=3), cursor.var(str, arraysize=3)
    cursor.setinputsizes(None, None, twice, upper)
    cursor.executemany(INSERT_RETURNING, [(n, f"n{n}") for n in range(3)])
    assert [twice.getvalue(at) for at in range(3)] == [[0], [2], [4]]
    assert [upper.getvalue(at) for at in range(3)] == [["N0"], ["N1"], ["N2"]]


def test_a_statement_may_have_nothing_but_returned_binds(cursor: oracledb.Cursor) -> None:
    gone = cursor.var(int)
    for _ in range(2):
        cursor.execute("delete from t returning n into :n", n=gone)
        assert gone.getvalue() == [1, 2, 3]


def test_a_block_sets_its_out_binds(cursor: oracledb.Cursor) -> None:
    x, z = cursor.var(int), cursor.var(int)
    for y in (4, 5, 6):
        z.setvalue(0, y * 10)
        cursor.execute("begin :x := :y * 2; :z := :z + 1; end;", x=x, y=y, z=z)
        assert (x.getvalue(), z.getvalue()) == (y * 2, y * 10 + 1)


def test_a_block_may_give_a_lob(cursor: oracledb.Cursor) -> None:
    big = cursor.var(oracledb.DB_TYPE_CLOB)
    cursor.execute("begin :c := big(); end;", c=big)
    assert big.getvalue().read() == LONG_TEXT


def test_a_ref_cursor_is_refused_rather_than_guessed(connection: oracledb.Connection, cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        cursor.execute("begin :c := big(); end;", c=cursor.var(oracledb.DB_TYPE_CURSOR))
    connection.ping()


def test_an_array_is_refused_rather_than_guessed(connection: oracledb.Connection, cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        cursor.execute("begin :c := big(); end;", c=cursor.arrayvar(int, [1, 2, 3]))
    connection.ping()


def test_a_unique_key_is_an_integrity_error(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.IntegrityError, match="ORA-00001"):
        cursor.execute("insert into twin values (1)")
