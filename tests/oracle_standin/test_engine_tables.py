"""Tables of one's own: DDL, DML, keys, transactions between sessions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.oracle_standin.engine_cases import database, error, login, rows, run
from tests.standins.oracle.engine import Database
from tests.standins.oracle.engine.session import Session
from tests.standins.oracle.types import Bind, Direction, OraType, Value

at = datetime.fromisoformat


@pytest.fixture
def opened() -> Iterator[Database]:
    with database() as found:
        yield found


@pytest.fixture
def session(opened: Database) -> Session:
    found = login(opened)
    run(found, "CREATE TABLE t (id NUMBER(5) PRIMARY KEY, name VARCHAR2(5) NOT NULL, price NUMBER(6,2), made DATE)")
    return found


def test_rows_go_in_and_come_out(session: Session) -> None:
    assert run(session, "INSERT INTO t VALUES (1, 'one', 1.005, DATE '2024-01-01')").rowcount == 1
    assert run(session, "INSERT INTO t (name, id) VALUES (:1, :2)", "two", 2).rowcount == 1
    found = rows(session, "SELECT * FROM t ORDER BY id")
    assert found == [
        (Decimal(1), "one", Decimal("1.01"), at("2024-01-01")),
        (Decimal(2), "two", None, None),
    ]
    assert run(session, "UPDATE t SET price = NVL(price, 0) + 1, made = made + 1").rowcount == 2
    assert rows(session, "SELECT price FROM t ORDER BY id") == [(Decimal("2.01"),), (Decimal(1),)]
    assert run(session, "DELETE FROM t WHERE id = 1").rowcount == 1
    assert run(session, "DELETE t").rowcount == 1


def test_insert_takes_the_rows_of_a_query(session: Session) -> None:
    assert run(session, "INSERT INTO t (id, name) SELECT group#, SUBSTR(status, 1, 5) FROM v$log").rowcount == 4
    assert rows(session, "SELECT name FROM t WHERE id = 2") == [("CURRE",)]
    assert (
        run(
            session, "UPDATE t SET name = (SELECT MAX(dummy) FROM dual) WHERE id IN (SELECT group# FROM v$log)"
        ).rowcount
        == 4
    )


@pytest.mark.parametrize(
    ("sql", "code", "text"),
    [
        ("INSERT INTO t VALUES (1, 'dup', NULL, NULL)", 1, "WATCHER.SYS_C"),
        ("INSERT INTO t (id) VALUES (2)", 1400, '"WATCHER"."T"."NAME"'),
        ("INSERT INTO t (id, name) VALUES (2, '')", 1400, '"WATCHER"."T"."NAME"'),
        ("INSERT INTO t (id, name) VALUES (NULL, 'x')", 1400, '"WATCHER"."T"."ID"'),
        ("UPDATE t SET name = NULL", 1407, '"WATCHER"."T"."NAME"'),
        ("INSERT INTO t (id, name) VALUES (2, 'sixsix')", 12899, "actual: 6, maximum: 5"),
        ("INSERT INTO t (id, name) VALUES (123456, 'x')", 1438, ""),
        ("INSERT INTO t (id, name, price) VALUES (2, 'x', 10000)", 1438, ""),
        ("INSERT INTO t (id, name) VALUES ('x', 'x')", 1722, ""),
        ("INSERT INTO t (id, name, made) VALUES (2, 'x', 5)", 932, ""),
        ("INSERT INTO t (id, name) VALUES (2)", 947, ""),
        ("INSERT INTO t (id) VALUES (2, 'x')", 913, ""),
        ("INSERT INTO t (id, nope) VALUES (2, 'x')", 904, '"NOPE"'),
        ("INSERT INTO t (id, id) VALUES (2, 3)", 957, ""),
        ("INSERT INTO t (id, name) VALUES (id, 'x')", 984, ""),
        ("UPDATE t SET nope = 1", 904, '"NOPE"'),
        ("UPDATE t SET id = 1 WHERE nope = 1", 904, '"NOPE"'),
        ("CREATE TABLE t (a NUMBER)", 955, ""),
        ("CREATE TABLE u (a NUMBER, a DATE)", 957, ""),
        ("CREATE TABLE u (a NOPE)", 902, ""),
        ("CREATE TABLE other.u (a NUMBER)", 1031, ""),
        ("DROP TABLE nope", 942, ""),
        ("TRUNCATE TABLE nope", 942, ""),
        ("CREATE INDEX i ON t (name)", 3001, ""),
    ],
)
def test_a_table_keeps_its_rules(session: Session, sql: str, code: int, text: str) -> None:
    run(session, "INSERT INTO t VALUES (1, 'one', 1, NULL)")
    raised = error(session, sql)
    assert raised.code == code, raised
    assert text in raised.text


def test_several_rows_of_one_insert_came_with_23ai(session: Session) -> None:
    assert error(session, "INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b')").code == 933


def test_named_and_composite_keys(session: Session) -> None:
    run(
        session,
        "CREATE TABLE k (a NUMBER, b NUMBER, c NUMBER, CONSTRAINT k_pk PRIMARY KEY (a, b), CONSTRAINT k_uq UNIQUE (c))",
    )
    run(session, "INSERT INTO k VALUES (1, 1, 1)")
    assert error(session, "INSERT INTO k VALUES (1, 1, 2)").text == "unique constraint (WATCHER.K_PK) violated"
    assert error(session, "INSERT INTO k VALUES (1, 2, 1)").text == "unique constraint (WATCHER.K_UQ) violated"
    assert error(session, "INSERT INTO k VALUES (2, NULL, 3)").code == 1400
    run(session, "INSERT INTO k VALUES (3, 3, NULL)")
    run(session, "INSERT INTO k VALUES (4, 4, NULL)")


def test_defaults_fill_columns_that_are_left_out(session: Session) -> None:
    run(session, "CREATE TABLE d (a NUMBER DEFAULT 7, b VARCHAR2(10) DEFAULT 'x' NOT NULL, c DATE DEFAULT SYSDATE)")
    run(session, "INSERT INTO d (a) VALUES (NULL)")
    run(session, "INSERT INTO d (b, c) SELECT 'y', SYSDATE FROM dual")
    found = rows(session, "SELECT a, b FROM d WHERE c > SYSDATE - 1 ORDER BY b")
    assert found == [(None, "x"), (7, "y")]


def test_char_is_filled_up_with_blanks_and_compares_without_them(session: Session) -> None:
    run(session, "CREATE TABLE c (a CHAR(4), b VARCHAR2(4))")
    run(session, "INSERT INTO c VALUES ('ab', 'ab')")
    assert rows(session, "SELECT a, LENGTH(a) FROM c WHERE a = 'ab'") == [("ab  ", 4)]
    assert rows(session, "SELECT 1 FROM c WHERE a = b") == []
    assert rows(session, "SELECT 1 FROM c WHERE b = 'ab '") == []


def test_every_type_keeps_its_value(session: Session) -> None:
    run(
        session,
        "CREATE TABLE y (n NUMBER, v VARCHAR2(20 CHAR), ch CHAR(3), d DATE, ts TIMESTAMP, tz TIMESTAMP WITH TIME ZONE,"
        " i INTERVAL DAY TO SECOND, r RAW(10), bd BINARY_DOUBLE, c CLOB, b BLOB)",
    )
    values: tuple[Value, ...] = (
        Decimal("12345678901234567890123456789.123456789"), "äöü", "ab", at("2024-01-02 03:04:05"),
        at("2024-01-02 03:04:05.678901"), at("2024-01-02 03:04:05.000006").astimezone(),
        timedelta(days=3, microseconds=5), b"\x00\xff", 1.5, "x" * 5000, b"\x01" * 5000,
    )  # fmt: skip
    kinds = (
        OraType.NUMBER, OraType.VARCHAR2, OraType.VARCHAR2, OraType.TIMESTAMP, OraType.TIMESTAMP, OraType.TIMESTAMP_TZ,
        OraType.INTERVAL_DS, OraType.RAW, OraType.BINARY_DOUBLE, OraType.CLOB, OraType.BLOB,
    )  # fmt: skip
    binds = [Bind(str(n), kind, one) for n, (kind, one) in enumerate(zip(kinds, values, strict=True), 1)]
    session.execute(f"INSERT INTO y VALUES ({', '.join(f':{n}' for n in range(1, 12))})", [binds])
    result = run(session, "SELECT * FROM y")
    assert result.rows[0] == (*values[:2], "ab ", *values[3:])
    assert [column.type for column in result.columns] == [
        OraType.NUMBER, OraType.VARCHAR2, OraType.CHAR, OraType.DATE, OraType.TIMESTAMP, OraType.TIMESTAMP_TZ,
        OraType.INTERVAL_DS, OraType.RAW, OraType.BINARY_DOUBLE, OraType.CLOB, OraType.BLOB,
    ]  # fmt: skip


def test_returning_hands_back_what_was_written(session: Session) -> None:
    binds = [
        Bind("1", OraType.NUMBER, 5),
        Bind("2", OraType.NUMBER, None, Direction.OUT),
        Bind("3", OraType.VARCHAR2, None, Direction.OUT),
    ]
    result = session.execute(
        "INSERT INTO t (id, name) VALUES (:1, 'new') RETURNING id, UPPER(name) INTO :2, :3", [binds]
    )
    assert (result.rowcount, result.returned) == (1, [[[Decimal(5)], ["NEW"]]])


def test_many_rows_of_binds_are_one_execution(session: Session) -> None:
    many = [[Bind("1", OraType.NUMBER, n), Bind("2", OraType.VARCHAR2, f"n{n}")] for n in range(500)]
    assert session.execute("INSERT INTO t (id, name) VALUES (:1, :2)", many).rowcount == 500
    assert rows(session, "SELECT COUNT(*), MAX(id) FROM t") == [(500, 499)]


def test_changes_are_seen_by_others_after_commit_only(opened: Database, session: Session) -> None:
    second = login(opened)
    run(session, "INSERT INTO t (id, name) VALUES (1, 'a')")
    assert session.in_transaction is True
    assert rows(second, "SELECT COUNT(*) FROM t") == [(0,)]
    session.commit()
    assert rows(session, "SELECT COUNT(*) FROM t") == [(1,)]
    assert rows(second, "SELECT COUNT(*) FROM t") == [(1,)]


def test_rollback_takes_changes_back_and_leaves_the_dictionary_readable(session: Session) -> None:
    run(session, "INSERT INTO t (id, name) SELECT group#, 'x' FROM v$log")
    assert rows(session, "SELECT COUNT(*) FROM t JOIN v$log l ON l.group# = t.id") == [(4,)]
    session.rollback()
    assert rows(session, "SELECT COUNT(*) FROM t") == [(0,)]
    assert rows(session, "SELECT COUNT(*) FROM v$log") == [(4,)]


def test_savepoints(session: Session) -> None:
    run(session, "INSERT INTO t (id, name) VALUES (1, 'a')")
    run(session, "SAVEPOINT here")
    run(session, "INSERT INTO t (id, name) VALUES (2, 'b')")
    run(session, "ROLLBACK TO SAVEPOINT here")
    assert rows(session, "SELECT id FROM t") == [(1,)]


def test_ddl_commits(opened: Database, session: Session) -> None:
    run(session, "INSERT INTO t (id, name) VALUES (1, 'a')")
    run(session, "CREATE TABLE u (a NUMBER)")
    assert not session.in_transaction
    assert rows(login(opened), "SELECT COUNT(*) FROM t") == [(1,)]


def test_a_closed_session_rolls_back(opened: Database, session: Session) -> None:
    second = login(opened)
    run(second, "INSERT INTO t (id, name) VALUES (9, 'z')")
    second.close()
    assert rows(session, "SELECT COUNT(*) FROM t") == [(0,)]
    run(session, "INSERT INTO t (id, name) VALUES (9, 'z')")


def test_a_read_only_transaction_refuses_writing_until_it_ends(session: Session) -> None:
    run(session, "SET TRANSACTION READ ONLY")
    assert rows(session, "SELECT COUNT(*) FROM t") == [(0,)]
    assert error(session, "INSERT INTO t (id, name) VALUES (1, 'a')").code == 1456
    assert error(session, "DELETE FROM v$log").code == 1031
    run(session, "COMMIT")
    run(session, "INSERT INTO t (id, name) VALUES (1, 'a')")
    assert error(session, "SET TRANSACTION READ ONLY").code == 1453


def test_tables_of_others_are_hidden(opened: Database, session: Session) -> None:
    other = login(opened, "OTHER")
    assert error(other, "SELECT * FROM t").code == 942
    assert error(other, "SELECT * FROM watcher.t").code == 942
    run(other, "CREATE TABLE t (a NUMBER)")
    assert rows(session, "SELECT COUNT(*) FROM watcher.t") == [(0,)]
    assert error(login(opened, "READER"), "CREATE TABLE t (a NUMBER)").code == 1031


def test_the_dictionary_lists_ones_tables(session: Session) -> None:
    assert rows(session, "SELECT table_name FROM user_tables") == [("T",)]
    sql = """SELECT column_name, data_type, data_length, data_precision, data_scale, nullable
             FROM all_tab_cols WHERE table_name = 'T' ORDER BY column_id"""
    assert rows(session, sql) == [
        ("ID", "NUMBER", 22, 5, 0, "N"),
        ("NAME", "VARCHAR2", 5, None, None, "N"),
        ("PRICE", "NUMBER", 22, 6, 2, "Y"),
        ("MADE", "DATE", 7, None, None, "Y"),
    ]
    run(session, "DROP TABLE t PURGE")
    assert rows(session, "SELECT table_name FROM user_tables") == []
    assert error(session, "SELECT * FROM t").code == 942
