"""Redo logs as files: their size, number, copies and state."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.oracle.catalogue import Disk, Query, Row, Rows, Seen, Verdict
from agent.oracle.checks._space import disk_under
from agent.oracle.judging import held_s, last, marks, named, noted, number, of_items, ok, text, unknown, worst_first
from agent.oracle.queries import ASM_GROUPS, LOG_MEMBERS, LOGS, STANDBY_LOGS, THREADS
from common.wire import Item, Status

MB = 1 << 20
ALMOST_A_DAY_S = 23 * 3600.0  # a daily check does not come on the second

# Hours with one switch matter to nobody, so that an idle database gives no rows. Buckets are of the database's clock.
SWITCHES = Query(
    name="log_switches",
    sql="""
SELECT thread# AS thread, TO_CHAR(first_time, 'YYYY-MM-DD HH24') AS hour, COUNT(*) AS switches,
       MIN((SYSDATE - first_time) * 24) AS hours_ago
FROM v$log_history
WHERE first_time > SYSDATE - 7
GROUP BY thread#, TO_CHAR(first_time, 'YYYY-MM-DD HH24')
HAVING COUNT(*) > 1
ORDER BY COUNT(*) DESC
FETCH FIRST 500 ROWS ONLY
""",
)

OPTIMAL_SIZE = Query(name="optimal_log_size", sql="SELECT optimal_logfile_size FROM v$instance_recovery")

# --- size ----------------------------------------------------------------------------------------------------------


def judge_size(seen: Seen) -> Verdict:
    """The smallest online group; small logs do no harm where nothing switches them."""
    sizes = [(row, number(row["bytes"])) for row in seen.of(LOGS)]
    known = [(row, bytes_ / MB) for row, bytes_ in sizes if bytes_ is not None]
    if not known or len(known) < len(sizes):
        return unknown("V$LOG gave no group, or one without a size")
    smallest = min(mb for _, mb in known)
    items = [_group(row, mb, seen.levels.status(mb)) for row, mb in known]
    status = seen.levels.status(smallest)
    line = f"{smallest:.0f}MB" if status == "ok" else f"{smallest:.0f}MB{_advice(seen)}"
    excuse = _harmless(seen) if status != "ok" else ""
    if excuse:
        status, line = "info", f"{line}, {excuse}"
        items = [Item(name=item.name, status="info", value=item.value) for item in items if item.status != "ok"]
    return Verdict(status=status, line=line, value=smallest, items=worst_first(items, below=True))


def _group(row: Row, mb: float, status: Status) -> Item:
    return Item(
        name=f"thread {text(row['thread'])} group {text(row['grp'])}", status=status, value=mb, detail=f"{mb:.0f}MB"
    )


def _advice(seen: Seen) -> str:
    """Oracle's own advice where fast_start_mttr_target lets it give one, else the level."""
    rows = seen.of(OPTIMAL_SIZE)
    optimal = number(rows[0]["optimal_logfile_size"]) if rows else None
    wanted = max(optimal or 0.0, seen.levels.warning or 0.0)
    return f" (recommended: >= {wanted:.0f}MB)" if wanted else ""


def _harmless(seen: Seen) -> str:
    if seen.facts.edition in ("Express", "Free"):
        return f"{seen.facts.edition} edition"
    return "" if seen.of(SWITCHES) else "idle: fewer than 2 switches in every hour of 7 days"


# --- groups per thread ---------------------------------------------------------------------------------------------


def judge_groups(seen: Seen) -> Verdict:
    threads = [row for row in seen.of(THREADS) if row["enabled"] != "DISABLED"]
    if not threads or not seen.of(LOGS):
        return unknown("V$THREAD or V$LOG gave no row")
    items = [_thread_groups(seen, row["thread"]) for row in threads]
    fewest = min(item.value or 0.0 for item in items)
    return of_items(items, good=f"{fewest:.0f} groups per thread", below=True)


def _thread_groups(seen: Seen, thread: object) -> Item:
    count = sum(1 for row in seen.of(LOGS) if row["thread"] == thread)
    wanted = f" (recommended >= {seen.levels.warning:g})" if seen.levels.warning is not None else ""
    status = seen.levels.status(count)
    return Item(name=f"thread {thread}:", status=status, value=float(count), detail=f"{count} groups{wanted}")


# --- copies --------------------------------------------------------------------------------------------------------


def judge_multiplex(seen: Seen) -> Verdict:
    """Copies in distinct places: a disk group, or a mount point. A mirrored disk group keeps copies of its own."""
    members = [row for row in seen.of(LOG_MEMBERS) if row["type"] == "ONLINE"]
    if not members:
        return unknown("V$LOGFILE gave no online member")
    places: dict[object, set[str]] = {}
    for row in members:
        places.setdefault(row["grp"], set()).add(place(text(row["member"]), seen.disks))
    mirrored = {f"+{text(row['name'])}" for row in seen.of(ASM_GROUPS) if row["type"] not in (None, "EXTERN")}
    items = [_copies(seen, group, found, mirrored) for group, found in places.items()]
    return _multiplex_verdict(worst_first(items, below=True), members)


def _copies(seen: Seen, group: object, places: set[str], mirrored: set[str]) -> Item:
    status = seen.levels.status(len(places))
    if status != "ok" and places <= mirrored:
        status = "info"
    return Item(name=f"group {group}", status=status, value=float(len(places)), detail=" ".join(sorted(places)))


def _multiplex_verdict(items: Sequence[Item], members: Rows) -> Verdict:
    worst = items[0]
    count = worst.value or 0.0
    line = f"{count:.0f} member{'s' if count > 1 else ''} per group"
    if worst.status == "info":
        line += f", in the mirrored disk group {worst.detail}"
    elif worst.status != "ok" and len(members) > len(items):
        line = f"members share one place: {named([item for item in items if item.status == worst.status])}"
    return Verdict(status=worst.status, line=line, value=worst.value, items=tuple(items))


def place(path: str, disks: Sequence[Disk]) -> str:
    """What a file would be lost with: its disk group, its mount point, its drive.

    Where the agent does not know the mounts, the first folder stands for one.
    """
    if path.startswith("+"):
        return path.split("/", 1)[0].upper()
    if disk := disk_under(path, disks):
        return disk.mount
    if re.match(r"[A-Za-z]:", path):
        return path[:2].upper()
    return "/" + path.lstrip("/").split("/", 1)[0]


# --- members -------------------------------------------------------------------------------------------------------

_FINE, _DAMAGED = 0.0, -1.0


@dataclass(frozen=True, slots=True)
class _Member:
    """One member with what was noted of it: fine, damaged, or the sequence at which it was first seen INVALID."""

    row: Row
    group_status: str
    sequence: float
    noted: float | None
    first_run: bool

    @property
    def mark(self) -> float:
        """A new member is INVALID until its group has been used once; one that was fine before is damaged."""
        if self.row["status"] != "INVALID":
            return _FINE
        if self.noted is None:
            return _DAMAGED if self.first_run else max(self.sequence, 1.0)
        fresh = self.noted > 0 and self.sequence <= self.noted
        return self.noted if fresh else _DAMAGED

    def item(self) -> Item:
        status = text(self.row["status"])
        return Item(
            name=f"group {text(self.row['grp'])}: {text(self.row['member'])}",
            status=self._severity(status),
            value=1.0 if status else 0.0,
            detail=f"{status} (new, not used yet)" if self.mark > 0 else status,
        )

    def _severity(self, status: str) -> Status:
        if status in ("STALE", "DELETED"):
            return "warning"
        if status != "INVALID":
            return "ok"
        if self.mark > 0:
            return "info"
        return "critical" if self.group_status in ("CURRENT", "ACTIVE") else "warning"


def judge_members(seen: Seen) -> Verdict:
    rows = seen.of(LOG_MEMBERS)
    if not rows:
        return unknown("V$LOGFILE gave no row")
    groups = {row["grp"]: row for row in seen.of(LOGS)}
    before = last(seen)
    members = [_member(row, groups.get(row["grp"]), before.values if before else None) for row in rows]
    bad = [item for item in (member.item() for member in members) if item.status != "ok"]
    verdict = of_items(bad, good=f"{len(rows)} members in use")
    value = float(sum(1 for item in bad if item.status != "info"))
    verdict = Verdict(status=verdict.status, line=verdict.line, value=value, items=verdict.items)
    return noted(verdict, {text(member.row["member"]): member.mark for member in members})


def _member(row: Row, group: Row | None, before: Mapping[str, float] | None) -> _Member:
    sequence = number(group["seq"]) if group else None
    return _Member(
        row=row,
        group_status=text(group["status"]) if group else "",
        sequence=sequence or 0.0,
        noted=None if before is None else before.get(text(row["member"])),
        first_run=before is None,
    )


# --- equal sizes ---------------------------------------------------------------------------------------------------


def judge_unequal(seen: Seen) -> Verdict:
    """Online and standby groups alike; a resize in progress shows two sizes for a while."""
    if not seen.of(LOGS):
        return unknown("V$LOG gave no row")
    sizes = sorted(_sizes([*seen.of(LOGS), *seen.of(STANDBY_LOGS)]))
    if len(sizes) <= 1:
        return noted(ok(f"all {sizes[0]:.0f}MB" if sizes else "no size", float(len(sizes))), {})
    line = "sizes " + " and ".join(f"{mb:.0f}MB" for mb in sizes)
    status = seen.levels.status(len(sizes))
    if status != "ok" and held_s(seen, "unequal") < ALMOST_A_DAY_S:
        status, line = "info", f"{line} (counts when it lasts for 24 h)"
    return noted(Verdict(status=status, line=line, value=float(len(sizes))), marks(seen, ["unequal"]))


def _sizes(rows: Iterable[Row]) -> set[float]:
    return {bytes_ / MB for row in rows if (bytes_ := number(row["bytes"])) is not None}
