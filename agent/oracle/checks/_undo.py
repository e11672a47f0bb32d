"""Undo: how much of it cannot be reused, what failed for lack of it, and whether it outlasts the longest query."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from agent.oracle.catalogue import GATE_CAP, Check, Levels, Query, Row, Seen, Verdict
from agent.oracle.checks._space import Key, Reach, key, many, place, plain, reaches, unseen
from agent.oracle.judging import label, number, of_items, skipped, text, unknown, worst
from agent.oracle.needs import needs_open, on_primary
from agent.oracle.queries import ASM_GROUPS, DATA_FILES, PARAMETERS, TABLESPACES
from common.wire import Item

UNDO_EXTENTS = Query(
    name="undo_extents",
    sql="""
SELECT e.con_id, e.tablespace_name, e.status, SUM(e.bytes) AS bytes
FROM {cdb:undo_extents} e
WHERE e.con_id <> 2
GROUP BY e.con_id, e.tablespace_name, e.status
""",
    cost="medium",
)

# Tuned retention follows the queries, so it is compared with the longest query of the same ten minutes.
UNDO_STATISTICS = Query(
    name="undo_statistics",
    sql="""
SELECT u.con_id,
       SUM(u.ssolderrcnt) AS too_old,
       SUM(CASE WHEN u.end_time > SYSDATE - 1 / 24 THEN u.nospaceerrcnt ELSE 0 END) AS no_space,
       SUM(CASE WHEN u.end_time > SYSDATE - 15 / 1440 THEN u.nospaceerrcnt ELSE 0 END) AS no_space_now,
       MAX(u.maxquerylen) AS longest_s,
       MIN(CASE WHEN u.end_time > SYSDATE - 1 / 24 THEN u.tuned_undoretention END) AS tuned_s,
       MIN(CASE WHEN u.end_time > SYSDATE - 1 / 24 AND u.maxquerylen > u.tuned_undoretention
                THEN u.tuned_undoretention END) AS short_s,
       MAX(CASE WHEN u.end_time > SYSDATE - 1 / 24 AND u.maxquerylen > u.tuned_undoretention
                THEN u.maxquerylen END) AS outlasting_s
FROM v$undostat u
WHERE u.con_id <> 2 AND u.end_time > SYSDATE - 1
GROUP BY u.con_id
ORDER BY u.con_id
""",
)
FAILED_QUERIES = Query(
    name="failed_queries",
    sql="""
SELECT u.con_id, u.maxqueryid, u.maxquerylen
FROM v$undostat u
WHERE u.con_id <> 2 AND u.end_time > SYSDATE - 1 AND u.ssolderrcnt > 0
ORDER BY u.maxquerylen DESC
FETCH FIRST 1 ROWS ONLY
""",
)
BIGGEST_TRANSACTIONS = Query(
    name="biggest_transactions",
    sql="""
SELECT s.sid, s.serial# AS serial, s.sql_id, t.used_ublk, t.used_urec
FROM v$transaction t
LEFT JOIN v$session s ON s.saddr = t.ses_addr
ORDER BY t.used_ublk DESC
FETCH FIRST 3 ROWS ONLY
""",
)
EMPTY = "V$UNDOSTAT is empty: the instance runs without automatic undo"

# --- pressure ------------------------------------------------------------------------------------------------------

REUSABLE = 0.5


@dataclass(frozen=True, slots=True)
class Undo:
    """One undo tablespace. Expired extents are free; unexpired ones half so, unless retention is guaranteed."""

    row: Row
    active: float
    unexpired: float

    @property
    def held(self) -> float:
        return self.active + self.unexpired * (1.0 if self.row["retention"] == "GUARANTEE" else REUSABLE)


def judge_pressure(seen: Seen) -> Verdict:
    if not seen.of(TABLESPACES):
        return unknown("DBA_TABLESPACES returned no rows")
    reach = reaches(seen.of(DATA_FILES), seen.disks, seen.of(ASM_GROUPS))
    items = [_pressure_item(undo, reach[key(undo.row)], seen) for undo in _in_use(seen) if key(undo.row) in reach]
    fullest = max(items, key=lambda item: item.value or 0.0, default=None)
    if fullest is None:
        return skipped("no undo tablespace: undo is not automatic here")
    return of_items(items + unseen(seen.facts, seen.of(TABLESPACES)), good=f"{fullest.name} {fullest.detail}")


def _in_use(seen: Seen) -> Iterable[Undo]:
    """An undo tablespace that is not the one in use any more, holds nothing active and is not alone is history."""
    named = next((row["value"] for row in seen.of(PARAMETERS) if row["name"] == "undo_tablespace"), None)
    found: dict[object, list[Undo]] = defaultdict(list)
    for undo in _undo(seen):
        found[undo.row["con_id"]].append(undo)
    for own in found.values():
        current = [undo for undo in own if undo.active > 0 or undo.row["tablespace_name"] == named]
        yield from current if own[1:] else own


def _undo(seen: Seen) -> Iterable[Undo]:
    held: dict[tuple[Key, str], float] = defaultdict(float)
    for row in seen.of(UNDO_EXTENTS):
        held[key(row), text(row["status"])] += number(row["bytes"]) or 0.0
    for row in seen.of(TABLESPACES):
        if row["contents"] == "UNDO" and row["status"] == "ONLINE":
            yield Undo(row, held[key(row), "ACTIVE"], held[key(row), "UNEXPIRED"])


def _pressure_item(undo: Undo, reach: Reach, seen: Seen) -> Item:
    name = label(seen.facts, undo.row["con_id"], undo.row["tablespace_name"])
    held, active = 100.0 * undo.held / reach.reachable, 100.0 * undo.active / reach.reachable
    by_all, by_active = seen.levels.status(held), _alone(seen.levels).status(active)
    status = worst((by_all, by_active))
    detail = f"active {active:.0f} %, {held:.0f} % not reusable"
    return Item(name, status, round(held, 1), f"active {active:.0f} %" if by_all != status else detail)


def _alone(levels: Levels) -> Levels:
    """Active undo is a finding at 60 and 85 % where all that cannot be reused is one at 85 and 97 %."""
    warning = None if levels.warning is None else levels.warning * 60 / 85
    critical = None if levels.critical is None else levels.critical * 85 / 97
    return Levels(warning, critical)


# --- failures ------------------------------------------------------------------------------------------------------


def judge_too_old(seen: Seen) -> Verdict:
    rows = seen.of(UNDO_STATISTICS)
    if not rows:
        return skipped(EMPTY)
    items = [_too_old_item(row, seen) for row in rows]
    verdict = plain(of_items(items, good=f"no query failed in 24 h, longest {_longest(rows):,.0f} s"), seen.facts)
    culprit = next((f", SQL {text(row['maxqueryid'])}" for row in seen.of(FAILED_QUERIES) if row["maxqueryid"]), "")
    return replace(verdict, line=verdict.line + culprit) if verdict.status in ("warning", "critical") else verdict


def _too_old_item(row: Row, seen: Seen) -> Item:
    name, failed, longest = place(seen.facts, row["con_id"]), number(row["too_old"]), number(row["longest_s"])
    if failed is None or longest is None:
        return Item(name, "unknown", detail="SSOLDERRCNT or MAXQUERYLEN is NULL")
    detail = f"{many(failed, 'error')} in 24 h, longest query {longest:,.0f} s"
    return Item(name, seen.levels.status(failed), failed, detail)


def _longest(rows: Iterable[Row]) -> float:
    return max(number(row["longest_s"]) or 0.0 for row in rows)


def judge_no_space(seen: Seen) -> Verdict:
    """A gate while it lasts: an event of the last quarter of an hour."""
    rows = seen.of(UNDO_STATISTICS)
    if not rows:
        return skipped(EMPTY)
    items = [_no_space_item(row, seen) for row in rows]
    verdict = plain(of_items(items, good="no out-of-space event in 1 h"), seen.facts)
    if verdict.status != "critical":
        return verdict
    now = any((number(row["no_space_now"]) or 0.0) > 0 for row in rows)
    return replace(verdict, line=verdict.line + _biggest(seen), cap=GATE_CAP if now else None)


def _no_space_item(row: Row, seen: Seen) -> Item:
    name, events = place(seen.facts, row["con_id"]), number(row["no_space"])
    if events is None:
        return Item(name, "unknown", detail="NOSPACEERRCNT is NULL")
    return Item(name, seen.levels.status(events), events, many(events, "out-of-space event"))


def _biggest(seen: Seen) -> str:
    """Usually one huge transaction is the cause."""
    for row in seen.of(BIGGEST_TRANSACTIONS):
        who = f"session {text(row['sid'])},{text(row['serial'])}" if row["sid"] is not None else "a dead session"
        statement = f" (SQL {text(row['sql_id'])})" if row["sql_id"] else ""
        return f"; largest transaction: {who}{statement} with {text(row['used_ublk'])} undo blocks"
    return ""


# --- retention -----------------------------------------------------------------------------------------------------


def judge_retention(seen: Seen) -> Verdict:
    """A low value on an idle database is correct: only one that some query outlasted says anything."""
    rows = seen.of(UNDO_STATISTICS)
    if not rows:
        return skipped(EMPTY)
    wanted = {text(row["name"]): text(row["value"]) for row in seen.of(PARAMETERS)}
    items = [_retention_item(row, wanted, seen) for row in rows]
    tuned = min(number(row["tuned_s"]) or 0.0 for row in rows)
    return plain(of_items(items, good=f"tuned to {tuned:,.0f} s", below=True), seen.facts)


def _retention_item(row: Row, wanted: Mapping[str, str], seen: Seen) -> Item:
    name, tuned, short = place(seen.facts, row["con_id"]), number(row["tuned_s"]), number(row["short_s"])
    if tuned is None:
        return Item(name, "unknown", detail="TUNED_UNDORETENTION is NULL")
    if short is None:
        return Item(name, "ok", tuned, f"{tuned:,.0f} s")
    longest = number(row["outlasting_s"]) or 0.0
    asked = f" (undo_retention {wanted['undo_retention']} s)" if wanted.get("undo_retention") else ""
    return Item(name, seen.levels.status(short), short, f"{short:,.0f} s vs longest query {longest:,.0f} s{asked}")


CHECKS = (
    Check(
        id="UNDO_TABLESPACE_USED",
        category="undo_temp",
        title="Undo tablespace pressure",
        unit="%",
        levels=Levels(85, 97),
        judge=judge_pressure,
        remediation="Find the large transaction (V$TRANSACTION.USED_UBLK), extend the undo tablespace, or lower "
        "undo_retention if no query needs it.",
        source="OEM 85/97 applied to what cannot be reused",
        interval_s=900,
        queries=(TABLESPACES, DATA_FILES, UNDO_EXTENTS, PARAMETERS, ASM_GROUPS),
        cost="medium",
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="UNDO_SNAPSHOT_TOO_OLD",
        category="undo_temp",
        title="Queries failed with ORA-01555",
        unit="count",
        levels=Levels(1, 10),
        judge=judge_too_old,
        remediation="Raise undo_retention above MAXQUERYLEN and give the tablespace the room, or shorten the query "
        "(MAXQUERYID).",
        source="OWN; OEM has the same counter",
        interval_s=3600,
        queries=(UNDO_STATISTICS, FAILED_QUERIES),
        needs=(on_primary, needs_open),
    ),
    Check(
        id="UNDO_NOSPACE",
        category="undo_temp",
        title="Undo ran out of space",
        unit="count",
        levels=Levels(None, 1),
        judge=judge_no_space,
        remediation="Extend the undo tablespace at once: DML fails with ORA-30036.",
        source="CMK (critical)",
        interval_s=300,
        queries=(UNDO_STATISTICS, BIGGEST_TRANSACTIONS),
        needs=(on_primary, needs_open),
    ),
    Check(
        id="UNDO_RETENTION_TUNED",
        category="undo_temp",
        title="Tuned retention is below the longest query",
        unit="s",
        levels=Levels(600, 300, below=True),
        judge=judge_retention,
        remediation="Enlarge undo; a fixed-size undo tablespace makes Oracle derive retention from its size.",
        source="CMK 600/300",
        interval_s=900,
        queries=(UNDO_STATISTICS, PARAMETERS),
        ceiling="warning",
        needs=(on_primary, needs_open),
    ),
)
