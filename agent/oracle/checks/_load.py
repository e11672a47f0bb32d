"""The load of an instance: how many sessions are active, what they wait for, how fast they read."""

from collections import Counter
from dataclasses import replace

from agent.oracle.catalogue import Levels, Query, Seen, Verdict
from agent.oracle.checks._readings import (
    amount,
    in_pdb,
    instance_time,
    metric,
    parameter,
    since_last_run,
    time_model,
    values,
)
from agent.oracle.judging import (
    Growth,
    age,
    by_level,
    held_s,
    marks,
    noted,
    number,
    of_items,
    skipped,
    text,
    unknown,
    worst_first,
)
from agent.oracle.queries import EVENTS, OS_STATISTICS, SESSIONS, STATISTICS
from common.wire import Item, Status

MICRO = 1e6
NO_TIME = "V$SYS_TIME_MODEL lacks DB time or DB CPU, or it is NULL"
NO_CORES = "V$OSSTAT shows no number of CPUs"


def cores(seen: Seen) -> float | None:
    """Cores, not threads; fewer where instance caging (a resource plan and cpu_count) or a PDB's own count says so."""
    found = values(seen, OS_STATISTICS, "stat_name")
    physical = found.get("NUM_CPU_CORES") or found.get("NUM_CPUS")
    caged = amount(seen, "cpu_count")
    if not physical or not caged or not (in_pdb(seen.facts) or parameter(seen, "resource_manager_plan")):
        return physical or None
    return min(physical, caged)


# --- active sessions -----------------------------------------------------------------------------------------------

LASTING_S = 840.0  # a quarter of an hour, less what a run may be early


def judge_active_sessions(seen: Seen) -> Verdict:
    """A level counts once it has held for a quarter of an hour."""
    active, many = metric(seen, "Average Active Sessions"), cores(seen)
    if active is None:
        return unknown("V$SYSMETRIC shows no average of active sessions, or it is NULL")
    if many is None:
        return unknown(NO_CORES)
    level = seen.levels.status(active / many)
    over = {"critical": ["warning", "critical"], "warning": ["warning"]}.get(level, [])
    status: Status = "ok"
    if "critical" in over and held_s(seen, "critical") >= LASTING_S:
        status = "critical"
    elif over and held_s(seen, "warning") >= LASTING_S:
        status = "warning"
    lasting = f" for {age(held_s(seen, over[-1]))}" if over else ""
    line = f"AAS {active:.1f} on {many:.0f} cores{lasting}"
    verdict = Verdict(status=status, line=line, value=round(active / many, 3))
    return noted(_with_statements(seen, verdict), marks(seen, over))


def _with_statements(seen: Seen, verdict: Verdict) -> Verdict:
    """What the active sessions wait for, and the statements that most of them run."""
    if verdict.status == "ok":
        return verdict
    users = [row for row in seen.of(SESSIONS) if row["type"] == "USER" and row["username"] != seen.facts.user]
    active = [row for row in users if row["status"] == "ACTIVE"]
    waits = Counter(text(row["wait_class"]) or "CPU" for row in active)
    statements = Counter(text(row["sql_id"]) for row in active if row["sql_id"])
    found = [*waits.most_common(3), *((f"SQL {name}", count) for name, count in statements.most_common(3))]
    items = worst_first(
        Item(name, verdict.status, float(count), f"{count} active session{'s' * (count > 1)}") for name, count in found
    )
    return replace(verdict, items=items)


# --- CPU and waits -------------------------------------------------------------------------------------------------

LOADED = 0.5
TIME, CPU = "DB time", "DB CPU"


def judge_cpu_ratio(seen: Seen) -> Verdict:
    model = time_model(seen)
    if TIME not in model or CPU not in model:
        return unknown(NO_TIME)
    if cores(seen) is None:
        return unknown(NO_CORES)
    return since_last_run(seen, {TIME: model[TIME], CPU: model[CPU]}, _cpu_ratio)


def _cpu_ratio(seen: Seen, since: Growth) -> Verdict:
    """A small share says nothing of a small load."""
    if not since.of[TIME]:
        return Verdict(status="ok", line="no load since the last run")
    share = 100 * since.of[CPU] / since.of[TIME]
    load = since.of[TIME] / MICRO / since.seconds / (cores(seen) or 1.0)
    verdict = by_level(share, seen.levels, f"{share:.0f} % of DB time on CPU")
    return (
        verdict if load > LOADED else replace(verdict, status="ok", line=f"{verdict.line}, {load:.2f} active per core")
    )


# Foreground time in hundredths of a second.
WAIT_CLASSES = Query(
    name="wait_classes",
    sql="""
SELECT wait_class, time_waited_fg
FROM v$system_wait_class
WHERE wait_class <> 'Idle'
""",
)
# Levels are those of Concurrency; another class reaches them at so many times the share. Only Concurrency is critical.
SCALE = {"Concurrency": 1.0, "Application": 1.0, "Configuration": 0.5, "Commit": 1.5}
FEWEST_SECONDS = 5.0


def judge_wait_classes(seen: Seen) -> Verdict:
    model = instance_time(seen)
    if TIME not in model:
        return unknown(NO_TIME)
    waited = {text(row["wait_class"]): number(row["time_waited_fg"]) for row in seen.of(WAIT_CLASSES)}
    if not waited:
        return unknown("V$SYSTEM_WAIT_CLASS gave no row")
    if None in waited.values():
        return unknown("TIME_WAITED_FG of a wait class is NULL")
    counters = {TIME: model[TIME], **{f"class {name}": (time or 0.0) * 1e4 for name, time in waited.items()}}
    return since_last_run(seen, counters | _events(seen), _wait_classes)


def _events(seen: Seen) -> dict[str, float]:
    rows = [row for row in seen.of(EVENTS) if row["wait_class"] in SCALE]
    return {f"event {text(row['event'])}": number(row["time_waited_micro_fg"]) or 0.0 for row in rows}


def _wait_classes(seen: Seen, since: Growth) -> Verdict:
    seconds = since.of[TIME] / MICRO
    if seconds < FEWEST_SECONDS:
        return skipped(f"{seconds:.0f} s of DB time since the last run are too little to judge")
    items = [
        _class_item(seen, name.removeprefix("class "), 100 * waited / since.of[TIME])
        for name, waited in since.of.items()
        if name.startswith("class ")
    ]
    first = worst_first(items)[0]
    verdict = of_items(items, good=f"{first.name} {first.detail}")
    return (
        verdict if first.status == "ok" else replace(verdict, line=verdict.line + _top_event(seen, since, first.name))
    )


def _class_item(seen: Seen, name: str, share: float) -> Item:
    scale, levels = SCALE.get(name), seen.levels
    status: Status = "ok"
    if scale is not None:
        warning = None if levels.warning is None else levels.warning * scale
        status = Levels(warning, levels.critical if name == "Concurrency" else None).status(share)
    return Item(name, status, round(share, 2), f"{share:.0f} % of DB time")


def _top_event(seen: Seen, since: Growth, name: str) -> str:
    """The event of the class that took most of the time."""
    own = [f"event {text(row['event'])}" for row in seen.of(EVENTS) if row["wait_class"] == name]
    top = max(own, key=lambda event: since.of[event], default=None)
    return f", mostly {top.removeprefix('event ')}" if top and since.of[top] else ""


# --- reads ---------------------------------------------------------------------------------------------------------

# The service time is in milliseconds, since the start of the instance.
SLOWEST_FILE = Query(
    name="slowest_file",
    sql="""
SELECT file_no, small_read_servicetime / small_read_reqs AS average_ms
FROM v$iostat_file
WHERE filetype_name = 'Data File' AND small_read_reqs >= 1000
ORDER BY small_read_servicetime / small_read_reqs DESC
FETCH FIRST 1 ROWS ONLY
""",
)
SINGLE_BLOCK = ("db file sequential read", "cell single block physical read")  # the second one on Exadata
FEWEST_READS = 1_000


def judge_reads(seen: Seen) -> Verdict:
    rows = [row for row in seen.of(EVENTS) if text(row["event"]).startswith(SINGLE_BLOCK)]
    waits, times = [number(row["total_waits"]) for row in rows], [number(row["time_waited_micro"]) for row in rows]
    if None in (*waits, *times):
        return unknown("TOTAL_WAITS or TIME_WAITED_MICRO of single-block reads is NULL")
    counters = {"reads": sum(filter(None, waits)), "us": sum(filter(None, times))}
    return since_last_run(seen, counters, _reads)


def _reads(seen: Seen, since: Growth) -> Verdict:
    reads = since.of["reads"]
    if reads < FEWEST_READS:
        return skipped(f"{reads:.0f} reads since the last run are too few to judge (at least {FEWEST_READS:,})")
    average = since.of["us"] / reads / 1000
    verdict = by_level(average, seen.levels, f"{average:.1f} ms over {reads:,.0f} reads")
    slowest = seen.of(SLOWEST_FILE)
    if verdict.status == "ok" or not slowest:
        return verdict
    file, ms = text(slowest[0]["file_no"]), number(slowest[0]["average_ms"]) or 0.0
    return replace(verdict, line=f"{verdict.line}, slowest: file {file} with {ms:.1f} ms since the start")


# --- parallel operations -------------------------------------------------------------------------------------------

PARALLEL = "Parallel operations "
KEPT = f"{PARALLEL}not downgraded"
SERIAL = f"{PARALLEL}downgraded to serial"
NEARLY = f"{PARALLEL}downgraded 75 to 99 pct"
FEWEST_OPERATIONS = 10


def judge_downgrades(seen: Seen) -> Verdict:
    counters = {name: value for name, value in values(seen, STATISTICS).items() if name.startswith(PARALLEL)}
    if not {KEPT, SERIAL, NEARLY} <= set(counters):
        return unknown("V$SYSSTAT lacks the parallel operations, or they are NULL")
    return since_last_run(seen, counters, _downgrades)


def _downgrades(seen: Seen, since: Growth) -> Verdict:
    operations, lost = sum(since.of.values()), since.of[SERIAL] + since.of[NEARLY]
    if operations < FEWEST_OPERATIONS:
        return skipped(f"{operations:.0f} parallel operations since the last run are too few to judge")
    share = 100 * lost / operations
    return by_level(share, seen.levels, f"{share:.0f} % downgraded ({lost:,.0f} of {operations:,.0f})")
