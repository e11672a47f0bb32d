"""ASM: disk groups and disks, as a database that has its files there sees them."""

from agent.oracle.catalogue import Check, Levels, States
from agent.oracle.checks import _disk_groups as groups
from agent.oracle.needs import needs_asm, not_in_pdb
from agent.oracle.queries import ASM_GROUPS

CHECKS: tuple[Check, ...] = (
    Check(
        id="ASM_DG_USABLE",
        category="asm",
        title="ASM disk group is nearly full",
        unit="%",
        levels=Levels(85, 95),
        judge=groups.judge_usable,
        remediation=(
            "Add disks or drop old backups; keep REQUIRED_MIRROR_FREE_MB so that one failure group can be rebuilt."
        ),
        source="COH 90/98; CMK fs 80/90; ZBX 90/95",
        interval_s=900,
        queries=(ASM_GROUPS,),
        scope="asm",
        needs=(
            not_in_pdb,
            needs_asm,
        ),
    ),
    Check(
        id="ASM_DG_OFFLINE_DISKS",
        category="asm",
        title="Offline disks in a disk group",
        unit="count",
        levels=Levels(None, 1),
        judge=groups.judge_offline,
        remediation="Bring the disk back before the repair timer (disk_repair_time) drops it, or replace it.",
        source="CMK (critical)",
        interval_s=300,
        queries=(
            ASM_GROUPS,
            groups.ASM_DISKS,
        ),
        scope="asm",
        needs=(
            not_in_pdb,
            needs_asm,
        ),
    ),
    Check(
        id="ASM_DG_STATE",
        category="asm",
        title="Disk group not mounted as expected",
        unit="count",
        levels=Levels(None, 1),
        judge=groups.judge_state,
        remediation="Mount it (`ALTER DISKGROUP x MOUNT`) after checking the reason in the ASM alert log.",
        source="CMK",
        interval_s=300,
        queries=(ASM_GROUPS,),
        scope="asm",
        needs=(
            not_in_pdb,
            needs_asm,
        ),
    ),
    Check(
        id="ASM_DISK_ERRORS",
        category="asm",
        title="Disk I/O errors",
        unit="count",
        levels=Levels(1, 100),
        judge=groups.judge_errors,
        remediation="Plan the disk replacement; check multipath and cabling.",
        source="OWN",
        interval_s=900,
        queries=(groups.ASM_DISKS,),
        scope="asm",
        needs=(
            not_in_pdb,
            needs_asm,
        ),
    ),
    Check(
        id="ASM_REBALANCE_STUCK",
        category="asm",
        title="Rebalance does not finish",
        unit="state",
        levels=States(warning="no progress for 60 min", critical="STATE = ERRS"),
        judge=groups.judge_rebalance,
        remediation="Check ERROR_CODE, free space and power limit.",
        source="OWN",
        interval_s=900,
        queries=(groups.ASM_OPERATIONS,),
        scope="asm",
        needs=(
            not_in_pdb,
            needs_asm,
        ),
    ),
    Check(
        id="ASM_FAILGROUP_UNEVEN",
        category="asm",
        title="Failure groups are uneven or too few",
        unit="%; count",
        levels=Levels(5, None),  # critical: fewer failure groups than there are copies
        judge=groups.judge_failure_groups,
        remediation="Rebalance the sizes; a NORMAL group wants 3 or more failure groups.",
        source="CMK (5 %, 3/5 votes)",
        interval_s=86400,
        queries=(
            groups.ASM_DISKS,
            ASM_GROUPS,
        ),
        scope="asm",
        needs=(
            not_in_pdb,
            needs_asm,
        ),
    ),
)
