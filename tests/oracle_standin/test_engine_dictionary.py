"""Dictionary views: columns by release, variants, containers, privileges, moving values, live sessions."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.oracle_standin.engine_cases import SCENARIOS, database, error, login, rows, run, value
from tests.standins.oracle.engine import Database, load_scenario
from tests.standins.oracle.engine.catalog import catalog
from tests.standins.oracle.engine.strictness import RESERVED
from tests.standins.oracle.types import OracleError, OraType

NAME = re.compile(r"[A-Z][A-Z0-9_$#]*")


@pytest.fixture(scope="module")
def small() -> Iterator[Database]:
    with database() as opened:
        yield opened


@pytest.fixture(scope="module")
def box() -> Iterator[Database]:
    with database("container") as opened:
        yield opened


@pytest.fixture(scope="module")
def standby() -> Iterator[Database]:
    with database("mounted") as opened:
        yield opened


def names(release: tuple[int, ...], view: str) -> set[str]:
    found = catalog(release).find(view)
    return {column.name for column in found.columns} if found else set()


def test_a_release_has_the_columns_that_it_came_with() -> None:
    assert "IMPORTED_OBJECT" in names((19, 22, 0, 0, 0), "ALL_OBJECTS")
    assert "IMPORTED_OBJECT" not in names((12, 2, 0, 1, 0), "ALL_OBJECTS")
    assert "SHARDED" not in names((12, 1, 0, 2, 0), "ALL_OBJECTS")


def test_a_view_of_a_later_release_does_not_exist_in_an_earlier_one() -> None:
    assert catalog((12, 1, 0, 2, 0)).find("V$DATAGUARD_PROCESS") is None
    assert catalog((19, 0, 0, 0, 0)).find("V$DATAGUARD_PROCESS") is not None


def test_gv_views_begin_with_the_instance_and_cdb_views_end_with_the_container() -> None:
    known = catalog((19, 22, 0, 0, 0))
    cluster, container = known.find("GV$LOG"), known.find("CDB_DATA_FILES")
    assert cluster is not None
    assert container is not None
    assert cluster.columns[0].name == "INST_ID"
    diagnostics = known.find("GV$DIAG_INFO")  # V$DIAG_INFO has an INST_ID of its own
    assert diagnostics is not None
    assert [column.name for column in diagnostics.columns].count("INST_ID") == 1
    assert [column.name for column in container.columns if not column.hidden][-1] == "CON_ID"
    assert {"CON$NAME", "CDB$NAME"} <= {column.name for column in container.columns if column.hidden}


def test_views_without_a_gv_form_have_none() -> None:
    assert catalog((19, 22, 0, 0, 0)).find("GV$RMAN_STATUS") is None


def test_both_names_of_a_fixed_view_work(small: Database) -> None:
    session = login(small)
    assert rows(session, "SELECT COUNT(*) FROM v$log") == rows(session, "SELECT COUNT(*) FROM sys.v_$log")


def test_a_view_without_a_file_is_empty(small: Database) -> None:
    assert rows(login(small), "SELECT * FROM v$backup_set") == []


def test_gv_shows_every_instance_and_v_its_own(small: Database) -> None:
    session = login(small)
    assert rows(session, "SELECT inst_id, instance_name FROM gv$instance ORDER BY 1") == [(1, "small1"), (2, "small2")]
    assert rows(session, "SELECT instance_name FROM v$instance") == [("small1",)]


def test_hidden_columns_are_selected_by_name_only(box: Database) -> None:
    session = login(box, "C##ALL", service="root")
    assert "CON$NAME" not in [column.name for column in run(session, "SELECT * FROM cdb_data_files").columns]
    assert rows(session, "SELECT con$name FROM cdb_data_files ORDER BY con_id") == [("CDB$ROOT",), ("SALES",), ("HR",)]


def test_cdb_views_of_a_non_cdb_have_container_zero(small: Database) -> None:
    found = rows(login(small), "SELECT DISTINCT con_id FROM cdb_data_files")
    assert found == [(Decimal(0),)]


@pytest.mark.parametrize(
    ("user", "service", "sql", "expected"),
    [
        ("C##ALL", "root", "SELECT con_id FROM cdb_data_files ORDER BY 1", [1, 3, 4]),
        ("C##ALL", "root", "SELECT file_id FROM dba_data_files", [1]),
        ("C##ALL", "root", "SELECT con_id FROM v$datafile ORDER BY 1", [1, 3, 4]),
        ("C##ALL", "sales", "SELECT con_id FROM cdb_data_files", [3]),
        ("C##ALL", "sales", "SELECT file_id FROM dba_data_files", [10]),
        ("C##ALL", "sales", "SELECT con_id FROM v$pdbs", [3]),
        ("C##ALL", "sales", "SELECT con_id FROM v$database", [0]),
        ("C##ROOT", "root", "SELECT con_id FROM cdb_data_files", [1]),
        ("C##ROOT", "root", "SELECT con_id FROM v$pdbs", []),  # without CONTAINER_DATA: the root's rows only
        ("C##ROOT", "hr", "SELECT con_id FROM v$datafile", [4]),
    ],
)
def test_a_session_sees_the_rows_of_its_containers(
    box: Database,
    user: str,
    service: str,
    sql: str,
    expected: list[int],
) -> None:
    assert [row[0] for row in rows(login(box, user, service=service), sql)] == expected


def test_the_context_names_the_container(box: Database) -> None:
    session = login(box, "C##ALL", service="sales")
    found = [value(session, f"SYS_CONTEXT('USERENV', '{name}')") for name in ("CON_NAME", "CON_ID", "CDB_NAME")]
    assert found == ["SALES", "3", "BOX"]
    assert (box.container_name("root"), box.container_name("hr")) == ("CDB$ROOT", "HR")


def test_everybody_reads_public_views_and_nothing_else(small: Database) -> None:
    session = login(small, "OTHER")
    for view in ("dual", "user_tables", "all_objects", "session_privs", "nls_session_parameters", "v$version"):
        run(session, f"SELECT COUNT(*) FROM {view}")
    assert error(session, "SELECT * FROM v$log").code == 942


def test_a_base_table_is_reached_through_its_owner(small: Database) -> None:
    assert rows(login(small), "SELECT COUNT(*) FROM sys.registry$history") == [(0,)]


def test_sysdba_reads_everything_as_sys(small: Database) -> None:
    session = login(small, "ADMIN", mode="sysdba")
    assert value(session, "USER") == "SYS"
    assert rows(session, "SELECT COUNT(*) FROM v_$log") == [(4,)]
    assert rows(session, "SELECT COUNT(*) FROM sys.v$log") == [(4,)]


def test_a_mounted_database_answers_fixed_views_to_administrators_only(standby: Database) -> None:
    with pytest.raises(OracleError) as refused:
        standby.lookup_user("WATCHER", "normal")
    assert refused.value.code == 1033
    session = login(standby, "GUARD", mode="sysdg")
    assert rows(session, "SELECT COUNT(*) FROM v$log") == [(4,)]
    assert rows(session, "SELECT dummy FROM dual") == [("X",)]
    assert error(session, "SELECT * FROM dba_data_files").code == 1219
    assert error(session, "SELECT * FROM all_tables").code == 1219


def test_an_open_database_shows_sysdg_fixed_views_but_not_the_dictionary(small: Database) -> None:
    session = login(small, "ADMIN", mode="sysdg")
    assert rows(session, "SELECT COUNT(*) FROM v$log") == [(4,)]
    assert error(session, "SELECT * FROM dba_data_files").code == 942


def test_relative_times_move_with_the_clock(small: Database) -> None:
    session = login(small)
    (age,), *_ = rows(session, "SELECT (SYSDATE - first_time) * 24 FROM v$log WHERE group# = 2")
    assert age == pytest.approx(1, abs=0.001)


def test_what_is_said_before_the_start_stands_still(small: Database) -> None:
    session = login(small)
    first, second = (rows(session, "SELECT startup_time FROM v$instance")[0][0] for _ in range(2))
    assert first == second == small.clock.started.replace(tzinfo=None) - timedelta(days=2)


def test_counters_grow(small: Database) -> None:
    session = login(small)
    first = rows(session, "SELECT current_scn FROM v$database")[0][0]
    later = small.clock.uptime() + 10
    small.clock = replace(small.clock, uptime=lambda: later)
    second = rows(session, "SELECT current_scn FROM v$database")[0][0]
    assert isinstance(first, Decimal)
    assert isinstance(second, Decimal)
    assert 500 <= second - first <= 502


def test_a_repeat_makes_rows_that_go_back_in_time_and_count(small: Database) -> None:
    sql = "SELECT undoblks, maxqueryid, ROUND((SYSDATE - begin_time) * 1440) FROM v$undostat ORDER BY begin_time DESC"
    assert rows(login(small), sql)[:3] == [(100, "q0", 10), (90, "q1", 20), (80, "q2", 30)]


def test_intervals_and_zoned_times_are_what_they_are(small: Database) -> None:
    result = run(login(small), "SELECT run_duration, log_date FROM dba_scheduler_job_run_details ORDER BY log_id")
    assert [column.type for column in result.columns] == [OraType.INTERVAL_DS, OraType.TIMESTAMP_TZ]
    assert [row[0] for row in result.rows] == [timedelta(minutes=5, seconds=30), timedelta(seconds=90)]
    assert all(isinstance(row[1], datetime) and row[1].tzinfo for row in result.rows)


def test_v_session_shows_the_live_sessions_with_what_they_call_themselves(small: Database) -> None:
    watcher, other = login(small, sid=21), login(small, "OTHER", sid=22)
    other.set_attribute("module", "fieldpost")
    other.set_attribute("action", "REDOLOG_SIZE")
    sql = "SELECT username, module, action, status FROM v$session WHERE sid = 22 AND serial# = 11"
    assert rows(watcher, sql) == [("OTHER", "fieldpost", "REDOLOG_SIZE", "INACTIVE")]
    own = rows(watcher, "SELECT status FROM v$session WHERE sid = SYS_CONTEXT('USERENV', 'SID')")
    assert own == [("ACTIVE",)]
    other.close()
    assert rows(watcher, sql) == []


def test_grants_and_privileges_can_be_read_back(small: Database) -> None:
    session = login(small)
    assert rows(session, "SELECT privilege FROM session_privs ORDER BY 1") == [("CREATE SESSION",), ("CREATE TABLE",)]
    granted = rows(session, "SELECT owner, privilege FROM user_tab_privs WHERE table_name = 'V_$LOG'")
    assert granted == [("SYS", "SELECT")]


def test_logging_on_without_the_privilege_is_refused(small: Database) -> None:
    with pytest.raises(OracleError) as refused:
        login(small, "NOBODY")
    assert (refused.value.code, "NOBODY" in refused.value.text) == (1045, True)


def test_the_backend_knows_its_names_from_the_rows(small: Database) -> None:
    assert (small.db_name, small.unique_name, small.instance_name) == ("SMALL", "small_a", "small1")


@pytest.mark.system
def test_every_column_of_the_dictionary_can_be_written_in_a_statement(small: Database) -> None:
    """The grammar must not take a column's name for a word of its own, unless it is a reserved word of Oracle's."""
    known = small.scenario.catalog
    views = [view for view in map(known.find, known.names()) if view is not None]
    found = sorted({column.name for view in views for column in view.columns if NAME.fullmatch(column.name)} - RESERVED)
    assert len(found) > 2000
    session = login(small)
    for some in (found[start : start + 100] for start in range(0, len(found), 100)):
        given = ", ".join(f"1 {name}" for name in some)
        asked = ", ".join(f"x.{name} AS {name}, NVL({name}, 0)" for name in some)
        session.describe(f"SELECT {asked} FROM (SELECT {given} FROM dual) x ORDER BY x.{', x.'.join(some)}")


@pytest.mark.parametrize("name", sorted(folder.name for folder in SCENARIOS.iterdir()))
def test_every_file_of_a_scenario_can_be_read(name: str) -> None:
    with database(name) as opened:
        opened.scenario.check()


def test_an_unknown_scenario_is_named() -> None:
    with pytest.raises(ValueError, match="no-such-scenario"):
        load_scenario("no-such-scenario")


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("V$LOG", "- {GROUP: 1}", "V[$]LOG has no column GROUP"),
        ("V$LOG", "- {GROUP#: one}", "GROUP#: 'one' is no NUMBER"),
        ("V$LOG", "- {FIRST_TIME: {ago: 3 days}}", "FIRST_TIME: duration '3 days'"),
        ("V$LOG", "- {GROUP#: {ago: 3d}}", "GROUP#: .* not a date"),
        ("V$LOG", "- {GROUP#: {seq: 1}}", "seq: only rows of a repeat"),
        ("V$NOPE", "- {A: 1}", "V[$]NOPE is no view of this release"),
        ("GV$LOG", "- {GROUP#: 1}", "not variants"),
    ],
)
def test_a_mistake_in_a_scenario_file_is_named(
    tmp_path_factory: pytest.TempPathFactory,
    file: str,
    text: str,
    problem: str,
) -> None:
    folder = tmp_path_factory.mktemp("scenario")
    (folder / "views").mkdir()
    (folder / "views" / f"{file}.yaml").write_text(text)
    (folder / "scenario.yaml").write_text(
        'release: "19.22.0.0.0"\nservices: {x: {container: 0}}\nusers: {A: {password: a}}\n',
    )
    opened = load_scenario(folder)
    with pytest.raises(ValueError, match=problem):
        opened.scenario.check()
    opened.close()
