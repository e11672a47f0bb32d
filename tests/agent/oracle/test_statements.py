"""What the statements leave out or add up themselves, so that no judge sees it: run on planted dictionary rows."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.oracle.catalogue import Row, Value, Verdict
from agent.oracle.checks import catalogue
from tests.agent.oracle import builders
from tests.standins.oracle.engine.backend import load_scenario
from tests.standins.oracle.engine.scenario import SCENARIOS
from tests.standins.oracle.types import Login, SqlSession

GB = 1 << 30
Views = Mapping[str, list[dict[str, Any]]]
Look = Callable[..., Verdict]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Run one check on a healthy database in which some views have other rows."""

    def look(check_id: str, views: Views, *, parent: str = "healthy-19c", **facts: Any) -> Verdict:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / "views").mkdir(parents=True)
        (folder / "scenario.yaml").write_text(yaml.safe_dump({"extends": str(SCENARIOS / parent)}))
        for view, rows in views.items():
            (folder / "views" / f"{view}.yaml").write_text(yaml.safe_dump(rows))
        database = load_scenario(folder)
        try:
            account = next(user for name, user in database.scenario.users.items() if name.endswith("FIELDPOST"))
            service = next(iter(database.services()))
            session = database.open_session(account.account, Login(service=service))
            return _judge(check_id, session, **facts)
        finally:
            database.close()

    return look


def _judge(check_id: str, session: SqlSession, **facts: Any) -> Verdict:
    check = catalogue()[check_id]
    known = builders.facts(**facts)
    rows = {query.name: rows_of(session, query.text(known)) for query in check.queries}
    return check.judge(builders.seen(check, rows=rows, facts=known))


def rows_of(session: SqlSession, sql: str) -> list[Row]:
    result = session.execute(sql, [()])
    names = [column.name.lower() for column in result.columns]
    return [dict(zip(names, map(_value, row), strict=True)) for row in result.rows]


def _value(value: Any) -> Value:
    """As the driver gives it: a NUMBER is an int or a float."""
    if not isinstance(value, Decimal):
        return value  # type: ignore[no-any-return]  # strings and dates stay as they are
    return int(value) if value == value.to_integral_value() else float(value)


def near(value: float | None, expected: float) -> bool:
    """The database's clock runs on while it is asked."""
    return value == pytest.approx(expected, abs=0.1)


def names(verdict: Verdict) -> list[str]:
    return [item.name for item in verdict.items]


# --- tablespaces ---------------------------------------------------------------------------------------------------


def test_a_tablespace_without_a_figure_of_the_metrics_view_is_measured_by_its_free_space(look: Look) -> None:
    metrics = [{"TABLESPACE_NAME": "SYSTEM", "USED_SPACE": 143616, "TABLESPACE_SIZE": 4194302}]
    free = [
        {"TABLESPACE_NAME": "APP_DATA", "FILE_ID": 5, "BYTES": 4 * GB},
        {"TABLESPACE_NAME": "APP_DATA", "BYTES": GB},
    ]
    found = look("TABLESPACE_USED_PCT", {"DBA_TABLESPACE_USAGE_METRICS": metrics, "DBA_FREE_SPACE": free})
    used = next(item.value for item in found.items if item.name == "APP_DATA")
    assert used == pytest.approx(100 * (44 - 5) / 64, abs=0.1)


def test_a_quota_counts_unless_it_is_unlimited_or_dropped_or_not_needed(look: Look) -> None:
    quota = {"TABLESPACE_NAME": "USERS", "BYTES": 95, "MAX_BYTES": 100, "DROPPED": "NO"}
    users: list[dict[str, Any]] = [
        {"USERNAME": "LIMITED"},
        {"USERNAME": "UNLIMITED", "MAX_BYTES": -1},
        {"USERNAME": "NONE", "MAX_BYTES": 0},
        {"USERNAME": "GONE", "DROPPED": "YES"},
        {"USERNAME": "PRIVILEGED"},
    ]
    privileges = [{"GRANTEE": "PRIVILEGED", "PRIVILEGE": "UNLIMITED TABLESPACE", "ADMIN_OPTION": "NO"}]
    found = look(
        "TABLESPACE_QUOTA", {"DBA_TS_QUOTAS": [{**quota, **user} for user in users], "DBA_SYS_PRIVS": privileges}
    )
    assert (found.status, names(found)) == ("warning", ["LIMITED"])


def test_segments_of_oracle_itself_and_of_the_recycle_bin_may_lie_in_system(look: Look) -> None:
    segment = {"SEGMENT_NAME": "T", "SEGMENT_TYPE": "TABLE", "TABLESPACE_NAME": "SYSTEM", "BYTES": 65536}
    segments = [
        {"OWNER": "APP"},
        {"OWNER": "APP", "SEGMENT_NAME": "BIN$x==$0"},
        {"OWNER": "SYS"},
        {"OWNER": "APP", "TABLESPACE_NAME": "USERS"},
    ]
    users = [{"USERNAME": "APP", "ORACLE_MAINTAINED": "N"}, {"USERNAME": "SYS", "ORACLE_MAINTAINED": "Y"}]
    found = look(
        "SYSTEM_TS_USER_OBJECTS", {"DBA_SEGMENTS": [{**segment, **own} for own in segments], "DBA_USERS": users}
    )
    assert (found.value, found.line) == (1, "APP 1 segment in SYSTEM")


def test_files_that_are_plainly_well_are_not_sent(look: Look) -> None:
    recover = [{"FILE#": 7, "ONLINE": "OFFLINE", "ONLINE_STATUS": "OFFLINE", "ERROR": "FILE NOT FOUND", "CON_ID": 0}]
    found = look("DATAFILE_STATUS", {"V$RECOVER_FILE": recover})
    assert (found.status, found.line) == ("critical", "file 7 FILE NOT FOUND (users01.dbf)")


# --- undo and temp -------------------------------------------------------------------------------------------------


def test_a_temporary_tablespace_needs_a_file_that_is_online_and_still_there(look: Look) -> None:
    file = {"FILE#": 1, "TS#": 3, "RFILE#": 1, "NAME": "/u02/temp01.dbf", "CON_ID": 0}
    gone = look("TEMPFILE_MISSING", {"V$TEMPFILE": [{**file, "STATUS": "ONLINE", "BYTES": 0}]})
    assert gone.line == "TEMP has 1 file, none of them usable"
    offline = look("TEMPFILE_MISSING", {"V$TEMPFILE": [{**file, "STATUS": "OFFLINE", "BYTES": GB}]})
    assert offline.status == "critical"
    none = look("TEMPFILE_MISSING", {"V$TEMPFILE": []})
    assert none.line == "TEMP has 0 files"


def test_every_container_has_its_own_temporary_files(look: Look) -> None:
    file = {"FILE#": 1, "TS#": 3, "RFILE#": 1, "NAME": "/u02/temp01.dbf", "STATUS": "ONLINE", "BYTES": GB}
    pdbs = [
        {"con_id": number, "name": f"P{number}", "open_mode": "READ WRITE", "restricted": False} for number in (3, 4)
    ]
    found = look(
        "TEMPFILE_MISSING",
        {"V$TEMPFILE": [{**file, "CON_ID": number} for number in (1, 4, 5, 6)]},
        parent="healthy-23ai-cdb",
        cdb=True,
        containers=pdbs,
    )
    assert (found.status, names(found)) == ("critical", ["P3.TEMP"])


def test_only_ten_minutes_in_which_a_query_outlasted_the_retention_count(look: Look) -> None:
    period = {"UNDOTSN": 2, "SSOLDERRCNT": 0, "NOSPACEERRCNT": 0, "CON_ID": 0}
    idle = {"MAXQUERYLEN": 10, "TUNED_UNDORETENTION": 250, "END_TIME": {"ago": "20m"}}
    busy = {"MAXQUERYLEN": 1900, "TUNED_UNDORETENTION": 2200, "END_TIME": {"ago": "10m"}}
    outlasted = {"MAXQUERYLEN": 1900, "TUNED_UNDORETENTION": 280, "END_TIME": {"ago": "30m"}}
    before = {**outlasted, "END_TIME": {"ago": "2h"}}
    fine = look("UNDO_RETENTION_TUNED", {"V$UNDOSTAT": [{**period, **own} for own in (idle, busy, before)]})
    assert fine.status == "ok"
    bad = look("UNDO_RETENTION_TUNED", {"V$UNDOSTAT": [{**period, **own} for own in (idle, busy, outlasted)]})
    assert (bad.status, bad.value) == ("critical", 280)


def test_out_of_space_events_count_for_an_hour_and_are_a_gate_for_a_quarter_of_it(look: Look) -> None:
    period = {"MAXQUERYLEN": 10, "TUNED_UNDORETENTION": 900, "SSOLDERRCNT": 0, "NOSPACEERRCNT": 2, "CON_ID": 0}
    old = look("UNDO_NOSPACE", {"V$UNDOSTAT": [{**period, "END_TIME": {"ago": "61m"}}]})
    assert old.status == "ok"
    lately = look("UNDO_NOSPACE", {"V$UNDOSTAT": [{**period, "END_TIME": {"ago": "50m"}}]})
    assert (lately.status, lately.value, lately.cap) == ("critical", 2, None)
    now = look("UNDO_NOSPACE", {"V$UNDOSTAT": [{**period, "END_TIME": {"ago": "14m"}}]})
    assert now.cap == 55


# --- backups -------------------------------------------------------------------------------------------------------

CURRENT = 1920977  # the incarnation of the healthy database


def file(number: int, **own: Any) -> dict[str, Any]:
    created = "2023-03-15 08:02:10"
    return {"FILE#": number, "TS#": 6, "STATUS": "ONLINE", "ENABLED": "READ WRITE", "CREATION_TIME": created,
            "CHECKPOINT_CHANGE#": 1000, "FOREIGN_DBID": 0, "PLUGIN_CHANGE#": 0, "CON_ID": 0, **own}  # fmt: skip


def backup(number: int, ago: str, **own: Any) -> dict[str, Any]:
    return {"FILE#": number, "COMPLETION_TIME": {"ago": ago}, "RESETLOGS_CHANGE#": CURRENT, "CHECKPOINT_CHANGE#": 900,
            "INCREMENTAL_LEVEL": 0, **own}  # fmt: skip


def test_the_newest_backup_of_each_file_counts_whatever_its_level(look: Look) -> None:
    files = [file(5), file(8)]
    taken = [backup(5, "200h"), backup(5, "10h", INCREMENTAL_LEVEL=1), backup(8, "30h", INCREMENTAL_LEVEL=None)]
    found = look("BACKUP_DB_AGE", {"V$DATAFILE": files, "V$BACKUP_DATAFILE": taken})
    assert found.status == "warning"
    assert near(found.value, 30)


def test_a_backup_of_another_incarnation_does_not_count(look: Look) -> None:
    taken = [backup(5, "60h"), backup(5, "2h", **{"RESETLOGS_CHANGE#": 1})]
    found = look("BACKUP_DB_AGE", {"V$DATAFILE": [file(5)], "V$BACKUP_DATAFILE": taken})
    assert found.status == "critical"
    assert near(found.value, 60)


def test_a_backup_of_a_dropped_file_with_the_same_number_does_not_count(look: Look) -> None:
    files = [file(5), file(8, CREATION_TIME={"ago": "80h"})]
    found = look("BACKUP_FILE_NEVER", {"V$DATAFILE": files, "V$BACKUP_DATAFILE": [backup(5, "9h"), backup(8, "90h")]})
    assert (found.status, names(found)) == ("warning", ["file 8"])


def test_a_read_only_file_is_saved_when_a_backup_reached_its_last_change(look: Look) -> None:
    files = [file(5), file(8, ENABLED="READ ONLY")]
    saved = [backup(5, "9h"), backup(8, "5000h", **{"CHECKPOINT_CHANGE#": 1000})]
    assert look("BACKUP_DB_AGE", {"V$DATAFILE": files, "V$BACKUP_DATAFILE": saved}).status == "ok"
    missed = [backup(5, "9h"), backup(8, "5000h", **{"CHECKPOINT_CHANGE#": 999})]
    assert look("BACKUP_DB_AGE", {"V$DATAFILE": files, "V$BACKUP_DATAFILE": missed}).status == "critical"


def test_the_seed_needs_no_backup(look: Look) -> None:
    files = [file(5), file(6, CON_ID=2)]
    found = look("BACKUP_DB_AGE", {"V$DATAFILE": files, "V$BACKUP_DATAFILE": [backup(5, "9h")]})
    assert (found.status, names(found)) == ("ok", ["file 5"])


def test_a_new_incarnation_has_a_day_to_be_backed_up(look: Look) -> None:
    database = [{"RESETLOGS_CHANGE#": 7, "RESETLOGS_TIME": {"ago": "5h"}, "DATABASE_ROLE": "PRIMARY"}]
    views = {"V$DATABASE": database, "V$DATAFILE": [file(5)], "V$BACKUP_DATAFILE": [backup(5, "60h")]}
    found = look("BACKUP_DB_AGE", views)
    assert found.status == "ok"
    assert near(found.value, 5)


def log(sequence: int, ago: str, **own: Any) -> dict[str, Any]:
    return {"DEST_ID": 1, "THREAD#": 1, "SEQUENCE#": sequence, "RESETLOGS_CHANGE#": CURRENT, "STANDBY_DEST": "NO",
            "ARCHIVED": "YES", "DELETED": "NO", "BACKUP_COUNT": 0, "COMPLETION_TIME": {"ago": ago}, **own}  # fmt: skip


def test_of_the_copies_of_a_log_one_has_to_be_backed_up(look: Look) -> None:
    logs = [log(1, "30h", BACKUP_COUNT=1), log(1, "30h", DEST_ID=2)]
    found = look("BACKUP_ARCHIVELOG_AGE", {"V$ARCHIVED_LOG": logs})
    assert (found.status, found.line) == ("ok", "no archived log waits for its backup")


def test_logs_that_are_deleted_or_at_a_standby_do_not_wait(look: Look) -> None:
    logs = [
        log(1, "40h", BACKUP_COUNT=1, DELETED="YES"),
        log(2, "30h", DELETED="YES"),
        log(3, "29h", STANDBY_DEST="YES", DEST_ID=3),
        log(4, "7h"),
    ]
    found = look("BACKUP_ARCHIVELOG_AGE", {"V$ARCHIVED_LOG": logs})
    assert found.status == "warning"
    assert near(found.value, 7)


def test_what_follows_a_connect_in_rman_s_output_stays_on_the_host(look: Look) -> None:
    job = {"SESSION_KEY": 9, "INPUT_TYPE": "DB INCR", "STATUS": "FAILED", "START_TIME": {"ago": "3h"}, "CON_ID": 0,
           "END_TIME": {"ago": "2h"}, "ELAPSED_SECONDS": 3600}  # fmt: skip
    output = [
        "RMAN> connect target sys/tiger@orcl",
        "RMAN-00571: ===========================================================",
        "RMAN-01005: connect target sys/tiger@orcl failed",
        "RMAN-04006: error from auxiliary database rman/secret@cat: ORA-12541",
    ]
    lines = [{"SESSION_KEY": 9, "RECID": recid, "OUTPUT": text} for recid, text in enumerate(output)]
    found = look("BACKUP_JOB_FAILED", {"V$RMAN_BACKUP_JOB_DETAILS": [job], "V$RMAN_OUTPUT": lines})
    detail = found.items[0].detail
    assert "tiger" not in detail
    assert "secret" not in detail
    assert "RMAN-01005: ***" in detail
    assert "RMAN-00571" not in detail
