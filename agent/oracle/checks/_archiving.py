"""What becomes of redo: log mode, archiver, destinations, force logging."""

import re
from collections.abc import Mapping

from agent.oracle.catalogue import Facts, Row, Seen, Tier, Verdict
from agent.oracle.judging import age, held_s, marks, noted, of_items, ok, skipped, text, unknown
from agent.oracle.queries import ARCHIVE_DEST, DATABASE, INSTANCE
from common.wire import Item, Status

_BY_TIER: Mapping[Tier, Status] = {"prod": "critical", "test": "warning", "dev": "info"}


def judge_log_mode(seen: Seen) -> Verdict:
    rows = seen.of(DATABASE)
    mode = text(rows[0]["log_mode"]) if rows else ""
    if mode == "NOARCHIVELOG":
        return Verdict(status=_BY_TIER[seen.facts.tier], line="NOARCHIVELOG")
    if mode == "MANUAL":
        return Verdict(status="critical", line="MANUAL: logs must be archived, and nobody does it")
    return ok(mode) if mode == "ARCHIVELOG" else unknown(f"V$DATABASE.LOG_MODE is {mode or 'NULL'}")


def judge_archiver(seen: Seen) -> Verdict:
    rows = seen.of(INSTANCE)
    archiver = text(rows[0]["archiver"]) if rows else ""
    if not archiver:
        return unknown("V$INSTANCE.ARCHIVER is NULL")
    if seen.facts.log_mode != "ARCHIVELOG":
        return skipped(f"the database runs in {seen.facts.log_mode} mode")
    if archiver == "STOPPED" and (seen.facts.open_mode.startswith("READ ONLY") or seen.facts.mounted):
        return ok(f"STOPPED ({seen.facts.open_mode}: nothing to archive)")
    if archiver == "FAILED":
        return Verdict(status="critical", line="FAILED (ORA-00257 class)")
    return Verdict(status="critical", line=archiver) if archiver == "STOPPED" else ok(archiver)


# --- destinations --------------------------------------------------------------------------------------------------

_BROKEN = ("ERROR", "BAD PARAM", "DISK FULL", "FULL", "DISABLED")
_HEALTHY = ("VALID", "INACTIVE", "ALTERNATE")
DEFERRED_TOO_LONG_S = 86_400.0


def judge_destinations(seen: Seen) -> Verdict:
    """VALID_NOW is not looked at: WRONG VALID_TYPE is normal for a destination of the other role."""
    rows = seen.of(ARCHIVE_DEST)
    if not rows:
        return noted(unknown("V$ARCHIVE_DEST has no destination in use"), {})
    deferred = [_name(row) for row in rows if row["status"] == "DEFERRED"]
    items = [_destination(seen, row) for row in rows if row["status"] not in _HEALTHY]
    verdict = of_items(items, good=f"{len(rows)} destination{'s' if len(rows) > 1 else ''} valid")
    value = float(sum(1 for item in items if item.status in ("warning", "critical")))
    verdict = Verdict(status=verdict.status, line=verdict.line, value=value, items=verdict.items)
    return noted(verdict, marks(seen, deferred))


def _destination(seen: Seen, row: Row) -> Item:
    status, name = text(row["status"]), _name(row)
    if status == "DEFERRED":
        since = held_s(seen, name)
        too_long = since >= DEFERRED_TOO_LONG_S
        detail = f"DEFERRED for {age(since)}" if since else "DEFERRED"
        return Item(name=name, status="warning" if too_long else "info", value=since, detail=detail)
    severity: Status = "critical" if status in _BROKEN else "warning"
    return Item(name=name, status=severity, value=1.0, detail=f"{status or 'no status'} {_code(row)}".strip())


def _name(row: Row) -> str:
    return f"dest {text(row['dest_id'])}"


def _code(row: Row) -> str:
    """`ORA-12541` of `ORA-12541: TNS:no listener`."""
    error = text(row["error"])
    found = re.match(r"(ORA-\d+)", error)
    return found[1] if found else error[:60]


# --- force logging -------------------------------------------------------------------------------------------------

# 18c: nologging writes reach the standby all the same, over the network of their own.
_FORCED = ("YES", "STANDBY NOLOGGING FOR LOAD PERFORMANCE", "STANDBY NOLOGGING FOR DATA AVAILABILITY")


def judge_force_logging(seen: Seen) -> Verdict:
    standbys = [row for row in seen.of(ARCHIVE_DEST) if row["target"] in ("STANDBY", "REMOTE")]
    rows = seen.of(DATABASE)
    forced = text(rows[0]["force_logging"]) if rows else ""
    if not standbys:
        return skipped("no standby destination is active: NOLOGGING is a choice")
    if not forced:
        return unknown("V$DATABASE.FORCE_LOGGING is NULL")
    if forced in _FORCED:
        return ok(forced)
    return Verdict(status="warning", line=f"{forced} (standby present)")


def is_file_system(facts: Facts, destination: str) -> bool:
    """Whether an archive destination is a path, as opposed to the recovery area, ASM or a service."""
    if "windows" in facts.platform.lower():
        return bool(re.match(r"[A-Za-z]:", destination))
    return destination.startswith("/")
