"""Backups file by file: how old the newest one of each is, which files have none, which lost blocks since."""

from dataclasses import replace

from agent.oracle.catalogue import GATE_CAP, Check, Facts, Levels, Query, Row, Seen, Verdict
from agent.oracle.checks._space import many
from agent.oracle.judging import age, label, number, of_items, skipped, text, unknown, worst_first
from agent.oracle.needs import not_in_pdb, on_data_owner, on_primary
from common.wire import Item, Status

# From the control file alone, so that no file is opened. Only backups of the current incarnation count for the age;
# a file number is reused after a drop, so that backups from before the file's creation are another file's.
# `covered`: the newest backup has all that is in the file, which stays true for a read-only one.
FILE_BACKUPS = Query(
    name="file_backups",
    sql="""
SELECT f.con_id, f.file# AS file_no, t.name AS tablespace_name, f.status, f.enabled,
       t.included_in_database_backup AS included,
       CASE WHEN f.plugin_change# > 0 OR f.foreign_dbid > 0 THEN 'YES' ELSE 'NO' END AS plugged,
       (SYSDATE - GREATEST(f.creation_time, d.resetlogs_time)) * 24 AS exists_h,
       (SYSDATE - f.unrecoverable_time) * 24 AS unrecoverable_h,
       CASE WHEN b.newest >= f.creation_time THEN (SYSDATE - b.newest) * 24 END AS backup_h,
       CASE WHEN b.newest_of_all >= f.creation_time THEN 'YES' ELSE 'NO' END AS recorded,
       CASE WHEN b.reached >= f.checkpoint_change# THEN 'YES' ELSE 'NO' END AS covered
FROM v$datafile f
CROSS JOIN v$database d
LEFT JOIN v$tablespace t ON t.ts# = f.ts# AND t.con_id = f.con_id
LEFT JOIN (SELECT r.file#, MAX(r.completion_time) AS newest_of_all, MAX(r.checkpoint_change#) AS reached,
                  MAX(CASE WHEN r.resetlogs_change# = i.resetlogs_change# THEN r.completion_time END) AS newest
           FROM v$backup_datafile r
           CROSS JOIN v$database i
           GROUP BY r.file#) b ON b.file# = f.file#
WHERE f.con_id <> 2
ORDER BY f.file#
""",
    cost="medium",
)
WEEK_H = 7 * 24
MONTH_H = 30 * 24
WEEK_CAP = 79
NEW_FILE_H = 48


def elsewhere(facts: Facts) -> Verdict | None:
    """What to say when this control file knows of no backup at all: with a standby, the other site may take them."""
    if not facts.primary:
        return skipped("no backups are taken on this standby")
    if facts.standby_configured:
        return unknown(f"{facts.unique_name} has no backup on record: its standby may take the backups")
    return None


# --- age -----------------------------------------------------------------------------------------------------------


def judge_age(seen: Seen) -> Verdict:
    """The oldest among the newest backups of each file; level 1 counts like level 0."""
    rows = [row for row in seen.of(FILE_BACKUPS) if _needs_backups(row)]
    if not rows:
        return unknown("V$DATAFILE shows no file that needs backups")
    never = all(row["recorded"] == "NO" for row in rows)
    if never and (verdict := elsewhere(seen.facts)):
        return verdict
    items = worst_first(_age_item(row, seen) for row in rows)
    status, hours = items[0].status, items[0].value
    if hours is None:
        return replace(unknown(f"{items[0].name}: {items[0].detail}"), items=items)
    since = "no backup on record" if never else f"{items[0].name} of {items[0].detail}"
    late = sum(1 for row in rows if seen.levels.status(_age(row) or 0.0) != "ok")
    more = f"; {late} of {len(rows)} files" if late > 1 else ""
    line = f"{shown(hours)} ({since}{more})"
    return Verdict(status=status, line=line, value=hours, items=items, cap=_cap(status, hours, seen.facts))


def _needs_backups(row: Row) -> bool:
    """Not what RMAN is told to leave out, what is offline, nor what is read-only and was saved since it is."""
    if row["included"] == "NO" or row["status"] == "OFFLINE":
        return False
    # The record of a read-only file's one backup ages out of the control file.
    return row["enabled"] != "READ ONLY" or (row["covered"] == "NO" and row["recorded"] == "YES")


def _age(row: Row) -> float | None:
    """Without a backup the age counts since the file, or the incarnation, came to be."""
    backup = number(row["backup_h"])
    return backup if backup is not None else number(row["exists_h"])


def _age_item(row: Row, seen: Seen) -> Item:
    hours, name = _age(row), f"file {text(row['file_no'])}"
    if hours is None:
        return Item(name, "unknown", detail="neither a backup nor CREATION_TIME is known")
    never = ", never backed up" if row["recorded"] == "NO" else ""
    return Item(name, seen.levels.status(hours), round(hours, 1), f"{_tablespace(row, seen.facts)}{never}")


def _tablespace(row: Row, facts: Facts) -> str:
    return label(facts, row["con_id"], row["tablespace_name"])


def shown(hours: float) -> str:
    """Hours, as backups are spoken of, and minutes below one."""
    return f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _cap(status: Status, hours: float, facts: Facts) -> int | None:
    """Production data that could not be restored to within a week is no healthy database, whatever else is well."""
    if facts.tier != "prod" or status not in ("warning", "critical") or hours <= WEEK_H:
        return None
    return GATE_CAP if hours > MONTH_H else WEEK_CAP


# --- never ---------------------------------------------------------------------------------------------------------


def judge_never(seen: Seen) -> Verdict:
    rows = seen.of(FILE_BACKUPS)
    if not rows:
        return unknown("V$DATAFILE returned no rows")
    if all(row["recorded"] == "NO" for row in rows):
        return skipped("no file has a backup on record: see BACKUP_DB_AGE")
    missing = [row for row in rows if row["recorded"] == "NO" and row["enabled"] != "READ ONLY"]
    late = [row for row in missing if (number(row["exists_h"]) or 0.0) > NEW_FILE_H]
    old = [row for row in late if (number(row["exists_h"]) or 0.0) > WEEK_H and not _explained(row)]
    critical, warning = seen.levels.critical, seen.levels.warning
    worse: Status = "critical" if critical is not None and len(old) >= critical else "warning"
    status: Status = "warning" if warning is not None and len(late) >= warning else "ok"
    items = [_never_item(row, worse if row in old else status, seen.facts) for row in late]
    verdict = of_items(items, good="every file has a backup on record")
    return replace(verdict, value=float(len(late)))


def _explained(row: Row) -> bool:
    """Left out in RMAN's configuration, or brought its age along when it was plugged in."""
    return row["included"] == "NO" or row["plugged"] == "YES"


def _never_item(row: Row, status: Status, facts: Facts) -> Item:
    hours = number(row["exists_h"]) or 0.0
    reason = ", excluded in RMAN" if row["included"] == "NO" else ", plugged in" if row["plugged"] == "YES" else ""
    detail = f"({age(hours * 3600)}, {_tablespace(row, facts)}{reason})"
    return Item(f"file {text(row['file_no'])}", status, round(hours, 1), detail)


# --- lost since ----------------------------------------------------------------------------------------------------


def judge_unrecoverable(seen: Seen) -> Verdict:
    rows = seen.of(FILE_BACKUPS)
    if not rows:
        return unknown("V$DATAFILE returned no rows")
    if all(row["backup_h"] is None for row in rows):
        return skipped("no backup on record to compare with: see BACKUP_DB_AGE")
    lost = [(hours, row) for row in rows if (hours := _lost_h(row)) is not None]
    items = worst_first(_lost_item(hours, row, seen, _lost_status(len(lost), seen)) for hours, row in lost)
    if not items:
        return Verdict(status="ok", line="no file changed by NOLOGGING since its backup", value=0)
    since = age(max(hours for hours, _ in lost) * 3600)
    line = f"{many(len(lost), 'file')} since {since}: {', '.join(f'{item.name} ({item.detail})' for item in items[:3])}"
    return Verdict(status=items[0].status, line=line, value=float(len(lost)), items=items)


def _lost_h(row: Row) -> float | None:
    """Hours since the last NOLOGGING change, when the newest backup is older than that."""
    changed, backup = number(row["unrecoverable_h"]), number(row["backup_h"])
    return changed if changed is not None and backup is not None and changed < backup else None


def _lost_status(files: int, seen: Seen) -> Status:
    """A standby has the same holes: there is nothing to fail over to."""
    levels = seen.levels if seen.facts.standby_configured else Levels(seen.levels.warning, None)
    return levels.status(files)


def _lost_item(hours: float, row: Row, seen: Seen, status: Status) -> Item:
    return Item(f"file {text(row['file_no'])}", status, round(hours, 1), _tablespace(row, seen.facts))


CHECKS = (
    Check(
        id="BACKUP_DB_AGE",
        category="backup",
        title="No recent full or incremental backup",
        unit="h",
        levels=Levels(26, 50),
        judge=judge_age,
        remediation="Run the backup job; check its log and the schedule.",
        source="OWN; Checkmk rman and zbxdb have the same idea without defaults",
        interval_s=3600,
        queries=(FILE_BACKUPS,),
        cost="medium",
        scope="root",
        needs=(not_in_pdb, on_data_owner),
    ),
    Check(
        id="BACKUP_FILE_NEVER",
        category="backup",
        title="A datafile has never been backed up",
        unit="count",
        levels=Levels(1, 1),  # critical counts the ones older than a week
        judge=judge_never,
        remediation="Back it up now; the tablespace may be excluded in RMAN (SHOW EXCLUDE).",
        source="OWN",
        interval_s=21_600,
        queries=(FILE_BACKUPS,),
        scope="root",
        needs=(not_in_pdb, on_data_owner),
    ),
    Check(
        id="NOLOGGING_UNRECOVERABLE",
        category="backup",
        title="Files are unrecoverable since the last backup",
        unit="count",
        levels=Levels(1, 1),  # critical only with a standby database
        judge=judge_unrecoverable,
        remediation="Back the files up now; use FORCE LOGGING if the load allows.",
        source="OWN; ORAchk has it",
        interval_s=21_600,
        queries=(FILE_BACKUPS,),
        cost="medium",
        scope="root",
        needs=(not_in_pdb, on_primary),
    ),
)
