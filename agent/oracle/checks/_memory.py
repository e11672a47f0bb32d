"""Memory of an instance: PGA, shared pool, caches and parses, from the growth of its counters."""

from collections import defaultdict
from dataclasses import replace

from agent.oracle.catalogue import Query, Seen, Verdict
from agent.oracle.checks._readings import (
    amount,
    an_hour,
    metric,
    parameter,
    since_last_run,
    started_s,
    values,
    within_the_hour,
)
from agent.oracle.checks._space import many
from agent.oracle.judging import (
    Growth,
    by_level,
    counter_note,
    growth,
    noted,
    number,
    ok,
    size,
    skipped,
    text,
    unknown,
    worst,
    worst_first,
)
from agent.oracle.queries import STATISTICS
from common.wire import Item, Status

GB = 1 << 30

# --- PGA -----------------------------------------------------------------------------------------------------------

PGA = Query(
    name="pga",
    sql="""
SELECT name, value
FROM v$pgastat
WHERE name IN ('over allocation count', 'total PGA allocated', 'aggregate PGA target parameter')
""",
)
OVER = "over allocation count"
ALLOCATED = "total PGA allocated"
TARGET = "aggregate PGA target parameter"


def judge_pga(seen: Seen) -> Verdict:
    """More than the target is allowed by design: over-allocations count, and the limit where there is one."""
    counters, started = values(seen, PGA), started_s(seen)
    if OVER not in counters or ALLOCATED not in counters:
        return unknown("V$PGASTAT lacks the allocation, or it is NULL")
    if started is None:
        return unknown("V$INSTANCE.STARTUP_TIME is NULL")
    over = {OVER: counters[OVER]}
    since = growth(seen, over, started_s=started)
    return noted(_pga_verdict(seen, counters, since), counter_note(seen, over, started_s=started))


def _pga_verdict(seen: Seen, counters: dict[str, float], since: Growth | str) -> Verdict:
    limit, target = amount(seen, "pga_aggregate_limit"), counters.get(TARGET)
    if isinstance(since, str) and not limit:
        return skipped(since)
    of_limit = 100 * counters[ALLOCATED] / limit if limit else None
    times = 0.0 if isinstance(since, str) else since.an_hour(OVER)
    by_limit = seen.levels.status(of_limit) if of_limit is not None else "ok"
    by_count: Status = "warning" if times > 0 else "ok"
    parts = [f"{times:.0f} over-allocations/h" if times else ""]
    parts += [f"PGA {100 * counters[ALLOCATED] / target:.0f} % of target" if target else ""]
    parts += [f"{of_limit:.0f} % of limit" if of_limit is not None else ""]
    line = ", ".join(part for part in parts if part) or "no over-allocation"
    return Verdict(
        status=worst((by_limit, by_count)), line=line, value=None if of_limit is None else round(of_limit, 2)
    )


# --- resizes -------------------------------------------------------------------------------------------------------

# The view keeps the last 800 operations; those of the start are STATIC.
RESIZES = Query(
    name="sga_resizes",
    sql="""
SELECT r.component, r.oper_type, r.oper_mode, COUNT(*) AS operations,
       COUNT(CASE WHEN r.status = 'ERROR' THEN 1 END) AS failed
FROM v$sga_resize_ops r
WHERE r.start_time > SYSDATE - 1 AND r.oper_type IN ('GROW', 'SHRINK')
GROUP BY r.component, r.oper_type, r.oper_mode
ORDER BY COUNT(*) DESC
""",
)


def judge_resizes(seen: Seen) -> Verdict:
    """Counted are those that a shortage forced at once, and all of a component that went both ways."""
    directions: dict[str, set[str]] = defaultdict(set)
    for row in seen.of(RESIZES):
        directions[text(row["component"])].add(text(row["oper_type"]))
    counted: dict[str, float] = defaultdict(float)
    for row in seen.of(RESIZES):
        component = text(row["component"])
        if row["oper_mode"] == "IMMEDIATE" or len(directions[component]) > 1:
            counted[component] += number(row["operations"]) or 0.0
    total, failed = sum(counted.values()), sum(number(row["failed"]) or 0.0 for row in seen.of(RESIZES))
    status = seen.levels.status(total)
    items = worst_first(Item(name, status, count, f"{count:.0f} resizes") for name, count in counted.items())
    moved = " <-> ".join(item.name for item in items[:2])
    line = ", ".join(part for part in (f"{total:.0f} resizes", moved, f"{failed:.0f} failed" if failed else "") if part)
    return Verdict(status=status, line=line, value=total, items=items)


# --- shared pool ---------------------------------------------------------------------------------------------------

RESERVED = Query(
    name="shared_pool_reserved",
    sql="""
SELECT request_failures, last_failure_size, aborted_requests
FROM v$shared_pool_reserved
""",
)
FAILURES = "request failures"


def judge_shared_pool(seen: Seen) -> Verdict:
    """A warm pool is full: what counts are requests that failed with ORA-04031."""
    rows = seen.of(RESERVED)
    failures = number(rows[0]["request_failures"]) if rows else None
    if failures is None:
        return unknown("V$SHARED_POOL_RESERVED.REQUEST_FAILURES is NULL" if rows else "V$SHARED_POOL_RESERVED is empty")
    return within_the_hour(seen, {FAILURES: failures}, _shared_pool)


def _shared_pool(seen: Seen, since: Growth) -> Verdict:
    failures = an_hour(since, FAILURES)
    last_size = number(seen.of(RESERVED)[0]["last_failure_size"])
    about = f", last size {size(last_size)}" if failures and last_size is not None else ""
    return by_level(failures, seen.levels, f"{many(failures, 'failure')}{about}")


# --- buffer cache --------------------------------------------------------------------------------------------------


def judge_buffer_cache(seen: Seen) -> Verdict:
    """Never an alarm of ours: batch work and direct reads bypass the cache on healthy systems."""
    ratio = metric(seen, "Buffer Cache Hit Ratio")
    if ratio is None:
        return unknown("V$SYSMETRIC shows no buffer cache hit ratio, or it is NULL")
    return by_level(ratio, seen.levels, f"{ratio:.1f} % (information)")


# --- library cache -------------------------------------------------------------------------------------------------

LIBRARY_CACHE = Query(
    name="library_cache",
    sql="""
SELECT pins, reloads, invalidations
FROM v$librarycache
WHERE namespace = 'SQL AREA'
""",
)
FEWEST_PINS = 1_000


def judge_library_cache(seen: Seen) -> Verdict:
    rows = seen.of(LIBRARY_CACHE)
    if not rows:
        return unknown("V$LIBRARYCACHE has no row for the SQL AREA")
    counters = {
        name: value for name in ("pins", "reloads", "invalidations") if (value := number(rows[0][name])) is not None
    }
    if len(counters) < len(rows[0]):
        return unknown("PINS, RELOADS or INVALIDATIONS of the SQL AREA is NULL")
    return within_the_hour(seen, counters, _library_cache)


def _library_cache(seen: Seen, since: Growth) -> Verdict:
    """What was invalidated (statistics, DDL) is loaded again once: normal for the hour."""
    pins, reloads, invalidated = (since.of[name] for name in ("pins", "reloads", "invalidations"))
    if pins < FEWEST_PINS:
        return skipped(f"{pins:.0f} pins since the last run are too few to judge (at least {FEWEST_PINS:,})")
    verdict = by_level(100 * reloads / pins, seen.levels, f"{100 * reloads / pins:.1f} %")
    if verdict.status == "ok" or reloads > invalidated:
        return verdict
    return replace(verdict, status="ok", line=f"{verdict.line}, after {invalidated:,.0f} invalidations")


# --- hard parses ---------------------------------------------------------------------------------------------------

HARD, ALL = "parse count (hard)", "parse count (total)"
HARD_SHARE_PCT = 20.0


def judge_hard_parses(seen: Seen) -> Verdict:
    counters = values(seen, STATISTICS)
    if HARD not in counters or ALL not in counters:
        return unknown("V$SYSSTAT lacks the parse counts, or they are NULL")
    return since_last_run(seen, {name: counters[name] for name in (HARD, ALL)}, _hard_parses)


def _hard_parses(seen: Seen, since: Growth) -> Verdict:
    """Either alone misleads: a high share on an idle system, a high rate of a busy one."""
    rate = since.of[HARD] / since.seconds
    share = 100 * since.of[HARD] / since.of[ALL] if since.of[ALL] else 0.0
    verdict = by_level(rate, seen.levels, f"{rate:.0f}/s ({share:.0f} % of parses)")
    return verdict if share > HARD_SHARE_PCT else replace(verdict, status="ok")


# --- automatic memory management -----------------------------------------------------------------------------------

LARGE_SGA = 8 * GB


def judge_amm(seen: Seen) -> Verdict:
    """MEMORY_TARGET keeps the SGA in /dev/shm, where there are no huge pages; with a small SGA that costs little."""
    if not parameter(seen, "memory_target"):
        return unknown("the parameter memory_target is not to be seen")
    target = amount(seen, "memory_target") or 0.0
    if target <= 0:
        return ok("memory_target=0")
    sga = amount(seen, "sga_max_size") or target
    line = f"memory_target={size(target)}, SGA up to {size(sga)}"
    if sga <= LARGE_SGA:
        return Verdict(status="info", line=f"{line}: small enough to do without huge pages")
    return Verdict(status="warning", line=f"{line}, no huge pages")
