"""Memory: PGA, SGA, shared pool, caches; judged in `_memory`."""

from agent.oracle.catalogue import Check, Facts, Levels, States
from agent.oracle.checks import _memory as memory
from agent.oracle.checks._readings import KEEP_HOUR_S
from agent.oracle.needs import not_in_pdb
from agent.oracle.queries import INSTANCE, METRICS, PARAMETERS, STATISTICS


def on_linux(facts: Facts) -> str | None:
    return None if facts.platform.startswith("Linux") else "only on Linux"


CHECKS: tuple[Check, ...] = (
    Check(
        id="PGA_OVER_ALLOCATION",
        category="memory",
        title="PGA target is exceeded",
        unit="count; %",
        levels=Levels(90, 100),
        judge=memory.judge_pga,
        remediation=(
            "Raise pga_aggregate_target, cut parallelism, find the sessions with the largest PGA "
            "(V$PROCESS.PGA_ALLOC_MEM)."
        ),
        source="ZBX 90 % of target; REF",
        interval_s=900,
        queries=(
            memory.PGA,
            PARAMETERS,
            INSTANCE,
        ),
    ),
    Check(
        id="SGA_RESIZE_THRASH",
        category="memory",
        title="SGA components are resized all the time",
        unit="count",
        levels=Levels(20, 100),
        judge=memory.judge_resizes,
        remediation=(
            "Set minimum sizes (shared_pool_size, db_cache_size) so that automatic tuning stops moving memory "
            "back and forth."
        ),
        source="OWN",
        interval_s=3600,
        queries=(memory.RESIZES,),
        ceiling="warning",
    ),
    Check(
        id="SHARED_POOL_4031",
        category="memory",
        title="Shared pool memory requests failed",
        unit="count",
        levels=Levels(1, 10),
        judge=memory.judge_shared_pool,
        remediation=(
            "Find hard-parse storms (SQL_LITERALS), raise the SGA, pin large packages; flushing the pool is a "
            "last resort."
        ),
        source="REF (failures mean ORA-04031); COH shared pool free 10/5 %",
        interval_s=900,
        queries=(
            memory.RESERVED,
            INSTANCE,
        ),
        keep_s=KEEP_HOUR_S,
    ),
    Check(
        id="BUFFER_CACHE_HIT",
        category="memory",
        title="Buffer cache hit ratio",
        unit="%",
        levels=Levels(None, None, below=True),
        judge=memory.judge_buffer_cache,
        remediation="Look at wait time and physical reads per second instead; use V$DB_CACHE_ADVICE before resizing.",
        source="shown as information only: ratio alarms (COH 98/95) fire on healthy batch systems",
        interval_s=900,
        queries=(METRICS,),
        ceiling="info",
    ),
    Check(
        id="LIBRARY_CACHE_RELOADS",
        category="memory",
        title="Library cache reloads or invalidations",
        unit="%",
        levels=Levels(1, 10),
        judge=memory.judge_library_cache,
        remediation="Enlarge the shared pool, stop statistics gathering and DDL at peak times, reduce literal SQL.",
        source="COH 1/10",
        interval_s=900,
        queries=(
            memory.LIBRARY_CACHE,
            INSTANCE,
        ),
        ceiling="warning",
        keep_s=KEEP_HOUR_S,
    ),
    Check(
        id="HARD_PARSE_RATE",
        category="memory",
        title="Many hard parses",
        unit="1/s; %",
        levels=Levels(100, None),
        judge=memory.judge_hard_parses,
        remediation="Use bind variables; find literal families with SQL_LITERALS.",
        source="OEM hard parse metric; COH soft parse 98/90",
        interval_s=900,
        queries=(
            STATISTICS,
            INSTANCE,
        ),
        ceiling="warning",
    ),
    Check(
        id="AMM_WITH_HUGEPAGES",
        category="memory",
        title="Automatic memory management prevents huge pages",
        unit="state",
        levels=States(warning="yes", critical="-"),
        judge=memory.judge_amm,
        remediation=(
            "Set memory_target = 0, use sga_target + pga_aggregate_target, configure vm.nr_hugepages, "
            "use_large_pages = ONLY."
        ),
        source="Oracle install guides (AMM and HugePages are exclusive); ORAchk",
        interval_s=86400,
        queries=(PARAMETERS,),
        scope="root",
        ceiling="warning",
        needs=(
            not_in_pdb,
            on_linux,
        ),
    ),
)
