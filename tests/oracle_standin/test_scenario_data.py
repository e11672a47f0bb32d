"""The scenario files say only what Oracle's views can show, and what they say hangs together."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

import pytest

from tests.oracle_standin.scenario_files import (
    ROOT,
    SCENARIOS,
    Cell,
    Row,
    by,
    columns_of,
    container,
    files,
    mapping,
    mappings,
    number,
    own_files,
    read_yaml,
    rows_of,
    rows_of_all_instances,
    scenario_keys,
    view_facts,
    written_rows,
)
from tests.standins.oracle.engine.scenario import read_scenario

NO_NEXT_SCN = 9295429630892703743
MB = 1 << 20
CATALOGUE = ROOT.parents[1] / "agent" / "oracle" / "data" / "checks.yaml"
# Read only where a pack is declared, and empty where control_management_pack_access is NONE; or derived from others.
EMPTY_OR_DERIVED = {
    "DBA_ADVISOR_FINDINGS", "DBA_ADVISOR_TASKS", "DBA_HIST_SQLSTAT", "V$ACTIVE_SESSION_HISTORY", "V$SQL_MONITOR",
    "USER_USERS",
}  # fmt: skip


# --- every file on its own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_file_is_named_after_a_view_that_is_written_once(scenario: str) -> None:
    unknown = set(own_files(scenario)) - set(view_facts())
    assert not unknown, f"no such base view (GV$ and CDB_ forms are derived): {sorted(unknown)}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_view_that_a_check_reads_is_described_even_if_it_is_empty(scenario: str) -> None:
    checks = mappings(mapping(read_yaml(CATALOGUE))["checks"])
    read = {re.sub(r"^GV", "V", view) for check in checks for view in mapping(check["reads"] or {})}
    assert read & set(view_facts()) - EMPTY_OR_DERIVED - set(files(scenario)) == set()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_column_exists_in_the_release_of_the_scenario(scenario: str) -> None:
    wrong = {
        f"{view}.{name}"
        for view, row in written_rows(scenario)
        for name in row
        if name not in columns_of(view, scenario)
    }
    assert not wrong


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_value_fits_the_type_of_its_column(scenario: str) -> None:
    problems = []
    for view in own_files(scenario):
        columns = columns_of(view, scenario)
        for row in rows_of(scenario, view):
            problems += [
                f"{view}.{name} {columns[name]['type']}: {value!r}"
                for name, value in row.items()
                if name in columns and value is not None and not _fits(value, str(columns[name]["type"]))
            ]
    assert not problems, problems[:10]


def _fits(value: Cell, declared: str) -> bool:
    match = re.fullmatch(r"([A-Z0-9]+)(?:\((\d+)\))?( .*|\(.*)?", declared)
    assert match, declared
    kind, size = match[1], int(match[2] or 4000)
    return _KINDS[kind](value, size)


_KINDS: Mapping[str, Callable[[Cell, int], bool]] = {
    "VARCHAR2": lambda value, size: isinstance(value, str) and len(value.encode()) <= size,
    "CHAR": lambda value, size: isinstance(value, str) and len(value.encode()) <= size,
    "LONG": lambda value, _: isinstance(value, str),
    "CLOB": lambda value, _: isinstance(value, str),
    "NUMBER": lambda value, _: isinstance(value, int | float) and not isinstance(value, bool),
    "DATE": lambda value, _: isinstance(value, datetime),
    "TIMESTAMP": lambda value, _: isinstance(value, datetime),
    "RAW": lambda value, size: isinstance(value, str) and bool(re.fullmatch(rf"([0-9A-F]{{2}}){{1,{size}}}", value)),
    "INTERVAL": lambda value, _: isinstance(value, str) and bool(re.fullmatch(r"\+\d+ \d\d:\d\d:\d\d(\.\d+)?", value)),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_row_leaves_out_a_column_that_is_never_null(scenario: str) -> None:
    missing = {
        f"{view}.{name}"
        for view, row in written_rows(scenario)
        for name, column in columns_of(view, scenario).items()
        if column.get("nullable") is False and row.get(name) is None
    }
    assert not missing


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rows_of_a_container_database_say_their_container(scenario: str) -> None:
    if not scenario_keys(scenario)["cdb"]:
        assert not [row for view in own_files(scenario) for row in rows_of(scenario, view) if row.get("CON_ID", 0) != 0]
        return
    bare = {v for v, row in written_rows(scenario) if "CON_ID" in columns_of(v, scenario) and row.get("CON_ID") is None}
    assert not bare
    seed = {
        v for v in own_files(scenario) if v.startswith("DBA_") and 2 in {r.get("CON_ID") for r in rows_of(scenario, v)}
    }
    assert not seed, "PDB$SEED is hidden from the CDB_ views"


# --- one view against another ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_data_files_of_the_dictionary_and_of_the_control_file_are_the_same(scenario: str) -> None:
    known = by(rows_of(scenario, "V$DATAFILE"), "FILE#")
    headers = by(rows_of(scenario, "V$DATAFILE_HEADER"), "FILE#")
    assert set(known) == set(headers) == set(by(rows_of(scenario, "V$BACKUP"), "FILE#"))
    spaces = {(container(row), row["NAME"]): row["TS#"] for row in rows_of(scenario, "V$TABLESPACE")}
    for row in rows_of(scenario, "DBA_DATA_FILES"):
        file = known[(row["FILE_ID"],)]
        assert (row["FILE_NAME"], row["BYTES"], row["BLOCKS"]) == (file["NAME"], file["BYTES"], file["BLOCKS"])
        assert number(row["BYTES"]) == number(row["BLOCKS"]) * number(file["BLOCK_SIZE"])
        assert spaces[(container(row), row["TABLESPACE_NAME"])] == file["TS#"]
        assert headers[(row["FILE_ID"],)]["TABLESPACE_NAME"] == row["TABLESPACE_NAME"]
        assert (number(row["MAXBYTES"]) > 0) == (row["AUTOEXTENSIBLE"] == "YES")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_tablespace_has_a_file_and_every_file_a_tablespace(scenario: str) -> None:
    temporary = {
        row["TABLESPACE_NAME"] for row in rows_of(scenario, "DBA_TABLESPACES") if row["CONTENTS"] == "TEMPORARY"
    }
    spaces = {(container(row), row["TABLESPACE_NAME"]) for row in rows_of(scenario, "DBA_TABLESPACES")}
    files = {(container(row), row["TABLESPACE_NAME"]) for row in rows_of(scenario, "DBA_DATA_FILES")}
    temp_files = {(container(row), row["TABLESPACE_NAME"]) for row in rows_of(scenario, "DBA_TEMP_FILES")}
    assert files | temp_files == spaces
    assert {name for _, name in temp_files} == temporary
    temp_names = {row["NAME"] for row in rows_of(scenario, "V$TEMPFILE")}
    assert {row["FILE_NAME"] for row in rows_of(scenario, "DBA_TEMP_FILES")} <= temp_names


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_usage_metrics_agree_with_the_files(scenario: str) -> None:
    reachable: Counter[tuple[Cell, Cell]] = Counter()
    for row in (*rows_of(scenario, "DBA_DATA_FILES"), *rows_of(scenario, "DBA_TEMP_FILES")):
        reachable[container(row), row["TABLESPACE_NAME"]] += int(max(number(row["BYTES"]), number(row["MAXBYTES"])))
    metrics = rows_of(scenario, "DBA_TABLESPACE_USAGE_METRICS")
    assert {(container(row), row["TABLESPACE_NAME"]) for row in metrics} == set(reachable)
    for row in metrics:
        used, size = number(row["USED_SPACE"]), number(row["TABLESPACE_SIZE"])
        assert size * 8192 == reachable[container(row), row["TABLESPACE_NAME"]]
        assert number(row["USED_PERCENT"]) == pytest.approx(used * 100 / size)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_free_space_and_segments_fit_into_their_tablespaces(scenario: str) -> None:
    sizes: Counter[tuple[Cell, Cell]] = Counter()
    free: Counter[tuple[Cell, Cell]] = Counter()
    taken: Counter[tuple[Cell, Cell]] = Counter()
    binned: Counter[tuple[Cell, Cell]] = Counter()
    tallies = ("DBA_DATA_FILES", sizes), ("DBA_FREE_SPACE", free), ("DBA_SEGMENTS", taken)
    for view, tally in tallies:
        for row in rows_of(scenario, view):
            tally[container(row), row["TABLESPACE_NAME"]] += int(number(row["BYTES"]))
    for row in rows_of(scenario, "DBA_RECYCLEBIN"):
        binned[container(row), row["TS_NAME"]] += int(number(row["SPACE"])) * 8192
    used: dict[tuple[Cell, Cell], float] = {
        (container(row), row["TABLESPACE_NAME"]): number(row["USED_SPACE"]) * 8192
        for row in rows_of(scenario, "DBA_TABLESPACE_USAGE_METRICS")
    }
    assert set(taken) <= set(sizes)
    for space, size in sizes.items():
        assert taken[space] <= used[space]
        assert size - free[space] + binned[space] == pytest.approx(used[space], abs=8 * MB)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_undo_extents_add_up_to_what_the_undo_tablespace_uses(scenario: str) -> None:
    extents: Counter[tuple[Cell, Cell]] = Counter()
    for row in rows_of(scenario, "DBA_UNDO_EXTENTS"):
        extents[container(row), row["TABLESPACE_NAME"]] += int(number(row["BYTES"]))
    for row in rows_of(scenario, "DBA_TABLESPACE_USAGE_METRICS"):
        total = extents.pop((container(row), row["TABLESPACE_NAME"]), None)
        assert total in (None, int(number(row["USED_SPACE"])) * 8192)
    assert not extents


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_redo_groups_have_their_members_and_one_of_them_is_current(scenario: str) -> None:
    members = Counter(row["GROUP#"] for row in rows_of(scenario, "V$LOGFILE") if row["TYPE"] == "ONLINE")
    groups = by(rows_of(scenario, "V$LOG"), "GROUP#")
    assert members == {group: row["MEMBERS"] for (group,), row in groups.items()}
    archived = by(rows_of(scenario, "V$ARCHIVED_LOG"), "THREAD#", "SEQUENCE#")
    for row in groups.values():
        assert (row["ARCHIVED"] == "YES") == ((row["THREAD#"], row["SEQUENCE#"]) in archived)
    for thread in rows_of(scenario, "V$THREAD"):
        own = [row for row in groups.values() if row["THREAD#"] == thread["THREAD#"]]
        (current,) = [row for row in own if row["STATUS"] == "CURRENT"]
        assert (thread["CURRENT_GROUP#"], thread["SEQUENCE#"]) == (current["GROUP#"], current["SEQUENCE#"])
        assert thread["GROUPS"] == len(own)
        sequences = sorted(int(number(row["SEQUENCE#"])) for row in own)
        assert sequences == list(range(sequences[0], sequences[-1] + 1))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_standby_redo_groups_have_a_member_each_at_least(scenario: str) -> None:
    members = {row["GROUP#"] for row in rows_of(scenario, "V$LOGFILE") if row["TYPE"] == "STANDBY"}
    assert members == {group for (group,) in by(rows_of(scenario, "V$STANDBY_LOG"), "GROUP#")}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_archived_logs_follow_each_other_without_a_gap(scenario: str) -> None:
    logs = rows_of(scenario, "V$ARCHIVED_LOG")
    (database,) = rows_of(scenario, "V$DATABASE")
    assert max(number(row["NEXT_CHANGE#"]) for row in logs) < number(database["CURRENT_SCN"]) < NO_NEXT_SCN
    threads = by(rows_of(scenario, "V$THREAD"), "THREAD#")
    for (thread,) in threads:
        own = [row for row in logs if row["THREAD#"] == thread]
        _check_sequence(sorted(own, key=lambda row: number(row["SEQUENCE#"])), alone=len(threads) == 1)
    kept = sum(number(row["BLOCKS"]) * 512 for row in logs if row["DELETED"] == "NO")
    (area,) = [row for row in rows_of(scenario, "V$RECOVERY_AREA_USAGE") if row["FILE_TYPE"] == "ARCHIVED LOG"]
    (limit,) = [number(row["SPACE_LIMIT"]) for row in rows_of(scenario, "V$RECOVERY_FILE_DEST")]
    assert kept * 100 / limit == pytest.approx(number(area["PERCENT_SPACE_USED"]), abs=0.5)


def _check_sequence(logs: Sequence[Row], *, alone: bool) -> None:
    """Records of several threads lie between one another in the control file."""
    for older, newer in pairwise(logs):
        assert number(newer["SEQUENCE#"]) == number(older["SEQUENCE#"]) + 1
        step = number(newer["RECID"]) - number(older["RECID"])
        assert step == 1 or (step > 0 and not alone)
        assert older["NEXT_TIME"] == newer["FIRST_TIME"]
        assert abs(number(older["NEXT_CHANGE#"]) - number(newer["FIRST_CHANGE#"])) <= 1
        assert (newer["DELETED"] == "YES") == (newer.get("NAME") is None)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_recovery_area_is_the_sum_of_its_parts(scenario: str) -> None:
    (area,) = rows_of(scenario, "V$RECOVERY_FILE_DEST")
    parts = rows_of(scenario, "V$RECOVERY_AREA_USAGE")
    pairs = ("SPACE_USED", "PERCENT_SPACE_USED"), ("SPACE_RECLAIMABLE", "PERCENT_SPACE_RECLAIMABLE")
    for total, part in pairs:
        share = number(area[total]) * 100 / number(area["SPACE_LIMIT"])
        assert share == pytest.approx(sum(number(row[part]) for row in parts), abs=0.01)
    assert area["NUMBER_OF_FILES"] == sum(number(row["NUMBER_OF_FILES"]) for row in parts)
    parameters = {row["NAME"]: row.get("VALUE") for row in rows_of(scenario, "V$PARAMETER")}
    assert parameters["db_recovery_file_dest"] == area["NAME"]
    assert parameters["db_recovery_file_dest_size"] == str(area["SPACE_LIMIT"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_backups_are_of_files_that_exist_and_of_this_incarnation(scenario: str) -> None:
    files = by(rows_of(scenario, "V$DATAFILE"), "FILE#")
    (database,) = rows_of(scenario, "V$DATABASE")
    backups = rows_of(scenario, "V$BACKUP_DATAFILE")
    assert backups
    by(backups, "RECID")
    for row in backups:
        assert row["FILE#"] == 0 or (row["FILE#"],) in files
        assert row["RESETLOGS_CHANGE#"] == database["RESETLOGS_CHANGE#"]
        assert number(row["CHECKPOINT_CHANGE#"]) < number(database["CURRENT_SCN"])
        assert str(row["CHECKPOINT_TIME"]) <= str(row["COMPLETION_TIME"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_backup_jobs_have_their_sessions_in_the_status_view(scenario: str) -> None:
    jobs = by(rows_of(scenario, "V$RMAN_BACKUP_JOB_DETAILS"), "SESSION_KEY")
    steps = by(rows_of(scenario, "V$RMAN_STATUS"), "RECID", "STAMP")
    sessions = {row["SESSION_RECID"] for row in steps.values()}
    assert {key for (key,) in jobs} <= sessions
    recids = {row["RECID"] for row in steps.values()}
    assert all(row.get("PARENT_RECID") in recids for row in steps.values() if row["ROW_TYPE"] != "SESSION")
    assert all(str(row["START_TIME"]) < str(row["END_TIME"]) for row in jobs.values())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_transactions_and_sorts_belong_to_sessions(scenario: str) -> None:
    sessions = by(rows_of(scenario, "V$SESSION"), "SADDR")
    for row in rows_of(scenario, "V$TRANSACTION"):
        session = sessions[(row["SES_ADDR"],)]
        assert (session["TADDR"], container(session)) == (row["ADDR"], container(row))
    for row in rows_of(scenario, "V$TEMPSEG_USAGE"):
        assert sessions[(row["SESSION_ADDR"],)]["SERIAL#"] == row["SESSION_NUM"]
    processes = {row["ADDR"] for row in rows_of(scenario, "V$PROCESS")}
    assert {row["PADDR"] for row in sessions.values()} <= processes
    by(list(sessions.values()), "SID")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_users_have_a_tablespace_a_profile_and_the_status_that_a_login_meets(scenario: str) -> None:
    spaces = {(container(row), row["TABLESPACE_NAME"]) for row in rows_of(scenario, "DBA_TABLESPACES")}
    profiles = {(container(row), row["PROFILE"]) for row in rows_of(scenario, "DBA_PROFILES")}
    accounts: defaultdict[Cell, set[Cell]] = defaultdict(set)
    for row in rows_of(scenario, "DBA_USERS"):
        accounts[row["USERNAME"]].add(row["ACCOUNT_STATUS"])
        assert (container(row), row["DEFAULT_TABLESPACE"]) in spaces
        assert (container(row), row["PROFILE"]) in profiles
    for name, user in mapping(scenario_keys(scenario)["users"]).items():
        assert accounts[name] == {mapping(user)["status"]}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sequence_of_containers_is_that_of_the_services(scenario: str) -> None:
    if not own_files(scenario):
        return  # the parent's rows under a service name of its own
    active = {(row.get("NETWORK_NAME"), container(row)) for row in rows_of(scenario, "V$ACTIVE_SERVICES")}
    declared = {(row.get("NETWORK_NAME"), container(row)) for row in rows_of(scenario, "DBA_SERVICES")}
    assert active == declared
    for name, service in mapping(scenario_keys(scenario)["services"]).items():
        assert (name, mapping(service)["container"]) in active


@pytest.mark.system
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_engine_reads_what_the_lint_has_read(scenario: str) -> None:
    read = read_scenario(ROOT / "scenarios" / scenario)
    assert {view: len(read.rows(view)) for view in read.files} == {
        v: len(rows_of_all_instances(scenario, v)) for v in files(scenario)
    }


def test_service_names_pick_one_scenario() -> None:
    names = Counter(name for scenario in SCENARIOS for name in mapping(scenario_keys(scenario)["services"]))
    assert not [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_planted_list_can_be_read_by_a_test(scenario: str) -> None:
    planted = mapping(read_yaml(ROOT / "scenarios" / scenario / "planted.yaml"))
    assert planted["tier"] == "prod"
    for finding in mappings(planted["findings"]):
        assert finding.keys() <= {
            "check_id",
            "status",
            "severity",
            "object",
            "why",
            "runs",
            "seconds",
            "disabled_by_default",
        }
        assert finding["status"] in ("warning", "critical")
        assert finding["object"]
        assert finding["why"]
