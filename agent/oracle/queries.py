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

# Before 18c VERSION says all there is to say.
VERSION = Query(
    name="version",
    sql="SELECT version, version AS version_full FROM v$instance",
    newer={(18, 0): "SELECT version, version_full FROM v$instance"},
)

DATABASE = Query(
    name="database",
    sql="""
SELECT database_role, open_mode, log_mode, force_logging, flashback_on, protection_mode, protection_level,
       switchover_status, pending_role_change_tasks, dataguard_broker, fs_failover_status,
       fs_failover_observer_present AS observer_present, fs_failover_observer_host AS observer_host
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

# A crashed instance leaves its thread OPEN until another one has recovered it.
THREADS = Query(
    name="redo_threads",
    sql="""
SELECT thread# AS thread, status, enabled, instance, (SYSDATE - last_redo_time) * 86400 AS idle_s
FROM v$thread
ORDER BY thread#
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
WHERE name IN ('audit_trail', 'compatible', 'control_file_record_keep_time', 'control_management_pack_access',
               'cpu_count', 'db_block_checking', 'db_block_checksum', 'db_files', 'db_lost_write_protect',
               'job_queue_processes', 'memory_target', 'open_cursors', 'pga_aggregate_limit',
               'resource_manager_plan', 'sessions', 'sga_max_size', 'spfile', 'undo_management', 'undo_retention',
               'undo_tablespace', 'use_large_pages')
ORDER BY name
""",
)

# One statement for every statistic that some check reads: add names here.
STATISTICS = Query(
    name="statistics",
    sql="""
SELECT name, value
FROM v$sysstat
WHERE name IN ('enqueue deadlocks', 'gc blocks lost', 'parse count (hard)', 'parse count (total)',
               'redo buffer allocation retries', 'redo entries', 'Parallel operations not downgraded',
               'Parallel operations downgraded to serial',
               'Parallel operations downgraded 75 to 99 pct', 'Parallel operations downgraded 50 to 75 pct',
               'Parallel operations downgraded 25 to 50 pct', 'Parallel operations downgraded 1 to 25 pct')
""",
)

# Waits since the start, in microseconds: the classes that say what sessions stand in line for, and reads and writes.
EVENTS = Query(
    name="events",
    sql="""
SELECT event, wait_class, total_waits, time_waited_micro, time_waited_micro_fg
FROM v$system_event
WHERE wait_class IN ('Application', 'Cluster', 'Commit', 'Concurrency', 'Configuration')
   OR event IN ('log file parallel write', 'db file sequential read')
   OR event LIKE 'cell single block physical read%'
""",
)

# Metrics of the last minute. `scope` is INSTANCE, or CONTAINER for the container of the session: inside a PDB the
# metrics of the instance may be empty.
METRICS = Query(
    name="metrics",
    sql="""
SELECT 'INSTANCE' AS scope, metric_name, value
FROM v$sysmetric
WHERE intsize_csec > 3000 AND metric_name IN ('Average Active Sessions', 'Buffer Cache Hit Ratio')
""",
    newer={
        (12, 2): """
SELECT 'INSTANCE' AS scope, m.metric_name, m.value
FROM v$sysmetric m
WHERE m.intsize_csec > 3000 AND m.metric_name IN ('Average Active Sessions', 'Buffer Cache Hit Ratio')
UNION ALL
SELECT 'CONTAINER' AS scope, c.metric_name, c.value
FROM v$con_sysmetric c
WHERE c.intsize_csec > 3000 AND c.metric_name IN ('Average Active Sessions', 'Buffer Cache Hit Ratio')
  AND c.con_id = TO_NUMBER(SYS_CONTEXT('USERENV', 'CON_ID'))
"""
    },
)

# Microseconds since the start; `scope` as for METRICS.
TIME_MODEL = Query(
    name="time_model",
    sql="""
SELECT 'INSTANCE' AS scope, t.stat_name, t.value
FROM v$sys_time_model t
WHERE t.stat_name IN ('DB time', 'DB CPU')
UNION ALL
SELECT 'CONTAINER' AS scope, c.stat_name, c.value
FROM v$con_sys_time_model c
WHERE c.stat_name IN ('DB time', 'DB CPU') AND c.con_id = TO_NUMBER(SYS_CONTEXT('USERENV', 'CON_ID'))
""",
)

OS_STATISTICS = Query(
    name="os_statistics",
    sql="""
SELECT stat_name, value
FROM v$osstat
WHERE stat_name IN ('NUM_CPUS', 'NUM_CPU_CORES', 'NUM_CPU_SOCKETS')
""",
)

# Limits are strings, padded with blanks: numbers or UNLIMITED. Inside a PDB the view may be empty.
RESOURCE_LIMITS = Query(
    name="resource_limits",
    sql="""
SELECT resource_name, current_utilization, max_utilization, TRIM(initial_allocation) AS initial_allocation,
       TRIM(limit_value) AS limit_value
FROM v$resource_limit
""",
)

# User sessions that work, wait for another one or are killed, and whoever they wait for. On a cluster the blocker may
# sit on another instance. The event of a session on CPU is its last one and says nothing.
SESSIONS = Query(
    name="sessions",
    sql="""
SELECT TO_NUMBER(USERENV('INSTANCE')) AS inst, s.sid, s.serial# AS serial, s.username, s.type, s.status, s.machine,
       s.program, s.module, s.con_id, CASE WHEN s.state = 'WAITING' THEN s.event END AS event,
       CASE WHEN s.state = 'WAITING' THEN s.wait_class END AS wait_class, s.seconds_in_wait, s.last_call_et, s.sql_id,
       s.sql_exec_id,
       NVL(s.final_blocking_instance, s.blocking_instance) AS blocker_inst,
       NVL(s.final_blocking_session, s.blocking_session) AS blocker_sid,
       CASE WHEN s.blocking_session_status = 'VALID' THEN 1 ELSE 0 END AS blocked
FROM v$session s
WHERE s.type = 'USER' AND (s.blocking_session_status = 'VALID' OR s.status IN ('ACTIVE', 'KILLED'))
   OR s.sid IN (SELECT NVL(b.final_blocking_session, b.blocking_session)
                FROM v$session b
                WHERE b.blocking_session_status = 'VALID')
ORDER BY blocked DESC, s.seconds_in_wait DESC
FETCH FIRST 2000 ROWS ONLY
""",
    special=(
        lambda facts: facts.rac,
        """
SELECT s.inst_id AS inst, s.sid, s.serial# AS serial, s.username, s.type, s.status, s.machine, s.program, s.module,
       s.con_id, CASE WHEN s.state = 'WAITING' THEN s.event END AS event,
       CASE WHEN s.state = 'WAITING' THEN s.wait_class END AS wait_class, s.seconds_in_wait, s.last_call_et, s.sql_id,
       s.sql_exec_id,
       NVL(s.final_blocking_instance, s.blocking_instance) AS blocker_inst,
       NVL(s.final_blocking_session, s.blocking_session) AS blocker_sid,
       CASE WHEN s.blocking_session_status = 'VALID' THEN 1 ELSE 0 END AS blocked
FROM gv$session s
WHERE s.type = 'USER' AND (s.blocking_session_status = 'VALID' OR s.status IN ('ACTIVE', 'KILLED'))
      AND s.inst_id = TO_NUMBER(USERENV('INSTANCE'))
   OR (s.inst_id, s.sid) IN (SELECT NVL(b.final_blocking_instance, b.blocking_instance),
                                    NVL(b.final_blocking_session, b.blocking_session)
                             FROM gv$session b
                             WHERE b.blocking_session_status = 'VALID' AND b.inst_id = TO_NUMBER(USERENV('INSTANCE')))
ORDER BY blocked DESC, s.seconds_in_wait DESC
FETCH FIRST 2000 ROWS ONLY
""",
    ),
)

# The oldest ones; the session is missing when it ended and left its transaction to be rolled back.
TRANSACTIONS = Query(
    name="transactions",
    sql="""
SELECT s.sid, s.serial# AS serial, s.username, s.status, s.machine, s.program, s.last_call_et,
       (SYSDATE - t.start_date) * 1440 AS minutes, t.used_ublk, t.used_urec
FROM v$transaction t
LEFT JOIN v$session s ON s.saddr = t.ses_addr
WHERE s.type IS NULL OR s.type = 'USER'
ORDER BY t.start_date
FETCH FIRST 100 ROWS ONLY
""",
)

# On a cluster a PDB may be open on some instances only.
PDBS = Query(
    name="pdbs",
    sql="""
SELECT con_id, name, open_mode, restricted
FROM v$pdbs
WHERE con_id > 2
ORDER BY con_id
""",
    special=(
        lambda facts: facts.rac,
        """
SELECT con_id, name, open_mode, restricted
FROM gv$pdbs
WHERE con_id > 2
ORDER BY con_id
""",
    ),
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
SELECT group_number, name, state, type, total_mb, free_mb, required_mirror_free_mb, usable_file_mb, offline_disks
FROM v$asm_diskgroup_stat
ORDER BY name
""",
    special=(lambda facts: not facts.asm, "SELECT dummy AS name FROM dual WHERE 1 = 0"),
)

# Accounts of users, and Oracle's own ones that are open. LAST_LOGIN has a time zone: both sides are taken to UTC.
USERS = Query(
    name="users",
    sql="""
SELECT u.con_id, u.username, u.account_status, u.oracle_maintained, u.common, u.profile, u.authentication_type,
       u.password_versions, u.proxy_only_connect, u.expiry_date - SYSDATE AS expires_d,
       SYSDATE - u.created AS created_d, SYSDATE - u.lock_date AS locked_d,
       TO_CHAR(u.lock_date, 'YYYY-MM-DD HH24:MI') AS locked_at,
       CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - CAST(SYS_EXTRACT_UTC(u.last_login) AS DATE) AS login_d
FROM {cdb:users} u
WHERE u.con_id <> 2 AND (u.oracle_maintained = 'N' OR u.account_status NOT LIKE '%LOCKED%')
ORDER BY u.con_id, u.username
FETCH FIRST 10000 ROWS ONLY
""",
)

# What the rules on passwords and sessions look at; a common profile is the same in each container.
PROFILES = Query(
    name="profiles",
    sql="""
SELECT p.con_id, p.profile, p.resource_name, p.limit
FROM {cdb:profiles} p
WHERE p.con_id <> 2
  AND p.resource_name IN ('FAILED_LOGIN_ATTEMPTS', 'INACTIVE_ACCOUNT_TIME', 'PASSWORD_GRACE_TIME',
                          'PASSWORD_LIFE_TIME', 'PASSWORD_LOCK_TIME', 'PASSWORD_REUSE_MAX', 'PASSWORD_REUSE_TIME',
                          'SESSIONS_PER_USER')
ORDER BY p.con_id, p.profile, p.resource_name
FETCH FIRST 10000 ROWS ONLY
""",
)
