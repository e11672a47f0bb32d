"""What the database itself reports: its alert log (`_alert_entries`), incidents, and server-generated alerts."""

from dataclasses import replace

from agent.oracle.catalogue import Check, Levels, Query, Row, Seen, States, Verdict
from agent.oracle.checks import _alert_entries as log
from agent.oracle.checks._space import closed, many
from agent.oracle.judging import label, number, of_items, text
from agent.oracle.needs import not_in_pdb, on_primary
from common.wire import Item, Status

# --- incidents -----------------------------------------------------------------------------------------------------

# Of this instance's own home; a problem has no counter of its own, so that its incidents are counted.
INCIDENTS = Query(
    name="incidents",
    sql="""
SELECT p.problem_key, COUNT(*) AS incidents, SUM(CASE WHEN i.flood_controlled > 0 THEN 1 ELSE 0 END) AS flooded
FROM v$diag_incident i
JOIN v$diag_problem p ON p.adr_home = i.adr_home AND p.problem_id = i.problem_id
WHERE i.create_time > SYSTIMESTAMP - INTERVAL '1' DAY
  AND EXISTS (SELECT 1
              FROM v$diag_info n
              WHERE n.name = 'ADR Home' AND SUBSTR(n.value, -LENGTH(i.adr_home)) = i.adr_home)
GROUP BY p.problem_key
ORDER BY incidents DESC
FETCH FIRST 50 ROWS ONLY
""",
    cost="medium",
)


def judge_incidents(seen: Seen) -> Verdict:
    rows = seen.of(INCIDENTS)
    status = seen.levels.status(len(rows))
    items = [_problem(row, status) for row in rows]
    return replace(of_items(items, good="no incident in 24 h"), value=float(len(rows)))


def _problem(row: Row, status: Status) -> Item:
    count, flooded = number(row["incidents"]) or 0.0, number(row["flooded"]) or 0.0
    detail = many(count, "incident") + (f", {flooded:.0f} of them flood-controlled" if flooded else "")
    return Item(text(row["problem_key"]) or "a problem without a key", status, count, detail)


# --- server-generated alerts ---------------------------------------------------------------------------------------

# Lower levels are more severe: 1 is critical, 5 a warning, what is above only tells. The text is in the language of
# the server; REASON_ID says what it is.
SERVER_ALERTS = Query(
    name="server_alerts",
    sql="""
SELECT a.con_id, a.reason_id, SUBSTR(a.reason, 1, 200) AS reason, a.object_type, a.object_name, a.message_level
FROM {cdb:outstanding_alerts|reason_id, reason, object_type, object_name, message_level} a
WHERE a.con_id <> 2 AND NVL(a.message_level, 1) <= 5
ORDER BY a.message_level, a.con_id, a.reason_id
FETCH FIRST 100 ROWS ONLY
""",
)


def judge_server_alerts(seen: Seen) -> Verdict:
    rows = seen.of(SERVER_ALERTS)
    items = [_alert(row, seen) for row in rows]
    verdict = of_items(items + closed(seen.facts), good="no outstanding alert")
    return replace(verdict, value=float(len(rows)))


def _alert(row: Row, seen: Seen) -> Item:
    about = text(row["object_name"]) or text(row["object_type"]).lower() or f"reason {text(row['reason_id'])}"
    name, level = label(seen.facts, row["con_id"], about), number(row["message_level"])
    if level is None:
        return Item(name, "unknown", detail="MESSAGE_LEVEL is NULL")
    return Item(name, "critical" if level <= 1 else "warning", level, text(row["reason"]))


CHECKS: tuple[Check, ...] = (
    Check(
        id="ALERT_LOG_CRITICAL",
        category="alert_log",
        title="Critical errors in the alert log",
        unit="count",
        levels=Levels(None, 1),
        judge=log.judge_critical,
        remediation=(
            "Open the incident (ADRCI), search the problem key at Oracle Support; the finding holds the "
            "trace-file name and a count per code."
        ),
        source="OEM alert-log metric (its pattern list, and its ignore list 54, 1142, 1146)",
        interval_s=60,
        queries=(log.ALERT_LOG,),
        cost="medium",
        scope="host",
        needs=(not_in_pdb,),
    ),
    Check(
        id="ALERT_LOG_WARNING",
        category="alert_log",
        title="Warnings in the alert log",
        unit="count",
        levels=Levels(1, None),
        judge=log.judge_warning,
        remediation="As above; the ignore list is editable per target.",
        source="OEM",
        interval_s=60,
        queries=(log.ALERT_LOG,),
        cost="medium",
        scope="host",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="ADR_INCIDENTS",
        category="alert_log",
        title="New ADR incidents or problems",
        unit="count",
        levels=Levels(1, 3),
        judge=judge_incidents,
        remediation="Package the incident (ADRCI IPS); flood-controlled repeats are summarised.",
        source="OWN",
        interval_s=900,
        queries=(INCIDENTS,),
        cost="medium",
        scope="host",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="SERVER_ALERTS",
        category="alert_log",
        title="Server-generated alerts outstanding",
        unit="count",
        levels=States(warning="MESSAGE_LEVEL 5", critical="MESSAGE_LEVEL 1"),
        judge=judge_server_alerts,
        remediation="Act on the alert; change its threshold with DBMS_SERVER_ALERT when it is wrong.",
        source="OEM / DBMS_SERVER_ALERT (level 5 warning, level 1 critical)",
        interval_s=900,
        queries=(SERVER_ALERTS,),
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
    ),
)
