"""How close an instance is to its limits: sessions, processes, cursors and the other entries of V$RESOURCE_LIMIT."""

from dataclasses import replace

from agent.oracle.catalogue import GATE_CAP, Levels, Query, Row, Seen, Verdict
from agent.oracle.checks._readings import amount, in_pdb
from agent.oracle.judging import last, noted, number, of_items, ok, shared, skipped, text, unknown, worst_first
from agent.oracle.queries import RESOURCE_LIMITS
from common.wire import Item

# Who holds the sessions. TOTAL is that of the whole view: inside a PDB V$RESOURCE_LIMIT may be empty.
SESSION_GROUPS = Query(
    name="session_groups",
    sql="""
SELECT s.machine, s.program, COUNT(*) AS sessions, (SELECT COUNT(*) FROM v$session) AS total
FROM v$session s
WHERE s.type = 'USER'
GROUP BY s.machine, s.program
ORDER BY COUNT(*) DESC
FETCH FIRST 3 ROWS ONLY
""",
)
SESSION_CURSORS = Query(
    name="session_cursors",
    sql="""
SELECT t.sid, t.value, s.username, s.machine, s.program
FROM v$sesstat t
JOIN v$statname n ON n.statistic# = t.statistic#
LEFT JOIN v$session s ON s.sid = t.sid
WHERE n.name = 'opened cursors current' AND (s.type IS NULL OR s.type = 'USER')
ORDER BY t.value DESC NULLS FIRST
FETCH FIRST 10 ROWS ONLY
""",
    cost="medium",
)
UNLIMITED = "UNLIMITED"
FULL_PCT = 99.0
STORM_PCT = 30.0
STORM_S = 330.0
OWN_CHECKS = ("sessions", "processes")
# Its LIMIT_VALUE is the highest the parameter could have; what it does have is the initial allocation.
BY_ALLOCATION = ("parallel_max_servers",)


def limit(row: Row) -> float | None:
    """What the resource may reach; None when it has no limit (UNLIMITED, 0 or nothing)."""
    column = "initial_allocation" if row["resource_name"] in BY_ALLOCATION else "limit_value"
    written = text(row[column]).strip()
    if written in ("", UNLIMITED):
        return None
    return float(written) or None


def _row(seen: Seen, name: str) -> Row | None:
    return next((row for row in seen.of(RESOURCE_LIMITS) if row["resource_name"] == name), None)


# --- sessions ------------------------------------------------------------------------------------------------------


def judge_sessions(seen: Seen) -> Verdict:
    """Inside a PDB the sessions are counted and held against its own parameter."""
    row = _row(seen, "sessions")
    if row is None and not in_pdb(seen.facts):
        return unknown("V$RESOURCE_LIMIT has no row for sessions")
    if row is None:
        groups = seen.of(SESSION_GROUPS)
        current, most = (number(groups[0]["total"]) if groups else None), amount(seen, "sessions")
    else:
        current, most = number(row["current_utilization"]), limit(row)
    if current is None:
        return unknown("V$RESOURCE_LIMIT.CURRENT_UTILIZATION of sessions is NULL")
    if not most:
        return skipped("sessions are not limited")
    return _with_groups(seen, _used("sessions", current, most, seen.levels))


def _used(what: str, current: float, most: float, levels: Levels) -> Verdict:
    pct = 100 * current / most
    line = f"{current:,.0f} of {most:,.0f} {what} ({pct:.0f} %)"
    return Verdict(status=levels.status(pct), line=line, value=round(pct, 2))


def _with_groups(seen: Seen, verdict: Verdict) -> Verdict:
    """The machines and programs that hold most of them."""
    if verdict.status not in ("warning", "critical"):
        return verdict
    items = worst_first(_group_item(seen, row, verdict) for row in seen.of(SESSION_GROUPS))
    top = f", most by {items[0].name}: {items[0].value:,.0f}" if items else ""
    return replace(verdict, line=verdict.line + top, items=items)


def _group_item(seen: Seen, row: Row, verdict: Verdict) -> Item:
    sessions = number(row["sessions"]) or 0.0
    return Item(source(seen, row), verdict.status, sessions, f"{sessions:,.0f} sessions")


def source(seen: Seen, row: Row) -> str:
    """`JDBC Thin Client@web01`, as far as names may leave the host."""
    machine, program = shared(seen.facts, "machines", row["machine"]), shared(seen.facts, "machines", row["program"])
    return "@".join(name for name in (program, machine) if name) or "unknown program"


# --- processes -----------------------------------------------------------------------------------------------------


def judge_processes(seen: Seen) -> Verdict:
    row = _row(seen, "processes")
    if row is None and in_pdb(seen.facts):
        return skipped("processes are limited for the whole CDB: its root reports them")
    if row is None:
        return unknown("V$RESOURCE_LIMIT has no row for processes")
    current, most = number(row["current_utilization"]), limit(row)
    if current is None:
        return unknown("V$RESOURCE_LIMIT.CURRENT_UTILIZATION of processes is NULL")
    if most is None:
        return skipped("processes are not limited")
    verdict = _used("processes", current, most, seen.levels)
    cap = GATE_CAP if verdict.status == "critical" and 100 * current / most >= FULL_PCT else None
    base, since = _base(seen, current)
    line = verdict.line + _storm(base, current)
    return noted(replace(verdict, line=line, cap=cap), {"base": base, "base_s": since})


def _base(seen: Seen, current: float) -> tuple[float, float]:
    """What the count is compared with, and since when: it is taken anew every five minutes."""
    before = last(seen)
    now = seen.now.timestamp()
    if before is None or not 0 <= now - before.values.get("base_s", 0.0) <= STORM_S:
        return current, now
    return before.values["base"], before.values["base_s"]


def _storm(base: float, current: float) -> str:
    """A jump within five minutes looks like a logon storm."""
    jump = 100 * (current - base) / base if base > 0 else 0.0
    return f", {jump:.0f} % more than {base:,.0f} minutes ago: a logon storm?" if jump > STORM_PCT else ""


# --- cursors -------------------------------------------------------------------------------------------------------


def judge_cursors(seen: Seen) -> Verdict:
    rows, most = seen.of(SESSION_CURSORS), amount(seen, "open_cursors")
    if not most:
        return unknown("the parameter open_cursors is not set")
    if not rows:
        return unknown("V$SESSTAT shows no session")
    items = [_cursor_item(seen, row, most) for row in rows]
    fullest = max(items, key=lambda item: item.value or 0.0)
    return of_items(items, good=f"{fullest.name}: {fullest.detail}")


def _cursor_item(seen: Seen, row: Row, most: float) -> Item:
    cursors = number(row["value"])
    name = f"{source(seen, row)} session {text(row['sid'])}"
    if cursors is None:
        return Item(name, "unknown", detail="VALUE of opened cursors current is NULL")
    pct = 100 * cursors / most
    return Item(name, seen.levels.status(pct), round(pct, 2), f"{cursors:,.0f} of {most:,.0f}")


# --- the others ----------------------------------------------------------------------------------------------------


def judge_limits(seen: Seen) -> Verdict:
    rows = seen.of(RESOURCE_LIMITS)
    if not rows and in_pdb(seen.facts):
        return skipped("the limits are those of the whole CDB: its root reports them")
    if not rows:
        return unknown("V$RESOURCE_LIMIT gave no row")
    limited = [(row, most) for row in rows if row["resource_name"] not in OWN_CHECKS and (most := limit(row))]
    if not limited:
        return ok("no other resource is limited")
    items = worst_first(_limit_item(seen, row, most) for row, most in limited)
    return of_items(
        [item for item in items if item.status != "ok"] or items[:1], good=f"{items[0].name} {items[0].detail}"
    )


def _limit_item(seen: Seen, row: Row, most: float) -> Item:
    name, current = text(row["resource_name"]), number(row["current_utilization"])
    if current is None:
        return Item(name, "unknown", detail="CURRENT_UTILIZATION is NULL")
    pct = 100 * current / most
    return Item(name, seen.levels.status(pct), round(pct, 2), f"{current:,.0f} of {most:,.0f}")
