"""The scenario files say only what Oracle's views can show, and what they say hangs together."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1] / "standins" / "oracle"
SCENARIOS = sorted(file.parent.name for file in (ROOT / "scenarios").glob("*/scenario.yaml"))
RELEASES = ("12.1", "12.2", "18c", "19c", "21c", "23ai")
NOW = datetime(2026, 11, 21, 22, 0, 0)  # noqa: DTZ001 - an instant of the database's own time zone
NO_NEXT_SCN = 9295429630892703743
MB = 1 << 20
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MOMENTS = ("ago", "in", "before_start")
CORE_VIEWS = """DBA_2PC_PENDING DBA_DATA_FILES DBA_FREE_SPACE DBA_RECYCLEBIN DBA_RESUMABLE DBA_SEGMENTS DBA_SERVICES
DBA_TABLESPACES DBA_TABLESPACE_USAGE_METRICS DBA_TEMP_FILES DBA_TEMP_FREE_SPACE DBA_TS_QUOTAS DBA_UNDO_EXTENTS DBA_USERS
DUAL V$ACTIVE_SERVICES V$ARCHIVED_LOG V$ARCHIVE_DEST V$ARCHIVE_DEST_STATUS V$ASM_DISKGROUP_STAT V$BACKUP
V$BACKUP_CONTROLFILE_DETAILS V$BACKUP_DATAFILE V$BLOCK_CHANGE_TRACKING V$CONTROLFILE V$DATABASE
V$DATABASE_BLOCK_CORRUPTION V$DATAFILE V$DATAFILE_HEADER V$FAST_START_TRANSACTIONS V$FLASHBACK_DATABASE_LOG V$INSTANCE
V$INSTANCE_RECOVERY V$LOG V$LOGFILE V$LOG_HISTORY V$NONLOGGED_BLOCK V$PARAMETER V$RECOVERY_AREA_USAGE
V$RECOVERY_FILE_DEST V$RECOVER_FILE V$RESTORE_POINT V$RMAN_BACKUP_JOB_DETAILS V$RMAN_CONFIGURATION V$RMAN_OUTPUT
V$RMAN_STATUS V$SESSION V$STANDBY_LOG V$SYSAUX_OCCUPANTS V$SYSSTAT V$SYSTEM_EVENT V$TEMPFILE V$TEMPSEG_USAGE V$THREAD
V$TRANSACTION V$UNDOSTAT V$VERSION PRODUCT_COMPONENT_VERSION V$SYSTEM_PARAMETER V$CONTAINERS V$PDBS V$OPTION""".split()

Cell = str | int | float | datetime | None
Row = Mapping[str, Cell]
Written = Mapping[str, object]


@lru_cache(maxsize=64)
def _yaml(file: Path) -> object:
    with file.open(encoding="utf-8") as stream:
        return yaml.load(stream, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader either way


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict), f"{value!r}: expected a mapping"
    return value


def _list(value: object) -> Sequence[Written]:
    assert isinstance(value, list), f"{value!r}: expected a list"
    return [_mapping(item) for item in value]


def _facts() -> Mapping[str, Mapping[str, object]]:
    views = _mapping(_mapping(_yaml(ROOT / "data" / "views.yaml"))["views"])
    return {name: _mapping(facts) for name, facts in views.items()}


def _scenario(name: str) -> Mapping[str, object]:
    return _mapping(_yaml(ROOT / "scenarios" / name / "scenario.yaml"))


def _own_files(name: str) -> Mapping[str, Path]:
    return {file.stem: file for file in (ROOT / "scenarios" / name / "views").glob("*.yaml")}


def _files(name: str) -> Mapping[str, Path]:
    parent = _scenario(name).get("extends")
    return {**(_files(str(parent)) if parent else {}), **_own_files(name)}


def _release(name: str) -> str:
    major = str(_scenario(name)["release"]).partition(".")[0]
    return {"19": "19c", "21": "21c", "23": "23ai"}[major]


def _columns(view: str, scenario: str) -> Mapping[str, Mapping[str, object]]:
    facts, here = _facts()[view], RELEASES.index(_release(scenario))

    def visible(column: Mapping[str, object]) -> bool:
        since, until = column.get("since", RELEASES[0]), column.get("until", RELEASES[-1])
        return RELEASES.index(str(since)) <= here <= RELEASES.index(str(until))

    columns = {str(column["name"]): column for column in _list(facts["columns"]) if visible(column)}
    if _scenario(scenario)["cdb"] and facts["kind"] == "dictionary":
        columns.setdefault("CON_ID", {"name": "CON_ID", "type": "NUMBER"})
    return columns


def _written(scenario: str) -> Iterator[tuple[str, Written]]:
    """View and row of every row of the scenario's own files, generators unwrapped but not expanded."""
    for view, file in _own_files(scenario).items():
        for row in _list(_yaml(file)):
            yield view, _mapping(row["row"]) if "row" in row else row


@lru_cache(maxsize=256)
def _rows(scenario: str, view: str) -> Sequence[Row]:
    """What the view shows at NOW on a stand-in started at NOW."""
    file = _files(scenario).get(view)
    return [row for written in (_list(_yaml(file)) if file else ()) for row in _expand(written)]


def _expand(written: Written) -> Iterator[Row]:
    if "row" not in written:
        yield {name: _cell(value, 0, timedelta()) for name, value in written.items()}
        return
    repeat = _mapping(written["repeat"])
    for index in range(int(str(repeat["count"]))):
        shift = _span(repeat["every"]) * index
        yield {name: _cell(value, index, shift) for name, value in _mapping(written["row"]).items()}


def _cell(value: object, index: int, shift: timedelta) -> Cell:
    if isinstance(value, str):
        return value.replace("{i}", str(index))
    if isinstance(value, dict):
        return _generated(value, index, shift)
    assert value is None or isinstance(value, int | float | datetime), f"{value!r}: expected a scalar"
    return value


def _generated(value: Mapping[str, object], index: int, shift: timedelta) -> Cell:
    if "seq" in value:
        return int(str(value["seq"])) + index * int(str(value.get("step", 1)))
    if "counter" in value:
        return float(str(value["counter"]))
    if "in" in value:
        return NOW + _span(value["in"])
    return NOW - _span(value.get("ago", value.get("before_start"))) - shift


def _span(text: object) -> timedelta:
    match = re.fullmatch(r"(\d+)([smhd])", str(text))
    assert match, f"{text!r}: expected a span such as 90s, 30m, 9h or 12d"
    return timedelta(seconds=int(match[1]) * UNITS[match[2]])


def _number(value: Cell) -> float:
    assert isinstance(value, int | float), f"{value!r}: expected a number"
    return value


def _container(row: Row) -> Cell:
    return row.get("CON_ID", 0)


def _by(rows: Sequence[Row], *columns: str) -> Mapping[tuple[Cell, ...], Row]:
    keyed = {tuple(row.get(column) for column in columns): row for row in rows}
    assert len(keyed) == len(rows), f"{columns} are not unique"
    return keyed


# --- every file on its own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_file_is_named_after_a_view_that_is_written_once(scenario: str) -> None:
    unknown = set(_own_files(scenario)) - set(_facts())
    assert not unknown, f"no such base view (GV$ and CDB_ forms are derived): {sorted(unknown)}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_view_of_the_core_checks_is_described_even_if_it_is_empty(scenario: str) -> None:
    assert not set(CORE_VIEWS) - set(_files(scenario))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_column_exists_in_the_release_of_the_scenario(scenario: str) -> None:
    wrong = {
        f"{view}.{name}" for view, row in _written(scenario) for name in row if name not in _columns(view, scenario)
    }
    assert not wrong


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_value_fits_the_type_of_its_column(scenario: str) -> None:
    problems = []
    for view in _own_files(scenario):
        columns = _columns(view, scenario)
        for row in _rows(scenario, view):
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
        for view, row in _written(scenario)
        for name, column in _columns(view, scenario).items()
        if column.get("nullable") is False and row.get(name) is None
    }
    assert not missing


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rows_of_a_container_database_say_their_container(scenario: str) -> None:
    if not _scenario(scenario)["cdb"]:
        assert not [row for view in _own_files(scenario) for row in _rows(scenario, view) if row.get("CON_ID", 0) != 0]
        return
    bare = {v for v, row in _written(scenario) if "CON_ID" in _columns(v, scenario) and row.get("CON_ID") is None}
    assert not bare
    seed = {
        v for v in _own_files(scenario) if v.startswith("DBA_") and 2 in {r.get("CON_ID") for r in _rows(scenario, v)}
    }
    assert not seed, "PDB$SEED is hidden from the CDB_ views"


# --- one view against another ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_data_files_of_the_dictionary_and_of_the_control_file_are_the_same(scenario: str) -> None:
    known = _by(_rows(scenario, "V$DATAFILE"), "FILE#")
    headers = _by(_rows(scenario, "V$DATAFILE_HEADER"), "FILE#")
    assert set(known) == set(headers) == set(_by(_rows(scenario, "V$BACKUP"), "FILE#"))
    spaces = {(_container(row), row["NAME"]): row["TS#"] for row in _rows(scenario, "V$TABLESPACE")}
    for row in _rows(scenario, "DBA_DATA_FILES"):
        file = known[(row["FILE_ID"],)]
        assert (row["FILE_NAME"], row["BYTES"], row["BLOCKS"]) == (file["NAME"], file["BYTES"], file["BLOCKS"])
        assert _number(row["BYTES"]) == _number(row["BLOCKS"]) * _number(file["BLOCK_SIZE"])
        assert spaces[(_container(row), row["TABLESPACE_NAME"])] == file["TS#"]
        assert headers[(row["FILE_ID"],)]["TABLESPACE_NAME"] == row["TABLESPACE_NAME"]
        assert (_number(row["MAXBYTES"]) > 0) == (row["AUTOEXTENSIBLE"] == "YES")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_tablespace_has_a_file_and_every_file_a_tablespace(scenario: str) -> None:
    temporary = {row["TABLESPACE_NAME"] for row in _rows(scenario, "DBA_TABLESPACES") if row["CONTENTS"] == "TEMPORARY"}
    spaces = {(_container(row), row["TABLESPACE_NAME"]) for row in _rows(scenario, "DBA_TABLESPACES")}
    files = {(_container(row), row["TABLESPACE_NAME"]) for row in _rows(scenario, "DBA_DATA_FILES")}
    temp_files = {(_container(row), row["TABLESPACE_NAME"]) for row in _rows(scenario, "DBA_TEMP_FILES")}
    assert files | temp_files == spaces
    assert {name for _, name in temp_files} == temporary
    temp_names = {row["NAME"] for row in _rows(scenario, "V$TEMPFILE")}
    assert {row["FILE_NAME"] for row in _rows(scenario, "DBA_TEMP_FILES")} <= temp_names


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_usage_metrics_agree_with_the_files(scenario: str) -> None:
    reachable: Counter[tuple[Cell, Cell]] = Counter()
    for row in (*_rows(scenario, "DBA_DATA_FILES"), *_rows(scenario, "DBA_TEMP_FILES")):
        size = int(max(_number(row["BYTES"]), _number(row["MAXBYTES"])))
        reachable[_container(row), row["TABLESPACE_NAME"]] += size
    metrics = _rows(scenario, "DBA_TABLESPACE_USAGE_METRICS")
    assert {(_container(row), row["TABLESPACE_NAME"]) for row in metrics} == set(reachable)
    for row in metrics:
        used, size = _number(row["USED_SPACE"]), _number(row["TABLESPACE_SIZE"])
        assert size * 8192 == reachable[_container(row), row["TABLESPACE_NAME"]]
        assert _number(row["USED_PERCENT"]) == pytest.approx(used * 100 / size)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_free_space_and_segments_fit_into_their_tablespaces(scenario: str) -> None:
    sizes: Counter[tuple[Cell, Cell]] = Counter()
    free: Counter[tuple[Cell, Cell]] = Counter()
    taken: Counter[tuple[Cell, Cell]] = Counter()
    binned: Counter[tuple[Cell, Cell]] = Counter()
    tallies = ("DBA_DATA_FILES", sizes), ("DBA_FREE_SPACE", free), ("DBA_SEGMENTS", taken)
    for view, tally in tallies:
        for row in _rows(scenario, view):
            tally[_container(row), row["TABLESPACE_NAME"]] += int(_number(row["BYTES"]))
    for row in _rows(scenario, "DBA_RECYCLEBIN"):
        binned[_container(row), row["TS_NAME"]] += int(_number(row["SPACE"])) * 8192
    used = {
        (_container(row), row["TABLESPACE_NAME"]): _number(row["USED_SPACE"]) * 8192
        for row in _rows(scenario, "DBA_TABLESPACE_USAGE_METRICS")
    }
    assert set(taken) <= set(sizes)
    for space, size in sizes.items():
        assert taken[space] <= used[space]
        assert size - free[space] + binned[space] == pytest.approx(used[space], abs=8 * MB)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_undo_extents_add_up_to_what_the_undo_tablespace_uses(scenario: str) -> None:
    extents: Counter[tuple[Cell, Cell]] = Counter()
    for row in _rows(scenario, "DBA_UNDO_EXTENTS"):
        extents[_container(row), row["TABLESPACE_NAME"]] += int(_number(row["BYTES"]))
    for row in _rows(scenario, "DBA_TABLESPACE_USAGE_METRICS"):
        total = extents.pop((_container(row), row["TABLESPACE_NAME"]), None)
        assert total in (None, int(_number(row["USED_SPACE"])) * 8192)
    assert not extents


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_redo_groups_have_their_members_and_one_of_them_is_current(scenario: str) -> None:
    members = Counter(row["GROUP#"] for row in _rows(scenario, "V$LOGFILE"))
    groups = _by(_rows(scenario, "V$LOG"), "GROUP#")
    assert members == {group: row["MEMBERS"] for (group,), row in groups.items()}
    (thread,) = _rows(scenario, "V$THREAD")
    (current,) = [row for row in groups.values() if row["STATUS"] == "CURRENT"]
    assert (thread["CURRENT_GROUP#"], thread["SEQUENCE#"]) == (current["GROUP#"], current["SEQUENCE#"])
    assert thread["GROUPS"] == len(groups)
    sequences = sorted(int(_number(row["SEQUENCE#"])) for row in groups.values())
    assert sequences == list(range(sequences[0], sequences[-1] + 1))
    archived = _by(_rows(scenario, "V$ARCHIVED_LOG"), "SEQUENCE#")
    for row in groups.values():
        assert (row["ARCHIVED"] == "YES") == ((row["SEQUENCE#"],) in archived)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_archived_logs_follow_each_other_without_a_gap(scenario: str) -> None:
    logs = sorted(_rows(scenario, "V$ARCHIVED_LOG"), key=lambda row: _number(row["SEQUENCE#"]))
    (database,) = _rows(scenario, "V$DATABASE")
    assert _number(logs[-1]["NEXT_CHANGE#"]) < _number(database["CURRENT_SCN"]) < NO_NEXT_SCN
    for older, newer in zip(logs, logs[1:], strict=False):
        assert _number(newer["SEQUENCE#"]) == _number(older["SEQUENCE#"]) + 1
        assert _number(newer["RECID"]) == _number(older["RECID"]) + 1
        assert older["NEXT_TIME"] == newer["FIRST_TIME"]
        assert abs(_number(older["NEXT_CHANGE#"]) - _number(newer["FIRST_CHANGE#"])) <= 1
        assert (newer["DELETED"] == "YES") == (newer.get("NAME") is None)
    kept = sum(_number(row["BLOCKS"]) * 512 for row in logs if row["DELETED"] == "NO")
    (area,) = [row for row in _rows(scenario, "V$RECOVERY_AREA_USAGE") if row["FILE_TYPE"] == "ARCHIVED LOG"]
    (limit,) = [_number(row["SPACE_LIMIT"]) for row in _rows(scenario, "V$RECOVERY_FILE_DEST")]
    assert kept * 100 / limit == pytest.approx(_number(area["PERCENT_SPACE_USED"]), abs=0.5)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_recovery_area_is_the_sum_of_its_parts(scenario: str) -> None:
    (area,) = _rows(scenario, "V$RECOVERY_FILE_DEST")
    parts = _rows(scenario, "V$RECOVERY_AREA_USAGE")
    pairs = ("SPACE_USED", "PERCENT_SPACE_USED"), ("SPACE_RECLAIMABLE", "PERCENT_SPACE_RECLAIMABLE")
    for total, part in pairs:
        share = _number(area[total]) * 100 / _number(area["SPACE_LIMIT"])
        assert share == pytest.approx(sum(_number(row[part]) for row in parts), abs=0.01)
    assert area["NUMBER_OF_FILES"] == sum(_number(row["NUMBER_OF_FILES"]) for row in parts)
    parameters = {row["NAME"]: row.get("VALUE") for row in _rows(scenario, "V$PARAMETER")}
    assert parameters["db_recovery_file_dest"] == area["NAME"]
    assert parameters["db_recovery_file_dest_size"] == str(area["SPACE_LIMIT"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_backups_are_of_files_that_exist_and_of_this_incarnation(scenario: str) -> None:
    files = _by(_rows(scenario, "V$DATAFILE"), "FILE#")
    (database,) = _rows(scenario, "V$DATABASE")
    backups = _rows(scenario, "V$BACKUP_DATAFILE")
    assert backups
    _by(backups, "RECID")
    for row in backups:
        assert row["FILE#"] == 0 or (row["FILE#"],) in files
        assert row["RESETLOGS_CHANGE#"] == database["RESETLOGS_CHANGE#"]
        assert _number(row["CHECKPOINT_CHANGE#"]) < _number(database["CURRENT_SCN"])
        assert str(row["CHECKPOINT_TIME"]) <= str(row["COMPLETION_TIME"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_backup_jobs_have_their_sessions_in_the_status_view(scenario: str) -> None:
    jobs = _by(_rows(scenario, "V$RMAN_BACKUP_JOB_DETAILS"), "SESSION_KEY")
    steps = _by(_rows(scenario, "V$RMAN_STATUS"), "RECID", "STAMP")
    sessions = {row["SESSION_RECID"] for row in steps.values()}
    assert {key for (key,) in jobs} <= sessions
    recids = {row["RECID"] for row in steps.values()}
    assert all(row.get("PARENT_RECID") in recids for row in steps.values() if row["ROW_TYPE"] != "SESSION")
    assert all(str(row["START_TIME"]) < str(row["END_TIME"]) for row in jobs.values())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_transactions_and_sorts_belong_to_sessions(scenario: str) -> None:
    sessions = _by(_rows(scenario, "V$SESSION"), "SADDR")
    for row in _rows(scenario, "V$TRANSACTION"):
        session = sessions[(row["SES_ADDR"],)]
        assert (session["TADDR"], _container(session)) == (row["ADDR"], _container(row))
    for row in _rows(scenario, "V$TEMPSEG_USAGE"):
        assert sessions[(row["SESSION_ADDR"],)]["SERIAL#"] == row["SESSION_NUM"]
    processes = {row["ADDR"] for row in _rows(scenario, "V$PROCESS")}
    assert {row["PADDR"] for row in sessions.values()} <= processes
    _by(list(sessions.values()), "SID")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_users_have_a_tablespace_a_profile_and_the_status_that_a_login_meets(scenario: str) -> None:
    spaces = {(_container(row), row["TABLESPACE_NAME"]) for row in _rows(scenario, "DBA_TABLESPACES")}
    profiles = {(_container(row), row["PROFILE"]) for row in _rows(scenario, "DBA_PROFILES")}
    accounts: defaultdict[Cell, set[Cell]] = defaultdict(set)
    for row in _rows(scenario, "DBA_USERS"):
        accounts[row["USERNAME"]].add(row["ACCOUNT_STATUS"])
        assert (_container(row), row["DEFAULT_TABLESPACE"]) in spaces
        assert (_container(row), row["PROFILE"]) in profiles
    for name, user in _mapping(_scenario(scenario)["users"]).items():
        assert accounts[name] == {_mapping(user)["status"]}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sequence_of_containers_is_that_of_the_services(scenario: str) -> None:
    if not _own_files(scenario):
        return  # the parent's rows under a service name of its own
    active = {(row.get("NETWORK_NAME"), _container(row)) for row in _rows(scenario, "V$ACTIVE_SERVICES")}
    declared = {(row.get("NETWORK_NAME"), _container(row)) for row in _rows(scenario, "DBA_SERVICES")}
    assert active == declared
    for name, service in _mapping(_scenario(scenario)["services"]).items():
        assert (name, _mapping(service)["container"]) in active


def test_service_names_pick_one_scenario() -> None:
    names = Counter(name for scenario in SCENARIOS for name in _mapping(_scenario(scenario)["services"]))
    assert not [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_planted_list_can_be_read_by_a_test(scenario: str) -> None:
    planted = _mapping(_yaml(ROOT / "scenarios" / scenario / "planted.yaml"))
    assert planted["tier"] == "prod"
    for finding in _list(planted["findings"]):
        assert finding.keys() <= {"check_id", "status", "severity", "object", "why", "runs", "seconds", "off"}
        assert finding["status"] in ("warning", "critical")
        assert finding["object"]
        assert finding["why"]
