"""What a session does beside statements: transactions, attributes, pings."""

import oracledb
import pytest

from tests.oracle_standin.canned import CannedSession


def _is_open(connection: oracledb.Connection) -> bool:
    return connection.transaction_in_progress


def test_a_transaction_is_open_until_it_is_committed(
    connection: oracledb.Connection, cursor: oracledb.Cursor, session: CannedSession
) -> None:
    cursor.execute("insert into t values (:1, :2)", [1, "a"])
    assert _is_open(connection)
    connection.commit()
    assert not _is_open(connection)
    assert session.log[-1] == "commit"


def test_a_transaction_can_be_rolled_back(
    connection: oracledb.Connection, cursor: oracledb.Cursor, session: CannedSession
) -> None:
    cursor.execute("insert into t values (:1, :2)", [1, "a"])
    connection.rollback()
    assert session.log[-1] == "rollback"


def test_autocommit_commits_with_the_statement(
    connection: oracledb.Connection, cursor: oracledb.Cursor, session: CannedSession
) -> None:
    connection.autocommit = True
    for n in (1, 2):
        cursor.execute("insert into t values (:1, :2)", [n, "a"])
        assert session.log[-1] == "commit"


def test_attributes_ride_in_front_of_the_next_call(connection: oracledb.Connection, session: CannedSession) -> None:
    connection.module, connection.action = "fieldpost", "redo_logs.size"
    connection.clientinfo, connection.client_identifier = "tenant 7", "agent 3"
    connection.dbop, connection.current_schema = "visit", "APP"
    connection.ping()
    expected = {
        "module": "fieldpost",
        "action": "redo_logs.size",
        "client_info": "tenant 7",
        "client_identifier": "agent 3",
        "dbop": "visit",
        "current_schema": "APP",
    }
    assert {name: session.attributes[name] for name in expected} == expected


@pytest.mark.parametrize("nothing", ["", None])
def test_an_attribute_can_be_taken_back(
    connection: oracledb.Connection, session: CannedSession, nothing: str | None
) -> None:
    connection.action, connection.module = "first", "x"
    connection.ping()
    setattr(connection, "action", nothing)  # noqa: B010 - the driver takes None, its types do not say so
    connection.clientinfo = "new"
    connection.ping()
    assert session.attributes["client_info"] == "new"
    assert session.attributes["action"] is None


def test_the_time_zone_of_the_client_is_known(session: CannedSession) -> None:
    assert session.attributes["time_zone"] is not None


def test_what_the_stand_in_cannot_do_is_an_error_and_not_the_end(connection: oracledb.Connection) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        connection.tpc_begin(connection.xid(1, "global", "branch"))
    connection.ping()


def test_changing_a_password_is_refused(connection: oracledb.Connection) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        connection.changepassword("Tiger-1", "other")
    connection.ping()


def test_batch_errors_are_refused_rather_than_ignored(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        cursor.executemany("insert into t values (:1, :2)", [(1, "a")], batcherrors=True)


def test_a_scrollable_cursor_is_refused(connection: oracledb.Connection) -> None:
    with connection.cursor(scrollable=True) as cursor, pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        cursor.execute("select n from hundred")
