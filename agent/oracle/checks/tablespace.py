"""Tablespaces and their files: space, state, limits, and what lies where it should not."""

from dataclasses import replace

from agent.oracle.catalogue import Check, Levels, Query, Row, Seen, Verdict
from agent.oracle.checks import _tablespace_files, _tablespace_full
from agent.oracle.checks._space import GB, closed, many, place, plain, unseen
from agent.oracle.judging import (
    held_s,
    label,
    last,
    marks,
    noted,
    number,
    of_items,
    ok,
    size,
    text,
    unknown,
    worst_first,
)
from agent.oracle.needs import on_primary
from agent.oracle.queries import TABLESPACES
from common.wire import Item, Status

# --- offline tablespaces -------------------------------------------------------------------------------------------

NEW_FOR_S = 86_400


def judge_offline(seen: Seen) -> Verdict:
    """One that went offline while we looked is critical for a day; what was offline before is only named."""
    rows = seen.of(TABLESPACES)
    if not rows:
        return unknown("DBA_TABLESPACES returned no rows")
    names = {_mark(row): label(seen.facts, row["con_id"], row["tablespace_name"]) for row in rows if _offline(row)}
    fresh = [mark for mark in names if last(seen) and held_s(seen, mark) < NEW_FOR_S]
    levels = seen.levels
    new: Status = "critical" if levels.critical is not None and len(fresh) >= levels.critical else "warning"
    old: Status = "warning" if levels.warning is not None and len(names) >= levels.warning else "ok"
    items = [Item(name, new if mark in fresh else old, detail="OFFLINE") for mark, name in names.items()]
    verdict = of_items(items + unseen(seen.facts, rows), good="every tablespace is online")
    return noted(replace(verdict, value=float(len(names))), _since(seen, names))


def _mark(row: Row) -> str:
    return f"{text(row['con_id'])}.{text(row['tablespace_name'])}"


def _offline(row: Row) -> bool:
    """READ ONLY is not offline."""
    return row["status"] == "OFFLINE"


def _since(seen: Seen, names: dict[str, str]) -> dict[str, float]:
    """Since when each is offline: for ever when the first look found it so; a closed PDB's stay as they were."""
    before = last(seen)
    if before is None:
        return dict.fromkeys(names, 0.0)
    shut = [f"{pdb.con_id}." for pdb in seen.facts.containers if pdb.open_mode == "MOUNTED"]
    kept = {mark: since for mark, since in before.values.items() if mark.startswith(tuple(shut))}
    return {**kept, **marks(seen, names)}


# --- what lies in SYSTEM, SYSAUX and the recycle bin -----------------------------------------------------------------

SYSAUX_OCCUPANTS = Query(
    name="sysaux_occupants",
    sql="""
SELECT o.con_id, o.occupant_name, o.space_usage_kbytes
FROM v$sysaux_occupants o
WHERE o.con_id <> 2
ORDER BY o.space_usage_kbytes DESC
""",
    cost="heavy",
)
SYSTEM_OBJECTS = Query(
    name="system_objects",
    sql="""
SELECT s.con_id, s.owner, s.tablespace_name, COUNT(*) AS segments, SUM(s.bytes) AS bytes
FROM {cdb:segments} s
JOIN {cdb:users} u ON u.con_id = s.con_id AND u.username = s.owner
WHERE s.con_id <> 2 AND s.tablespace_name IN ('SYSTEM', 'SYSAUX') AND u.oracle_maintained = 'N'
  AND s.segment_name NOT LIKE 'BIN$%'
GROUP BY s.con_id, s.owner, s.tablespace_name
ORDER BY segments DESC
FETCH FIRST 100 ROWS ONLY
""",
    cost="heavy",
)
RECYCLE_BINS = Query(
    name="recycle_bins",
    sql="""
SELECT r.con_id, SUM(r.space * t.block_size) AS bytes, COUNT(*) AS objects
FROM {cdb:recyclebin} r
JOIN {cdb:tablespaces} t ON t.con_id = r.con_id AND t.tablespace_name = r.ts_name
WHERE r.con_id <> 2
GROUP BY r.con_id
ORDER BY r.con_id
""",
    cost="medium",
)


def judge_sysaux(seen: Seen) -> Verdict:
    rows = seen.of(SYSAUX_OCCUPANTS)
    if not rows:
        return unknown("V$SYSAUX_OCCUPANTS returned no rows")
    items = [_occupant(row, seen) for row in rows]
    largest = worst_first(items)[0]
    return of_items(items, good=f"largest: {largest.name} {largest.detail}")


def _occupant(row: Row, seen: Seen) -> Item:
    name, kbytes = label(seen.facts, row["con_id"], row["occupant_name"]), number(row["space_usage_kbytes"])
    if kbytes is None:
        return Item(name, "unknown", detail="SPACE_USAGE_KBYTES is NULL")
    held = kbytes * 1024 / GB
    return Item(name, seen.levels.status(held), round(held, 2), f"{held:.1f} GB")


def judge_system_objects(seen: Seen) -> Verdict:
    rows = [(number(row["segments"]) or 0.0, row) for row in seen.of(SYSTEM_OBJECTS)]
    items = [
        Item(
            label(seen.facts, row["con_id"], row["owner"]),
            seen.levels.status(segments),
            segments,
            f"{many(segments, 'segment')} in {text(row['tablespace_name'])}",
        )
        for segments, row in rows
    ]
    verdict = of_items(items + closed(seen.facts), good="no segments of users in SYSTEM or SYSAUX")
    return replace(verdict, value=sum(segments for segments, _ in rows))


def judge_recycle_bin(seen: Seen) -> Verdict:
    items = []
    for row in seen.of(RECYCLE_BINS):
        held = (number(row["bytes"]) or 0.0) / GB
        detail = f"{held:.1f} GB in {many(number(row['objects']) or 0, 'object')}"
        items.append(Item(place(seen.facts, row["con_id"]), seen.levels.status(held), round(held, 2), detail))
    fullest = max(items, key=lambda item: item.value or 0.0, default=None)
    good = f"largest: {fullest.name} {fullest.detail}" if fullest else "the recycle bin is empty"
    return plain(of_items(items + closed(seen.facts), good=good), seen.facts)


# --- quotas --------------------------------------------------------------------------------------------------------

# MAX_BYTES is -1 for an unlimited quota and 0 for none; a quota of a dropped tablespace stays with DROPPED = YES.
QUOTAS = Query(
    name="quotas",
    sql="""
SELECT q.con_id, q.username, q.tablespace_name, q.bytes, q.max_bytes
FROM {cdb:ts_quotas} q
WHERE q.con_id <> 2 AND q.max_bytes > 0 AND q.dropped = 'NO'
  AND NOT EXISTS (SELECT 1 FROM {cdb:sys_privs} p
                  WHERE p.con_id = q.con_id AND p.grantee = q.username AND p.privilege = 'UNLIMITED TABLESPACE')
ORDER BY q.bytes / q.max_bytes DESC
FETCH FIRST 100 ROWS ONLY
""",
    cost="medium",
)


def judge_quota(seen: Seen) -> Verdict:
    items = [_quota(row, seen) for row in seen.of(QUOTAS)]
    if not items and not closed(seen.facts):
        return ok("no user has a limited quota")
    return of_items(items + closed(seen.facts), good="every user is well below the quota")


def _quota(row: Row, seen: Seen) -> Item:
    name, used, most = label(seen.facts, row["con_id"], row["username"]), number(row["bytes"]), number(row["max_bytes"])
    if used is None or not most:
        return Item(name, "unknown", detail=f"quota on {text(row['tablespace_name'])} is NULL")
    pct = 100.0 * used / most
    detail = f"{pct:.0f} % of {size(most)} on {text(row['tablespace_name'])}"
    return Item(name, seen.levels.status(pct), round(pct, 1), detail)


CHECKS = (
    *_tablespace_full.CHECKS,
    *_tablespace_files.CHECKS,
    Check(
        id="TABLESPACE_OFFLINE",
        category="tablespace",
        title="Tablespace is offline",
        unit="count",
        levels=Levels(1, 1),  # critical counts the ones that went offline within a day
        judge=judge_offline,
        remediation="Find out who took it offline (alert log), then `ALTER TABLESPACE x ONLINE`; recover first "
        "if files "
        "were lost.",
        source="COH --mitigation; OTel #48399",
        interval_s=900,
        queries=(TABLESPACES,),
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="SYSAUX_SIZE",
        category="tablespace",
        title="SYSAUX is growing abnormally",
        unit="GB",
        levels=Levels(10, 30),
        judge=judge_sysaux,
        remediation="Check AWR retention, statistics history (`DBMS_STATS.GET_STATS_HISTORY_RETENTION`), audit "
        "rows and "
        "orphaned advisor data; move the audit trail out of SYSAUX.",
        source="OWN; AWR/OPTSTAT growth is a common support case",
        interval_s=86_400,
        queries=(SYSAUX_OCCUPANTS,),
        cost="heavy",
        scope="per-PDB",
        ceiling="warning",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="SYSTEM_TS_USER_OBJECTS",
        category="tablespace",
        title="User objects in SYSTEM or SYSAUX",
        unit="count",
        levels=Levels(1, None),
        judge=judge_system_objects,
        remediation="Move them (`ALTER TABLE ... MOVE TABLESPACE`) and change the default tablespace of the owner.",
        source="Admin guide; COH",
        interval_s=86_400,
        queries=(SYSTEM_OBJECTS,),
        cost="heavy",
        scope="per-PDB",
        ceiling="info",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="RECYCLEBIN_SIZE",
        category="tablespace",
        title="Recycle bin holds a lot of space",
        unit="GB",
        levels=Levels(10, None),
        judge=judge_recycle_bin,
        remediation="`PURGE DBA_RECYCLEBIN` (or per tablespace) after agreement with the owners.",
        source="OWN; a large bin also makes DBA_FREE_SPACE very slow",
        interval_s=86_400,
        queries=(RECYCLE_BINS,),
        cost="medium",
        scope="per-PDB",
        ceiling="info",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="TABLESPACE_QUOTA",
        category="tablespace",
        title="User close to the tablespace quota",
        unit="%",
        levels=Levels(90, 98),
        judge=judge_quota,
        remediation="`ALTER USER u QUOTA ... ON ts`, or clean the schema up (ORA-01536 otherwise).",
        source="COH 90/98 analog; CMK ts_quotas",
        interval_s=3600,
        queries=(QUOTAS,),
        cost="medium",
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
    ),
)
