"""What keeps jobs from running at all: broken and disabled ones, no processes for them, no maintenance windows."""

from dataclasses import replace

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.checks._changes import key, owned, since
from agent.oracle.checks._space import closed, many, place, plain, unseen
from agent.oracle.judging import age, noted, number, of_items, skipped, text, unknown
from agent.oracle.queries import INSTANCE, PARAMETERS
from common.wire import Item, Status

# --- broken, disabled ----------------------------------------------------------------------------------------------

BROKEN_AFTER = 16

# From 19c on a job of DBMS_JOB is a scheduler job too (DBMS_JOB$_nnn): DBA_JOBS tells of it.
BROKEN_JOBS = Query(
    name="broken_jobs",
    sql="""
SELECT x.con_id, x.owner, x.name, x.kind, x.failures
FROM (
  SELECT j.con_id, j.schema_user AS owner, TO_CHAR(j.job) AS name, 'BROKEN JOB' AS kind, j.failures
  FROM {cdb:jobs|job, schema_user, broken, failures} j
  WHERE j.con_id <> 2 AND j.broken = 'Y'
  UNION ALL
  SELECT s.con_id, s.owner, s.job_name AS name, s.state AS kind, s.failure_count AS failures
  FROM {cdb:scheduler_jobs|owner, job_name, enabled, state, last_start_date, failure_count} s
  WHERE s.con_id <> 2 AND s.enabled = 'FALSE' AND s.state IN ('BROKEN', 'DISABLED') AND s.last_start_date IS NOT NULL
    AND s.job_name NOT LIKE 'DBMS\\_JOB$\\_%' ESCAPE '\\'
) x
ORDER BY x.con_id, x.owner, x.name
FETCH FIRST 1000 ROWS ONLY
""",
)


def judge_broken(seen: Seen) -> Verdict:
    """What Oracle gave up is a finding; what somebody switched off is one when that came after the first look."""
    rows = seen.of(BROKEN_JOBS)
    note = since(seen, [(row["con_id"], _state(row)) for row in rows])
    bad = [row for row in rows if _given_up(row) or note[key((row["con_id"], _state(row)))]]
    status = seen.levels.status(len(bad))
    items = [Item(_name(row, seen), status, number(row["failures"]), _how(row)) for row in bad]
    good = f"{len(rows)} disabled as before" if rows else "no job is broken"
    verdict = of_items(items + closed(seen.facts), good=good)
    return noted(replace(verdict, value=float(len(bad))), note)


def _state(row: Row) -> str:
    return f"{text(row['owner'])}.{text(row['name'])} {text(row['kind'])}"


def _given_up(row: Row) -> bool:
    return row["kind"] == "BROKEN" or (row["kind"] == "BROKEN JOB" and (number(row["failures"]) or 0) >= BROKEN_AFTER)


def _name(row: Row, seen: Seen) -> str:
    return owned(seen, row, f"job {text(row['name'])}" if row["kind"] == "BROKEN JOB" else row["name"])


def _how(row: Row) -> str:
    failures = number(row["failures"]) or 0.0
    after = f" after {many(failures, 'failure')}" if failures else ""
    return f"{'disabled' if row['kind'] == 'DISABLED' else 'broken'}{after}"


# --- job processes -------------------------------------------------------------------------------------------------

ENABLED_JOBS = Query(
    name="enabled_jobs",
    sql="""
SELECT s.con_id, COUNT(*) AS jobs
FROM {cdb:scheduler_jobs|enabled} s
WHERE s.con_id <> 2 AND s.enabled = 'TRUE'
GROUP BY s.con_id
ORDER BY s.con_id
""",
)
# The values that PDBs have of their own show in the root alone.
PDB_JOB_PROCESSES = Query(
    name="pdb_job_processes",
    sql="SELECT con_id, value FROM v$system_parameter WHERE name = 'job_queue_processes' AND con_id > 2",
    special=(lambda facts: not facts.in_root, "SELECT 0 AS con_id, dummy AS value FROM dual WHERE 1 = 0"),
)


def judge_processes(seen: Seen) -> Verdict:
    general = next((number_of(row) for row in seen.of(PARAMETERS) if row["name"] == "job_queue_processes"), None)
    if general is None:
        return unknown("job_queue_processes is NULL or missing in V$PARAMETER")
    jobs = [row for row in seen.of(ENABLED_JOBS) if number(row["jobs"])]
    if not jobs:
        return skipped("no job is enabled")
    own = {row["con_id"]: number_of(row) for row in seen.of(PDB_JOB_PROCESSES)}
    items = [_processes(row, own.get(row["con_id"]), general, seen) for row in jobs]
    good = f"{general:.0f} processes for {many(sum(number(row['jobs']) or 0 for row in jobs), 'enabled job')}"
    verdict = of_items(items + closed(seen.facts), good=good, below=True)
    return plain(replace(verdict, value=min(item.value or 0.0 for item in items)), seen.facts)


def number_of(row: Row) -> float | None:
    """A parameter's value is text."""
    return float(text(row["value"])) if text(row["value"]) else None


def _processes(row: Row, own: float | None, general: float, seen: Seen) -> Item:
    """A PDB's own limit lies below the one of the root."""
    limit = general if own is None else min(own, general)
    detail = (
        f"{limit:.0f} while {many(number(row['jobs']) or 0.0, 'job')} {'are' if row['jobs'] != 1 else 'is'} enabled"
    )
    status = seen.levels.status(limit)
    if status != "ok" and any(instance["status"] == "OPEN MIGRATE" for instance in seen.of(INSTANCE)):
        status, detail = "info", f"{detail}, upgrade in progress"
    return Item(place(seen.facts, row["con_id"]), status, limit, detail)


# --- maintenance windows -------------------------------------------------------------------------------------------

# A window that is still open a day after its end is stuck.
WINDOWS = Query(
    name="maintenance_windows",
    sql="""
SELECT w.con_id, COUNT(*) AS windows,
       COUNT(CASE WHEN w.enabled = 'TRUE' AND c.autotask_status = 'ENABLED' THEN 1 END) AS enabled,
       MAX(CASE WHEN w.active = 'TRUE' AND w.last_start_date + w.duration < SYSTIMESTAMP - INTERVAL '1' DAY
                THEN w.window_name END) AS stuck,
       MAX(CASE WHEN w.active = 'TRUE' AND w.last_start_date + w.duration < SYSTIMESTAMP - INTERVAL '1' DAY
                THEN CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - CAST(SYS_EXTRACT_UTC(w.last_start_date) AS DATE) END)
         * 86400 AS stuck_s
FROM {cdb:scheduler_windows|window_name, enabled, active, last_start_date, duration} w
JOIN {cdb:autotask_window_clients} c ON c.con_id = w.con_id AND c.window_name = w.window_name
WHERE w.con_id <> 2
GROUP BY w.con_id
ORDER BY w.con_id
""",
)


def judge_windows(seen: Seen) -> Verdict:
    rows = seen.of(WINDOWS)
    if not rows:
        return unknown("DBA_SCHEDULER_WINDOWS shows no maintenance window")
    items = [_window_item(row, seen) for row in rows]
    fewest = min(items, key=lambda item: item.value or 0.0)
    good = f"{fewest.name} {fewest.detail}"
    return plain(of_items(items + unseen(seen.facts, rows), good=good, below=True), seen.facts)


def _window_item(row: Row, seen: Seen) -> Item:
    name, enabled = place(seen.facts, row["con_id"]), number(row["enabled"]) or 0.0
    detail = f"{enabled:.0f} of {text(row['windows'])} windows enabled"
    status: Status = seen.levels.status(enabled)
    if row["stuck"] is not None and status == "ok":
        return Item(name, "warning", enabled, f"{text(row['stuck'])} is open for {age(number(row['stuck_s']) or 0.0)}")
    return Item(name, status, enabled, detail)
