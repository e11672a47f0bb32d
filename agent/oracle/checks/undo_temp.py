"""Undo and temporary space, and the transactions that hold on to them."""

import re
from collections.abc import Mapping
from dataclasses import replace

from agent.oracle.catalogue import Check, Levels, Query, Row, Seen, Verdict
from agent.oracle.checks import _undo
from agent.oracle.checks._space import Key, Reach, closed, key, many, reaches
from agent.oracle.judging import label, last, noted, number, of_items, ok, size, text, unknown
from agent.oracle.needs import on_primary
from agent.oracle.queries import ASM_GROUPS, TABLESPACES, TRANSACTIONS
from common.wire import Item, Status

# --- temporary space -----------------------------------------------------------------------------------------------

# FREE_SPACE includes extents that are allocated and unused: ALLOCATED_SPACE never shrinks and says nothing. From 12.2
# on a local temporary tablespace has a row per instance. A tablespace group spares nothing when one member is full.
TEMP_SPACE = Query(
    name="temp_space",
    sql="""
SELECT s.con_id, s.tablespace_name, SUM(s.tablespace_size) AS size_bytes, SUM(s.free_space) AS free_bytes
FROM {cdb:temp_free_space} s
WHERE s.con_id <> 2
GROUP BY s.con_id, s.tablespace_name
ORDER BY s.con_id, s.tablespace_name
""",
)
TEMP_FILES = Query(
    name="temp_files",
    sql="""
SELECT f.con_id, f.tablespace_name, f.file_name, f.bytes, f.maxbytes, f.autoextensible
FROM {cdb:temp_files} f
WHERE f.con_id <> 2 AND f.status <> 'OFFLINE'
""",
)
# V$TEMPSEG_USAGE is a synonym of this view; the GRANT has to name this one.
TEMP_USERS = Query(
    name="temp_users",
    sql="""
SELECT u.con_id, u.tablespace AS tablespace_name, u.sql_id, SUM(u.blocks) AS blocks
FROM v$sort_usage u
WHERE u.con_id <> 2
GROUP BY u.con_id, u.tablespace, u.sql_id
ORDER BY blocks DESC
FETCH FIRST 20 ROWS ONLY
""",
)


def judge_temp_used(seen: Seen) -> Verdict:
    """Temporary space is spiky: that a single sample does not count is the collector's rule for every check."""
    rows = seen.of(TEMP_SPACE)
    if not rows:
        return unknown("DBA_TEMP_FREE_SPACE returned no rows")
    reach = reaches(seen.of(TEMP_FILES), seen.disks, seen.of(ASM_GROUPS))
    items = [_temp_item(row, reach, seen) for row in rows]
    fullest = max(items, key=lambda item: item.value or 0.0)
    return of_items(items + closed(seen.facts), good=f"{fullest.name} {fullest.detail}")


def _temp_item(row: Row, reach: Mapping[Key, Reach], seen: Seen) -> Item:
    name = label(seen.facts, row["con_id"], row["tablespace_name"])
    held, free = number(row["size_bytes"]), number(row["free_bytes"])
    if held is None or free is None:
        return Item(name, "unknown", detail="TABLESPACE_SIZE or FREE_SPACE is NULL")
    reachable = max(held, reach[key(row)].reachable) if key(row) in reach else held
    pct = 100.0 * (held - free) / reachable if reachable else 0.0
    return Item(name, seen.levels.status(pct), round(pct, 2), f"{pct:.0f} % used{_top(row, seen)}")


def _top(tablespace: Row, seen: Seen) -> str:
    """The statement that holds most of it, on this instance."""
    blocks = {key(row): number(row["block_size"]) or 0.0 for row in seen.of(TABLESPACES)}
    for row in seen.of(TEMP_USERS):
        # In a PDB's own session the DBA_ rows have no container's id, the V$ rows do.
        if row["tablespace_name"] == tablespace["tablespace_name"] and tablespace["con_id"] in (0, row["con_id"]):
            used = (number(row["blocks"]) or 0.0) * blocks.get(key(tablespace), 0.0)
            return f", top: SQL {text(row['sql_id']) or 'unknown'} {size(used)}"
    return ""


# BYTES comes from the file's header: 0 when the file is gone. DBA_TEMP_FILES would raise ORA-01157 for such a file.
TEMP_TABLESPACES = Query(
    name="temp_tablespaces",
    sql="""
SELECT t.con_id, t.tablespace_name, COUNT(f.file#) AS files,
       COUNT(CASE WHEN f.status = 'ONLINE' AND f.bytes > 0 THEN 1 END) AS usable
FROM {cdb:tablespaces} t
LEFT JOIN v$tablespace s ON s.name = t.tablespace_name AND (t.con_id = 0 OR s.con_id = t.con_id)
LEFT JOIN v$tempfile f ON f.ts# = s.ts# AND f.con_id = s.con_id
WHERE t.contents = 'TEMPORARY' AND t.con_id <> 2
GROUP BY t.con_id, t.tablespace_name
ORDER BY t.con_id, t.tablespace_name
""",
)


def judge_temp_files(seen: Seen) -> Verdict:
    rows = seen.of(TEMP_TABLESPACES)
    if not rows:
        return unknown("DBA_TABLESPACES shows no temporary tablespace")
    items = [_temp_files_item(row, seen) for row in rows if not row["usable"]]
    verdict = of_items(items + closed(seen.facts), good="every temporary tablespace has a file")
    return replace(verdict, value=float(len(items)))


def _temp_files_item(row: Row, seen: Seen) -> Item:
    name, files = label(seen.facts, row["con_id"], row["tablespace_name"]), number(row["files"]) or 0.0
    detail = f"has {many(files, 'file')}" + (", none of them usable" if files else "")
    return Item(name, seen.levels.status(1), 1, detail)


# --- transactions --------------------------------------------------------------------------------------------------

RECOVERIES = Query(
    name="recoveries",
    sql="""
SELECT state, undoblocksdone, undoblockstotal
FROM v$fast_start_transactions
WHERE state <> 'RECOVERED'
""",
)
MILLION = 1e6
# Capture and apply of replication keep transactions open by design.
_BY_DESIGN = re.compile(r"goldengate|extract|replicat\b|\((?:CP|AP|AS)\w\w\)", re.IGNORECASE)


def judge_transactions(seen: Seen) -> Verdict:
    rows = seen.of(TRANSACTIONS)
    items = [_transaction_item(row, seen) for row in rows] + [_recovery_item(row) for row in seen.of(RECOVERIES)]
    oldest = max((number(row["minutes"]) or 0.0 for row in rows), default=None)
    good = "no open transaction" if oldest is None else f"oldest {_minutes(oldest)}"
    undo = {_session(row): number(row["used_ublk"]) or 0.0 for row in rows}
    return noted(replace(of_items(items, good=good), value=None if oldest is None else round(oldest, 1)), undo)


def _transaction_item(row: Row, seen: Seen) -> Item:
    name, minutes = f"session {_session(row)}", number(row["minutes"])
    if minutes is None:
        return Item(name, "unknown", detail="START_DATE is NULL")
    status = seen.levels.status(minutes)
    by_design: Status = "info" if status != "ok" and _BY_DESIGN.search(text(row["program"])) else status
    before = last(seen)
    earlier = before.values.get(_session(row)) if before else None
    back = ", rolling back" if earlier is not None and (number(row["used_ublk"]) or 0.0) < earlier else ""
    detail = f"{_minutes(minutes)}, {_count(number(row['used_urec']) or 0.0)} undo records{back}"
    return Item(name, by_design, round(minutes, 1), detail)


def _session(row: Row) -> str:
    return "ended" if row["sid"] is None else f"{text(row['sid'])},{text(row['serial'])}"


def _recovery_item(row: Row) -> Item:
    left = (number(row["undoblockstotal"]) or 0.0) - (number(row["undoblocksdone"]) or 0.0)
    return Item("rollback of a dead transaction", "info", detail=f"{_count(left)} undo blocks left")


def _minutes(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _count(number_: float) -> str:
    return f"{number_ / MILLION:.1f} M" if number_ >= MILLION else f"{number_:,.0f}"


# --- in doubt, suspended -------------------------------------------------------------------------------------------

IN_DOUBT = Query(
    name="in_doubt",
    sql="""
SELECT p.con_id, p.local_tran_id, p.state, p.mixed, (SYSDATE - p.fail_time) * 24 AS hours
FROM {cdb:2pc_pending} p
WHERE p.con_id <> 2
ORDER BY p.fail_time
FETCH FIRST 100 ROWS ONLY
""",
)
SETTLED_WITHIN_H = 10 / 60
IN_DOUBT_TOO_LONG_H = 24


def judge_in_doubt(seen: Seen) -> Verdict:
    """RECO settles most within seconds. The critical level counts what it cannot settle: mixed, or a day old."""
    rows = [row for row in seen.of(IN_DOUBT) if (hours := number(row["hours"])) is None or hours >= SETTLED_WITHIN_H]
    if not rows and not closed(seen.facts):
        return ok("no transaction in doubt", 0)
    stuck = [row for row in rows if _stuck(row)]
    critical, warning = seen.levels.critical, seen.levels.warning
    worse: Status = "critical" if critical is not None and len(stuck) >= critical else "warning"
    status: Status = "warning" if warning is not None and len(rows) >= warning else "ok"
    items = [_in_doubt_item(row, worse if row in stuck else status, seen) for row in rows]
    verdict = of_items(items + closed(seen.facts), good="no transaction in doubt", bad=f"{len(rows)} in doubt: ")
    return replace(verdict, value=float(len(rows)))


def _stuck(row: Row) -> bool:
    return text(row["mixed"]).lower() == "yes" or (number(row["hours"]) or 0.0) >= IN_DOUBT_TOO_LONG_H


def _in_doubt_item(row: Row, status: Status, seen: Seen) -> Item:
    name, hours = label(seen.facts, row["con_id"], row["local_tran_id"]), number(row["hours"])
    if hours is None:
        return Item(name, "unknown", detail="FAIL_TIME is NULL")
    mixed = ", mixed outcome" if text(row["mixed"]).lower() == "yes" else ""
    return Item(name, status, round(hours, 2), f"for {_minutes(hours * 60)} ({text(row['state'])}{mixed})")


# The statement's text is not read: it may hold literals.
SUSPENDED = Query(
    name="suspended",
    sql="""
SELECT r.con_id, r.session_id, r.error_number, r.error_msg, r.timeout, r.suspend_time
FROM {cdb:resumable} r
WHERE r.con_id <> 2 AND r.status = 'SUSPENDED'
ORDER BY r.con_id, r.session_id
FETCH FIRST 100 ROWS ONLY
""",
)
_OBJECT = re.compile(r"unable to extend (?:\w+ )*?([\w$#]+\.[\w$#.]+)")


def judge_suspended(seen: Seen) -> Verdict:
    rows = seen.of(SUSPENDED)
    items = [_suspended_item(row, seen.levels.status(len(rows)), seen) for row in rows]
    verdict = of_items(items + closed(seen.facts), good="no statement is suspended")
    if verdict.status in ("critical", "warning"):
        found = ", ".join(dict.fromkeys(_suspension(row) for row in rows))
        verdict = replace(verdict, line=f"{len(rows)} suspended: {found}"[:200])
    return replace(verdict, value=float(len(rows)))


def _suspended_item(row: Row, status: Status, seen: Seen) -> Item:
    name = label(seen.facts, row["con_id"], f"session {text(row['session_id'])}")
    detail = f"{_suspension(row)} since {text(row['suspend_time'])}, gives up after {text(row['timeout'])} s"
    return Item(name, status, detail=detail)


def _suspension(row: Row) -> str:
    code = number(row["error_number"])
    on = _OBJECT.search(text(row["error_msg"]))
    return ("an error" if code is None else f"ORA-{code:05.0f}") + (f" on {on[1]}" if on else "")


CHECKS = (
    *_undo.CHECKS,
    Check(
        id="TEMP_USED_PCT",
        category="undo_temp",
        title="Temporary tablespace is nearly full",
        unit="%",
        levels=Levels(85, 97),
        judge=judge_temp_used,
        remediation="Kill or tune the top consumer named in the finding, add a tempfile, raise pga_aggregate_target.",
        source="OEM 85/97",
        interval_s=300,
        queries=(TEMP_SPACE, TEMP_FILES, TEMP_USERS, TABLESPACES, ASM_GROUPS),
        scope="per-PDB",
        mount=False,
    ),
    Check(
        id="TEMPFILE_MISSING",
        category="undo_temp",
        title="Temporary tablespace has no usable file",
        unit="count",
        levels=Levels(None, 1),
        judge=judge_temp_files,
        remediation="`ALTER TABLESPACE TEMP ADD TEMPFILE ...`; RMAN recreates tempfiles at open in recent versions.",
        source="OWN; typical after restore, clone or switchover",
        interval_s=3600,
        queries=(TEMP_TABLESPACES,),
        scope="per-PDB",
        mount=False,
    ),
    Check(
        id="LONG_ROLLBACK",
        category="undo_temp",
        title="Long transaction or rollback in progress",
        unit="min",
        levels=Levels(240, None),
        judge=judge_transactions,
        remediation="Contact the owner; do not kill a session with millions of undo records lightly: rollback takes as "
        "long as the work did.",
        source="OWN",
        interval_s=900,
        queries=(TRANSACTIONS, RECOVERIES),
        ceiling="warning",
    ),
    Check(
        id="PENDING_2PC",
        category="undo_temp",
        title="In-doubt distributed transactions",
        unit="count",
        levels=Levels(1, 1),  # critical counts the ones that are mixed or a day old
        judge=judge_in_doubt,
        remediation="Let RECO retry; if the other side is gone, COMMIT FORCE / ROLLBACK FORCE with the owner, then "
        "DBMS_TRANSACTION.PURGE_LOST_DB_ENTRY.",
        source="OWN",
        interval_s=900,
        queries=(IN_DOUBT,),
        scope="per-PDB",
        ceiling="warning",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="RESUMABLE_SUSPENDED",
        category="undo_temp",
        title="Statements are suspended for lack of space",
        unit="count",
        levels=Levels(None, 1),
        judge=judge_suspended,
        remediation="Provide the space the message names before the timeout expires.",
        source="CMK resumable; OEM",
        interval_s=300,
        queries=(SUSPENDED,),
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
    ),
)
