"""Patches: how old the release update is, whether it reached the dictionary, how long the release has support.

When an update came out and when support ends are read from a dated table: what it does not know stays unknown.
"""

import re
from dataclasses import replace
from datetime import date

from agent.oracle.catalogue import Check, Levels, Query, Row, Seen, States, Verdict
from agent.oracle.checks._changes import key
from agent.oracle.checks._space import closed, place, plain, unseen
from agent.oracle.judging import age, held_s, label, marks, noted, number, of_items, text, unknown, worst
from agent.oracle.needs import not_in_pdb, on_primary
from agent.oracle.queries import VERSION
from common.wire import Item, Status

IMPORT = "import a newer one: `fieldpost-agent reference import FILE`"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS_A_MONTH = 365.25 / 12

# The newest row of each patch and container is the one that counts.
SQL_PATCHES = Query(
    name="sql_patches",
    sql="""
SELECT x.con_id, x.patch_id, x.action, x.status, x.description, x.patch_type, x.target_version, x.place, x.applied_s
FROM (
  SELECT p.con_id, p.patch_id, p.action, p.status, p.description, '' AS patch_type, '' AS target_version,
         ROW_NUMBER() OVER (PARTITION BY p.con_id, p.patch_id ORDER BY p.action_time DESC) AS place,
         (SYSDATE - CAST(p.action_time AS DATE)) * 86400 AS applied_s
  FROM {cdb:registry_sqlpatch|patch_id, action, status, action_time, description} p
  WHERE p.con_id <> 2
) x
WHERE x.place = 1
ORDER BY x.con_id, x.applied_s, x.patch_id
FETCH FIRST 1000 ROWS ONLY
""",
    newer={
        (18, 0): """
SELECT x.con_id, x.patch_id, x.action, x.status, x.description, x.patch_type, x.target_version, x.place, x.applied_s
FROM (
  SELECT p.con_id, p.patch_id, p.action, p.status, p.description, p.patch_type, p.target_version,
         ROW_NUMBER() OVER (PARTITION BY p.con_id, p.patch_id ORDER BY p.action_time DESC) AS place,
         (SYSDATE - CAST(p.action_time AS DATE)) * 86400 AS applied_s
  FROM {cdb:registry_sqlpatch|patch_id, action, status, action_time, description, patch_type, target_version} p
  WHERE p.con_id <> 2
) x
WHERE x.place = 1
ORDER BY x.con_id, x.applied_s, x.patch_id
FETCH FIRST 1000 ROWS ONLY
"""
    },
)


def release_of(seen: Seen) -> str:
    """VERSION_FULL, 19.22.0.0.0; empty when it is NULL."""
    return next((text(row["version_full"]) for row in seen.of(VERSION)), "")


# --- age -----------------------------------------------------------------------------------------------------------

_DATED = re.compile(r"\b(\d+\.\d+\.\d+)\.\d+\.(\d{2})(\d{2})(\d{2})\b")


def judge_age(seen: Seen) -> Verdict:
    """The day of the update is the table's, else the one in the label that the database keeps of it."""
    release = release_of(seen)
    if not re.match(r"\d+\.\d+\.\d+", release):
        return unknown(f"VERSION_FULL is `{release}`; expected a release such as 19.22.0.0.0")
    short = _short(release)
    day = _listed(seen, release) or _labelled(seen, release)
    if day is None:
        return unknown(f"{short}: {_why_not(seen)}")
    months = (seen.now.date() - day).days / DAYS_A_MONTH
    revision = int(release.split(".")[2])
    extra = f", revision {revision}" if revision and not release.startswith("23.26.") else ""
    line = f"{short} ({MONTHS[day.month - 1]} {day.year}{extra})"
    return Verdict(status=seen.levels.status(months), line=line, value=round(months, 1))


def _short(release: str) -> str:
    """19.22; an update of 23.26 has its quarter in the third place."""
    parts = release.split(".")
    return ".".join(parts[:3] if parts[:2] == ["23", "26"] else parts[:2])


def _listed(seen: Seen, release: str) -> date | None:
    table = seen.reference
    if table is None or table.stale(seen.now.date()):
        return None
    return table.release_updates.get(_short(release))


def _labelled(seen: Seen, release: str) -> date | None:
    """`Database Release Update : 19.22.0.0.240116 (35943157)`."""
    for row in seen.of(SQL_PATCHES):
        found = _DATED.search(text(row["description"]))
        if found and release.startswith(f"{found[1]}.") and row["target_version"] == release:
            return date(2000 + int(found[2]), int(found[3]), int(found[4]))
    return None


def _why_not(seen: Seen) -> str:
    table = seen.reference
    if table is None:
        return f"no reference table; {IMPORT}"
    if table.stale(seen.now.date()):
        return f"the reference table is {table.age_days(seen.now.date())} days old; {IMPORT}"
    return f"not in the reference table of {table.issued}; {IMPORT}"


# --- patches of the dictionary -------------------------------------------------------------------------------------


def judge_failed(seen: Seen) -> Verdict:
    rows = seen.of(SQL_PATCHES)
    failed = [row for row in rows if row["status"] != "SUCCESS"]
    status = seen.levels.status(len(failed))
    items = [_failed_item(row, status, seen) for row in failed]
    good = f"{len(rows)} SQL patches applied" if rows else "no SQL patch is registered"
    verdict = of_items(items + closed(seen.facts), good=good, bad="patch ")
    return replace(verdict, value=float(len(failed)))


def _failed_item(row: Row, status: Status, seen: Seen) -> Item:
    name = label(seen.facts, row["con_id"], row["patch_id"])
    if row["status"] is None:
        return Item(name, "unknown", detail="STATUS is NULL")
    return Item(name, status, detail=f"{text(row['action'])} {text(row['status'])}")


GRACE_S = 86_400.0


def judge_mismatch(seen: Seen) -> Verdict:
    """A day of grace: on a cluster that is patched node by node datapatch comes last. Interim patches carry the base
    release as their version, which says nothing.
    """
    release = release_of(seen)
    rows = [row for row in seen.of(SQL_PATCHES) if row["target_version"] and row["patch_type"] != "INTERIM"]
    if not release:
        return unknown("VERSION_FULL is NULL")
    if not rows:
        return unknown("DBA_REGISTRY_SQLPATCH shows no release update with a target version")
    newest: dict[object, Row] = {}
    for row in sorted(rows, key=lambda row: number(row["applied_s"]) or 0.0):
        if row["status"] == "SUCCESS":
            newest.setdefault(row["con_id"], row)
    behind = [row for row in newest.values() if _update(text(row["target_version"])) != _update(release)]
    items = [_mismatch(row, release, seen) for row in behind]
    good = f"binary and dictionary {_short(release)}"
    verdict = plain(of_items(items + unseen(seen.facts, rows), good=good), seen.facts)
    return noted(verdict, marks(seen, [_mark(row) for row in behind]))


def _update(version: str) -> str:
    return ".".join(version.split(".")[:3])


def _mark(row: Row) -> str:
    return key((row["con_id"], "differs"))


def _mismatch(row: Row, release: str, seen: Seen) -> Item:
    held = held_s(seen, _mark(row))
    status: Status = "warning" if held >= GRACE_S else "info"
    detail = f"binary {_short(release)}, dictionary {_short(text(row['target_version']))}, for {age(held)}"
    return Item(place(seen.facts, row["con_id"]), status, detail=detail)


# --- support -------------------------------------------------------------------------------------------------------


def judge_support(seen: Seen) -> Verdict:
    """The next phase that ends counts; after the last one the release is out of support."""
    today, table = seen.now.date(), seen.reference
    version = next((text(row["version"]) for row in seen.of(VERSION)), "")
    if not re.match(r"\d+\.\d+", version):
        return unknown(f"VERSION is `{version}`; expected a release such as 19.0.0.0.0")
    first, second = version.split(".")[:2]
    name = f"{first}.{second}" if first == "12" else first
    if table is None or table.stale(today) or name not in table.support:
        return unknown(f"{name}: {_why_not(seen)}")
    ends = [
        (day, phase)
        for day, phase in ((table.support[name].premier, "premier"), (table.support[name].extended, "extended"))
        if day
    ]
    if not ends:
        return unknown(f"{name}: the reference table of {table.issued} has no day for it; {IMPORT}")
    day, phase = next((end for end in ends if end[0] >= today), max(ends))
    days = (day - today).days
    line = f"{name} out of support since {day}" if days < 0 else f"{name}: {phase} support until {day}"
    return Verdict(status=seen.levels.status(days), line=line, value=float(days))


# --- time zones ----------------------------------------------------------------------------------------------------

# The file that came with the base release is present for sure; a newer one in the Oracle home cannot be seen from SQL.
SHIPPED = {(12, 1): 18, (12, 2): 26, (18, 0): 31, (19, 0): 32, (21, 0): 35, (23, 0): 42}
TIME_ZONES = Query(
    name="time_zones",
    sql="""
SELECT f.version,
       (SELECT MAX(p.property_value) FROM database_properties p WHERE p.property_name = 'DST_UPGRADE_STATE')
         AS upgrade_state
FROM v$timezone_file f
""",
)


def judge_time_zones(seen: Seen) -> Verdict:
    row = next(iter(seen.of(TIME_ZONES)), None)
    version = number(row["version"]) if row else None
    if row is None or version is None:
        return unknown("V$TIMEZONE_FILE has no version")
    shipped = max((file for release, file in SHIPPED.items() if release <= seen.facts.release), default=None)
    behind = max(0.0, shipped - version) if shipped is not None else 0.0
    state = text(row["upgrade_state"]) or "NONE"
    status = worst([seen.levels.status(behind), "ok" if state == "NONE" else "warning"])
    line = f"v{version:.0f}"
    if shipped is not None and behind:
        line += f" (v{shipped} present)"
    if state != "NONE":
        line += f", upgrade in state {state}"
    return Verdict(status=status, line=line, value=behind)


CHECKS: tuple[Check, ...] = (
    Check(
        id="PATCH_AGE",
        category="patching",
        title="Database release update is old",
        unit="months",
        levels=Levels(6, 12),
        judge=judge_age,
        remediation="Plan the next RU; the offline table lists which RU was current when.",
        source="Oracle quarterly RU cadence; OWN thresholds",
        interval_s=86400,
        queries=(
            VERSION,
            SQL_PATCHES,
        ),
        scope="root",
        ceiling="warning",
        mount=False,
        min_release=(18, 0),
        needs=(not_in_pdb,),
    ),
    Check(
        id="PATCH_SQLPATCH_FAILED",
        category="patching",
        title="SQL patch failed or is half applied",
        unit="count",
        levels=Levels(None, 1),
        judge=judge_failed,
        remediation="Run datapatch again and read LOGFILE.",
        source="COH; ORAchk",
        interval_s=86400,
        queries=(SQL_PATCHES,),
        scope="per-PDB",
        mount=False,
        needs=(on_primary,),
    ),
    Check(
        id="PATCH_BINARY_MISMATCH",
        category="patching",
        title="Binary patch without SQL patch",
        unit="state",
        levels=States(warning="yes", critical="-"),
        judge=judge_mismatch,
        remediation="Run `datapatch -verbose` in all open containers.",
        source="OWN",
        interval_s=86400,
        queries=(
            SQL_PATCHES,
            VERSION,
        ),
        scope="root",
        ceiling="warning",
        mount=False,
        min_release=(18, 0),
        needs=(not_in_pdb, on_primary),
    ),
    Check(
        id="RELEASE_SUPPORT_END",
        category="patching",
        title="Release leaves support",
        unit="d",
        levels=Levels(365, 90, below=True),
        judge=judge_support,
        remediation="Plan the upgrade; 19c and 26ai are long-term releases.",
        source="Oracle lifetime support policy table (offline, dated)",
        interval_s=86400,
        queries=(VERSION,),
        scope="root",
        ceiling="info",
        needs=(not_in_pdb,),
    ),
    Check(
        id="TIMEZONE_VERSION",
        category="patching",
        title="Timezone file is behind",
        unit="count",
        levels=Levels(5, None),
        judge=judge_time_zones,
        remediation="Apply the DST patch and run the upgrade scripts in a window.",
        source="OWN; upgrade guides",
        interval_s=86400,
        queries=(TIME_ZONES,),
        scope="root",
        ceiling="info",
        mount=False,
        needs=(not_in_pdb,),
    ),
)
