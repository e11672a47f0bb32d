"""A database on top of another: other rows, columns and grants, a clock that stands still, a service of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import oracledb
import pytest

from tests.standins.oracle.engine import Database, load_scenario
from tests.standins.oracle.engine.overlay import Changes, overlay
from tests.standins.oracle.server import HOST, Standin
from tests.standins.oracle.types import Login, OracleError, Value

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def base() -> Iterator[Database]:
    opened = load_scenario("healthy-19c")
    yield opened
    opened.close()


def ask(database: Database, sql: str) -> list[tuple[Value, ...]]:
    session = database.open_session(
        database.scenario.users["FIELDPOST"].account, Login(service=next(iter(database.services())))
    )
    return [tuple(row) for row in session.execute(sql, [()]).rows]


def looked_at(base: Database, changes: Changes, sql: str, *, at: datetime = NOW) -> list[tuple[Value, ...]]:
    database = overlay(base, changes, name="changed", at=at, started=NOW)
    try:
        return ask(database, sql)
    finally:
        database.close()


def test_rows_are_replaced_and_the_base_keeps_its_own(base: Database) -> None:
    changes = Changes(views={"V$LOG": [{"GROUP#": "7", "BYTES": "5"}]})
    assert looked_at(base, changes, "SELECT group#, bytes FROM v$log") == [(7, 5)]
    assert ask(base, "SELECT COUNT(*) FROM v$log") == [(4,)]


def test_a_column_is_set_in_every_row_of_the_base(base: Database) -> None:
    changes = Changes(columns={"V$LOG": {"BYTES": "5"}})
    assert looked_at(base, changes, "SELECT COUNT(*), MAX(bytes), MAX(members) FROM v$log") == [(4, 5, 2)]


def test_ages_are_exact_because_the_clock_stands_still(base: Database) -> None:
    changes = Changes(columns={"V$INSTANCE": {"STARTUP_TIME": {"ago": "3d"}}})
    assert looked_at(base, changes, "SELECT (SYSDATE - startup_time) * 86400 FROM v$instance") == [(259200,)]


def test_counters_were_lower_before_and_the_start_of_the_instance_was_not_another(base: Database) -> None:
    sql = "SELECT (SELECT current_scn FROM v$database), startup_time FROM v$instance"
    ((scn, start),) = looked_at(base, Changes(), sql)
    ((lower, same),) = looked_at(base, Changes(), sql, at=NOW - timedelta(hours=1))
    assert (int(str(scn)) - int(str(lower)), start) == (121 * 3600, same)


def test_a_grant_that_was_revoked_counts_though_the_plan_is_known(base: Database) -> None:
    assert ask(base, "SELECT COUNT(*) FROM v$logfile")
    with pytest.raises(OracleError) as refused:
        looked_at(base, Changes(revoked=frozenset({"V_$LOGFILE"})), "SELECT COUNT(*) FROM v$logfile")
    assert refused.value.code == 942


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (Changes(views={"V$LOG": [{"SIZE": "5"}]}), "V.LOG.*row 1.*SIZE"),
        (Changes(views={"GV$LOG": []}), "GV.LOG is no view"),
        (Changes(columns={"V$LOG": {"BYTES": "many"}}), "BYTES.*many"),
    ],
)
def test_a_mistake_is_named(base: Database, changes: Changes, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        overlay(base, changes, name="wrong", at=NOW, started=NOW)


async def test_it_is_served_from_when_it_is_added_until_it_is_removed(base: Database) -> None:
    async with Standin([]) as standin:
        database = overlay(base, Changes(), name="added", at=NOW, started=NOW)
        standin.add(database)
        with pytest.raises(ValueError, match="added is in both"):
            standin.add(database)
        where = {"host": HOST, "port": standin.ports["19c"], "service_name": "added"}
        user = base.scenario.users["FIELDPOST"].account
        async with oracledb.connect_async(user=user.name, password=user.password, **where) as connection:
            row = await connection.fetchone("SELECT TO_CHAR(SYSDATE, 'HH24:MI') FROM dual")
        assert row == ("12:00",)
        standin.remove(database)
        with pytest.raises(oracledb.Error, match=r"DPY-6001|ORA-12514"):
            await oracledb.connect_async(user=user.name, password=user.password, **where)
