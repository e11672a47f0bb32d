"""Auditing: whether it is on and sees failed logons, how large its trail is, and who failed to log on."""

from collections import defaultdict
from collections.abc import Mapping

from agent.oracle.catalogue import Query, Row, Rows, Seen, Value, Verdict
from agent.oracle.checks._space import GB, closed, many, place, plain
from agent.oracle.judging import number, of_items, ok, shared, size, text, unknown
from agent.oracle.queries import PARAMETERS
from common.wire import Item, Status

UNIFIED_OPTION = Query(
    name="unified_auditing",
    sql="SELECT value FROM v$option WHERE parameter = 'Unified Auditing'",
)

# Policies of the session's container, and common ones; 12.2 tells users from roles.
AUDIT_POLICIES = Query(
    name="audit_policies",
    sql="""
SELECT p.policy_name, p.user_name AS entity, p.enabled_opt AS how, p.failure
FROM audit_unified_enabled_policies p
ORDER BY p.policy_name
FETCH FIRST 500 ROWS ONLY
""",
    newer={
        (12, 2): """
SELECT policy_name, entity_name AS entity, enabled_option AS how, failure
FROM audit_unified_enabled_policies
ORDER BY policy_name
FETCH FIRST 500 ROWS ONLY
"""
    },
)

LOGON_AUDIT = Query(
    name="logon_audit",
    sql="""
SELECT s.con_id, s.failure
FROM {cdb:stmt_audit_opts} s
WHERE s.con_id <> 2 AND s.audit_option = 'CREATE SESSION' AND s.user_name IS NULL
ORDER BY s.con_id
FETCH FIRST 500 ROWS ONLY
""",
)

# Unified rows lie in partitions of AUDSYS; AUD$ may have been moved to another schema. Rows are never counted.
AUDIT_SEGMENTS = Query(
    name="audit_segments",
    sql="""
SELECT s.con_id, CASE WHEN s.owner = 'AUDSYS' THEN 'AUDSYS' ELSE s.segment_name END AS trail, SUM(s.bytes) AS bytes
FROM {cdb:segments} s
WHERE s.con_id <> 2 AND (s.owner = 'AUDSYS' OR s.segment_name IN ('AUD$', 'FGA_LOG$'))
GROUP BY s.con_id, CASE WHEN s.owner = 'AUDSYS' THEN 'AUDSYS' ELSE s.segment_name END
ORDER BY s.con_id
""",
    cost="heavy",
)

CLEAN_UPS = Query(
    name="audit_clean_ups",
    sql="""
SELECT t.con_id,
       MIN(CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - CAST(SYS_EXTRACT_UTC(t.last_archive_ts) AS DATE)) AS ago_d
FROM {cdb:audit_mgmt_last_arch_ts} t
WHERE t.con_id <> 2
GROUP BY t.con_id
ORDER BY t.con_id
""",
    cost="heavy",
)

# Wrong passwords and locked accounts of the last hour, where they came from; of the session's container.
UNIFIED_FAILURES = Query(
    name="unified_logon_failures",
    sql="""
SELECT a.dbusername AS username, a.userhost, COUNT(*) AS failures
FROM unified_audit_trail a
WHERE a.event_timestamp > SYSTIMESTAMP - INTERVAL '1' HOUR AND a.action_name = 'LOGON'
  AND a.return_code IN (1017, 28000)
GROUP BY a.dbusername, a.userhost
ORDER BY COUNT(*) DESC
FETCH FIRST 500 ROWS ONLY
""",
    cost="heavy",
)

TRADITIONAL_FAILURES = Query(
    name="traditional_logon_failures",
    sql="""
SELECT a.con_id, a.username, a.userhost, COUNT(*) AS failures
FROM {cdb:audit_session} a
WHERE a.con_id <> 2 AND a.timestamp > SYSDATE - 1 / 24 AND a.returncode IN (1017, 28000)
GROUP BY a.con_id, a.username, a.userhost
ORDER BY COUNT(*) DESC
FETCH FIRST 500 ROWS ONLY
""",
    cost="heavy",
)

# --- on, and wide enough -------------------------------------------------------------------------------------------

UNIFIED_ONLY = (23, 0)
_LOGON_POLICIES = ("ORA_LOGON_FAILURES", "ORA_LOGIN_LOGOUT", "ORA_LOGON_LOGOFF", "ORA_ALL_TOPLEVEL_ACTIONS")


def judge_enabled(seen: Seen) -> Verdict:
    """Unified Auditing = FALSE is mixed mode: policies work beside the traditional trail, which 23ai has no more."""
    option = next((text(row["value"]) for row in seen.of(UNIFIED_OPTION)), "")
    trail = next((text(row["value"]).upper() for row in seen.of(PARAMETERS) if row["name"] == "audit_trail"), "")
    pure = option == "TRUE" or seen.facts.release >= UNIFIED_ONLY
    if not option or not (pure or trail):
        return unknown("V$OPTION Unified Auditing or the parameter audit_trail is NULL")
    traditional = not pure and trail not in ("NONE", "FALSE")
    policies = [row for row in seen.of(AUDIT_POLICIES) if _for_all(row)]
    if not traditional and not policies and not pure:
        return Verdict(status="critical", line="audit_trail = NONE and no unified policy is enabled")
    status, line = _logons(seen, policies, traditional=traditional)
    return Verdict(status=status, line=line)


def _for_all(row: Row) -> bool:
    return row["entity"] == "ALL USERS" or text(row["how"]).startswith("EXCEPT")


def _logons(seen: Seen, policies: list[Row], *, traditional: bool) -> tuple[Status, str]:
    failing = [text(row["policy_name"]) for row in policies if row["failure"] == "YES"]
    known = [name for name in failing if name in _LOGON_POLICIES]
    if known:
        return "ok", f"failed logons by {known[0]}"
    statements = [row for row in seen.of(LOGON_AUDIT) if text(row["failure"]) not in ("", "NOT SET")]
    if traditional and statements:
        return "ok", "failed logons by AUDIT CREATE SESSION"
    own = [name for name in failing if not name.startswith("ORA_")]
    if own:
        return "info", f"no logon-failure policy of Oracle; whether {own[0]} covers failed logons is not visible here"
    return "warning", "no logon-failure policy"


# --- size ----------------------------------------------------------------------------------------------------------

CLEANED_WITHIN_D = 30.0


def judge_trail(seen: Seen) -> Verdict:
    sizes: dict[Value, dict[str, float]] = defaultdict(dict)
    for row in seen.of(AUDIT_SEGMENTS):
        bytes_ = number(row["bytes"])
        if bytes_ is None:
            return unknown("DBA_SEGMENTS.BYTES is NULL for the audit trail")
        sizes[row["con_id"]][text(row["trail"])] = bytes_
    if not sizes:
        return ok("no segment of an audit trail", 0.0)
    cleaned = {row["con_id"]: number(row["ago_d"]) for row in seen.of(CLEAN_UPS)}
    items = [_trail(seen, con_id, own, cleaned) for con_id, own in sizes.items()]
    largest = max(items, key=lambda item: item.value or 0.0)
    return plain(of_items(items + closed(seen.facts), good=f"{largest.name} {largest.detail}"), seen.facts)


def _trail(seen: Seen, con_id: Value, own: Mapping[str, float], cleaned: Mapping[Value, float | None]) -> Item:
    total, ago = sum(own.values()), cleaned.get(con_id)
    status = seen.levels.status(total / GB)
    late = ago is None or ago > CLEANED_WITHIN_D
    if late and status == "ok" and seen.levels.warning is not None:
        status = "warning"
    trail = max(own, key=lambda name: own[name])
    purge = "purge never ran" if ago is None else f"last purge {ago:.0f} d ago"
    return Item(place(seen.facts, con_id), status, round(total / GB, 2), f"{trail} {size(total)}, {purge}")


# --- failed logons -------------------------------------------------------------------------------------------------


def judge_failures(seen: Seen) -> Verdict:
    """Each attempt is in one of the two trails, in mixed mode perhaps in both: the larger of the two counts."""
    unified, traditional = seen.of(UNIFIED_FAILURES), seen.of(TRADITIONAL_FAILURES)
    rows = max((unified, traditional), key=_total)
    total = _total(rows)
    if not rows:
        return ok("no failed logon in an hour", 0.0)
    status = seen.levels.status(total)
    items = tuple(_source(seen, row, status) for row in rows[:20])
    worst = rows[0]
    line = f"{many(total, 'failure')} in an hour, {_count(worst):,.0f} {items[0].detail}"
    return Verdict(status=status, line=line, value=total, items=items)


def _total(rows: Rows) -> float:
    return sum(_count(row) for row in rows)


def _count(row: Row) -> float:
    failures = number(row["failures"])
    if failures is None:
        raise ValueError("the number of failed logons is NULL")
    return failures


def _source(seen: Seen, row: Row, status: Status) -> Item:
    who, where = shared(seen.facts, "users", row["username"]), shared(seen.facts, "machines", row["userhost"])
    return Item(
        f"{who or 'nobody'}@{where or 'unknown host'}",
        status,
        _count(row),
        f"of {who or 'nobody'} from {where or 'an unknown host'}",
    )
