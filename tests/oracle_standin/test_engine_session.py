"""Sessions: PL/SQL that clients send, attributes, cancelling, describing."""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.oracle_standin.engine_cases import database, error, login, rows, run, value
from tests.standins.oracle.engine import Database
from tests.standins.oracle.engine.session import Session
from tests.standins.oracle.types import Bind, Direction, OracleError, OraType


@pytest.fixture
def opened() -> Iterator[Database]:
    with database() as found:
        yield found


@pytest.fixture
def session(opened: Database) -> Session:
    return login(opened)


@pytest.mark.parametrize("sql", ["BEGIN NULL; END;", "begin null; end;", "BEGIN\n  NULL; -- nothing\n  NULL;\nEND;"])
def test_an_empty_block_succeeds(session: Session, sql: str) -> None:
    run(session, sql)


def test_assignments_fill_out_binds(session: Session) -> None:
    binds = [Bind("X", OraType.NUMBER, None), Bind("Y", OraType.NUMBER, 4), Bind("Z", OraType.VARCHAR2, None)]
    result = session.execute("BEGIN :x := :y * 2 + 1; :z := UPPER('a') || ';'; END;", [binds])
    assert result.directions == [Direction.OUT, Direction.IN, Direction.OUT]
    assert result.out_values == [[Decimal(9), "A;"]]


def test_an_assigned_value_takes_the_type_of_its_bind(session: Session) -> None:
    binds = [Bind("X", OraType.VARCHAR2, None), Bind("Y", OraType.NUMBER, None)]
    assert session.execute("BEGIN :x := 2.50; :y := '7'; END;", [binds]).out_values == [["2.5", Decimal(7)]]


def test_the_transaction_id_is_null_without_a_transaction(session: Session) -> None:
    sql = "begin :v := dbms_transaction.local_transaction_id; end;"
    assert session.execute(sql, [[Bind("V", OraType.VARCHAR2, None)]]).out_values == [[None]]


def test_naming_module_and_action_from_plsql(session: Session) -> None:
    run(session, "BEGIN dbms_application_info.set_module('fieldpost', 'LOGS'); END;")
    assert value(session, "SYS_CONTEXT('USERENV', 'MODULE')") == "fieldpost"
    run(session, "BEGIN DBMS_APPLICATION_INFO.SET_ACTION(action_name => NULL); END;")
    assert value(session, "SYS_CONTEXT('USERENV', 'ACTION')") is None
    run(session, "CALL dbms_session.set_identifier('me')")
    assert value(session, "SYS_CONTEXT('USERENV', 'CLIENT_IDENTIFIER')") == "me"


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN FOR i IN 1..3 LOOP NULL; END LOOP; END;",
        "BEGIN nope(1); END;",
        "DECLARE x NUMBER; BEGIN x := 1; END;",
        "BEGIN EXECUTE IMMEDIATE 'DROP TABLE t'; END;",
        "BEGIN",
    ],
)
def test_plsql_that_is_not_interpreted_is_an_error(session: Session, sql: str) -> None:
    assert error(session, sql).code == 6550


def test_attributes_show_in_the_context(session: Session) -> None:
    session.set_attribute("client_info", "info")
    session.set_attribute("current_schema", "OTHER")
    sql = "SELECT SYS_CONTEXT('USERENV', 'CLIENT_INFO'), SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA'), USER FROM dual"
    assert rows(session, sql) == [("info", "OTHER", "WATCHER")]


def test_describing_a_query_runs_nothing(session: Session) -> None:
    columns = session.describe("SELECT 1/0 x, status FROM v$log WHERE group# = :1")
    assert [(column.name, column.type) for column in columns] == [("X", OraType.NUMBER), ("STATUS", OraType.VARCHAR2)]
    assert session.describe("DELETE FROM v$log") == ()


def cancel_after(session: Session, sql: str, seconds: float) -> tuple[OracleError | None, float]:
    timer = threading.Timer(seconds, session.interrupt)
    timer.start()
    started = time.monotonic()
    raised = None
    try:
        run(session, sql)
    except OracleError as found:
        raised = found
    timer.join()
    return raised, time.monotonic() - started


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN dbms_session.sleep(20); END;",
        "BEGIN dbms_lock.sleep(20); END;",
        "SELECT COUNT(*) FROM dual CONNECT BY LEVEL <= 1e9",
        f"SELECT COUNT(*) FROM {', '.join(['v$log'] * 14)}",
        f"SELECT SUM(a.bytes / b.bytes) FROM v$log a, v$log b, {', '.join(['v$log'] * 10)}",
    ],
)
def test_a_running_statement_can_be_cancelled(session: Session, sql: str) -> None:
    raised, took = cancel_after(session, sql, 0.2)
    assert raised is not None
    assert (raised.code, took < 2) == (1013, True)
    assert rows(session, "SELECT dummy FROM dual") == [("X",)]


def test_cancelling_an_idle_session_does_nothing(session: Session) -> None:
    session.interrupt()
    assert rows(session, "SELECT dummy FROM dual") == [("X",)]


def test_a_statement_that_comes_again_is_not_compiled_again(session: Session) -> None:
    sql = "SELECT group#, status FROM v$log ORDER BY 1"
    first = session.database.plans
    run(session, sql)
    size = len(first._plans)
    for _ in range(5):
        run(session, sql)
    assert len(first._plans) == size


def test_a_plan_does_not_outlive_the_rights_of_another_user(opened: Database) -> None:
    run(login(opened), "SELECT group# FROM v$log")
    assert error(login(opened, "OTHER"), "SELECT group# FROM v$log").code == 942


def test_a_dropped_and_remade_table_is_compiled_anew(session: Session) -> None:
    run(session, "CREATE TABLE t (a NUMBER)")
    assert rows(session, "SELECT * FROM t") == []
    run(session, "DROP TABLE t")
    run(session, "CREATE TABLE t (b NUMBER, c NUMBER)")
    assert [column.name for column in run(session, "SELECT * FROM t").columns] == ["B", "C"]


def test_closing_twice_is_harmless(opened: Database) -> None:
    found = login(opened)
    found.close()
    found.close()
    assert found not in opened.sessions()
