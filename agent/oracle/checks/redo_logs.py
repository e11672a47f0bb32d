"""Redo logs: size, rhythm, copies, archiving. The judges are in `_redo_files`, `_redo_flow` and `_archiving`."""

from agent.oracle.catalogue import Check, Levels, States
from agent.oracle.checks import _archiving as archiving
from agent.oracle.checks import _redo_files as files
from agent.oracle.checks import _redo_flow as flow
from agent.oracle.needs import needs_archivelog, not_in_pdb, on_primary, writes_redo
from agent.oracle.queries import (
    ARCHIVE_DEST,
    ASM_GROUPS,
    DATABASE,
    EVENTS,
    INSTANCE,
    LOG_MEMBERS,
    LOGS,
    STANDBY_LOGS,
    STATISTICS,
    THREADS,
)

CHECKS: tuple[Check, ...] = (
    Check(
        id="REDOLOG_SIZE",
        category="redo_logs",
        title="Redo log size too small",
        unit="MB",
        levels=Levels(500, 100, below=True),
        judge=files.judge_size,
        remediation=(
            "Add larger groups per thread, switch until the old ones are INACTIVE, then drop them: `ALTER "
            "DATABASE ADD LOGFILE THREAD 1 GROUP 11 SIZE 1G;` ... `ALTER DATABASE DROP LOGFILE GROUP 1;`. "
            "Resize standby redo logs to the same size."
        ),
        source=(
            "MAA sizing advice of at most about 12 switches an hour; vendor minimums of 300-400 MB (Siebel "
            "and other Oracle products); the number itself OWN"
        ),
        interval_s=21600,
        queries=(
            LOGS,
            files.OPTIMAL_SIZE,
            files.SWITCHES,
        ),
        scope="root",
        needs=(not_in_pdb,),
    ),
    Check(
        id="REDOLOG_SWITCH_RATE",
        category="redo_logs",
        title="Too many log switches",
        unit="1/h",
        levels=Levels(12, 30),
        judge=flow.judge_switch_rate,
        remediation=(
            "Increase the group size in proportion (size x peak switches / 4); look for a batch job or an "
            "index-heavy load if the rise is sudden."
        ),
        source="MAA (<= 12 an hour, i.e. 5 min or slower); CMK 50/100 per h; IBM/Oracle rule 15-30 min",
        interval_s=3600,
        queries=(
            files.SWITCHES,
            flow.SMALL_LOGS,
        ),
        scope="root",
        needs=(not_in_pdb,),
    ),
    Check(
        id="REDOLOG_GROUPS",
        category="redo_logs",
        title="Too few redo groups per thread",
        unit="count",
        levels=Levels(3, 2, below=True),
        judge=files.judge_groups,
        remediation=("`ALTER DATABASE ADD LOGFILE THREAD n GROUP m SIZE ...` until each thread has 3-4 equal groups."),
        source="MAA (at least 3 groups per thread)",
        interval_s=86400,
        queries=(
            LOGS,
            THREADS,
        ),
        scope="root",
        needs=(not_in_pdb,),
    ),
    Check(
        id="REDOLOG_MULTIPLEX",
        category="redo_logs",
        title="Redo groups are not multiplexed",
        unit="count",
        levels=Levels(2, None, below=True),
        judge=files.judge_multiplex,
        remediation="`ALTER DATABASE ADD LOGFILE MEMBER ... TO GROUP n` on another disk group or file system.",
        source="MAA, COH",
        interval_s=86400,
        queries=(
            LOG_MEMBERS,
            ASM_GROUPS,
        ),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="REDOLOG_MEMBER_STATUS",
        category="redo_logs",
        title="Damaged or missing redo member",
        unit="count",
        levels=States(warning="STALE >= 1", critical="INVALID on a CURRENT/ACTIVE group"),
        judge=files.judge_members,
        remediation="Check that the file is readable; drop and re-add the member once its group is INACTIVE.",
        source="REF",
        interval_s=900,
        queries=(
            LOG_MEMBERS,
            LOGS,
        ),
        scope="root",
        needs=(not_in_pdb,),
    ),
    Check(
        id="REDOLOG_UNEQUAL_SIZE",
        category="redo_logs",
        title="Redo groups have different sizes",
        unit="count",
        levels=Levels(2, None),
        judge=files.judge_unequal,
        remediation="Recreate the odd groups so that all online and standby groups are equal.",
        source="MAA (identical sizes); Data Guard requires SRL >= ORL",
        interval_s=86400,
        queries=(
            LOGS,
            STANDBY_LOGS,
        ),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="REDOLOG_STUCK",
        category="redo_logs",
        title="No redo group is ready for reuse",
        unit="count",
        levels=Levels(2, 1, below=True),
        judge=flow.judge_stuck,
        remediation=(
            "Find what holds the groups: archiver blocked (destination full), slow checkpoint (datafile "
            "I/O), or too few/small groups. Free archive space first."
        ),
        source="ZBX (available < 3); REF",
        interval_s=60,
        queries=(
            LOGS,
            INSTANCE,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            writes_redo,
        ),
        gated=True,
    ),
    Check(
        id="CHECKPOINT_INCOMPLETE",
        category="redo_logs",
        title="Log switches wait for the checkpoint",
        unit="waits/h",
        levels=Levels(10, 60),
        judge=flow.judge_checkpoint,
        remediation="Bigger or more redo groups; check DBWR throughput and fast_start_mttr_target.",
        source="OWN; same symptom Oracle logs in the alert log",
        interval_s=300,
        queries=(
            EVENTS,
            INSTANCE,
        ),
        ceiling="warning",
    ),
    Check(
        id="LOG_FILE_SYNC_LATENCY",
        category="redo_logs",
        title="Commit latency is high",
        unit="ms",
        levels=Levels(15, 40),
        judge=flow.judge_sync,
        remediation=(
            "If parallel write is high the storage is slow; if only sync is high look at CPU scheduling, a "
            "commit storm, or synchronous Data Guard transport."
        ),
        source="OWN (a write to flash is 1-2 ms, to a SAN cache under 5 ms)",
        interval_s=300,
        queries=(
            EVENTS,
            INSTANCE,
            DATABASE,
        ),
    ),
    Check(
        id="REDO_BUFFER_RETRIES",
        category="redo_logs",
        title="Sessions wait for space in the log buffer",
        unit="%",
        levels=Levels(1, 10),
        judge=flow.judge_buffer_retries,
        remediation="Speed up redo writes; raise log_buffer only if LGWR is not I/O bound.",
        source="COH 1/10",
        interval_s=900,
        queries=(
            STATISTICS,
            INSTANCE,
        ),
        ceiling="warning",
    ),
    Check(
        id="ARCHIVELOG_MODE",
        category="redo_logs",
        title="Database runs in NOARCHIVELOG mode",
        unit="state",
        levels=States(warning="NOARCHIVELOG on tier test", critical="NOARCHIVELOG on tier prod"),
        judge=archiving.judge_log_mode,
        remediation="Mount the database, `ALTER DATABASE ARCHIVELOG`, open, and take a full backup at once.",
        source="CMK (warning), CIS/STIG recovery rules",
        interval_s=86400,
        queries=(DATABASE,),
        scope="root",
        needs=(not_in_pdb,),
    ),
    Check(
        id="ARCHIVER_STATE",
        category="redo_logs",
        title="Archiver is stopped or failed",
        unit="state",
        levels=States(warning="-", critical="STOPPED or FAILED while LOG_MODE = ARCHIVELOG"),
        judge=archiving.judge_archiver,
        remediation=(
            "Free space in the archive destination or the recovery area, then `ALTER SYSTEM ARCHIVE LOG "
            "START` if it does not recover by itself."
        ),
        source="CMK (not STARTED is critical); OEM archiver-hung ORA-00257",
        interval_s=60,
        queries=(INSTANCE,),
        needs=(needs_archivelog,),
        gated=True,
    ),
    Check(
        id="ARCHIVE_DEST_ERROR",
        category="redo_logs",
        title="An archive destination reports an error",
        unit="count",
        levels=States(warning="DEFERRED longer than 24 h", critical="ERROR, BAD PARAM, DISK FULL, FULL"),
        judge=archiving.judge_destinations,
        remediation=(
            "Fix the reported ORA- error (space, network, password file), then `ALTER SYSTEM SET "
            "log_archive_dest_state_n=ENABLE`."
        ),
        source="ZBX (not valid = high); Checkmk",
        interval_s=300,
        queries=(ARCHIVE_DEST,),
        scope="root",
        needs=(not_in_pdb,),
    ),
    Check(
        id="FORCE_LOGGING",
        category="redo_logs",
        title="Force logging is off with a standby configured",
        unit="state",
        levels=States(warning="NO while a standby destination is active", critical="-"),
        judge=archiving.judge_force_logging,
        remediation=(
            "`ALTER DATABASE FORCE LOGGING` (18c+ also offers STANDBY NOLOGGING modes for load-heavy systems)."
        ),
        source="MAA; CMK warns; Data Guard setup guide",
        interval_s=86400,
        queries=(
            DATABASE,
            ARCHIVE_DEST,
        ),
        scope="root",
        ceiling="warning",
        needs=(
            not_in_pdb,
            on_primary,
        ),
    ),
)
