"""What the Diagnostics and Tuning Packs tell of statements and waits; never read unless they are declared."""

from statistics import median

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.checks._load import NO_TIME, TIME
from agent.oracle.checks._readings import HOUR_S, since_last_run, time_model
from agent.oracle.checks._session_waits import lasting
from agent.oracle.checks._space import many
from agent.oracle.judging import Growth, noted, number, of_items, ok, shared, text, unknown, worst_first
from common.wire import Item, Status

# --- active session history ----------------------------------------------------------------------------------------

SAMPLED_WAITS = Query(
    name="sampled_waits",
    sql="""
SELECT CASE WHEN h.session_state = 'ON CPU' THEN 'ON CPU' ELSE h.event END AS event, COUNT(*) AS samples
FROM v$active_session_history h
WHERE h.session_type = 'FOREGROUND' AND CAST(h.sample_time AS DATE) > SYSDATE - 15 / 1440
GROUP BY CASE WHEN h.session_state = 'ON CPU' THEN 'ON CPU' ELSE h.event END
ORDER BY COUNT(*) DESC
FETCH FIRST 50 ROWS ONLY
""",
    cost="medium",
)
BASELINE_KEEP_S = 7 * 86_400
BASELINE_RUNS = 8
UNUSUAL = 3.0  # times what is usual
FEWEST_SAMPLES = 300.0  # of a session that is active all the time there are 900 in 15 minutes


def judge_sampled_waits(seen: Seen) -> Verdict:
    """What is usual is learned: the median of a week."""
    rows = seen.of(SAMPLED_WAITS)
    if any(row["event"] is None for row in rows):
        return unknown("EVENT of a waiting sample is NULL")
    if not rows:
        return noted(ok("no active session was sampled", 0.0), {"samples": 0.0})
    total = sum(number(row["samples"]) or 0.0 for row in rows)
    items = worst_first(_event_item(seen, row, total) for row in rows)
    verdict = of_items(items, good=f"{items[0].name} {items[0].detail}")
    return noted(verdict, {text(row["event"]): number(row["samples"]) or 0.0 for row in rows})


def _event_item(seen: Seen, row: Row, total: float) -> Item:
    name, samples = text(row["event"]), number(row["samples"]) or 0.0
    usual = median(sample.values.get(name, 0.0) for sample in seen.history) if seen.history else 0.0
    known = len(seen.history) >= BASELINE_RUNS
    unusual = known and samples >= FEWEST_SAMPLES and samples >= UNUSUAL * usual
    detail = f"{100 * samples / total:.0f} %" + (
        f", {samples:.0f} samples where {usual:.0f} are usual" if unusual else ""
    )
    return Item(name, "warning" if unusual else "ok", samples, detail)


# --- ADDM ----------------------------------------------------------------------------------------------------------

# IMPACT is a part of DB time in microseconds, as IMPACT_TYPE says.
FINDINGS = Query(
    name="addm_findings",
    sql="""
SELECT f.task_name, f.impact_type, f.impact, SUBSTR(f.message, 1, 200) AS message
FROM {cdb:advisor_findings} f
JOIN {cdb:advisor_tasks} t ON t.task_id = f.task_id AND t.con_id = f.con_id
WHERE t.advisor_name = 'ADDM' AND t.status = 'COMPLETED' AND t.execution_end > SYSDATE - 1 / 24
  AND f.type = 'PROBLEM' AND f.con_id <> 2
ORDER BY f.impact DESC NULLS FIRST
FETCH FIRST 50 ROWS ONLY
""",
    cost="medium",
)
LEAST_IMPACT_PCT = 10.0


def judge_findings(seen: Seen) -> Verdict:
    model = time_model(seen)
    if TIME not in model:
        return unknown(NO_TIME)
    if any(row["impact"] is None for row in seen.of(FINDINGS)):
        return unknown("IMPACT of an ADDM finding is NULL")
    return since_last_run(seen, {TIME: model[TIME]}, _findings)


def _findings(seen: Seen, since: Growth) -> Verdict:
    hour = since.of[TIME] / since.seconds * HOUR_S
    impacts = {text(row["message"]): _impact_pct(row, hour) for row in reversed(seen.of(FINDINGS))}
    found = {message: pct for message, pct in impacts.items() if pct > LEAST_IMPACT_PCT}
    status = seen.levels.status(len(found))
    if not found:
        return Verdict(status=status, line="no problem of over 10 % of DB time in the last hour", value=0.0)
    items = worst_first(Item(message, status, round(pct, 1), f"{pct:.0f} %") for message, pct in found.items())
    line = f"{many(len(found), 'finding')}, top impact {max(found.values()):.0f} %: {items[0].name}"
    return Verdict(status=status, line=line, value=float(len(found)), items=items)


def _impact_pct(row: Row, hour: float) -> float:
    impact = number(row["impact"]) or 0.0
    if "microsecond" not in text(row["impact_type"]).lower():
        return impact
    return min(100.0, 100 * impact / hour) if hour else 0.0


# --- monitored statements ------------------------------------------------------------------------------------------

MONITORED = Query(
    name="monitored_statements",
    sql="""
SELECT m.sql_id, m.status, m.username, m.error_number, m.elapsed_time / 1000000 AS elapsed_s,
       (SYSDATE - m.sql_exec_start) * 86400 AS age_s
FROM v$sql_monitor m
WHERE m.px_server# IS NULL
  AND (m.status = 'EXECUTING' AND m.sql_exec_start < SYSDATE - 10 / 1440
       OR m.status LIKE 'DONE%' AND m.last_refresh_time > SYSDATE - 15 / 1440
          AND (m.status = 'DONE (ERROR)' OR m.elapsed_time > 600000000))
ORDER BY m.elapsed_time DESC NULLS FIRST
FETCH FIRST 50 ROWS ONLY
""",
    cost="medium",
)


def judge_monitored(seen: Seen) -> Verdict:
    """Long executions, running or just ended, and those that failed; parallel slaves belong to their coordinator."""
    rows = seen.of(MONITORED)
    if any(row["elapsed_s"] is None for row in rows):
        return unknown("ELAPSED_TIME of a monitored statement is NULL")
    status = seen.levels.status(len(rows))
    if not rows:
        return Verdict(status=status, line="no monitored statement was long or failed", value=0.0)
    items = worst_first(_monitored_item(seen, row, status) for row in rows)
    failed = [row for row in rows if row["status"] == "DONE (ERROR)"]
    errors = ", ".join(dict.fromkeys(_error(row) for row in failed))
    parts = [f"{many(len(failed), 'execution')} failed with {errors}" if failed else ""]
    parts += [f"{many(len(rows) - len(failed), 'execution')} over 10 min" if len(rows) > len(failed) else ""]
    return Verdict(status=status, line=", ".join(filter(None, parts)), value=float(len(rows)), items=items)


def _error(row: Row) -> str:
    written = text(row["error_number"])
    return f"ORA-{int(written):05d}" if written.isdigit() else written or "an error"


def _monitored_item(seen: Seen, row: Row, status: Status) -> Item:
    elapsed = number(row["elapsed_s"]) or 0.0
    seconds = max(elapsed, number(row["age_s"]) or 0.0) if row["status"] == "EXECUTING" else elapsed
    error = f", {_error(row)}" if row["status"] == "DONE (ERROR)" else ""
    user = shared(seen.facts, "users", row["username"])
    return Item(f"SQL {text(row['sql_id'])}", status, round(seconds), f"{lasting(seconds)} by {user}{error}")


# --- plans ---------------------------------------------------------------------------------------------------------

# A plan is new when no snapshot up to the last one of the old plan has it.
PLANS = Query(
    name="changed_plans",
    sql="""
SELECT n.sql_id, n.plan_hash_value AS new_plan, n.elapsed_time / n.executions AS new_us, o.plan_hash_value AS old_plan,
       o.elapsed / o.executions AS old_us
FROM v$sqlstats n
JOIN (SELECT h.sql_id, h.plan_hash_value, SUM(h.executions_delta) AS executions, SUM(h.elapsed_time_delta) AS elapsed,
             MAX(h.snap_id) AS last_snap
      FROM {cdb:hist_sqlstat} h
      WHERE h.executions_delta > 0
      GROUP BY h.sql_id, h.plan_hash_value
      HAVING SUM(h.executions_delta) >= 10) o ON o.sql_id = n.sql_id AND o.plan_hash_value <> n.plan_hash_value
WHERE n.executions >= 10 AND n.plan_hash_value <> 0 AND o.plan_hash_value <> 0
  AND n.last_active_time > SYSDATE - 1 / 24
  AND NOT EXISTS (SELECT 1
                  FROM {cdb:hist_sqlstat} p
                  WHERE p.sql_id = n.sql_id AND p.plan_hash_value = n.plan_hash_value AND p.snap_id <= o.last_snap)
ORDER BY o.last_snap DESC, n.elapsed_time DESC
FETCH FIRST 200 ROWS ONLY
""",
    cost="heavy",
)
WORTH_US = 1_000.0  # below a millisecond a ratio is noise


def judge_plans(seen: Seen) -> Verdict:
    """The new plan against the one before it."""
    rows: dict[object, Row] = {}
    for row in seen.of(PLANS):
        rows.setdefault((row["sql_id"], row["new_plan"]), row)
    if any(row["new_us"] is None or row["old_us"] is None for row in rows.values()):
        return unknown("the elapsed time of a statement is NULL")
    found = [item for row in rows.values() if (item := _plan_item(seen, row))]
    items = worst_first(found)
    if not items:
        return ok("no statement got a new plan", 1.0)
    good = f"{many(len(items), 'new plan')}, the slowest {items[0].value:.1f}x"
    return of_items(items, good=good)


def _plan_item(seen: Seen, row: Row) -> Item | None:
    new, old = number(row["new_us"]) or 0.0, number(row["old_us"]) or 0.0
    if new < WORTH_US or old <= 0:
        return None
    ratio = new / old
    detail = f"plan changed, {ratio:.0f}x slower (plan {text(row['old_plan'])} -> {text(row['new_plan'])})"
    return Item(f"SQL {text(row['sql_id'])}", seen.levels.status(ratio), round(ratio, 2), detail)
