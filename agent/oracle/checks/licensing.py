"""What may need a licence: packs that are switched on, features in use, PDBs, cores. Hints, no legal statements."""

from collections import defaultdict
from dataclasses import replace

from agent.oracle.catalogue import Check, Levels, Query, Row, Seen, States, Verdict
from agent.oracle.checks._features import DIAGNOSTICS, OPTION, TUNING, product_of
from agent.oracle.checks._space import closed, many
from agent.oracle.judging import number, of_items, ok, skipped, text, unknown
from agent.oracle.needs import needs_cdb, not_in_pdb
from agent.oracle.queries import PARAMETERS
from common.wire import Item

# --- packs ---------------------------------------------------------------------------------------------------------

_PACKS = {"DIAGNOSTIC": ("diagnostics",), "DIAGNOSTIC+TUNING": ("diagnostics", "tuning"), "NONE": ()}


def judge_packs(seen: Seen) -> Verdict:
    """The packs of the facts are those that are declared and switched on: whatever else is on is not declared."""
    access = next((text(row["value"]).upper() for row in seen.of(PARAMETERS) if row["name"] == PACK_ACCESS), "")
    if access not in _PACKS:
        return unknown(f"{PACK_ACCESS} is `{access}`; expected NONE, DIAGNOSTIC or DIAGNOSTIC+TUNING")
    if seen.facts.edition in ("Express", "Free"):
        return ok(f"{access} ({seen.facts.edition} edition)")
    surplus = [pack for pack in _PACKS[access] if pack not in seen.facts.packs]
    line = f"{access} (declared: {', '.join(sorted(seen.facts.packs)) or 'none'})"
    if not surplus:
        return ok(line)
    edition = f"; {seen.facts.edition} Edition cannot license them" if seen.facts.edition == "Standard" else ""
    return Verdict(status="warning", line=line + edition)


PACK_ACCESS = "control_management_pack_access"

# --- features ------------------------------------------------------------------------------------------------------

# Sampled once a week. After an upgrade the rows of the old release stay: the newest sample of a feature counts.
FEATURES = Query(
    name="features_in_use",
    sql="""
SELECT x.con_id, x.name, x.detected_usages
FROM (
  SELECT f.con_id, f.name, f.detected_usages, f.currently_used,
         ROW_NUMBER() OVER (PARTITION BY f.con_id, f.name ORDER BY f.last_sample_date DESC NULLS LAST) AS place
  FROM {cdb:feature_usage_statistics|name, detected_usages, currently_used, last_sample_date} f
  WHERE f.con_id <> 2
) x
WHERE x.place = 1 AND x.currently_used = 'TRUE'
ORDER BY x.con_id, x.name
FETCH FIRST 2000 ROWS ONLY
""",
)
OPTIONS = Query(name="options_off", sql="SELECT parameter FROM v$option WHERE value = 'FALSE' ORDER BY parameter")


def judge_features(seen: Seen) -> Verdict:
    """By product, with the features that suggest it. What Oracle itself uses is counted now and then: have a look."""
    rows = seen.of(FEATURES)
    if not rows:
        return skipped("not sampled yet: Oracle looks once a week")
    off = {text(row["parameter"]) for row in seen.of(OPTIONS)}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        product = product_of(text(row["name"]))
        if product and product not in _declared(seen) and OPTION.get(product) not in off:
            found[product].append(row)
    names = {text(row["name"]) for own in found.values() for row in own}
    status = seen.levels.status(len(names))
    items = [Item(product, status, float(len(own)), _features(own, seen)) for product, own in found.items()]
    verdict = of_items(items + closed(seen.facts), good="nothing that needs an undeclared licence")
    return replace(verdict, value=float(len(names)))


def _declared(seen: Seen) -> set[str]:
    packs = {"diagnostics": DIAGNOSTICS, "tuning": TUNING}
    return {packs[pack] for pack in seen.facts.packs}


def _features(rows: list[Row], seen: Seen) -> str:
    names = list(dict.fromkeys(text(row["name"]) for row in rows))
    places = sorted({seen.facts.container_name(row["con_id"]) for row in rows} - {""})
    where = f" in {', '.join(places)}" if places else ""
    return f"({', '.join(names[:4])}{' ...' if names[4:] else ''}{where})"


# --- PDBs ----------------------------------------------------------------------------------------------------------

FREE_BEFORE_19 = 1
FREE_FROM_19 = 3

# Application roots and seeds come with their application and do not count as PDBs of users.
USER_PDBS = Query(
    name="user_pdbs",
    sql="SELECT name FROM v$pdbs WHERE con_id > 2 ORDER BY name",
    newer={
        (12, 2): """
SELECT name
FROM v$pdbs
WHERE con_id > 2 AND application_root = 'NO' AND application_seed = 'NO'
ORDER BY name
"""
    },
)


def judge_pdbs(seen: Seen) -> Verdict:
    """The level is the one of 19c and later; before, one PDB was free instead of three."""
    if seen.facts.edition in ("Express", "Free"):
        return skipped(f"{seen.facts.edition} edition has limits of its own")
    count, level = len(seen.of(USER_PDBS)), seen.levels.warning
    if level is not None and seen.facts.release < (19, 0):
        level = max(level - (FREE_FROM_19 - FREE_BEFORE_19), 1)
    over = level is not None and count >= level
    return Verdict(status="warning" if over else "ok", line=many(count, "PDB"), value=float(count))


# --- cores ---------------------------------------------------------------------------------------------------------

RECENT_D = 30

# A row for each change; on some platforms and machines only the number of CPUs is known.
CORES = Query(
    name="cores",
    sql="""
SELECT c.con_id, c.cpu_count, c.cpu_core_count, SYSDATE - c.timestamp AS days
FROM {cdb:cpu_usage_statistics} c
WHERE c.con_id IN (0, 1)
ORDER BY c.timestamp DESC
FETCH FIRST 20 ROWS ONLY
""",
)


def judge_cores(seen: Seen) -> Verdict:
    rows = seen.of(CORES)
    if not rows:
        return unknown("DBA_CPU_USAGE_STATISTICS returned no rows")
    counted = [_cores(row) for row in rows]
    now, unit = counted[0]
    if now is None:
        return unknown("CPU_CORE_COUNT and CPU_COUNT are NULL")
    before = next((count for count, of in counted[1:] if of == unit and count is not None), None)
    age_d = number(rows[0]["days"])
    if before is None or before == now or age_d is None or age_d > RECENT_D:
        return ok(f"{now:.0f} {unit}", now)
    return Verdict(status="warning", line=f"{before:.0f} -> {now:.0f} {unit}", value=now)


def _cores(row: Row) -> tuple[float | None, str]:
    cores = number(row["cpu_core_count"])
    return (cores, "cores") if cores is not None else (number(row["cpu_count"]), "CPUs")


CHECKS: tuple[Check, ...] = (
    Check(
        id="LIC_PACK_ACCESS",
        category="licensing",
        title="Pack access setting does not match the licence",
        unit="state",
        levels=States(warning="set although not declared", critical="-"),
        judge=judge_packs,
        remediation=(
            "Set to NONE if the packs are not licensed: the pack features are then switched off inside the "
            "instance as well."
        ),
        source="Oracle licensing: EE default is DIAGNOSTIC+TUNING",
        interval_s=86400,
        queries=(PARAMETERS,),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb,),
    ),
    Check(
        id="LIC_FEATURE_USAGE",
        category="licensing",
        title="Use of an undeclared option or pack",
        unit="count",
        levels=Levels(1, None),
        judge=judge_features,
        remediation="Disable the feature or declare the licence; false positives exist.",
        source="ercole maps these names to products",
        interval_s=86400,
        queries=(
            FEATURES,
            OPTIONS,
        ),
        scope="per-PDB",
        ceiling="info",
        mount=False,
    ),
    Check(
        id="LIC_PDB_COUNT",
        category="licensing",
        title="More user PDBs than allowed without Multitenant",
        unit="count",
        levels=Levels(FREE_FROM_19 + 1, None),
        judge=judge_pdbs,
        remediation="Drop or license the option.",
        source="Oracle licensing (3 PDBs from 19c)",
        interval_s=86400,
        queries=(USER_PDBS,),
        scope="root",
        ceiling="info",
        needs=(needs_cdb, not_in_pdb),
    ),
    Check(
        id="LIC_CORE_COUNT",
        category="licensing",
        title="Cores visible to the database changed",
        unit="count",
        levels=States(warning="changed", critical="-"),
        judge=judge_cores,
        remediation="Check the license cover after a VM resize.",
        source="OWN",
        interval_s=86400,
        queries=(CORES,),
        scope="root",
        ceiling="info",
        mount=False,
        needs=(not_in_pdb,),
    ),
)
