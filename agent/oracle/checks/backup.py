"""Backups: whether what they hold would bring the database back, and what endangers that."""

import re
from dataclasses import replace
from pathlib import PurePosixPath

from agent.oracle.catalogue import Check, Facts, Levels, Query, Row, Seen, States, Verdict
from agent.oracle.checks import _backup_files, _backup_jobs
from agent.oracle.checks._backup_files import elsewhere, shown
from agent.oracle.checks._space import GB, disk_under, many
from agent.oracle.judging import age, by_level, number, of_items, ok, size, skipped, text, unknown
from agent.oracle.needs import needs_archivelog, not_in_pdb, on_data_owner, on_primary
from agent.oracle.queries import ASM_GROUPS, PARAMETERS
from common.wire import Item, Status

# --- archived logs -------------------------------------------------------------------------------------------------

# A log may have copies in several local destinations, of which RMAN backs up one; DELETED is NO while a copy is there.
ARCHIVED_LOGS = Query(
    name="archived_logs",
    sql="""
SELECT COUNT(CASE WHEN l.backups = 0 AND l.deleted = 'NO' THEN 1 END) AS waiting,
       (SYSDATE - MIN(CASE WHEN l.backups = 0 AND l.deleted = 'NO' THEN l.completed END)) * 24 AS waiting_h,
       (SYSDATE - MAX(CASE WHEN l.backups > 0 THEN l.completed END)) * 24 AS saved_h,
       (SYSDATE - MAX(r.newest)) * 24 AS redolog_h
FROM (SELECT a.thread#, a.sequence#, a.resetlogs_change#, MAX(a.backup_count) AS backups,
             MAX(a.completion_time) AS completed, MIN(a.deleted) AS deleted
      FROM v$archived_log a
      JOIN v$archive_dest d ON d.dest_id = a.dest_id
      WHERE a.standby_dest = 'NO' AND a.archived = 'YES' AND d.target IN ('PRIMARY', 'LOCAL')
      GROUP BY a.thread#, a.sequence#, a.resetlogs_change#) l
CROSS JOIN (SELECT MAX(next_time) AS newest FROM v$backup_redolog) r
""",
)


def judge_archived_logs(seen: Seen) -> Verdict:
    """Hours since the newest saved log, or since the first unsaved one came to be: an idle database has none."""
    rows = seen.of(ARCHIVED_LOGS)
    if not rows:
        return unknown("V$ARCHIVED_LOG returned no count")
    waiting, waiting_h = number(rows[0]["waiting"]), number(rows[0]["waiting_h"])
    if not waiting:
        return ok("no archived log waits for its backup", 0)
    if waiting_h is None:
        return unknown("COMPLETION_TIME of the waiting logs is NULL")
    found = [number(rows[0][column]) for column in ("saved_h", "redolog_h")]
    saved = [hours for hours in found if hours is not None]
    if not saved and (verdict := elsewhere(seen.facts)):
        return verdict
    hours = round(min([waiting_h, *saved]), 1)
    since = "since the last archived-log backup" if saved else "without any archived-log backup"
    return by_level(hours, seen.levels, f"{shown(hours)} {since}, {many(waiting, 'log')} waiting")


# --- control file --------------------------------------------------------------------------------------------------

CONTROLFILE_BACKUPS = Query(
    name="controlfile_backups",
    sql="""
SELECT d.controlfile_type, (SYSDATE - MAX(b.checkpoint_time)) * 24 AS backup_h,
       (SYSDATE - MAX(d.resetlogs_time)) * 24 AS incarnation_h
FROM v$database d
LEFT JOIN v$backup_controlfile_details b ON b.resetlogs_change# = d.resetlogs_change#
GROUP BY d.controlfile_type
""",
)


def judge_controlfile_backup(seen: Seen) -> Verdict:
    rows = seen.of(CONTROLFILE_BACKUPS)
    if not rows:
        return unknown("V$DATABASE returned no row")
    if rows[0]["controlfile_type"] == "STANDBY":
        return skipped("a standby control file is made from the primary")
    hours, incarnation = number(rows[0]["backup_h"]), number(rows[0]["incarnation_h"])
    if hours is not None:
        return by_level(round(hours, 1), seen.levels, shown(hours))
    if verdict := elsewhere(seen.facts):
        return verdict
    if incarnation is None:
        return unknown("RESETLOGS_TIME is NULL")
    return by_level(round(incarnation, 1), seen.levels, f"no backup on record in the {age(incarnation * 3600)} so far")


# --- hot-backup mode -----------------------------------------------------------------------------------------------

BACKUP_MODE = Query(
    name="backup_mode",
    sql="""
SELECT b.file# AS file_no, (SYSDATE - b.time) * 24 AS hours
FROM v$backup b
WHERE b.status = 'ACTIVE' AND b.con_id <> 2
ORDER BY b.time
FETCH FIRST 1000 ROWS ONLY
""",
)
LEFT_AFTER_H = 6


def judge_backup_mode(seen: Seen) -> Verdict:
    """Snapshot backups set the mode for minutes."""
    rows = [(number(row["hours"]), f"file {text(row['file_no'])}") for row in seen.of(BACKUP_MODE)]
    if nameless := [name for hours, name in rows if hours is None]:
        return unknown(f"{nameless[0]} is in backup mode since an unknown time")
    left = [(hours, name) for hours, name in rows if hours is not None and hours > LEFT_AFTER_H]
    status = seen.levels.status(len(left))
    items = [Item(name, status, round(hours, 1), f"for {age(hours * 3600)}") for hours, name in left]
    verdict = replace(of_items(items, good="no file is left in backup mode"), value=float(len(left)))
    longest = max((hours for hours, _ in left), default=0.0)
    return replace(verdict, line=f"{many(len(left), 'file')} for {age(longest * 3600)}") if left else verdict


# --- corruption ----------------------------------------------------------------------------------------------------

CORRUPT_BLOCKS = Query(
    name="corrupt_blocks",
    sql="""
SELECT c.file# AS file_no, c.corruption_type, SUM(c.blocks) AS blocks
FROM v$database_block_corruption c
WHERE c.con_id <> 2
GROUP BY c.file#, c.corruption_type
ORDER BY blocks DESC
""",
)
NONLOGGED_BLOCKS = Query(
    name="nonlogged_blocks",
    sql="""
SELECT n.file# AS file_no, SUM(n.blocks) AS blocks
FROM v$nonlogged_block n
WHERE n.con_id <> 2
GROUP BY n.file#
ORDER BY blocks DESC
""",
)
NOLOGGING = "NOLOGGING"


def judge_corruption(seen: Seen) -> Verdict:
    """Blocks that were loaded without redo are lost after a restore, but not corrupt: a warning."""
    corrupt = [row for row in seen.of(CORRUPT_BLOCKS) if row["corruption_type"] != NOLOGGING]
    unlogged = [row for row in seen.of(CORRUPT_BLOCKS) if row["corruption_type"] == NOLOGGING]
    bad, lost = Levels(None, seen.levels.critical), Levels(seen.levels.warning, None)
    items = [_blocks_item(row, text(row["corruption_type"]) or "unknown type", bad) for row in corrupt]
    items += [_blocks_item(row, "not logged", lost) for row in (*unlogged, *seen.of(NONLOGGED_BLOCKS))]
    verdict = of_items(items, good="no corrupt block is on record")
    blocks = sum(number(row["blocks"]) or 0.0 for row in (corrupt or [*unlogged, *seen.of(NONLOGGED_BLOCKS)]))
    return replace(verdict, value=blocks)


def _blocks_item(row: Row, kind: str, levels: Levels) -> Item:
    blocks = number(row["blocks"])
    name = f"file {text(row['file_no'])}"
    if blocks is None:
        return Item(name, "unknown", detail="BLOCKS is NULL")
    return Item(name, levels.status(blocks), blocks, f"{many(blocks, 'block')} {kind}")


# --- what makes backups slow or forgettable ------------------------------------------------------------------------

CHANGE_TRACKING = Query(
    name="change_tracking",
    sql="""
SELECT t.status, (SELECT SUM(f.bytes) FROM v$datafile f) AS database_bytes,
       (SELECT COUNT(*) FROM v$backup_datafile b WHERE b.incremental_level > 0) AS incrementals
FROM v$block_change_tracking t
""",
)
LARGE_DATABASE = 500 * GB
RMAN_SETTINGS = Query(
    name="rman_settings",
    sql="SELECT name, value FROM v$rman_configuration WHERE name = 'RETENTION POLICY'",
)
_WINDOW = re.compile(r"RECOVERY WINDOW OF (\d+) DAYS")
RESTORE_TESTS = Query(
    name="restore_tests",
    sql="""
SELECT (SYSDATE - MAX(s.end_time)) AS days
FROM v$rman_status s
WHERE s.operation = 'RESTORE VALIDATE' AND s.status IN ('COMPLETED', 'COMPLETED WITH WARNINGS')
""",
)


def not_standard_edition(facts: Facts) -> str | None:
    """Block change tracking came with Enterprise Edition."""
    return f"{facts.edition} Edition does not have it" if facts.edition in ("Standard", "Express") else None


def judge_change_tracking(seen: Seen) -> Verdict:
    rows = seen.of(CHANGE_TRACKING)
    if not rows or rows[0]["status"] is None:
        return unknown("V$BLOCK_CHANGE_TRACKING returned no status")
    held, incrementals = number(rows[0]["database_bytes"]), number(rows[0]["incrementals"])
    if rows[0]["status"] != "DISABLED":
        return ok(text(rows[0]["status"]))
    if held is None:
        return unknown("the sum of V$DATAFILE.BYTES is NULL")
    wanted = held > LARGE_DATABASE and (incrementals or 0) > 0
    why = "" if wanted else ", not needed" if incrementals else ", no incremental backups"
    return Verdict(status="warning" if wanted else "ok", line=f"DISABLED, {size(held)}{why}")


def judge_retention(seen: Seen) -> Verdict:
    """Without a recovery catalogue, which the agent cannot see, the control file is all that RMAN remembers."""
    keep = next((row["value"] for row in seen.of(PARAMETERS) if row["name"] == "control_file_record_keep_time"), None)
    if keep is None:
        return unknown("control_file_record_keep_time is NULL")
    policy = next((text(row["value"]) for row in seen.of(RMAN_SETTINGS)), "TO REDUNDANCY 1")
    window = _WINDOW.search(policy)
    if window is None:
        return skipped(f"the retention policy has no days: {policy}")
    days, kept = int(window[1]), float(text(keep))
    status: Status = "warning" if kept < days else "ok"
    return Verdict(status=status, line=f"keep {kept:.0f} d, window {days} d", value=kept)


def judge_restore_test(seen: Seen) -> Verdict:
    days = number(seen.of(RESTORE_TESTS)[0]["days"]) if seen.of(RESTORE_TESTS) else None
    if days is None:
        return Verdict(status="critical", line="never, as far as the control file remembers")
    return by_level(round(days, 1), seen.levels, f"{days:.0f} d ago")


# --- copies of the control file ------------------------------------------------------------------------------------

CONTROLFILES = Query(name="controlfiles", sql="SELECT name, status FROM v$controlfile ORDER BY name")


def judge_controlfile_copies(seen: Seen) -> Verdict:
    """Copies on one device are lost together. One copy on triple-mirrored ASM is enough."""
    names = [text(row["name"]) for row in seen.of(CONTROLFILES) if row["status"] != "INVALID"]
    if not names:
        return unknown("V$CONTROLFILE returned no valid copy")
    devices = {_device(name, seen) for name in names}
    one_place = f", all on {min(devices)}" if len(names) > 1 and len(devices) == 1 else ""
    line = f"{len(names)} {'copies' if len(names) > 1 else 'copy'}{one_place}"
    if devices <= _triple_mirrored(seen):
        return ok(f"{line} (HIGH redundancy)", len(devices))
    return by_level(len(devices), seen.levels, line)


def _device(path: str, seen: Seen) -> str:
    """The disk group, the file system where it is known, else the folder."""
    if path.startswith("+"):
        return path.split("/", maxsplit=1)[0].upper()
    disk = disk_under(path, seen.disks)
    return disk.mount if disk else str(PurePosixPath(path.replace("\\", "/")).parent)


def _triple_mirrored(seen: Seen) -> set[str]:
    return {f"+{text(row['name'])}" for row in seen.of(ASM_GROUPS) if row["type"] == "HIGH"}


CHECKS = (
    *_backup_files.CHECKS,
    *_backup_jobs.CHECKS,
    Check(
        id="BACKUP_ARCHIVELOG_AGE",
        category="backup",
        title="Archived logs are not backed up in time",
        unit="h",
        levels=Levels(6, 24),
        judge=judge_archived_logs,
        remediation="Run an archived-log backup; the logs are the difference to the last backup.",
        source="OWN; CMK rman3",
        interval_s=3600,
        queries=(ARCHIVED_LOGS,),
        scope="root",
        needs=(not_in_pdb, on_data_owner, needs_archivelog),
    ),
    Check(
        id="BACKUP_CONTROLFILE_AGE",
        category="backup",
        title="No recent control file backup",
        unit="h",
        levels=Levels(26, 72),
        judge=judge_controlfile_backup,
        remediation="Enable CONFIGURE CONTROLFILE AUTOBACKUP ON.",
        source="CMK rman2; OWN",
        interval_s=21_600,
        queries=(CONTROLFILE_BACKUPS,),
        scope="root",
        needs=(not_in_pdb, on_data_owner),
    ),
    Check(
        id="BACKUP_MODE_ACTIVE",
        category="backup",
        title="Files left in hot-backup mode",
        unit="count",
        levels=Levels(1, 10),
        judge=judge_backup_mode,
        remediation="`ALTER DATABASE END BACKUP` once the external backup is known to be dead.",
        source="COH; classic",
        interval_s=1800,
        queries=(BACKUP_MODE,),
        scope="root",
        ceiling="warning",
    ),
    Check(
        id="BLOCK_CORRUPTION",
        category="backup",
        title="Corrupt blocks are recorded",
        unit="count",
        levels=Levels(1, 1),  # warning counts blocks that were not logged, critical the corrupt ones
        judge=judge_corruption,
        remediation="Recover with RMAN `RECOVER ... BLOCK` or `BLOCKRECOVER CORRUPTION LIST`; then validate the whole "
        "file.",
        source="COH 1/10 (tightened: any row needs action); ORAchk",
        interval_s=3600,
        queries=(CORRUPT_BLOCKS, NONLOGGED_BLOCKS),
        scope="root",
        gated=True,
    ),
    Check(
        id="BLOCK_CHANGE_TRACKING",
        category="backup",
        title="Block change tracking is off",
        unit="state",
        levels=States("DISABLED and database > 500 GB with incremental backups", "-"),
        judge=judge_change_tracking,
        remediation="`ALTER DATABASE ENABLE BLOCK CHANGE TRACKING USING FILE ...`.",
        source="OWN; EE feature",
        interval_s=86_400,
        queries=(CHANGE_TRACKING,),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb, on_primary, not_standard_edition),
    ),
    Check(
        id="RMAN_RETENTION_KEEP",
        category="backup",
        title="Control file forgets backups too early",
        unit="days",
        levels=States("keep_time < window", "-"),
        judge=judge_retention,
        remediation="Raise control_file_record_keep_time above the RMAN retention policy in days.",
        source="RMAN docs (keep_time should exceed the recovery window)",
        interval_s=86_400,
        queries=(PARAMETERS, RMAN_SETTINGS),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb, on_data_owner),
    ),
    Check(
        id="RESTORE_TEST_AGE",
        category="backup",
        title="No recent RMAN restore validation",
        unit="d",
        levels=Levels(90, 365),
        judge=judge_restore_test,
        remediation="Run `RESTORE DATABASE VALIDATE CHECK LOGICAL` (monthly).",
        source="OWN; MAA advises periodic restore tests",
        interval_s=86_400,
        queries=(RESTORE_TESTS,),
        scope="root",
        ceiling="info",
        enabled=False,
        needs=(not_in_pdb, on_data_owner),
    ),
    Check(
        id="CONTROLFILE_MULTIPLEX",
        category="backup",
        title="Control file is not multiplexed",
        unit="count",
        levels=Levels(2, None, below=True),
        judge=judge_controlfile_copies,
        remediation="Add a copy on another disk group (control_files parameter) and restart.",
        source="MAA, CIS-like rules",
        interval_s=86_400,
        queries=(CONTROLFILES, ASM_GROUPS),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
)
