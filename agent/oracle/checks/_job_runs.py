"""Jobs that fail, that run for longer than usual, or that are late."""

from dataclasses import replace

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.checks._changes import owned
from agent.oracle.checks._space import closed, many
from agent.oracle.judging import age, number, of_items, text
from agent.oracle.queries import INSTANCE
from common.wire import Item, Status

# --- failed runs ---------------------------------------------------------------------------------------------------

# STOPPED is neither a success nor a failure. Four days are enough to see three runs of a daily job in a row.
FAILED_RUNS = Query(
    name="failed_runs",
    sql="""
SELECT f.con_id, f.owner, f.job_name, f.failed, f.in_a_row, f.error, u.oracle_maintained
FROM (
  SELECT r.con_id, r.owner, r.job_name,
         COUNT(CASE WHEN r.status = 'FAILED' AND r.log_date > SYSTIMESTAMP - INTERVAL '1' DAY THEN 1 END) AS failed,
         COUNT(CASE WHEN r.status = 'FAILED' AND (r.good IS NULL OR r.log_date > r.good) THEN 1 END) AS in_a_row,
         MAX(CASE WHEN r.status = 'FAILED' AND r.log_date = r.bad THEN r.error END) AS error
  FROM (
    SELECT d.con_id, d.owner, d.job_name, d.log_date, d.status, d.error# AS error,
           MAX(CASE WHEN d.status = 'SUCCEEDED' THEN d.log_date END)
             OVER (PARTITION BY d.con_id, d.owner, d.job_name) AS good,
           MAX(CASE WHEN d.status = 'FAILED' THEN d.log_date END)
             OVER (PARTITION BY d.con_id, d.owner, d.job_name) AS bad
    FROM {cdb:scheduler_job_run_details|owner, job_name, log_date, status, error#} d
    WHERE d.con_id <> 2 AND d.log_date > SYSTIMESTAMP - INTERVAL '4' DAY
  ) r
  GROUP BY r.con_id, r.owner, r.job_name
  HAVING COUNT(CASE WHEN r.status = 'FAILED' AND r.log_date > SYSTIMESTAMP - INTERVAL '1' DAY THEN 1 END) > 0
) f
LEFT JOIN {cdb:users} u ON u.con_id = f.con_id AND u.username = f.owner
ORDER BY f.in_a_row DESC, f.failed DESC
FETCH FIRST 100 ROWS ONLY
""",
)


def judge_failed(seen: Seen) -> Verdict:
    """The critical level counts failures in a row. Oracle's own jobs are one step less severe."""
    rows = seen.of(FAILED_RUNS)
    items = [_failed_item(row, seen) for row in rows]
    verdict = of_items(items + closed(seen.facts), good="no job failed in 24 h")
    return replace(verdict, value=max((number(row["failed"]) or 0.0 for row in rows), default=0.0))


def _failed_item(row: Row, seen: Seen) -> Item:
    failed, in_a_row, levels = number(row["failed"]) or 0.0, number(row["in_a_row"]) or 0.0, seen.levels
    status: Status = "warning" if levels.warning is not None and failed >= levels.warning else "ok"
    if levels.critical is not None and in_a_row >= levels.critical:
        status = "critical"
    if row["oracle_maintained"] == "Y":
        status = "warning" if status == "critical" else "info"
    error = number(row["error"])
    code = f"ORA-{error:05.0f}, " if error else ""
    detail = (
        f"{code}{many(in_a_row, 'failure')} in a row" if in_a_row > 1 else f"{code}{many(failed, 'failure')} in 24 h"
    )
    return Item(owned(seen, row, row["job_name"]), status, failed, detail)


# --- long runs -----------------------------------------------------------------------------------------------------

FEWEST_RUNS = 5
SHORTEST_S = 300
LONG_S = 3600

RUNNING_JOBS = Query(
    name="running_jobs",
    sql="""
SELECT j.con_id, j.owner, j.job_name, j.running_instance AS instance, j.session_id,
       EXTRACT(DAY FROM j.elapsed_time) * 86400 + EXTRACT(HOUR FROM j.elapsed_time) * 3600
         + EXTRACT(MINUTE FROM j.elapsed_time) * 60 + EXTRACT(SECOND FROM j.elapsed_time) AS elapsed_s,
       h.runs, h.usual_s
FROM {cdb:scheduler_running_jobs} j
LEFT JOIN (
  SELECT r.con_id, r.owner, r.job_name, COUNT(*) AS runs,
         PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY r.run_s) AS usual_s
  FROM (
    SELECT d.con_id, d.owner, d.job_name,
           EXTRACT(DAY FROM d.run_duration) * 86400 + EXTRACT(HOUR FROM d.run_duration) * 3600
             + EXTRACT(MINUTE FROM d.run_duration) * 60 + EXTRACT(SECOND FROM d.run_duration) AS run_s,
           ROW_NUMBER() OVER (PARTITION BY d.con_id, d.owner, d.job_name ORDER BY d.log_date DESC) AS place
    FROM {cdb:scheduler_job_run_details|owner, job_name, log_date, status, run_duration} d
    WHERE d.con_id <> 2 AND d.status = 'SUCCEEDED' AND d.log_date > SYSTIMESTAMP - INTERVAL '35' DAY
      AND EXISTS (SELECT 1
                  FROM {cdb:scheduler_running_jobs} k
                  WHERE k.con_id = d.con_id AND k.owner = d.owner AND k.job_name = d.job_name)
  ) r
  WHERE r.place <= 30
  GROUP BY r.con_id, r.owner, r.job_name
) h ON h.con_id = j.con_id AND h.owner = j.owner AND h.job_name = j.job_name
WHERE j.con_id <> 2
ORDER BY elapsed_s DESC
FETCH FIRST 100 ROWS ONLY
""",
)


def judge_long(seen: Seen) -> Verdict:
    """Against the 95th percentile of its last runs; the critical level asks for more than an hour besides."""
    rows = seen.of(RUNNING_JOBS)
    items = [_long_item(row, seen) for row in rows]
    good = f"{many(len(rows), 'job')} running, none for longer than usual" if rows else "no job is running"
    verdict = of_items(items + closed(seen.facts), good=good)
    return replace(verdict, value=max((item.value for item in items if item.value is not None), default=None))


def _long_item(row: Row, seen: Seen) -> Item:
    name, elapsed, usual = owned(seen, row, row["job_name"]), number(row["elapsed_s"]), number(row["usual_s"])
    if elapsed is None:
        return Item(name, "unknown", detail="ELAPSED_TIME is NULL")
    if not usual or (number(row["runs"]) or 0.0) < FEWEST_RUNS:
        return Item(name, "ok", detail=f"{age(elapsed)}, too few runs to compare with")
    ratio = elapsed / usual
    status = seen.levels.status(ratio) if elapsed >= SHORTEST_S else "ok"
    if status == "critical" and elapsed <= LONG_S:
        status = "warning"
    where = f" on instance {text(row['instance'])}" if seen.facts.rac else ""
    session = f", session {text(row['session_id'])}" if row["session_id"] is not None else ""
    return Item(name, status, round(ratio, 2), f"{age(elapsed)} vs p95 {age(usual)}{where}{session}")


# --- late ones -----------------------------------------------------------------------------------------------------

LATE_S = 1800

# A job that runs keeps its old date; jobs of events and of windows have none to keep.
LATE_JOBS = Query(
    name="late_jobs",
    sql="""
SELECT s.con_id, s.owner, s.job_name, s.instance_id,
       (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - CAST(SYS_EXTRACT_UTC(s.next_run_date) AS DATE)) * 86400 AS late_s
FROM {cdb:scheduler_jobs|owner, job_name, instance_id, next_run_date, enabled, state, schedule_type} s
WHERE s.con_id <> 2 AND s.enabled = 'TRUE' AND s.state IN ('SCHEDULED', 'RETRY SCHEDULED')
  AND NVL(s.schedule_type, 'CALENDAR') NOT IN ('EVENT', 'WINDOW', 'WINDOW_GROUP', 'WINDOW_GRP')
  AND s.next_run_date < SYSTIMESTAMP - INTERVAL '30' MINUTE
ORDER BY s.next_run_date
FETCH FIRST 200 ROWS ONLY
""",
)


def judge_late(seen: Seen) -> Verdict:
    """While the instance was down nothing could start: what counts is the time since then."""
    uptime = next((number(row["uptime_s"]) for row in seen.of(INSTANCE)), None)
    late = [(min(held, uptime or held), row) for row in seen.of(LATE_JOBS) if (held := number(row["late_s"]) or 0.0)]
    late = [(held, row) for held, row in late if held > LATE_S]
    status = seen.levels.status(len(late))
    items = [_late_item(row, status, held, seen) for held, row in late]
    worst = max((held for held, _ in late), default=0.0)
    lead = f"{many(len(late), 'job')} late, worst {age(worst)}: " if late else ""
    verdict = of_items(items + closed(seen.facts), good="every job starts in time", bad=lead)
    return replace(verdict, value=float(len(late)))


def _late_item(row: Row, status: Status, held_s: float, seen: Seen) -> Item:
    bound = f", bound to instance {text(row['instance_id'])}" if row["instance_id"] is not None else ""
    return Item(owned(seen, row, row["job_name"]), status, round(held_s / 60), f"{age(held_s)}{bound}")
