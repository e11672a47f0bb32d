"""How well a configuration of primary and standbys protects: destinations, mode, observer, standby logs, switchover."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.judging import number, of_items, ok, shared, size, skipped, text, unknown, worst_first
from agent.oracle.queries import ARCHIVE_DEST, DATABASE, LOGS, STANDBY_LOGS
from common.wire import Item, Status

# Those of the other role (TYPE UNKNOWN) say nothing of a standby; the local ones, which log was archived last.
STANDBY_DEST = Query(
    name="standby_destinations",
    sql="""
SELECT dest_id, status, type, database_mode, recovery_mode, protection_mode, synchronization_status AS sync_status,
       gap_status, error, archived_thread# AS thread, archived_seq# AS seq
FROM v$archive_dest_status
WHERE status NOT IN ('INACTIVE', 'DEFERRED') AND type IN ('LOCAL', 'PHYSICAL', 'LOGICAL', 'SNAPSHOT', 'FAR SYNC')
ORDER BY dest_id
""",
)

SYNCHRONOUS = ("MAXIMUM AVAILABILITY", "MAXIMUM PROTECTION")
_IN_STEP = (*SYNCHRONOUS, "RESYNCHRONIZATION")

# --- destinations --------------------------------------------------------------------------------------------------


def judge_destinations(seen: Seen) -> Verdict:
    rows = [row for row in seen.of(STANDBY_DEST) if row["type"] != "LOCAL"]
    local = [row for row in seen.of(STANDBY_DEST) if row["type"] == "LOCAL"]
    if not rows:
        return skipped("no standby destination is in use here")
    mode = next((text(row["protection_mode"]) for row in seen.of(DATABASE)), "")
    faults = [(row, _fault(row)) for row in rows]
    count = sum(1 for _, fault in faults if fault)
    status = _of_count(seen, count, synchronous=mode in SYNCHRONOUS)
    items = [
        Item(f"dest {text(row['dest_id'])}", status, 1.0, fault + _behind(row, local)) for row, fault in faults if fault
    ]
    items += [
        Item(f"dest {text(row['dest_id'])}", "unknown", detail="GAP_STATUS is NULL")
        for row, fault in faults
        if not fault and row["gap_status"] is None
    ]
    verdict = of_items(items, good=f"{len(rows)} standby destination{'s' if len(rows) > 1 else ''} without a gap")
    return Verdict(status=verdict.status, line=verdict.line, value=float(count), items=verdict.items)


def _of_count(seen: Seen, count: int, *, synchronous: bool) -> Status:
    """Without synchronous transport a gap costs time, not data that was promised to be safe."""
    levels = seen.levels if synchronous else replace(seen.levels, critical=None)
    return levels.status(count)


def _fault(row: Row) -> str:
    """CHECK CONFIGURATION is what a destination says to which redo is shipped asynchronously."""
    gap, sync, error = text(row["gap_status"]), text(row["sync_status"]), text(row["error"])
    if error:
        return error.split(":", 1)[0][:60]
    if gap not in ("", "NO GAP"):
        return f"GAP_STATUS {gap}"
    in_step = row["protection_mode"] in _IN_STEP
    return f"SYNCHRONIZATION_STATUS {sync}" if in_step and sync not in ("", "OK") else ""


def _behind(row: Row, local: Sequence[Row]) -> str:
    """How many logs of its thread were archived here since the last one that arrived there."""
    here = [number(one["seq"]) or 0.0 for one in local if one["thread"] == row["thread"]]
    there = number(row["seq"])
    logs = max(here) - there if here and there else 0.0
    return f", {logs:.0f} logs behind" if logs > 1 else ""


# --- protection mode -----------------------------------------------------------------------------------------------


def judge_level(seen: Seen) -> Verdict:
    row = next(iter(seen.of(DATABASE)), None)
    mode, level = (row["protection_mode"], row["protection_level"]) if row else (None, None)
    if mode is None or level is None:
        return unknown("V$DATABASE.PROTECTION_MODE or PROTECTION_LEVEL is NULL")
    if seen.facts.mounted:
        return skipped("the protection level shows when the primary is open")
    if level == mode:
        return ok(text(mode))
    status: Status = "critical" if level == "UNPROTECTED" else "warning"
    return Verdict(status=status, line=f"{text(mode)} runs at {text(level)}")


# --- observer ------------------------------------------------------------------------------------------------------


def judge_observer(seen: Seen) -> Verdict:
    row = next(iter(seen.of(DATABASE)), None)
    state = text(row["fs_failover_status"]) if row else ""
    if row is None or not state:
        return unknown("V$DATABASE.FS_FAILOVER_STATUS is NULL")
    if state in ("DISABLED", "BYSTANDER"):
        return skipped("fast-start failover is off" if state == "DISABLED" else "not the target of fast-start failover")
    present, host = text(row["observer_present"]), shared(seen.facts, "machines", row["observer_host"])
    if not present:
        return unknown("V$DATABASE.FS_FAILOVER_OBSERVER_PRESENT is NULL")
    where = f" on host {host}" if host else ""
    if present != "YES":
        return Verdict(status="critical", line=f"observer lost{where} ({state})")
    return ok(f"observer present{where} ({state})")


# --- standby redo logs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Thread:
    """The logs of one thread: how many online ones, and the size that standby logs must have."""

    number: int
    online: int
    bytes: float


def judge_standby_logs(seen: Seen) -> Verdict:
    """One more than there are online groups, for each thread; logs of thread 0 may serve any of them."""
    threads = _threads(seen)
    if threads is None:
        return unknown("V$LOG gave no group, or one without a size")
    own: dict[int, list[float]] = defaultdict(list)
    for row in seen.of(STANDBY_LOGS):
        bytes_ = number(row["bytes"])
        if bytes_ is None:
            return unknown(f"V$STANDBY_LOG group {text(row['grp'])}: BYTES is NULL")
        own[int(number(row["thread"]) or 0)].append(bytes_)
    spare = len(own[0])
    items = []
    for thread in threads:
        lent = max(0, min(spare, thread.online + 1 - len(own[thread.number])))
        spare -= lent
        items.append(_thread_item(thread, own[thread.number] + own[0][:lent]))
    return of_items(worst_first(items, below=True), good=items[0].detail if len(items) == 1 else _all_well(items))


def _all_well(items: list[Item]) -> str:
    return f"{len(items)} threads with enough standby logs"


def _threads(seen: Seen) -> list[_Thread] | None:
    sizes: dict[int, list[float]] = defaultdict(list)
    for row in seen.of(LOGS):
        bytes_ = number(row["bytes"])
        if bytes_ is None:
            return None
        sizes[int(number(row["thread"]) or 0)].append(bytes_)
    return [_Thread(thread, len(own), max(own)) for thread, own in sorted(sizes.items())] or None


def _thread_item(thread: _Thread, logs: list[float]) -> Item:
    wanted, small = thread.online + 1, [bytes_ for bytes_ in logs if bytes_ < thread.bytes]
    name, need = f"thread {thread.number}:", f"(need {wanted} of {size(thread.bytes)})"
    status: Status = "critical" if not logs or small else "warning" if len(logs) < wanted else "ok"
    sizes = f" of {size(min(logs))}" if logs else ""
    detail = f"{len(logs)} groups{sizes}" + ("" if status == "ok" else f" {need}")
    return Item(name, status, float(len(logs)), detail)


# --- switchover ----------------------------------------------------------------------------------------------------

_GAPS = ("UNRESOLVABLE GAP", "RESOLVABLE GAP", "LOG SWITCH GAP")
_BROKER: Mapping[str, str] = {
    "ENABLED": "Resolve gaps first; the broker manages this configuration: VALIDATE DATABASE in DGMGRL says what is "
    "missing."
}


def judge_switchover(seen: Seen) -> Verdict:
    row = next(iter(seen.of(DATABASE)), None)
    status = text(row["switchover_status"]) if row else ""
    if row is None or not status:
        return unknown("V$DATABASE.SWITCHOVER_STATUS is NULL")
    if seen.facts.primary and seen.facts.open_mode != "READ WRITE":
        return skipped("the primary is not open")
    severity = _readiness(seen, status)
    if severity == "skipped":
        return skipped("no standby destination is in use here")
    tasks = text(row["pending_role_change_tasks"])
    line = status if tasks in ("", "NOT APPLICABLE") else f"{status}, pending: {tasks[:100]}"
    fix = _BROKER.get(text(row["dataguard_broker"])) if severity != "ok" else None
    return Verdict(status=severity, line=line, fix=fix)


def _readiness(seen: Seen, status: str) -> Status:
    """A standby may not switch before its primary does: NOT ALLOWED is normal there."""
    if status in _GAPS:
        return "warning"
    if status == "FAILED DESTINATION":
        return "critical"
    if status != "NOT ALLOWED" or not seen.facts.primary:
        return "ok"
    served = [row for row in seen.of(ARCHIVE_DEST) if row["target"] in ("STANDBY", "REMOTE")]
    return "critical" if any(row["status"] != "DEFERRED" for row in served) else "skipped"
