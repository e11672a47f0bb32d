"""Containers of a multitenant database; judged in `_pdbs`."""

from agent.oracle.catalogue import Check, Levels, States
from agent.oracle.checks import _pdbs as pdbs
from agent.oracle.needs import needs_cdb, not_in_pdb, on_primary
from agent.oracle.queries import PDBS

CHECKS: tuple[Check, ...] = (
    Check(
        id="PDB_OPEN_MODE",
        category="multitenant",
        title="Pluggable database is not open as expected",
        unit="count",
        levels=States(warning="READ ONLY where READ WRITE is expected", critical="MOUNTED where open is expected"),
        judge=pdbs.judge_open_mode,
        remediation=(
            "`ALTER PLUGGABLE DATABASE ... OPEN` (on RAC with INSTANCES=ALL), then `SAVE STATE`; check "
            "PDB_PLUG_IN_VIOLATIONS when it will not open."
        ),
        source="CMK, OTel #48643",
        interval_s=300,
        queries=(PDBS,),
        scope="root",
        needs=(
            needs_cdb,
            not_in_pdb,
            pdbs.cdb_open,
        ),
        gated=True,
    ),
    Check(
        id="PDB_RESTRICTED",
        category="multitenant",
        title="PDB open in restricted mode",
        unit="count",
        levels=Levels(1, None),
        judge=pdbs.judge_restricted,
        remediation=(
            "Read PDB_PLUG_IN_VIOLATIONS for rows of TYPE ERROR that are PENDING, fix them (datapatch, component "
            "mismatch), close and reopen the PDB."
        ),
        source="REF; usual sign of an unresolved plug-in violation",
        interval_s=900,
        queries=(PDBS,),
        scope="root",
        ceiling="warning",
        needs=(
            needs_cdb,
            not_in_pdb,
        ),
    ),
    Check(
        id="PDB_PLUG_IN_VIOLATIONS",
        category="multitenant",
        title="Unresolved PDB plug-in violations",
        unit="count",
        levels=States(warning="TYPE = WARNING older than 7 d", critical="TYPE = ERROR >= 1"),
        judge=pdbs.judge_violations,
        remediation=(
            "Do what the ACTION column asks (most often run datapatch in the PDB, or align a parameter), then "
            "reopen the PDB."
        ),
        source="OWN; ORAchk has the same item",
        interval_s=3600,
        queries=(pdbs.VIOLATIONS,),
        scope="root",
        mount=False,
        needs=(
            needs_cdb,
            not_in_pdb,
        ),
    ),
    Check(
        id="PDB_SAVED_STATE",
        category="multitenant",
        title="Open PDB has no saved state",
        unit="count",
        levels=Levels(1, None),
        judge=pdbs.judge_saved_state,
        remediation="`ALTER PLUGGABLE DATABASE x SAVE STATE` so that it opens after the next restart.",
        source="OWN",
        interval_s=86400,
        queries=(
            pdbs.SAVED_STATES,
            PDBS,
        ),
        scope="root",
        ceiling="info",
        mount=False,
        needs=(
            needs_cdb,
            not_in_pdb,
            on_primary,
            pdbs.services_open_pdbs,
            pdbs.keeps_states,
        ),
    ),
    Check(
        id="PDB_STORAGE_LIMIT",
        category="multitenant",
        title="PDB close to its storage limit",
        unit="%",
        levels=Levels(85, 95),
        judge=pdbs.judge_storage,
        remediation=(
            "Raise the limit (`ALTER PLUGGABLE DATABASE STORAGE (MAXSIZE ...)`) or remove data; ORA-65114 is the "
            "error the users would see."
        ),
        source="OEM-style 85/97, tightened",
        interval_s=3600,
        queries=(pdbs.SIZES,),
        scope="per-PDB",
        mount=False,
        needs=(needs_cdb,),
        min_release=(12, 2),
    ),
)
