"""Clusters: instances that are down, the interconnect, parameters that differ."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from agent.oracle.catalogue import GATE_CAP, Check, Facts, Levels, Query, Row, Seen, Value, Verdict
from agent.oracle.judging import (
    Growth,
    by_level,
    counter_note,
    growth,
    named,
    noted,
    number,
    of_items,
    ok,
    skipped,
    text,
    unknown,
    worst_first,
)
from agent.oracle.needs import not_in_pdb, on_primary
from agent.oracle.queries import EVENTS, INSTANCE, STATISTICS, THREADS
from common.wire import Item

# Known to every instance, without asking the others.
INSTANCES = Query(
    name="active_instances",
    sql="""
SELECT a.inst_number, a.inst_name, (SELECT MAX(i.database_type) FROM v$instance i) AS kind
FROM v$active_instances a
ORDER BY a.inst_number
""",
)

INTERCONNECTS = Query(
    name="interconnects",
    sql="SELECT name, ip_address, is_public FROM v$cluster_interconnects ORDER BY name, ip_address",
)

# Names that are set on some instance and have more than one value. Those that belong to one instance are left out,
# and what the server sizes or switches by itself.
PARAMETER_DRIFT = Query(
    name="parameter_drift",
    sql="""
SELECT p.inst_id, p.name, SUBSTR(p.value, 1, 200) AS value
FROM gv$system_parameter p
WHERE p.con_id IN (0, 1)
  AND p.name IN (SELECT q.name
                 FROM gv$system_parameter q
                 WHERE q.con_id IN (0, 1)
                   AND q.name NOT IN ('asm_preferred_read_failure_groups', 'audit_file_dest', 'background_dump_dest',
                                      'cluster_interconnects', 'core_dump_dest', 'diagnostic_dest', 'dispatchers',
                                      'ifile', 'instance_groups', 'instance_name', 'instance_number',
                                      'listener_networks', 'local_listener', 'parallel_instance_group',
                                      'resource_manager_plan', 'service_names', 'spfile', 'thread', 'undo_tablespace',
                                      'user_dump_dest')
                   AND SUBSTR(q.name, 1, 2) <> '__'
                 GROUP BY q.name
                 HAVING COUNT(DISTINCT NVL(q.value, '-')) > 1 AND MIN(q.isdefault) = 'FALSE')
ORDER BY p.name, p.inst_id
FETCH FIRST 1000 ROWS ONLY
""",
    cost="medium",
)


def on_cluster(facts: Facts) -> str | None:
    return None if facts.rac else "not a cluster database"


# --- instances -----------------------------------------------------------------------------------------------------

LEFTOVER_S = 7 * 86_400.0


def judge_instances(seen: Seen) -> Verdict:
    """An enabled thread is served by one instance; one without redo for a week is left over from a removed node."""
    rows = [row for row in seen.of(THREADS) if row["enabled"] != "DISABLED"]
    up = {_instance(row) for row in seen.of(INSTANCES)}
    if not rows or not up:
        return unknown("V$THREAD or V$ACTIVE_INSTANCES gave no row")
    if seen.of(INSTANCES)[0]["kind"] == "RACONENODE":
        return ok("the one instance of RAC One Node is up", 0.0)
    unsaid = [text(row["thread"]) for row in rows if row["status"] is None or row["instance"] is None]
    if unsaid:
        return unknown(f"V$THREAD: STATUS or INSTANCE is NULL for thread {', '.join(unsaid)}")
    closed = [row for row in rows if row["status"] != "OPEN" or text(row["instance"]).upper() not in up]
    leftovers = [row for row in closed if (number(row["idle_s"]) or 0.0) >= LEFTOVER_S]
    missing = [text(row["instance"]) for row in closed if row not in leftovers]
    expected = len(rows) - len(leftovers)
    return _cluster(seen, missing, [text(row["thread"]) for row in leftovers], expected)


def _instance(row: Row) -> str:
    """`ORCL1` of `node1:ORCL1`."""
    return text(row["inst_name"]).rsplit(":", 1)[-1].upper()


def _cluster(seen: Seen, missing: list[str], leftovers: list[str], expected: int) -> Verdict:
    status = seen.levels.status(len(missing))
    running = expected - len(missing)
    line = f"{running} of {expected} instances up"
    line += f", {', '.join(missing[:3])} missing" if missing else ""
    line += f" (thread {', '.join(leftovers)} is left over from a removed node)" if leftovers else ""
    items = [Item(name, status, 1.0, "no open instance") for name in missing]
    items += [Item(f"thread {name}", "info", detail="enabled, but without redo for a week") for name in leftovers]
    cap = GATE_CAP if missing and running <= 1 else None
    return Verdict(status=status, line=line, value=float(len(missing)), items=worst_first(items), cap=cap)


# --- interconnect --------------------------------------------------------------------------------------------------

BLOCK_EVENTS = ("gc cr block 2-way", "gc current block 2-way")
FEWEST_BLOCKS = 500
LINK_LOCAL = "169.254."


def judge_latency(seen: Seen) -> Verdict:
    rows = [row for row in seen.of(EVENTS) if row["event"] in BLOCK_EVENTS]
    blocks, micros = ([number(row[name]) for row in rows] for name in ("total_waits", "time_waited_micro"))
    if None in blocks or None in micros:
        return unknown("V$SYSTEM_EVENT: TOTAL_WAITS or TIME_WAITED_MICRO is NULL")
    counters = {"blocks": sum(count or 0.0 for count in blocks), "us": sum(spent or 0.0 for spent in micros)}
    return _grown(seen, counters, _latency)


def _latency(seen: Seen, grown: Growth) -> Verdict:
    blocks = grown.of["blocks"]
    if blocks < FEWEST_BLOCKS:
        return skipped(f"{blocks:.0f} blocks since the last run are too few to judge (at least {FEWEST_BLOCKS})")
    average = grown.of["us"] / blocks / 1000
    return by_level(round(average, 3), seen.levels, f"{average:.1f} ms over {blocks:,.0f} blocks")


def judge_lost(seen: Seen) -> Verdict:
    lost = next((number(row["value"]) for row in seen.of(STATISTICS) if row["name"] == "gc blocks lost"), None)
    if lost is None:
        return unknown("V$SYSSTAT has no gc blocks lost, or it is NULL")
    return _grown(seen, {"lost": lost}, _lost)


def _lost(seen: Seen, grown: Growth) -> Verdict:
    an_hour = grown.an_hour("lost")
    return by_level(round(an_hour, 2), seen.levels, f"{an_hour:.0f} blocks/h")


def _grown(seen: Seen, counters: Mapping[str, float], judge: Callable[[Seen, Growth], Verdict]) -> Verdict:
    started = next((number(row["started_s"]) for row in seen.of(INSTANCE)), None)
    if started is None:
        return unknown("V$INSTANCE.STARTUP_TIME is NULL")
    grown = growth(seen, counters, started_s=started)
    verdict = skipped(grown) if isinstance(grown, str) else judge(seen, grown)
    return noted(verdict, counter_note(seen, counters, started_s=started))


def judge_public(seen: Seen) -> Verdict:
    """169.254 addresses are those that the clusterware puts on private interfaces by itself."""
    rows = seen.of(INTERCONNECTS)
    if not rows:
        return unknown("V$CLUSTER_INTERCONNECTS gave no row")
    public = [row for row in rows if row["is_public"] == "YES" and not text(row["ip_address"]).startswith(LINK_LOCAL)]
    status = seen.levels.status(len(public))
    items = [Item(text(row["name"]), status, 1.0, "is public") for row in public]
    unsaid = [row for row in rows if row["is_public"] is None and not text(row["ip_address"]).startswith(LINK_LOCAL)]
    items += [Item(text(row["name"]), "unknown", detail="IS_PUBLIC is NULL") for row in unsaid]
    verdict = of_items(items, good=f"private: {', '.join(dict.fromkeys(text(row['name']) for row in rows))}")
    return replace(verdict, value=float(len(public)))


# --- parameters ----------------------------------------------------------------------------------------------------


def judge_drift(seen: Seen) -> Verdict:
    """The instances with another value than most; the values stay here, they may be paths and addresses."""
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in seen.of(PARAMETER_DRIFT):
        by_name[text(row["name"])].append(row)
    if not by_name:
        return ok("no parameter differs", 0.0)
    names = {row["inst_number"]: _instance(row) for row in seen.of(INSTANCES)}
    status = seen.levels.status(len(by_name))
    items = [Item(name, status, 1.0, f"differs on {_odd(rows, names)}") for name, rows in sorted(by_name.items())]
    return Verdict(status=status, line=named(items), value=float(len(items)), items=worst_first(items))


def _odd(rows: list[Row], names: Mapping[Value, str]) -> str:
    usual = Counter(text(row["value"]) for row in rows).most_common(1)[0][0]
    odd = [row["inst_id"] for row in rows if text(row["value"]) != usual]
    return ", ".join(names.get(inst, f"instance {text(inst)}") for inst in odd)


CHECKS: tuple[Check, ...] = (
    Check(
        id="RAC_INSTANCE_DOWN",
        category="rac",
        title="Cluster instance down",
        unit="count",
        levels=Levels(None, 1),
        judge=judge_instances,
        remediation="Start the instance; read its alert log for an eviction.",
        source="OWN (zbxdb derives it from V$ACTIVE_INSTANCES)",
        interval_s=60,
        queries=(
            THREADS,
            INSTANCES,
        ),
        scope="root",
        needs=(
            not_in_pdb,
            on_cluster,
            on_primary,
        ),
    ),
    Check(
        id="RAC_GC_LATENCY",
        category="rac",
        title="Global cache latency is high",
        unit="ms",
        levels=Levels(3, 10),
        judge=judge_latency,
        remediation="Check interconnect bandwidth, jumbo frames, UDP buffers and CPU starvation of LMS.",
        source="OWN (interconnect should be below 1 ms)",
        interval_s=300,
        queries=(
            EVENTS,
            INSTANCE,
        ),
        ceiling="warning",
        needs=(
            not_in_pdb,
            on_cluster,
        ),
    ),
    Check(
        id="RAC_GC_LOST_BLOCKS",
        category="rac",
        title="Blocks lost on the interconnect",
        unit="blocks/h",
        levels=Levels(1, 100),
        judge=judge_lost,
        remediation=(
            "Look at packet drops and reassembly errors of the private network (netstat -s), then switch and cabling."
        ),
        source="Oracle RAC docs (lost blocks = network problem)",
        interval_s=900,
        queries=(
            STATISTICS,
            INSTANCE,
        ),
        ceiling="warning",
        needs=(
            not_in_pdb,
            on_cluster,
        ),
    ),
    Check(
        id="RAC_INTERCONNECT_PUBLIC",
        category="rac",
        title="Interconnect uses a public or unexpected network",
        unit="count",
        levels=Levels(None, 1),
        judge=judge_public,
        remediation="Fix it with `oifcfg setif`; private network only, with jumbo frames if possible.",
        source="REF; ORAchk",
        interval_s=86400,
        queries=(INTERCONNECTS,),
        needs=(
            not_in_pdb,
            on_cluster,
        ),
    ),
    Check(
        id="RAC_PARAM_DRIFT",
        category="rac",
        title="Parameters differ between instances",
        unit="count",
        levels=Levels(1, None),
        judge=judge_drift,
        remediation="Set with SID=* unless it must differ.",
        source="OWN; ORAchk",
        interval_s=86400,
        queries=(
            PARAMETER_DRIFT,
            INSTANCES,
        ),
        cost="medium",
        scope="root",
        ceiling="warning",
        needs=(
            not_in_pdb,
            on_cluster,
        ),
    ),
)
