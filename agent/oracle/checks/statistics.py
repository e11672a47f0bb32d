"""Optimizer statistics: tables whose statistics are old, missing or locked, and the task that gathers them."""

import math
from collections.abc import Sequence
from dataclasses import replace

from agent.oracle.catalogue import Check, Levels, Query, Row, Rows, Seen, Verdict
from agent.oracle.checks._changes import owned
from agent.oracle.checks._space import closed, place, plain, unseen
from agent.oracle.judging import age, number, of_items, ok, text, unknown
from agent.oracle.needs import on_primary
from common.wire import Item, Status

# --- stale tables --------------------------------------------------------------------------------------------------

# One row for each of the five largest stale tables of a container, with the counts of all. Left out: temporary and
# locked ones. A table that was never analysed has no NUM_ROWS: what was inserted says how large it is; an external
# table has neither, so it is never stale. Changes are known as of the database's last flush of its monitoring.
STALE_TABLES = Query(
    name="stale_tables",
    sql="""
SELECT x.con_id, x.owner, x.table_name, x.stale, x.tables, x.stale_tables
FROM (
  SELECT t.con_id, t.owner, t.table_name, t.stale,
         COUNT(*) OVER (PARTITION BY t.con_id) AS tables,
         SUM(t.stale) OVER (PARTITION BY t.con_id) AS stale_tables,
         ROW_NUMBER() OVER (PARTITION BY t.con_id ORDER BY t.stale DESC, t.size_rows DESC, t.owner, t.table_name)
           AS place
  FROM (
    SELECT s.con_id, s.owner, s.table_name, NVL(s.num_rows, m.inserts) AS size_rows,
           CASE WHEN s.stale_stats = 'YES' OR s.num_rows IS NULL THEN 1 ELSE 0 END AS stale
    FROM {cdb:tab_statistics} s
    JOIN {cdb:users} u ON u.con_id = s.con_id AND u.username = s.owner
    JOIN {cdb:objects} o ON o.con_id = s.con_id AND o.owner = s.owner AND o.object_name = s.table_name
                         AND o.object_type = 'TABLE'
    LEFT JOIN {cdb:tab_modifications} m ON m.con_id = s.con_id AND m.table_owner = s.owner
                                        AND m.table_name = s.table_name AND m.partition_name IS NULL
    WHERE s.con_id <> 2 AND s.object_type = 'TABLE' AND s.partition_name IS NULL AND s.stattype_locked IS NULL
      AND s.table_name NOT LIKE 'BIN$%' AND u.oracle_maintained = 'N' AND o.temporary = 'N'
      AND (s.num_rows > 10000 OR s.num_rows IS NULL AND m.inserts > 10000)
  ) t
) x
WHERE x.place <= 5
ORDER BY x.con_id, x.place
""",
    cost="heavy",
)


def judge_stale(seen: Seen) -> Verdict:
    rows = seen.of(STALE_TABLES)
    containers = dict.fromkeys(row["con_id"] for row in rows)
    items = [_stale_item([row for row in rows if row["con_id"] == con_id], seen) for con_id in containers]
    if not items and not closed(seen.facts):
        return ok("no table of more than 10,000 rows", 0.0)
    worst = max(items, key=lambda item: item.value or 0.0, default=None)
    good = f"{worst.name} {worst.detail}" if worst else ""
    return plain(of_items(items + closed(seen.facts), good=good), seen.facts)


def _stale_item(rows: Sequence[Row], seen: Seen) -> Item:
    name, tables, stale = place(seen.facts, rows[0]["con_id"]), number(rows[0]["tables"]), rows[0]["stale_tables"]
    if not tables or stale is None:
        return Item(name, "unknown", detail="the number of tables is NULL")
    pct = 100 * (number(stale) or 0.0) / tables
    named = [owned(seen, {**row, "con_id": 0}, row["table_name"]) for row in rows if row["stale"]]
    more = ", ..." if (number(stale) or 0.0) > len(named) else ""
    which = f" ({', '.join(named)}{more})" if named else ""
    return Item(name, seen.levels.status(pct), round(pct, 1), f"{text(stale)} of {tables:.0f} tables stale{which}")


# --- dictionary and fixed objects ----------------------------------------------------------------------------------

OWN_STATISTICS = Query(
    name="own_statistics",
    sql="""
SELECT s.con_id,
       SYSDATE - MAX(CASE WHEN s.object_type = 'FIXED TABLE' THEN s.last_analyzed END) AS fixed_days,
       SYSDATE - MAX(CASE WHEN s.object_type = 'TABLE' THEN s.last_analyzed END) AS dictionary_days
FROM {cdb:tab_statistics} s
WHERE s.con_id <> 2 AND s.owner = 'SYS' AND s.object_type IN ('FIXED TABLE', 'TABLE')
GROUP BY s.con_id
ORDER BY s.con_id
""",
    cost="medium",
)


def judge_own(seen: Seen) -> Verdict:
    rows = seen.of(OWN_STATISTICS)
    if not rows:
        return unknown("DBA_TAB_STATISTICS shows no table of SYS")
    items = [_own_item(row, seen) for row in rows]
    oldest = max(items, key=lambda item: item.value or 0.0)
    return plain(of_items(items + unseen(seen.facts, rows), good=f"{oldest.name} {oldest.detail}"), seen.facts)


def _own_item(row: Row, seen: Seen) -> Item:
    """Statistics that were never gathered are older than any level."""
    days = {"fixed objects": number(row["fixed_days"]), "dictionary": number(row["dictionary_days"])}
    oldest = max(math.inf if held is None else held for held in days.values())
    detail = ", ".join(f"{what} {'never' if held is None else f'{held:.0f} d'}" for what, held in days.items())
    value = None if math.isinf(oldest) else round(oldest, 1)
    return Item(place(seen.facts, row["con_id"]), seen.levels.status(oldest), value, detail)


# --- the task that gathers them ------------------------------------------------------------------------------------

# `own_h`: statistics of the database or of a schema that somebody's own job gathered. A run that was stopped because
# its window closed has done its share.
STATISTICS_TASK = Query(
    name="statistics_task",
    sql="""
SELECT c.con_id, c.status, h.runs, h.success_h, h.error, o.own_h
FROM {cdb:autotask_client|client_name, status} c
LEFT JOIN (
  SELECT r.con_id, COUNT(*) AS runs,
         MAX(CASE WHEN r.job_status = 'FAILED' THEN r.job_error END) AS error,
         (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE)
          - MAX(CASE WHEN r.job_status = 'SUCCEEDED' OR r.job_status = 'STOPPED' AND LOWER(r.job_info) LIKE '%window%'
                     THEN CAST(SYS_EXTRACT_UTC(r.job_start_time) AS DATE) END)) * 24 AS success_h
  FROM {cdb:autotask_job_history|client_name, job_status, job_start_time, job_error, job_info} r
  WHERE r.client_name = 'auto optimizer stats collection'
  GROUP BY r.con_id
) h ON h.con_id = c.con_id
LEFT JOIN (
  SELECT g.con_id, (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE)
                    - MAX(CAST(SYS_EXTRACT_UTC(g.end_time) AS DATE))) * 24 AS own_h
  FROM {cdb:optstat_operations|operation, end_time, status} g
  WHERE g.status LIKE 'COMPLETED%'
    AND (g.operation LIKE 'gather_database_stats%' OR g.operation LIKE 'gather_schema_stats%')
  GROUP BY g.con_id
) o ON o.con_id = c.con_id
WHERE c.con_id <> 2 AND c.client_name = 'auto optimizer stats collection'
ORDER BY c.con_id
""",
)


def judge_task(seen: Seen) -> Verdict:
    rows = seen.of(STATISTICS_TASK)
    if not rows:
        return unknown("DBA_AUTOTASK_CLIENT does not show the task")
    items = [_task_item(row, seen) for row in rows]
    oldest = max(items, key=lambda item: item.value or 0.0)
    return plain(of_items(items + unseen(seen.facts, rows), good=f"{oldest.name} {oldest.detail}"), seen.facts)


def _task_item(row: Row, seen: Seen) -> Item:
    name, state = place(seen.facts, row["con_id"]), text(row["status"]).lower() or "in an unknown state"
    success, own = number(row["success_h"]), number(row["own_h"])
    known = [hours for hours in (success, own) if hours is not None]
    if not known and not row["runs"] and state == "enabled":
        return Item(name, "info", detail="enabled, has not run yet")
    hours = min(known, default=math.inf)
    status: Status = seen.levels.status(hours)
    if math.isinf(hours):
        return Item(name, status, detail=f"{state}, never succeeded{_error(row)}")
    by = "statistics were gathered by another job" if success is None or hours < success - 1 else "last success"
    failing = _error(row) if status != "ok" else ""
    return Item(name, status, round(hours, 1), f"{state}, {by} {age(hours * 3600)} ago{failing}")


def _error(row: Row) -> str:
    error = number(row["error"])
    return f", ORA-{error:05.0f}" if error else ""


# --- locked --------------------------------------------------------------------------------------------------------

# Many changes: what Oracle itself would call stale (a tenth of the rows), and no small table. Queue tables are locked
# by design.
LOCKED_TABLES = Query(
    name="locked_tables",
    sql="""
SELECT s.con_id, s.owner, s.table_name, m.inserts + m.updates + m.deletes AS changes
FROM {cdb:tab_statistics} s
JOIN {cdb:tab_modifications} m ON m.con_id = s.con_id AND m.table_owner = s.owner AND m.table_name = s.table_name
                               AND m.partition_name IS NULL
WHERE s.con_id <> 2 AND s.object_type = 'TABLE' AND s.partition_name IS NULL AND s.stattype_locked IS NOT NULL
  AND s.table_name NOT LIKE 'AQ$%' AND m.inserts + m.updates + m.deletes >= GREATEST(100000, NVL(s.num_rows, 0) / 10)
ORDER BY changes DESC
FETCH FIRST 100 ROWS ONLY
""",
    cost="medium",
)


def judge_locked(seen: Seen) -> Verdict:
    rows: Rows = seen.of(LOCKED_TABLES)
    status = seen.levels.status(len(rows))
    items = [_locked_item(row, status, seen) for row in rows]
    verdict = of_items(items + closed(seen.facts), good="no locked table changes much")
    return replace(verdict, value=float(len(rows)))


def _locked_item(row: Row, status: Status, seen: Seen) -> Item:
    changes = number(row["changes"]) or 0.0
    shown = f"{changes / 1e6:.1f} M" if changes >= 1e6 else f"{changes:,.0f}"  # noqa: PLR2004 - a million
    return Item(owned(seen, row, row["table_name"]), status, changes, f"locked, {shown} changes")


CHECKS: tuple[Check, ...] = (
    Check(
        id="STATS_STALE",
        category="statistics",
        title="Tables with stale or missing statistics",
        unit="%",
        levels=Levels(10, 50),
        judge=judge_stale,
        remediation="Gather statistics (DBMS_STATS) for the named tables; check the maintenance window.",
        source="COH 10/100 tables",
        interval_s=86400,
        queries=(STALE_TABLES,),
        cost="heavy",
        scope="per-PDB",
        ceiling="warning",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="STATS_FIXED_DICT",
        category="statistics",
        title="No dictionary or fixed-object statistics",
        unit="d",
        levels=Levels(90, 365),
        judge=judge_own,
        remediation="DBMS_STATS.GATHER_DICTIONARY_STATS and GATHER_FIXED_OBJECTS_STATS (with load).",
        source="OWN; upgrade guides ask for it",
        interval_s=86400,
        queries=(OWN_STATISTICS,),
        cost="medium",
        scope="per-PDB",
        ceiling="info",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="STATS_AUTOTASK",
        category="statistics",
        title="Automatic statistics job is off or fails",
        unit="h",
        levels=Levels(48, 168),
        judge=judge_task,
        remediation=(
            "Enable the task (DBMS_AUTO_TASK_ADMIN) or read JOB_INFO; windows may be disabled (DBA_SCHEDULER_WINDOWS)."
        ),
        source="COH; CMK jobs",
        interval_s=21600,
        queries=(STATISTICS_TASK,),
        scope="per-PDB",
        ceiling="warning",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="STATS_LOCKED",
        category="statistics",
        title="Locked statistics on active tables",
        unit="count",
        levels=Levels(1, None),
        judge=judge_locked,
        remediation="Unlock or refresh them on purpose (queues and volatile tables are locked by design).",
        source="OWN",
        interval_s=86400,
        queries=(LOCKED_TABLES,),
        cost="medium",
        scope="per-PDB",
        ceiling="info",
        mount=False,
        needs=(on_primary,),
    ),
)
