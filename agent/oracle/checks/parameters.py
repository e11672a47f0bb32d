"""Parameters: what protects the database, what hinders the next upgrade, and what changed (`_parameter_changes`)."""

import re
from collections.abc import Mapping

from agent.oracle.catalogue import Check, Levels, Query, Seen, States, Verdict
from agent.oracle.checks import _parameter_changes as changes
from agent.oracle.judging import age, held_s, marks, noted, of_items, ok, text, unknown
from agent.oracle.needs import not_in_pdb
from agent.oracle.queries import PARAMETERS, VERSION
from common.wire import Item, Status

# --- the parameter file --------------------------------------------------------------------------------------------

# Each instance of a cluster has to point to the one file that they share.
SPFILES = Query(
    name="spfiles",
    sql="SELECT 0 AS inst_id, dummy AS value FROM dual WHERE 1 = 0",
    special=(
        lambda facts: facts.rac,
        "SELECT inst_id, SUBSTR(value, 1, 500) AS value FROM gv$system_parameter WHERE name = 'spfile'",
    ),
)


def named(seen: Seen) -> Mapping[str, str]:
    """The values of the shared statement, by name; NULL is an empty text."""
    return {text(row["name"]): text(row["value"]) for row in seen.of(PARAMETERS)}


def judge_spfile(seen: Seen) -> Verdict:
    values = named(seen)
    if "spfile" not in values:
        return unknown("V$PARAMETER has no row for spfile")
    instances = {text(row["inst_id"]): text(row["value"]) for row in seen.of(SPFILES)}
    bare = sorted(instance for instance, file in instances.items() if not file)
    if bare or not values["spfile"]:
        return Verdict(status="warning", line="pfile in use" + (f" on instance {', '.join(bare)}" if bare else ""))
    if len(set(instances.values())) > 1:
        return Verdict(status="warning", line=f"{len(set(instances.values()))} different spfiles on one cluster")
    return ok(values["spfile"])


# --- compatible ----------------------------------------------------------------------------------------------------

ACCEPTED_S = 90 * 86_400.0


def judge_compatible(seen: Seen) -> Verdict:
    """For 90 days the way back is worth more: counted from when it was first seen to lag."""
    compatible = named(seen).get("compatible", "")
    release = next((text(row["version_full"]) or text(row["version"]) for row in seen.of(VERSION)), "")
    if not re.match(r"\d+\.", compatible) or not re.match(r"\d+\.", release):
        return unknown(f"compatible is `{compatible}`, the release `{release}`; expected numbers")
    short = ".".join(release.split(".")[:2])
    if _major(compatible) >= _major(release):
        return noted(ok(f"compatible {compatible} on {short}"), {})
    held = held_s(seen, "lags")
    status: Status = "warning" if held > ACCEPTED_S else "info"
    line = f"compatible {compatible} on {short}, seen for {age(held)}"
    return noted(Verdict(status=status, line=line), marks(seen, ["lags"]))


def _major(version: str) -> tuple[int, ...]:
    """12.1 and 12.2 are two releases; from 18 on the first number says it."""
    first, second = (int(part) for part in version.split(".")[:2])
    return (first, second if first < 18 else 0)  # noqa: PLR2004 - the release that changed the numbering


# --- protection against corruption ---------------------------------------------------------------------------------


def judge_protection(seen: Seen) -> Verdict:
    """Checking is only advised: it costs. Some storage checks blocks by itself."""
    values = named(seen)
    if missing := [name for name in ("db_block_checksum", "db_lost_write_protect") if not values.get(name)]:
        return unknown(f"{missing[0]} is NULL or missing in V$PARAMETER")
    items = []
    if values["db_block_checksum"].upper() in ("OFF", "FALSE"):
        items.append(Item(f"db_block_checksum={values['db_block_checksum']}", "warning"))
    guarded = seen.facts.standby_configured or not seen.facts.primary
    if guarded and values["db_lost_write_protect"].upper() == "NONE":
        items.append(Item("db_lost_write_protect=NONE", "warning"))
    settings = ", ".join(f"{name.removeprefix('db_')}={values[name]}" for name in sorted(_SETTINGS) if name in values)
    return of_items(items, good=settings)


_SETTINGS = ("db_block_checksum", "db_block_checking", "db_lost_write_protect")

CHECKS: tuple[Check, ...] = (
    Check(
        id="PARAM_SPFILE",
        category="parameters",
        title="Instance started from a pfile",
        unit="state",
        levels=States(warning="empty", critical="-"),
        judge=judge_spfile,
        remediation="CREATE SPFILE and restart; changes with SCOPE=BOTH are lost otherwise.",
        source="OWN",
        interval_s=86400,
        queries=(
            PARAMETERS,
            SPFILES,
        ),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="PARAM_HIDDEN",
        category="parameters",
        title="Underscore parameters are set",
        unit="count",
        levels=Levels(1, None),
        judge=changes.judge_hidden,
        remediation="Keep only those with an SR or bug number; re-check after each patch.",
        source="Oracle support advice; ORAchk",
        interval_s=86400,
        queries=(changes.UNUSUAL_PARAMETERS,),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb,),
    ),
    Check(
        id="PARAM_DEPRECATED",
        category="parameters",
        title="Obsolete or deprecated parameters are set",
        unit="count",
        levels=Levels(1, None),
        judge=changes.judge_deprecated,
        remediation="Remove them; they block upgrades later.",
        source="REF",
        interval_s=86400,
        queries=(
            changes.UNUSUAL_PARAMETERS,
            changes.OBSOLETE_PARAMETERS,
        ),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb,),
    ),
    Check(
        id="PARAM_PENDING_RESTART",
        category="parameters",
        title="Parameter change waits for a restart",
        unit="count",
        levels=Levels(1, None),
        judge=changes.judge_pending,
        remediation="Plan the restart, or reset the parameter.",
        source="OWN",
        interval_s=86400,
        queries=(changes.SPFILE_DIFFERENCES,),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb,),
    ),
    Check(
        id="PARAM_COMPATIBLE",
        category="parameters",
        title="compatible lags behind the release",
        unit="state",
        levels=States(warning="major release lower for > 90 d after the upgrade", critical="-"),
        judge=judge_compatible,
        remediation="Raise compatible (no way back) after the upgrade is accepted.",
        source="OWN; 19c upgrade guides",
        interval_s=86400,
        queries=(
            PARAMETERS,
            VERSION,
        ),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb,),
    ),
    Check(
        id="PARAM_CORRUPTION_PROTECTION",
        category="parameters",
        title="Corruption protection parameters",
        unit="state",
        levels=States(warning="lost_write_protect NONE with Data Guard, checksum OFF", critical="-"),
        judge=judge_protection,
        remediation="Set TYPICAL/FULL, measure the load first.",
        source="MAA (checksum FULL, lost-write TYPICAL, checking MEDIUM where affordable)",
        interval_s=86400,
        queries=(PARAMETERS,),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb,),
    ),
    Check(
        id="PARAM_CHANGED",
        category="parameters",
        title="Parameter changed",
        unit="count",
        levels=Levels(1, None),
        judge=changes.judge_changed,
        remediation="Compare with the change log; the finding shows old and new values.",
        source="OWN (change tracking; no AWR needed)",
        interval_s=3600,
        queries=(changes.PARAMETERS_SET,),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb,),
    ),
)
