"""Pluggable databases: open as they should be, for everybody, without violations, also after the next start."""

from collections.abc import Mapping
from dataclasses import replace

from agent.oracle.catalogue import Facts, Query, Row, Seen, Verdict
from agent.oracle.checks._space import many
from agent.oracle.judging import (
    age,
    last,
    named,
    noted,
    number,
    of_items,
    ok,
    size,
    skipped,
    text,
    unknown,
    worst_first,
)
from agent.oracle.queries import PDBS
from common.wire import Item, Status

NO_PDB = "the CDB has no user PDB"
MODES = {"MOUNTED": 0.0, "READ ONLY": 1.0, "READ WRITE": 2.0}
NAMES = {rank: mode for mode, rank in MODES.items()}


def cdb_open(facts: Facts) -> str | None:
    """What is closed with its CDB says nothing of itself: a mounted standby."""
    return "the CDB itself is not open" if facts.mounted else None


def services_open_pdbs(facts: Facts) -> str | None:
    """Grid Infrastructure opens PDBs through their services: on a cluster, and with ASM on Oracle Restart."""
    return "Grid Infrastructure opens the PDBs" if facts.rac or facts.asm else None


def keeps_states(facts: Facts) -> str | None:
    """The first release of 12.1 has no saved states."""
    return "needs Oracle 12.1.0.2 or later" if facts.version.startswith("12.1.0.1.") else None


# --- open mode -----------------------------------------------------------------------------------------------------


def judge_open_mode(seen: Seen) -> Verdict:
    """The widest mode that a PDB was ever seen in is the one expected of it, learned apart for each role.

    A PDB that has never been open since we watch it is taken as closed on purpose, and named so.
    """
    modes = _widest(seen)
    if not modes:
        return skipped(NO_PDB)
    if "" in modes.values():
        return unknown("OPEN_MODE of a PDB is NULL")
    before = last(seen)
    learned = before.values if before else {}
    expected = {name: max(MODES.get(mode, 0.0), learned.get(_key(seen, name), 0.0)) for name, mode in modes.items()}
    items = [_mode_item(name, mode, expected[name]) for name, mode in modes.items()]
    differing = [item for item in items if item.status in ("warning", "critical")]
    verdict = of_items(differing or items, good=f"{many(len(items), 'PDB')} open as expected")
    note = {_key(seen, name): rank for name, rank in expected.items()}
    cap = (
        100 if verdict.status == "critical" and seen.facts.tier != "prod" else None
    )  # the gate is for production alone
    return noted(replace(verdict, value=float(len(differing)), cap=cap), note)


def _widest(seen: Seen) -> Mapping[str, str]:
    """On a cluster it is enough that a PDB is open on one instance."""
    widest: dict[str, str] = {}
    for row in seen.of(PDBS):
        name, mode = text(row["name"]), text(row["open_mode"])
        if name not in widest or MODES.get(mode, 0.0) > MODES.get(widest[name], 0.0):
            widest[name] = mode
    return widest


def _key(seen: Seen, name: str) -> str:
    return f"{'primary' if seen.facts.primary else 'standby'} {name}"


def _mode_item(name: str, mode: str, expected: float) -> Item:
    if mode not in MODES:  # MIGRATE: an upgrade is at work
        return Item(name, "info", detail=mode)
    if MODES[mode] < expected:
        status: Status = "critical" if mode == "MOUNTED" else "warning"
        return Item(name, status, detail=f"{mode} (expected {NAMES[expected]})")
    if mode == "MOUNTED":
        return Item(name, "info", detail="MOUNTED ever since it is watched: taken as intended")
    return Item(name, "ok", detail=mode)


# --- restricted ----------------------------------------------------------------------------------------------------


def judge_restricted(seen: Seen) -> Verdict:
    """NULL for a closed PDB; that an upgrade restricts one is its business."""
    rows = seen.of(PDBS)
    if not rows:
        return skipped(NO_PDB)
    names = dict.fromkeys(
        text(row["name"]) for row in rows if row["restricted"] == "YES" and text(row["open_mode"]).startswith("READ ")
    )
    items = [Item(name, seen.levels.status(1), 1, "restricted") for name in names]
    return replace(of_items(items, good="no PDB is restricted"), value=float(len(items)))


# --- plug-in violations --------------------------------------------------------------------------------------------

# What dropped PDBs leave behind has no match in V$PDBS.
VIOLATIONS = Query(
    name="plug_in_violations",
    sql="""
SELECT v.name, v.type, v.cause, COUNT(*) AS violations, MAX((SYSDATE - CAST(v.time AS DATE)) * 86400) AS oldest_s,
       MIN(SUBSTR(v.message, 1, 200)) AS message, MIN(SUBSTR(v.action, 1, 200)) AS action
FROM pdb_plug_in_violations v
JOIN v$pdbs p ON p.name = v.name
WHERE v.status <> 'RESOLVED' AND v.type IN ('ERROR', 'WARNING') AND p.con_id > 2
GROUP BY v.name, v.type, v.cause
ORDER BY v.type, v.name, v.cause
FETCH FIRST 200 ROWS ONLY
""",
)
PATIENCE_S = 7 * 86_400.0


def judge_violations(seen: Seen) -> Verdict:
    """Errors at once, warnings after a week; parameters that differ are noise."""
    rows = seen.of(VIOLATIONS)
    if any(row["oldest_s"] is None for row in rows):
        return unknown("TIME of a plug-in violation is NULL")
    items = worst_first(_violation_item(row) for row in rows)
    if not items:
        return ok("no unresolved violation", 0.0)
    errors = sum(item.value or 0.0 for item in items if item.status == "critical")
    found = [item for item in items if item.status == items[0].status]
    first = next(row for row in rows if _violation_item(row) == items[0])
    kind = {"critical": "error", "warning": "old warning"}.get(items[0].status, "violation")
    line = f"{many(sum(item.value or 0.0 for item in found), kind)}: {text(first['message']) or items[0].detail}"
    fix = f"In {items[0].name}: {text(first['action'])}" if first["action"] and items[0].status != "info" else None
    return Verdict(status=items[0].status, line=line, value=errors, items=items, fix=fix)


def _violation_item(row: Row) -> Item:
    oldest = number(row["oldest_s"]) or 0.0
    status: Status = "critical" if row["type"] == "ERROR" else "warning" if oldest > PATIENCE_S else "info"
    if text(row["cause"]).lower() == "parameter":
        status = "info"
    detail = f"{text(row['cause'])}: {text(row['message'])}, for {age(oldest)}"
    return Item(text(row["name"]), status, number(row["violations"]), detail)


# --- saved states --------------------------------------------------------------------------------------------------

SAVED_STATES = Query(
    name="pdb_saved_states",
    sql="""
SELECT s.con_name, s.state
FROM {cdb:pdb_saved_states} s
""",
)


def judge_saved_state(seen: Seen) -> Verdict:
    pdbs = {text(row["name"]): text(row["open_mode"]) for row in seen.of(PDBS)}
    if not pdbs:
        return skipped(NO_PDB)
    if "" in pdbs.values():
        return unknown("OPEN_MODE of a PDB is NULL")
    saved = {text(row["con_name"]) for row in seen.of(SAVED_STATES) if text(row["state"]).startswith("OPEN")}
    lost = [name for name, mode in pdbs.items() if mode.startswith("READ ") and name not in saved]
    status = seen.levels.status(len(lost))
    if not lost:
        return ok("every open PDB has a saved state", 0.0)
    items = worst_first(Item(name, status, 1, "open, without a saved state") for name in lost)
    line = f"{many(len(lost), 'PDB')} will stay closed after a restart: {named([Item(name, status) for name in lost])}"
    return Verdict(status=status, line=line, value=float(len(lost)), items=items)


# --- storage limit -------------------------------------------------------------------------------------------------

SIZES = Query(
    name="pdb_sizes",
    sql="""
SELECT p.con_id, p.name, p.open_mode, p.total_size, p.max_size
FROM v$pdbs p
WHERE p.con_id > 2
ORDER BY p.con_id
""",
    min_release=(12, 2),
)


def judge_storage(seen: Seen) -> Verdict:
    rows = seen.of(SIZES)
    if not rows:
        return skipped(NO_PDB)
    limited = [row for row in rows if number(row["max_size"])]
    if not limited:
        return skipped("no PDB has a storage limit")
    items = [_storage_item(seen, row) for row in limited]
    fullest = max(items, key=lambda item: item.value or 0.0)
    return of_items(items, good=f"{fullest.name} {fullest.detail}")


def _storage_item(seen: Seen, row: Row) -> Item:
    name, used, most = text(row["name"]), number(row["total_size"]), number(row["max_size"]) or 0.0
    if row["open_mode"] == "MOUNTED":
        return Item(name, "unknown", detail="closed")
    if used is None:
        return Item(name, "unknown", detail="TOTAL_SIZE is NULL")
    pct = 100 * used / most
    return Item(name, seen.levels.status(pct), round(pct, 2), f"{pct:.0f} % of {size(most)}")
