"""Queries that checks of several categories share; each runs once per visit, whoever asks first."""

from agent.oracle.catalogue import Query

INSTANCE = Query(
    name="instance",
    sql="""
SELECT instance_name, status, database_status, shutdown_pending, logins, active_state, archiver, log_switch_wait,
       thread# AS thread, TO_CHAR(startup_time, 'YYYY-MM-DD HH24:MI') AS started,
       (startup_time - DATE '1970-01-01') * 86400 AS started_s, (SYSDATE - startup_time) * 86400 AS uptime_s
FROM v$instance
""",
)

DATABASE = Query(
    name="database",
    sql="""
SELECT database_role, open_mode, log_mode, force_logging, flashback_on, protection_mode
FROM v$database
""",
)

LOGS = Query(
    name="logs",
    sql="""
SELECT thread# AS thread, group# AS grp, sequence# AS seq, bytes, members, archived, status
FROM v$log
ORDER BY thread#, group#
""",
)

LOG_MEMBERS = Query(
    name="log_members",
    sql="""
SELECT group# AS grp, status, type, member, is_recovery_dest_file
FROM v$logfile
ORDER BY group#, member
""",
)

STANDBY_LOGS = Query(
    name="standby_logs",
    sql="""
SELECT thread# AS thread, group# AS grp, bytes, status
FROM v$standby_log
ORDER BY thread#, group#
""",
)

# Destinations that are not in use are left out: V$ARCHIVE_DEST always has 31 or 32 rows.
ARCHIVE_DEST = Query(
    name="archive_dest",
    sql="""
SELECT dest_id, dest_name, status, binding, target, destination, error, valid_now
FROM v$archive_dest
WHERE status <> 'INACTIVE'
ORDER BY dest_id
""",
)

RECOVERY_AREA = Query(
    name="recovery_area",
    sql="""
SELECT name, space_limit, space_used, space_reclaimable, number_of_files
FROM v$recovery_file_dest
""",
)

# One statement for every parameter that some check reads: add names here.
PARAMETERS = Query(
    name="parameters",
    sql="""
SELECT name, value
FROM v$parameter
WHERE name IN ('control_file_record_keep_time', 'db_files', 'undo_management', 'undo_retention', 'undo_tablespace')
ORDER BY name
""",
)

TABLESPACES = Query(
    name="tablespaces",
    sql="""
SELECT t.con_id, t.tablespace_name, t.block_size, t.status, t.contents, t.bigfile, t.retention
FROM {cdb:tablespaces} t
WHERE t.con_id <> 2
ORDER BY t.con_id, t.tablespace_name
""",
)

# One row per file: the judges add up what a tablespace can reach, cut by device, which SQL cannot know.
DATA_FILES = Query(
    name="data_files",
    sql="""
SELECT f.con_id, f.tablespace_name, f.file_id, f.file_name, f.bytes, f.maxbytes, f.blocks, f.maxblocks,
       f.autoextensible, f.increment_by, f.online_status
FROM {cdb:data_files} f
WHERE f.con_id <> 2
ORDER BY f.con_id, f.tablespace_name, f.file_id
""",
    cost="medium",
)

# V$ASM_ views make an instance without ASM search for disks and write trace files: nothing is read there.
ASM_GROUPS = Query(
    name="asm_groups",
    sql="""
SELECT name, type, total_mb, free_mb, usable_file_mb
FROM v$asm_diskgroup_stat
ORDER BY name
""",
    special=(lambda facts: not facts.asm, "SELECT dummy AS name FROM dual WHERE 1 = 0"),
)
