"""ASM seen from a database: room that mirroring leaves, disks off or failing, groups, rebalances, failure groups."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from agent.oracle.catalogue import GATE_CAP, Query, Row, Rows, Seen, Value, Verdict
from agent.oracle.judging import (
    held_s,
    last,
    marks,
    noted,
    number,
    of_items,
    size,
    skipped,
    text,
    unknown,
    worst_first,
)
from agent.oracle.queries import ASM_GROUPS
from common.wire import Item, Status

MB = 1 << 20

# Disks that belong to no group are left out.
ASM_DISKS = Query(
    name="asm_disks",
    sql="""
SELECT group_number, disk_number, name, failgroup, failgroup_type, mode_status, mount_status, state, total_mb,
       repair_timer, read_errs, write_errs
FROM v$asm_disk_stat
WHERE group_number > 0
ORDER BY group_number, disk_number
FETCH FIRST 5000 ROWS ONLY
""",
)

# One row per pass of a rebalance (RESYNC, REBALANCE, COMPACT); the column OPERATION is padded.
ASM_OPERATIONS = Query(
    name="asm_operations",
    sql="""
SELECT group_number, TRIM(operation) AS operation, pass, state, power, sofar, est_work, error_code
FROM v$asm_operation
ORDER BY group_number, pass
FETCH FIRST 500 ROWS ONLY
""",
)

NO_GROUP = "V$ASM_DISKGROUP_STAT gave no group, though files are in ASM"
_AWAY = ("DISMOUNTED", "BROKEN", "UNKNOWN")

# --- room ----------------------------------------------------------------------------------------------------------


def judge_usable(seen: Seen) -> Verdict:
    """Of what the files may take when the mirror reserve stays free; below zero the reserve is in use."""
    groups = [row for row in seen.of(ASM_GROUPS) if text(row["state"]) not in _AWAY]
    if not groups:
        return unknown(NO_GROUP)
    items = [_room(row, seen) for row in groups]
    fullest = max(items, key=lambda item: item.value or 0.0)
    return of_items(items, good=f"{fullest.name} {fullest.detail}")


def _room(row: Row, seen: Seen) -> Item:
    name = f"+{text(row['name'])}"
    usable, free, total = (number(row[column]) for column in ("usable_file_mb", "free_mb", "total_mb"))
    reserve = number(row["required_mirror_free_mb"])
    if usable is None or free is None or reserve is None or not total or total <= reserve:
        return Item(name, "unknown", detail="a size is NULL or 0")
    percent = 100 * (1 - usable * _copies(row["type"], usable, free - reserve) / (total - reserve))
    if usable < 0:
        detail = f"{percent:.0f} % used, -{size(-usable * MB)} below the mirror reserve"
        return Item(name, "critical", round(percent, 1), detail)
    return Item(
        name, seen.levels.status(percent), round(percent, 1), f"{percent:.0f} % used, {size(usable * MB)} usable"
    )


def _copies(redundancy: Value, usable: float, spare: float) -> float:
    """How many bytes of disk a byte of file takes; in a flexible group that differs, so ASM's own ratio holds."""
    known: Mapping[Value, float] = {"EXTERN": 1.0, "NORMAL": 2.0, "HIGH": 3.0}
    if redundancy in known:
        return known[redundancy]
    return spare / usable if usable > 0 else 2.0


# --- disks ---------------------------------------------------------------------------------------------------------

SEVERAL = 2


def judge_offline(seen: Seen) -> Verdict:
    """Two at once in a group that keeps two copies may already have cost data."""
    groups = seen.of(ASM_GROUPS)
    if not groups:
        return unknown(NO_GROUP)
    disks: dict[Value, list[Row]] = defaultdict(list)
    for disk in seen.of(ASM_DISKS):
        disks[disk["group_number"]].append(disk)
    items = [_offline(row, disks[row["group_number"]], seen) for row in groups if text(row["state"]) not in _AWAY]
    total = sum(item.value or 0.0 for item in items)
    verdict = of_items(items, good=f"{len(seen.of(ASM_DISKS))} disks online")
    critical = {item.name for item in items if item.status == "critical" and (item.value or 0.0) >= SEVERAL}
    double = any(f"+{text(row['name'])}:" in critical and row["type"] == "NORMAL" for row in groups)
    return replace(verdict, value=total, cap=GATE_CAP if double else None)


def _offline(group: Row, disks: Rows, seen: Seen) -> Item:
    name, count = f"+{text(group['name'])}:", number(group["offline_disks"])
    if count is None:
        return Item(name, "unknown", detail="OFFLINE_DISKS is NULL")
    off = [disk for disk in disks if disk["mode_status"] == "OFFLINE" or disk["state"] == "FORCING"]
    count = max(count, float(len(off)))
    of = f"of {len(disks)} disks offline" if disks else "disks offline"
    detail = f"{count:.0f} {of}{_repair(off)}" if count else "all disks online"
    return Item(name, seen.levels.status(count), count, detail)


def _repair(off: Rows) -> str:
    """When ASM will drop the first of them for good; a disk that is being forced out is gone already."""
    forced = [disk for disk in off if disk["state"] == "FORCING"]
    timers = [timer for disk in off if (timer := number(disk["repair_timer"])) is not None and timer > 0]
    parts = [f", {_hours(min(timers))} to the drop"] if timers else []
    parts += [f", {len(forced)} being dropped (FORCING)"] if forced else []
    return "".join(parts)


def _hours(seconds: float) -> str:
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def judge_errors(seen: Seen) -> Verdict:
    """What each disk's counters grew by; they begin anew when its group is mounted, and are those of one instance."""
    if not seen.of(ASM_DISKS):
        return unknown("V$ASM_DISK_STAT gave no disk, though files are in ASM")
    counts = {_disk(row): (number(row["read_errs"]), number(row["write_errs"])) for row in seen.of(ASM_DISKS)}
    unsaid = [name for name, (read, written) in counts.items() if read is None or written is None]
    known = {name: (read or 0.0, written or 0.0) for name, (read, written) in counts.items() if name not in unsaid}
    note = {"instance": float(seen.facts.instance_number)}
    for name, (read, written) in known.items():
        note |= {f"{name} read": read, f"{name} write": written}
    if unsaid:
        return noted(unknown(f"READ_ERRS or WRITE_ERRS is NULL for {', '.join(unsaid[:3])}"), note)
    before = last(seen)
    if before is None or before.values.get("instance") != note["instance"]:
        return noted(skipped("first run: a difference needs two"), note)
    items = [_errors(name, note, before.values, seen) for name in known]
    new = sum(item.value or 0.0 for item in items)
    verdict = of_items([item for item in items if item.value], good="no new error")
    return noted(replace(verdict, value=new), note)


def _disk(row: Row) -> str:
    return text(row["name"]) or f"{text(row['group_number'])}.{text(row['disk_number'])}"


def _errors(name: str, now: Mapping[str, float], before: Mapping[str, float], seen: Seen) -> Item:
    grown = {kind: now[f"{name} {kind}"] - before.get(f"{name} {kind}", now[f"{name} {kind}"]) for kind in _KINDS}
    new = {kind: count for kind, count in grown.items() if count > 0}
    total = sum(new.values())
    detail = ", ".join(f"{count:.0f} new {kind} error{'s' if count > 1 else ''}" for kind, count in new.items())
    return Item(f"disk {name}:", seen.levels.status(total), total, detail)


_KINDS = ("read", "write")

# --- groups --------------------------------------------------------------------------------------------------------

FORGOTTEN_AFTER_S = 7 * 86_400.0
_THERE = ("CONNECTED", "MOUNTED", "QUIESCING")


def judge_state(seen: Seen) -> Verdict:
    """Expected is what was mounted here within seven days: a group that is gone for longer was dropped on purpose."""
    states = {text(row["name"]): text(row["state"]) for row in seen.of(ASM_GROUPS) if row["name"] is not None}
    if not states:
        return unknown(NO_GROUP)
    if "" in states.values():
        return unknown("V$ASM_DISKGROUP_STAT.STATE is NULL")
    now, before = seen.now.timestamp(), last(seen)
    there = {name: now for name, state in states.items() if state in _THERE}
    learned = {name: at for name, at in (before.values if before else {}).items() if now - at <= FORGOTTEN_AFTER_S}
    lost = sorted(set(learned) - set(there))
    status = seen.levels.status(len(lost))
    items = [Item(name, status, 1.0, states.get(name, "is not shown any more")) for name in lost]
    good = f"{len(there)} disk group{'s' if len(there) != 1 else ''} mounted"
    return noted(replace(of_items(items, good=good), value=float(len(items))), {**learned, **there})


# --- rebalance -----------------------------------------------------------------------------------------------------

STUCK_S = 60 * 60.0 - 60


def judge_rebalance(seen: Seen) -> Verdict:
    """No progress is work done (SOFAR) that stays the same; what waits or is paused (POWER 0) makes none by intention.

    Most database instances are shown nothing of ASM's own operations: no row proves nothing.
    """
    rows = seen.of(ASM_OPERATIONS)
    if not rows:
        return noted(skipped("no rebalance is shown"), {})
    running = {_key(row): number(row["sofar"]) for row in rows if row["state"] == "RUN" and row["power"] != 0}
    standing = {f"{key} at {sofar:.0f}" for key, sofar in running.items() if sofar is not None}
    items = [_operation(row, seen) for row in rows]
    verdict = of_items(worst_first(items), good=f"{items[0].name} {items[0].detail}")
    return noted(verdict, marks(seen, standing))


def _key(row: Row) -> str:
    return f"{text(row['operation'])} {text(row['pass'])} group {text(row['group_number'])}".replace("  ", " ")


def _operation(row: Row, seen: Seen) -> Item:
    name, state, sofar, work = f"{_key(row)}:", text(row["state"]), number(row["sofar"]), number(row["est_work"])
    done = f", {100 * sofar / work:.0f} %" if work and sofar is not None else ""
    if not state:
        return Item(name, "unknown", detail="STATE is NULL")
    if state == "ERRS":
        return Item(name, "critical", 1.0, f"ERRS{done} {text(row['error_code'])}".rstrip())
    if state != "RUN" or row["power"] == 0:
        return Item(name, "ok", 0.0, f"{'paused' if state == 'RUN' else state}{done}")
    if sofar is None:
        return Item(name, "unknown", detail="SOFAR is NULL")
    since = held_s(seen, f"{_key(row)} at {sofar:.0f}")
    stuck: Status = "warning" if since >= STUCK_S else "ok"
    progress = f", no progress for {since / 60:.0f} min" if stuck != "ok" else ""
    return Item(name, stuck, 1.0 if stuck != "ok" else 0.0, f"RUN{done}{progress}")


# --- failure groups ------------------------------------------------------------------------------------------------

_FEWEST: Mapping[Value, int] = {"NORMAL": 2, "HIGH": 3}
_WHOLE = ("NORMAL", "UNKNOWN")


def judge_failure_groups(seen: Seen) -> Verdict:
    """Copies lie in different failure groups: too few of them and there are none, uneven ones and room is lost."""
    if not seen.of(ASM_GROUPS):
        return unknown(NO_GROUP)
    mirrored = [row for row in seen.of(ASM_GROUPS) if row["type"] not in (None, "EXTERN")]
    unsaid = [row for row in seen.of(ASM_GROUPS) if row["type"] is None and text(row["state"]) not in _AWAY]
    if unsaid:
        return unknown(f"V$ASM_DISKGROUP_STAT.TYPE is NULL for {text(unsaid[0]['name'])}")
    if not mirrored:
        return skipped("no disk group is mirrored by ASM")
    items = [_evenness(row, seen) for row in mirrored]
    return of_items(items, good=", ".join(f"{item.name} {item.detail}" for item in items[:3]))


def _evenness(group: Row, seen: Seen) -> Item:
    name = f"+{text(group['name'])}:"
    disks = [row for row in seen.of(ASM_DISKS) if row["group_number"] == group["group_number"]]
    disks = [row for row in disks if row["failgroup_type"] != "QUORUM"]
    sizes: dict[str, float] = defaultdict(float)
    for row in disks:
        sizes[text(row["failgroup"])] += number(row["total_mb"]) or 0.0
    if not disks or not all(sizes.values()):
        return Item(name, "unknown", detail="its disks or their sizes are not shown")
    if len(sizes) < _FEWEST.get(group["type"], 1):
        detail = f"{len(sizes)} failure group{'s' if len(sizes) > 1 else ''} with {text(group['type'])} redundancy"
        return Item(name, "critical", 100.0, detail)
    if any(row["mode_status"] == "OFFLINE" or row["state"] not in _WHOLE for row in disks):
        return Item(name, "ok", 0.0, "disks are being changed: not compared")
    spread = 100 * (max(sizes.values()) - min(sizes.values())) / max(sizes.values())
    return Item(name, seen.levels.status(spread), round(spread, 1), f"spread {spread:.0f} %")
