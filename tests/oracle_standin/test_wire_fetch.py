"""Rows and columns as python-oracledb sees them."""

from datetime import timedelta

import oracledb
import pytest

from tests.oracle_standin.canned import PASSWORD
from tests.oracle_standin.canned_answers import LONG_BYTES, LONG_TEXT, MOMENT, TYPED, WIDE_SQL
from tests.standins.oracle.types import OraType


def _expected() -> list[object]:
    """The client shows a TIMESTAMP WITH TIME ZONE without its zone."""
    plain = {"TSZ": MOMENT}
    return [plain.get(column.name, value) for column, value in TYPED]


def _columns(cursor: oracledb.Cursor) -> list[oracledb.FetchInfo]:
    assert cursor.description is not None
    return cursor.description


def test_every_type_arrives_with_lobs_as_values(cursor: oracledb.Cursor) -> None:
    cursor.execute("select * from typed", fetch_lobs=False, fetch_decimals=True)
    row = cursor.fetchone()
    assert list(row) == _expected()


def test_every_type_arrives_with_lobs_as_locators(cursor: oracledb.Cursor) -> None:
    row = cursor.execute("select * from typed").fetchone()
    clob, blob = row[-2:]
    assert clob.read() == LONG_TEXT
    assert clob.read(7, 2) == LONG_TEXT[6:8]
    assert clob.size() == len(LONG_TEXT.encode("utf-16-be")) // 2
    assert blob.read() == LONG_BYTES
    assert blob.size() == len(LONG_BYTES)
    assert blob.getchunksize() == 8060


def test_a_query_with_lobs_runs_again_on_the_same_cursor(cursor: oracledb.Cursor) -> None:
    for _ in range(3):
        cursor.execute("select c from clobs", fetch_lobs=False)
        assert [text for _, text in cursor.fetchall()] == [f"text {n}" for n in range(250)]


def test_a_handler_may_want_text_of_numbers_beside_lobs(cursor: oracledb.Cursor) -> None:
    """LOB columns make the client define all columns, yet it reads the others as they are."""

    def as_text(cursor: oracledb.Cursor, info: oracledb.FetchInfo) -> oracledb.Var | None:
        kinds = {oracledb.DB_TYPE_NUMBER: str, oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG}
        wanted = kinds.get(info.type_code)
        return cursor.var(wanted, arraysize=cursor.arraysize) if wanted else None

    cursor.outputtypehandler = as_text
    row = cursor.execute("select * from typed").fetchone()
    assert row[3:6] == ("-42", "12345678901234567890123456789012345678", "-1234.56")
    assert row[-2] == LONG_TEXT
    assert cursor.execute("select c from clobs").fetchmany(2) == [("0", "text 0"), ("1", "text 1")]


def test_a_result_may_have_other_columns_the_next_time(
    cursor: oracledb.Cursor,
) -> None:
    for expected in ([(0,), (1,), (2,)], [("x", 1)]) * 2:
        assert cursor.execute("select * from changing").fetchall() == expected


def test_a_data_frame_is_filled(connection: oracledb.Connection) -> None:
    assert connection.fetch_df_all("select n from thousands").num_rows() == 5000
    frames = connection.fetch_df_batches("select n from thousands", size=700)
    assert [frame.num_rows() for frame in frames] == [700] * 7 + [100]


def test_rows_of_nulls_arrive(cursor: oracledb.Cursor) -> None:
    rows = cursor.execute("select * from nulls", fetch_lobs=False).fetchall()
    assert rows == [(None,) * len(TYPED)] * 3


def test_columns_are_described(cursor: oracledb.Cursor) -> None:
    cursor.execute("select * from plain")
    described = {info.name: info for info in _columns(cursor)}
    assert described["V"].type_code is oracledb.DB_TYPE_VARCHAR
    assert described["V"].display_size == 30
    assert (described["N2"].precision, described["N2"].scale) == (10, 2)
    assert described["TSZ"].type_code is oracledb.DB_TYPE_TIMESTAMP_TZ
    assert described["IDS"].type_code is oracledb.DB_TYPE_INTERVAL_DS
    assert described["D38"].null_ok
    cursor.execute("select 1 from dual")
    assert not _columns(cursor)[0].null_ok


def test_parsing_alone_describes_without_running(cursor: oracledb.Cursor) -> None:
    cursor.parse("select n from hundred")
    assert [info.name for info in _columns(cursor)] == ["N"]


@pytest.mark.parametrize("arraysize", [1, 2, 99, 100, 101, 1000])
@pytest.mark.parametrize("prefetch", [0, 1, 2, 100, 1000])
def test_all_rows_arrive_whatever_the_batch(cursor: oracledb.Cursor, arraysize: int, prefetch: int) -> None:
    cursor.arraysize, cursor.prefetchrows = arraysize, prefetch
    rows = cursor.execute("select n from hundred").fetchall()
    assert [n for (n,) in rows] == list(range(100))
    assert cursor.rowcount == 100


def test_thousands_of_rows_arrive_in_order(cursor: oracledb.Cursor) -> None:
    assert [n for (n,) in cursor.execute("select n from thousands")] == list(range(5000))


def test_an_empty_result_has_columns_and_no_rows(cursor: oracledb.Cursor) -> None:
    cursor.execute("select n from nothing")
    assert cursor.fetchall() == []
    assert cursor.fetchone() is None


def test_cursors_may_be_read_in_turn(connection: oracledb.Connection) -> None:
    cursors = [connection.cursor() for _ in range(20)]
    for one in cursors:
        one.arraysize = 7
        one.execute("select n from hundred")
    for expected in range(100):
        assert {one.fetchone() for one in cursors} == {(expected,)}
    for one in cursors:
        one.close()


def test_more_statements_than_the_cache_holds_close_their_cursors(dsn: str) -> None:
    with oracledb.connect(user="scott", password=PASSWORD, dsn=dsn, stmtcachesize=2) as connection:
        for _ in range(100):
            for sql in ("select 1 from dual", "select n from hundred", "select * from plain"):
                with connection.cursor() as one:
                    one.execute(sql).fetchall()


def test_nine_hundred_columns_and_fifty_kilobytes_of_sql_pass(cursor: oracledb.Cursor) -> None:
    rows = cursor.execute(WIDE_SQL).fetchall()
    assert len(_columns(cursor)) == 900
    assert rows[2][899] == "2/899"


def test_an_error_has_its_code_text_and_offset(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError) as caught:
        cursor.execute("select * from nope")
    (error,) = caught.value.args
    assert (error.full_code, error.offset) == ("ORA-00942", 14)
    assert error.message.startswith("ORA-00942: table or view does not exist")
    assert cursor.execute("select 1 from dual").fetchall() == [(0,), (1,)]


def test_an_interval_may_be_negative(cursor: oracledb.Cursor) -> None:
    (back,) = cursor.execute("select :1 from dual", [timedelta(seconds=-1)]).fetchone()
    assert back == timedelta(seconds=-1)


def test_the_canned_row_covers_every_type_but_boolean() -> None:
    assert {column.type for column, _ in TYPED} == set(OraType) - {OraType.BOOLEAN}
