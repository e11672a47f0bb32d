"""What a standby says of itself: how far it is behind, who applies the redo, what is missing."""

import re
from dataclasses import replace

from agent.oracle.catalogue import Facts, Levels, Query, Row, Seen, Verdict
from agent.oracle.judging import age, held_s, listed, marks, noted, number, of_items, ok, skipped, text, unknown
from agent.oracle.queries import DATABASE
from common.wire import Item

# DATUM_TIME: when the standby last heard from its primary. Both times are text, by the clock of the standby.
LAGS = Query(
    name="data_guard_lags",
    sql="""
SELECT name, value, (SYSDATE - TO_DATE(datum_time, 'MM/DD/YYYY HH24:MI:SS')) * 86400 AS heard_s
FROM v$dataguard_stats
WHERE name IN ('apply lag', 'transport lag')
""",
)

# On a cluster the apply process runs on one of the instances.
APPLY = Query(
    name="apply_process",
    sql="""
SELECT process, status, thread# AS thread, sequence# AS seq, delay_mins
FROM v$managed_standby
WHERE process LIKE 'MRP%'
""",
    newer={
        (12, 2): """
SELECT name AS process, action AS status, thread# AS thread, sequence# AS seq, delay_mins
FROM v$dataguard_process
WHERE name LIKE 'MRP%'
"""
    },
    special=(
        lambda facts: facts.rac,
        """
SELECT process, status, thread# AS thread, sequence# AS seq, delay_mins
FROM gv$managed_standby
WHERE process LIKE 'MRP%'
""",
    ),
)

GAPS = Query(
    name="archive_gaps",
    sql="""
SELECT thread# AS thread, low_sequence# AS low, high_sequence# AS high
FROM v$archive_gap
ORDER BY thread#, low_sequence#
FETCH FIRST 100 ROWS ONLY
""",
)

STANDBY_PDBS = Query(
    name="standby_pdbs",
    sql="SELECT con_id, name, recovery_status FROM v$pdbs WHERE con_id > 2 ORDER BY con_id FETCH FIRST 500 ROWS ONLY",
)

# --- how far behind ------------------------------------------------------------------------------------------------

FRESH_S = 30.0
_INTERVAL = re.compile(r"\s*([+-]?)(\d+) (\d+):(\d+):(\d+)(?:\.\d+)?\s*")


def judge_apply_lag(seen: Seen) -> Verdict:
    """A delay that was asked for (DELAY=) is no lag."""
    return _lag(seen, "apply lag", seen.levels, delay_s=_delay_s(seen))


def judge_transport_lag(seen: Seen) -> Verdict:
    mode = next((text(row["protection_mode"]) for row in seen.of(DATABASE)), "")
    return _lag(seen, "transport lag", levels_of(mode, seen.levels), delay_s=0.0)


def levels_of(mode: str, levels: Levels) -> Levels:
    """Redo that is shipped with each commit must be there within a minute, not within ten."""
    if mode not in ("MAXIMUM AVAILABILITY", "MAXIMUM PROTECTION"):
        return levels
    warning = None if levels.warning is None else levels.warning / 10
    critical = None if levels.critical is None else levels.critical / 6
    return Levels(warning, critical)


def _lag(seen: Seen, name: str, levels: Levels, *, delay_s: float) -> Verdict:
    """A value from before the transport was cut is too small: what grew unseen since then counts."""
    row = next((row for row in seen.of(LAGS) if row["name"] == name), None)
    if row is None:
        return unknown(f"V$DATAGUARD_STATS has no {name}")
    stated, heard = interval_s(text(row["value"])), number(row["heard_s"])
    stale = heard is not None and heard > FRESH_S
    if stated is None:
        return _unstated(name, heard if stale else None, levels)
    behind = max(0.0, max(stated, heard if stale and heard is not None else 0.0) - delay_s)
    delayed = f" beyond the delay of {_span(delay_s)}" if delay_s else ""
    line = f"{_span(behind)} behind{delayed}"
    if heard is None:
        return unknown(f"{line} by a value of unknown age: DATUM_TIME is NULL")
    if stale:
        line += f" (stale since {age(heard)}: nothing came from the primary)"
    return Verdict(status=levels.status(behind), line=line, value=round(behind))


def _unstated(name: str, heard: float | None, levels: Levels) -> Verdict:
    """No value with a large gap, without an apply process or without standby redo logs: never zero."""
    if heard is not None and levels.status(heard) != "ok":
        line = f"at least {_span(heard)} behind: nothing came from the primary, and {name} has no value"
        return Verdict(status=levels.status(heard), line=line, value=round(heard))
    return unknown(f"{name} has no value: a large gap, no apply process, or no standby redo logs")


def interval_s(value: str) -> float | None:
    """Seconds of `+00 01:12:00`; None where there is no value."""
    found = _INTERVAL.fullmatch(value)
    if not found:
        if value.strip():
            raise ValueError(f"lag {value!r}: expected +dd hh:mi:ss")
        return None
    days, hours, minutes, seconds = (int(part) for part in found.groups()[1:])
    total = float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    return -total if found[1] == "-" else total


def _delay_s(seen: Seen) -> float:
    delays = [number(row["delay_mins"]) or 0.0 for row in seen.of(APPLY)]
    return 60.0 * max(delays, default=0.0)


def _span(seconds: float) -> str:
    """`1 h 12 min`, `25 min`, `40 s`."""
    if seconds < 120:  # noqa: PLR2004 - reads better in seconds
        return f"{seconds:.0f} s"
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


# --- who applies ---------------------------------------------------------------------------------------------------


def judge_process(seen: Seen) -> Verdict:
    running = seen.of(APPLY)
    if running:
        process = running[0]
        status = text(process["status"]) or "no status"
        line = f"{text(process['process'])} {status}"
        return Verdict(status="critical" if status == "ERROR" else "ok", line=line)
    if seen.facts.open_mode == "READ ONLY":
        return Verdict(status="info", line="MRP0 not running: open READ ONLY without apply, which may be intended")
    return Verdict(status="critical", line="MRP0 not running")


# --- what is missing -----------------------------------------------------------------------------------------------

GAP_FOR_S = 15 * 60.0 - 30  # three runs, give or take


def judge_gap(seen: Seen) -> Verdict:
    """V$ARCHIVE_GAP is known to be empty while the apply process waits for a gap to be filled: either one counts."""
    found = [_missing(row) for row in seen.of(GAPS)]
    if any(count is None for _, count in found):
        return unknown("V$ARCHIVE_GAP: a sequence is NULL")
    waiting = [row for row in seen.of(APPLY) if row["status"] == "WAIT_FOR_GAP"]
    if not found:
        found = [(_waits(row), 1.0) for row in waiting]
    if not found:
        return noted(ok("no gap", 0.0), {})
    names, missing = [name for name, _ in found], sum(count or 0.0 for _, count in found)
    since = held_s(seen, "gap")
    lasting = since >= GAP_FOR_S and seen.levels.status(missing) != "ok"
    line = listed(names)
    line += f", for {age(since)}" if lasting else ", seen just now"
    status = seen.levels.status(missing) if lasting else "info"
    return noted(Verdict(status=status, line=line, value=missing), marks(seen, ["gap"]))


def _missing(row: Row) -> tuple[str, float | None]:
    low, high = number(row["low"]), number(row["high"])
    if low is None or high is None:
        return f"thread {text(row['thread'])}", None
    span = f"sequence {low:.0f}" if low == high else f"sequences {low:.0f}-{high:.0f}"
    return f"thread {text(row['thread'])}: {span} missing", high - low + 1


def _waits(row: Row) -> str:
    return f"thread {text(row['thread'])}: apply waits for a gap at sequence {text(row['seq'])}"


def judge_pdbs(seen: Seen) -> Verdict:
    rows = seen.of(STANDBY_PDBS)
    if not rows:
        return skipped("no pluggable database")
    unsaid = [text(row["name"]) for row in rows if row["recovery_status"] is None]
    if unsaid:
        return unknown(f"V$PDBS.RECOVERY_STATUS is NULL for {', '.join(unsaid[:3])}")
    disabled = [row for row in rows if row["recovery_status"] == "DISABLED"]
    status = seen.levels.status(len(disabled))
    items = [Item(text(row["name"]), status, 1.0, "DISABLED") for row in disabled]
    verdict = of_items(items, good=f"{len(rows)} PDBs are recovered")
    return replace(verdict, value=float(len(disabled)))


def has_recovery_status(facts: Facts) -> str | None:
    """12.1.0.1 had no such column."""
    return "needs Oracle 12.1.0.2 or later" if facts.version.startswith("12.1.0.1") else None


def judge_active_data_guard(seen: Seen) -> Verdict:
    """Whether it is licensed is the customer's to know: the state that was seen first is accepted, a change warns."""
    applying = seen.facts.open_mode == "READ ONLY WITH APPLY"
    before = seen.history[-1].values if seen.history else {}
    first = before.get("accepted", float(applying))
    note = {"accepted": first}
    if not applying:
        return noted(ok(f"{seen.facts.open_mode}: no use of Active Data Guard"), note)
    if first:
        line = "READ ONLY WITH APPLY (ADG) since it was first seen: needs the Active Data Guard licence"
        return noted(Verdict(status="info", line=line), note)
    return noted(Verdict(status="warning", line="READ ONLY WITH APPLY (ADG), which was not so before"), note)
