"""Sessions: limits that come close, and sessions that hold others up; judged in `_session_*` and `_hang_chains`."""

from agent.oracle.catalogue import Check, Levels
from agent.oracle.checks import _hang_chains as chains
from agent.oracle.checks import _session_limits as limits
from agent.oracle.checks import _session_waits as waits
from agent.oracle.checks._readings import KEEP_HOUR_S
from agent.oracle.queries import INSTANCE, PARAMETERS, RESOURCE_LIMITS, SESSIONS, STATISTICS, TRANSACTIONS

CHECKS: tuple[Check, ...] = (
    Check(
        id="SESSIONS_USAGE",
        category="sessions",
        title="Close to the sessions limit",
        unit="%",
        levels=Levels(80, 95),
        judge=limits.judge_sessions,
        remediation=(
            "Raise processes/sessions (restart) or fix a connection pool that leaks; the finding lists the top "
            "machines and programs."
        ),
        source="COH 80/100, ZBX 80",
        interval_s=300,
        queries=(
            RESOURCE_LIMITS,
            limits.SESSION_GROUPS,
            PARAMETERS,
        ),
    ),
    Check(
        id="PROCESSES_USAGE",
        category="sessions",
        title="Close to the processes limit",
        unit="%",
        levels=Levels(80, 95),
        judge=limits.judge_processes,
        remediation="As for SESSIONS_USAGE; ORA-00020 is the error users would see.",
        source="ZBX 80, CMK 70/90, COH 80/100",
        interval_s=60,
        queries=(RESOURCE_LIMITS,),
    ),
    Check(
        id="BLOCKED_SESSIONS",
        category="sessions",
        title="Sessions are blocked",
        unit="s; count",
        levels=Levels(60, 600),
        judge=waits.judge_blocked,
        remediation=(
            "Contact or end the final blocker named in the finding: `ALTER SYSTEM KILL SESSION sid,serial#,@inst "
            "IMMEDIATE`; an idle-in-transaction blocker points to the application."
        ),
        source="COH 60/120 s; CMK about 1800/3600; ZBX 600 s",
        interval_s=60,
        queries=(SESSIONS,),
    ),
    Check(
        id="LONG_ACTIVE_SESSION",
        category="sessions",
        title="Statement runs for very long",
        unit="min",
        levels=Levels(60, None),
        judge=waits.judge_active,
        remediation="Look at the plan and waits of the SQL_ID; agree on a resource-manager limit for ad-hoc users.",
        source="CMK longactivesessions (1 h)",
        interval_s=300,
        queries=(SESSIONS,),
        ceiling="warning",
    ),
    Check(
        id="IDLE_IN_TRANSACTION",
        category="sessions",
        title="Inactive session holds an open transaction",
        unit="min",
        levels=Levels(60, 240),
        judge=waits.judge_idle,
        remediation=(
            "Fix the missing commit in the application; max_idle_blocker_time (19c and later RUs) and "
            "max_idle_time (12.2+) can end such sessions."
        ),
        source="OWN (pgwatch-style check, missing in Oracle peers)",
        interval_s=300,
        queries=(
            TRANSACTIONS,
            SESSIONS,
        ),
        ceiling="warning",
    ),
    Check(
        id="KILLED_SESSIONS",
        category="sessions",
        title="Killed sessions are not cleaned up",
        unit="count",
        levels=Levels(5, 20),
        judge=waits.judge_killed,
        remediation=(
            "Let SMON/PMON roll back; if they are stuck in SQL*Net wait, kill the server process after checking "
            "V$TRANSACTION."
        ),
        source="OWN",
        interval_s=900,
        queries=(
            SESSIONS,
            TRANSACTIONS,
        ),
        ceiling="info",
    ),
    Check(
        id="OPEN_CURSORS",
        category="sessions",
        title="Sessions near open_cursors",
        unit="%",
        levels=Levels(80, 95),
        judge=limits.judge_cursors,
        remediation="Fix the cursor leak (the finding names the program); raising open_cursors only delays it.",
        source="OWN; ORA-01000 is a frequent application bug",
        interval_s=900,
        queries=(
            limits.SESSION_CURSORS,
            PARAMETERS,
        ),
        cost="medium",
    ),
    Check(
        id="DEADLOCKS",
        category="sessions",
        title="Deadlocks occur",
        unit="count/h",
        levels=Levels(1, 10),
        judge=waits.judge_deadlocks,
        remediation=(
            "Read the deadlock graph in the alert log trace; add missing foreign-key indexes or fix the order of "
            "updates."
        ),
        source="OWN (ORA-00060)",
        interval_s=900,
        queries=(
            STATISTICS,
            INSTANCE,
        ),
        ceiling="warning",
        needs=(waits.counted_here,),
        keep_s=KEEP_HOUR_S,
    ),
    Check(
        id="RESOURCE_LIMITS",
        category="sessions",
        title="Another instance limit is close",
        unit="%",
        levels=Levels(80, 95),
        judge=limits.judge_limits,
        remediation="Raise the parameter named in the finding or reduce the load.",
        source="REF",
        interval_s=900,
        queries=(RESOURCE_LIMITS,),
    ),
    Check(
        id="HANG_CHAIN",
        category="sessions",
        title="Hang chain detected",
        unit="s; count",
        levels=Levels(300, 900),
        judge=chains.judge_chains,
        remediation="The finding prints the chain from the final blocker down; act on the last row.",
        source="OWN; ORAchk/Hang Manager have the idea",
        interval_s=60,
        queries=(chains.CHAINS,),
        cost="medium",
        needs=(chains.once_per_cluster,),
    ),
)
