"""Data Guard: lag, apply and gaps on the standby, destinations and protection on the primary."""

from agent.oracle.catalogue import Check, Facts, Levels, States
from agent.oracle.checks import _protection as protection
from agent.oracle.checks import _standby as standby
from agent.oracle.needs import needs_cdb, needs_standby, not_in_pdb, on_primary, on_standby
from agent.oracle.queries import ARCHIVE_DEST, DATABASE, LOGS, STANDBY_LOGS


def on_physical_standby(facts: Facts) -> str | None:
    """A logical standby applies SQL, a snapshot standby nothing."""
    return None if facts.role == "PHYSICAL STANDBY" else "only on a physical standby"


CHECKS: tuple[Check, ...] = (
    Check(
        id="DG_APPLY_LAG",
        category="data_guard",
        title="Standby apply lag",
        unit="s",
        levels=Levels(900, 3600),
        judge=standby.judge_apply_lag,
        remediation="Check the apply process (DG_APPLY_PROCESS), missing files on the standby, and redo volume.",
        source="COH 60/120 min; CMK 3600/14400 s; tightened for prod",
        interval_s=60,
        queries=(
            standby.LAGS,
            standby.APPLY,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            on_standby,
        ),
    ),
    Check(
        id="DG_TRANSPORT_LAG",
        category="data_guard",
        title="Redo transport lag",
        unit="s",
        levels=Levels(600, 3600),
        judge=standby.judge_transport_lag,
        remediation="Check network bandwidth, redo rate and archive destination errors on the primary.",
        source="OWN; CMK",
        interval_s=60,
        queries=(
            standby.LAGS,
            DATABASE,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            on_standby,
        ),
    ),
    Check(
        id="DG_APPLY_PROCESS",
        category="data_guard",
        title="Apply process is not running",
        unit="state",
        levels=States(warning="-", critical="absent on a physical standby in recovery"),
        judge=standby.judge_process,
        remediation=(
            "`ALTER DATABASE RECOVER MANAGED STANDBY DATABASE DISCONNECT` (or the broker EDIT DATABASE ... "
            "STATE=APPLY-ON)."
        ),
        source="COH; CMK",
        interval_s=300,
        queries=(standby.APPLY,),
        scope="root",
        needs=(
            not_in_pdb,
            on_physical_standby,
        ),
    ),
    Check(
        id="DG_ARCHIVE_GAP",
        category="data_guard",
        title="Archive gap on the standby",
        unit="count",
        levels=Levels(None, 1),
        judge=standby.judge_gap,
        remediation="Ship or restore the missing logs and register them (`RFS`/`CATALOG`); check FAL_SERVER.",
        source="REF",
        interval_s=300,
        queries=(
            standby.GAPS,
            standby.APPLY,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            on_standby,
        ),
        gated=True,
    ),
    Check(
        id="DG_DEST_STATUS",
        category="data_guard",
        title="Standby destination is not healthy",
        unit="count",
        levels=Levels(1, 1),  # critical counts only where transport is synchronous
        judge=protection.judge_destinations,
        remediation="Fix the reported error; check the standby is mounted and the service resolvable.",
        source="OWN; CMK",
        interval_s=300,
        queries=(
            protection.STANDBY_DEST,
            DATABASE,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            needs_standby,
        ),
    ),
    Check(
        id="DG_PROTECTION_MODE",
        category="data_guard",
        title="Protection level below protection mode",
        unit="state",
        levels=States(warning="RESYNCHRONIZATION", critical="UNPROTECTED"),
        judge=protection.judge_level,
        remediation="Bring the standby back; the level returns by itself.",
        source="CMK, MAA",
        interval_s=300,
        queries=(DATABASE,),
        scope="root",
        needs=(
            not_in_pdb,
            on_primary,
            needs_standby,
        ),
    ),
    Check(
        id="DG_FSFO_OBSERVER",
        category="data_guard",
        title="Fast-start failover observer missing",
        unit="state",
        levels=States(warning="-", critical="enabled and no observer present"),
        judge=protection.judge_observer,
        remediation="Start the observer (DGMGRL `START OBSERVER`).",
        source="CMK (observer missing critical)",
        interval_s=300,
        queries=(DATABASE,),
        scope="root",
        needs=(
            not_in_pdb,
            needs_standby,
        ),
    ),
    Check(
        id="DG_SRL_CONFIG",
        category="data_guard",
        title="Standby redo logs missing or too small",
        unit="count",
        levels=States(warning="fewer than online groups + 1", critical="none, or smaller than the online logs"),
        judge=protection.judge_standby_logs,
        remediation=(
            "`ALTER DATABASE ADD STANDBY LOGFILE THREAD n GROUP m SIZE ...` on the standby (and on the primary, "
            "for switchover)."
        ),
        source="Data Guard docs (one more SRL group than ORL groups, same size)",
        interval_s=86400,
        queries=(
            STANDBY_LOGS,
            LOGS,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            needs_standby,
        ),
    ),
    Check(
        id="DG_SWITCHOVER_READY",
        category="data_guard",
        title="Not ready for switchover",
        unit="state",
        levels=States(
            warning="UNRESOLVABLE GAP, RESOLVABLE GAP, LOG SWITCH GAP",
            critical="FAILED DESTINATION, NOT ALLOWED on a primary with a standby",
        ),
        judge=protection.judge_switchover,
        remediation="Resolve gaps first; sessions-active is not an error (it asks for WITH SESSION SHUTDOWN).",
        source="REF",
        interval_s=900,
        queries=(
            DATABASE,
            ARCHIVE_DEST,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            needs_standby,
        ),
    ),
    Check(
        id="DG_ADG_IN_USE",
        category="data_guard",
        title="Standby is open read only with apply",
        unit="state",
        levels=States(warning="in use, and was not so when first seen", critical="-"),
        judge=standby.judge_active_data_guard,
        remediation="Close the standby or license Active Data Guard.",
        source="Licensing rules; CMK warns (ADG found)",
        interval_s=3600,
        queries=(DATABASE,),
        scope="root",
        ceiling="info",
        mount=False,
        needs=(
            not_in_pdb,
            on_physical_standby,
        ),
    ),
    Check(
        id="DG_PDB_RECOVERY_DISABLED",
        category="data_guard",
        title="PDB recovery disabled on the standby",
        unit="count",
        levels=Levels(1, None),
        judge=standby.judge_pdbs,
        remediation="`ALTER PLUGGABLE DATABASE x ENABLE RECOVERY` after restoring its files.",
        source="OWN",
        interval_s=3600,
        queries=(standby.STANDBY_PDBS,),
        scope="root",
        ceiling="warning",
        needs=(
            not_in_pdb,
            on_standby,
            needs_cdb,
            standby.has_recovery_status,
        ),
    ),
)
