"""The recovery area: space, flashback, guaranteed restore points, and the disks that archived logs go to."""

import re

from agent.oracle.catalogue import Check, Levels, Query, Row, Seen, States, Verdict
from agent.oracle.checks._archiving import is_file_system
from agent.oracle.checks._space import disk_under
from agent.oracle.judging import (
    age,
    by_level,
    held_s,
    label,
    marks,
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
from agent.oracle.needs import needs_archivelog, not_in_pdb
from agent.oracle.queries import ARCHIVE_DEST, DATABASE, RECOVERY_AREA
from common.wire import Item

DAY_S = 86_400.0

AREA_USAGE = Query(
    name="recovery_area_usage",
    sql="""
SELECT file_type, percent_space_used, percent_space_reclaimable, number_of_files
FROM v$recovery_area_usage
WHERE number_of_files > 0
ORDER BY percent_space_used DESC
""",
)

FLASHBACK = Query(
    name="flashback_log",
    sql="""
SELECT (SYSDATE - oldest_flashback_time) * 86400 AS window_s, retention_target * 60 AS target_s, flashback_size,
       estimated_flashback_size
FROM v$flashback_database_log
""",
)

RESTORE_POINTS = Query(
    name="restore_points",
    sql="""
SELECT con_id, name, (SYSDATE - CAST(time AS DATE)) * 86400 AS age_s, storage_size
FROM v$restore_point
WHERE guarantee_flashback_database = 'YES'
ORDER BY time
FETCH FIRST 100 ROWS ONLY
""",
)

ARCHIVED_A_DAY = Query(
    name="archived_a_day",
    sql="""
SELECT dest_id, SUM(blocks * block_size) AS bytes
FROM v$archived_log
WHERE completion_time > SYSDATE - 1
GROUP BY dest_id
ORDER BY dest_id
""",
)

# --- space ---------------------------------------------------------------------------------------------------------


def judge_used(seen: Seen) -> Verdict:
    """What Oracle may delete by itself counts as free; a disk that is smaller than the limit does not."""
    rows = seen.of(RECOVERY_AREA)
    if not rows or rows[0]["name"] is None or not number(rows[0]["space_limit"]):
        return skipped("no recovery area is configured")
    area = rows[0]
    limit, used, reclaimable = (number(area[f"space_{part}"]) for part in ("limit", "used", "reclaimable"))
    if limit is None or used is None or reclaimable is None:
        return unknown("V$RECOVERY_FILE_DEST has a size that is NULL")
    net = used - reclaimable
    free = limit - net
    line = f"({size(used)} of {size(limit)}, {size(reclaimable)} reclaimable)"
    disk = disk_under(text(area["name"]), seen.disks)
    if disk and disk.free + reclaimable < free:
        free = disk.free + reclaimable
        line = f"{line[:-1]}, only {size(disk.free)} free on {disk.mount})"
    percent = 100 * net / (net + free) if net + free > 0 else 100.0
    items = tuple(_file_type(row) for row in seen.of(AREA_USAGE))
    return by_level(percent, seen.levels, f"{percent:.0f} % {line}", items)


def _file_type(row: Row) -> Item:
    used, reclaimable = number(row["percent_space_used"]), number(row["percent_space_reclaimable"])
    detail = f"{text(row['number_of_files'])} files, {reclaimable or 0:.1f} % reclaimable"
    return Item(name=text(row["file_type"]), status="info", value=used, detail=detail)


def judge_configured(seen: Seen) -> Verdict:
    area = next((text(row["name"]) for row in seen.of(RECOVERY_AREA)), "")
    if area:
        return ok(f"set ({area})")
    chosen = [text(row["destination"]) for row in seen.of(ARCHIVE_DEST) if row["target"] in ("PRIMARY", "LOCAL")]
    explicit = [place for place in chosen if place and not _by_default(place)]
    if explicit:
        return skipped(f"logs are archived to {explicit[0]} by choice")
    where = f": logs are archived to {chosen[0]}" if chosen and chosen[0] else ""
    return Verdict(status="warning", line=f"not set{where}")


def _by_default(destination: str) -> bool:
    """Without any setting Oracle archives into its own home."""
    return bool(re.search(r"^USE_DB_RECOVERY_FILE_DEST$|^\?|[/\\]dbs[/\\]arch$|[/\\]RDBMS$", destination))


# --- flashback -----------------------------------------------------------------------------------------------------


def judge_window(seen: Seen) -> Verdict:
    rows = seen.of(DATABASE)
    state = text(rows[0]["flashback_on"]) if rows else ""
    if state != "YES":
        reasons = {"NO": "flashback is off", "RESTORE POINT ONLY": "flashback reaches back to restore points only"}
        return noted(skipped(reasons[state]) if state in reasons else unknown("V$DATABASE.FLASHBACK_ON is NULL"), {})
    log = next(iter(seen.of(FLASHBACK)), None)
    window, target = (number(log["window_s"]), number(log["target_s"])) if log else (None, None)
    if window is None or not target:
        return noted(unknown("the oldest flashback time or the target is NULL"), marks(seen, ["on"]))
    line = f"{_hours(window)} of {_hours(target)}"
    verdict = by_level(100 * window / target, seen.levels, line)
    if verdict.status != "ok" and window < DAY_S and held_s(seen, "on") < DAY_S:
        verdict = skipped(f"{line}: the window grows for a day after flashback is switched on")
    return noted(verdict, marks(seen, ["on"]))


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h"


def judge_restore_points(seen: Seen) -> Verdict:
    rows = seen.of(RESTORE_POINTS)
    items = worst_first(_restore_point(seen, row) for row in rows)
    return of_items(items, good=f"{len(rows)} guaranteed restore points, all recent" if rows else "none")


def _restore_point(seen: Seen, row: Row) -> Item:
    name, held = label(seen.facts, row["con_id"], row["name"]), number(row["age_s"])
    stored = size(number(row["storage_size"]) or 0)
    if held is None:
        return Item(name=name, status="unknown", detail=f"of unknown age, {stored}")
    days = held / DAY_S
    return Item(name=name, status=seen.levels.status(days), value=days, detail=f"{age(held)}, {stored}")


# --- the disks of archive destinations -----------------------------------------------------------------------------


def judge_destination_space(seen: Seen) -> Verdict:
    """How often the logs of one day still fit, for destinations that are paths of a host that the agent sees."""
    paths = [row for row in seen.of(ARCHIVE_DEST) if is_file_system(seen.facts, text(row["destination"]))]
    if not paths:
        return skipped("no archive destination is a file system")
    if not seen.disks:
        return skipped("the file systems of the database's host are not known here")
    written = {row["dest_id"]: number(row["bytes"]) for row in seen.of(ARCHIVED_A_DAY)}
    items = [_destination(seen, row, written.get(row["dest_id"])) for row in paths]
    worst = worst_first(items, below=True)
    first = worst[0]
    line = first.detail if len(items) == 1 else f"{first.name}: {first.detail}"
    return Verdict(status=first.status, line=line, value=first.value, items=worst)


def _destination(seen: Seen, row: Row, a_day: float | None) -> Item:
    path = text(row["destination"])
    disk = disk_under(path, seen.disks)
    if disk is None:
        return Item(name=path, status="unknown", detail=f"no file system is known for {path}")
    if not a_day:
        return Item(name=path, status="ok", detail=f"no logs archived in 24 h, {size(disk.free)} free")
    ratio = disk.free / a_day
    return Item(name=path, status=seen.levels.status(ratio), value=ratio, detail=f"{_left(ratio)} at the current rate")


def _left(ratio: float) -> str:
    hours = ratio * 24
    return f"{hours:.0f} h left" if hours < 48 else f"{hours / 24:.0f} d left"  # noqa: PLR2004 - reads better in days


# --- the checks ----------------------------------------------------------------------------------------------------

CHECKS: tuple[Check, ...] = (
    Check(
        id="FRA_USED_PCT",
        category="recovery_area",
        title="Recovery area is nearly full",
        unit="%",
        levels=Levels(85, 97),
        judge=judge_used,
        remediation=(
            "Raise db_recovery_file_dest_size, back up and delete archived logs, or drop old guaranteed restore points."
        ),
        source="OEM server alert: free below 15 % / 3 %; CMK 70/90; COH 90/98",
        interval_s=300,
        queries=(RECOVERY_AREA, AREA_USAGE),
        scope="root",
        needs=(not_in_pdb,),
        gated=True,
    ),
    Check(
        id="FRA_NOT_CONFIGURED",
        category="recovery_area",
        title="No recovery area",
        unit="state",
        levels=States(
            warning="not set while archiving is on and no other disk archive destination",
            critical="-",
        ),
        judge=judge_configured,
        remediation="Set db_recovery_file_dest_size, then db_recovery_file_dest.",
        source="OWN",
        interval_s=86_400,
        queries=(RECOVERY_AREA, ARCHIVE_DEST),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb, needs_archivelog),
    ),
    Check(
        id="FLASHBACK_WINDOW",
        category="recovery_area",
        title="Flashback window below the target",
        unit="%",
        levels=Levels(80, 50, below=True),
        judge=judge_window,
        remediation="Enlarge the recovery area or lower the target.",
        source="OWN",
        interval_s=3600,
        queries=(DATABASE, FLASHBACK),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="RESTORE_POINT_GUARANTEED_AGE",
        category="recovery_area",
        title="Old guaranteed restore point",
        unit="d",
        levels=Levels(3, 14),
        judge=judge_restore_points,
        remediation="Drop it when the upgrade is accepted: it blocks FRA reclaim until the area is full.",
        source="OWN",
        interval_s=21_600,
        queries=(RESTORE_POINTS,),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="ARCHIVE_DEST_SPACE",
        category="recovery_area",
        title="Archive destination disk is filling up",
        unit="ratio",
        levels=Levels(2, 1, below=True),
        judge=judge_destination_space,
        remediation=("Free space or move the destination; archive growth is V$ARCHIVED_LOG BLOCKS x BLOCK_SIZE."),
        source="OWN",
        interval_s=900,
        queries=(ARCHIVE_DEST, ARCHIVED_A_DAY),
        scope="host",
        needs=(not_in_pdb,),
    ),
)
