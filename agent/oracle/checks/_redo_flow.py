"""Redo in motion: switches, groups that are not free, and what sessions wait for."""

from collections import defaultdict
from collections.abc import Mapping

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.checks._redo_files import SWITCHES
from agent.oracle.judging import (
    Growth,
    by_level,
    counter_note,
    growth,
    held_s,
    last,
    marks,
    noted,
    number,
    ok,
    skipped,
    text,
    unknown,
    worst_first,
)
from agent.oracle.queries import DATABASE, EVENTS, INSTANCE, LOGS, STATISTICS
from common.wire import Item, Status

# --- switches ------------------------------------------------------------------------------------------------------

HOURS_FOR_CRITICAL = 3

# A log that was switched nearly empty (archive_lag_target, backups) says nothing of the load.
SMALL_LOGS = Query(
    name="small_archived_logs",
    sql="""
SELECT a.thread# AS thread, TO_CHAR(a.first_time, 'YYYY-MM-DD HH24') AS hour, COUNT(DISTINCT a.sequence#) AS small
FROM v$archived_log a
WHERE a.first_time > SYSDATE - 1
  AND a.blocks * a.block_size < (SELECT MIN(l.bytes) * 0.2 FROM v$log l)
GROUP BY a.thread#, TO_CHAR(a.first_time, 'YYYY-MM-DD HH24')
ORDER BY a.thread#, TO_CHAR(a.first_time, 'YYYY-MM-DD HH24')
FETCH FIRST 500 ROWS ONLY
""",
)


def judge_switch_rate(seen: Seen) -> Verdict:
    """The busiest hour of the last 24 per thread; critical only when several hours are that busy."""
    small = {(row["thread"], row["hour"]): number(row["small"]) or 0.0 for row in seen.of(SMALL_LOGS)}
    hours: dict[object, list[tuple[float, str]]] = defaultdict(list)
    for row in seen.of(SWITCHES):
        switches, ago = number(row["switches"]), number(row["hours_ago"])
        if switches is None or ago is None:
            return unknown("V$LOG_HISTORY has a switch without a time")
        if ago <= 24:  # noqa: PLR2004 - the catalogue's window in hours
            net = switches - small.get((row["thread"], row["hour"]), 0.0)
            hours[row["thread"]].append((max(net, 0.0), text(row["hour"])))
    items = worst_first(_busiest(seen, thread, busy) for thread, busy in hours.items())
    if not items:
        return ok("fewer than 2 switches in every hour of the last day", 0.0)
    recommended = "" if seen.levels.warning is None else f" (recommended <= {seen.levels.warning:g})"
    thread = f"{items[0].name}: " if len(items) > 1 else ""
    line = f"{thread}{items[0].detail}{recommended}"
    return Verdict(status=items[0].status, line=line, value=items[0].value, items=items)


def _busiest(seen: Seen, thread: object, hours: list[tuple[float, str]]) -> Item:
    switches, hour = max(hours)
    critical = [busy for busy, _ in hours if seen.levels.status(busy) == "critical"]
    status = seen.levels.status(switches)
    if status == "critical" and len(critical) < HOURS_FOR_CRITICAL:
        status = "warning"
    detail = f"{switches:.0f} switches/h at {hour[-2:]}:00"
    return Item(name=f"thread {thread}", status=status, value=switches, detail=detail)


# --- free groups ---------------------------------------------------------------------------------------------------

WAITING_S = 55.0  # two looks a minute apart are 60 s, give or take
FEW_IN_A_ROW = 3


def judge_stuck(seen: Seen) -> Verdict:
    """Groups that the log writer could switch to, per thread.

    Right after a switch the previous group is busy for a moment: zero counts when the last run saw it too, or when a
    switch is already waiting; few count after three runs.
    """
    if not seen.of(LOGS):
        return unknown("V$LOG gave no row")
    threads = sorted({number(row["thread"]) or 0.0 for row in seen.of(LOGS)})
    wait = next((text(row["log_switch_wait"]) for row in seen.of(INSTANCE)), "")
    before = last(seen)
    earlier = before.values if before else {}
    found = [_free_groups(seen, thread, wait, earlier) for thread in threads]
    items = worst_first((item for item, _ in found), below=True)
    note = {f"{item.name} few": streak for item, streak in found}
    note |= {f"{item.name} none": 1.0 for item, _ in found if item.value == 0}
    status, line = items[0].status, items[0].detail
    if wait:
        note |= marks(seen, ["waiting"])
        line = f"{line}, waiting on {wait}"
        status = "critical" if held_s(seen, "waiting") >= WAITING_S else status
    fix = _too_few_groups(seen) if status == "critical" else None
    return noted(Verdict(status=status, line=line, value=items[0].value, items=items, fix=fix), note)


def _free_groups(seen: Seen, thread: float, wait: str, earlier: Mapping[str, float]) -> tuple[Item, float]:
    groups = [row for row in seen.of(LOGS) if number(row["thread"]) == thread]
    free = sum(1 for row in groups if _reusable(row, archived=seen.facts.log_mode != "NOARCHIVELOG"))
    name = f"thread {thread:.0f}"
    level = seen.levels.status(free)
    streak = earlier.get(f"{name} few", 0.0) + 1 if level != "ok" else 0.0
    status: Status = level if streak >= FEW_IN_A_ROW and level != "critical" else "ok"
    if level == "critical":
        status = "critical" if wait or f"{name} none" in earlier else "warning"
    item = Item(name=name, status=status, value=float(free), detail=f"{free} of {len(groups)} groups reusable")
    return item, streak


def _reusable(row: Row, *, archived: bool) -> bool:
    if row["status"] == "UNUSED":
        return True
    return row["status"] == "INACTIVE" and (not archived or row["archived"] == "YES")


def _too_few_groups(seen: Seen) -> str | None:
    count = len(seen.of(LOGS)) / max(1, len({row["thread"] for row in seen.of(LOGS)}))
    if count > 2:  # noqa: PLR2004 - with two groups the next one is often still busy
        return None
    return "Two groups per thread are too few (REDOLOG_GROUPS): ALTER DATABASE ADD LOGFILE THREAD n GROUP m SIZE ..."


# --- waits ---------------------------------------------------------------------------------------------------------

CHECKPOINT = "log file switch (checkpoint incomplete)"
ARCHIVING = "log file switch (archiving needed)"
SYNC = "log file sync"
WRITE = "log file parallel write"
FEWEST_COMMITS = 200
FEWEST_ENTRIES = 10_000


def _events(seen: Seen) -> dict[str, float]:
    """Waits and microseconds by event; an event that never happened has no row."""
    found = {f"{event} {part}": 0.0 for event in (CHECKPOINT, ARCHIVING, SYNC, WRITE) for part in ("waits", "us")}
    for row in seen.of(EVENTS):
        if f"{text(row['event'])} waits" not in found:
            continue
        found[f"{text(row['event'])} waits"] = number(row["total_waits"]) or 0.0
        found[f"{text(row['event'])} us"] = number(row["time_waited_micro"]) or 0.0
    return found


def _started_s(seen: Seen) -> float | None:
    rows = seen.of(INSTANCE)
    return number(rows[0]["started_s"]) if rows else None


def judge_checkpoint(seen: Seen) -> Verdict:
    counters, started = _events(seen), _started_s(seen)
    if started is None:
        return unknown("V$INSTANCE.STARTUP_TIME is NULL")
    grown = growth(seen, counters, started_s=started)
    return noted(
        skipped(grown) if isinstance(grown, str) else _checkpoint_verdict(seen, grown),
        counter_note(seen, counters, started_s=started),
    )


def _checkpoint_verdict(seen: Seen, grown: Growth) -> Verdict:
    checkpoint, archiving = grown.an_hour(f"{CHECKPOINT} waits"), grown.an_hour(f"{ARCHIVING} waits")
    line = f"{checkpoint + archiving:.0f} waits/h"
    if archiving:
        line += f", {archiving:.0f} of them for the archiver"
    return by_level(checkpoint + archiving, seen.levels, line)


def judge_sync(seen: Seen) -> Verdict:
    counters, started = _events(seen), _started_s(seen)
    if started is None:
        return unknown("V$INSTANCE.STARTUP_TIME is NULL")
    grown = growth(seen, counters, started_s=started)
    return noted(
        skipped(grown) if isinstance(grown, str) else _sync_verdict(seen, grown),
        counter_note(seen, counters, started_s=started),
    )


def _sync_verdict(seen: Seen, grown: Growth) -> Verdict:
    commits = grown.of[f"{SYNC} waits"]
    if commits < FEWEST_COMMITS:
        return skipped(f"{commits:.0f} commits since the last run are too few to judge (at least {FEWEST_COMMITS})")
    sync, write = _average_ms(grown, SYNC), _average_ms(grown, WRITE)
    line = f"log file sync {sync:.0f} ms, write {write:.0f} ms"
    mode = next((text(row["protection_mode"]) for row in seen.of(DATABASE)), "")
    if mode not in ("", "MAXIMUM PERFORMANCE"):
        line += f" ({mode}: the network round trip is part of it)"
    return by_level(max(sync, write), seen.levels, line)


def _average_ms(grown: Growth, event: str) -> float:
    waits = grown.of[f"{event} waits"]
    return grown.of[f"{event} us"] / waits / 1000 if waits else 0.0


def judge_buffer_retries(seen: Seen) -> Verdict:
    counters = {text(row["name"]): number(row["value"]) for row in seen.of(STATISTICS)}
    retries, entries = counters.get("redo buffer allocation retries"), counters.get("redo entries")
    started = _started_s(seen)
    if retries is None or entries is None or started is None:
        return unknown("V$SYSSTAT lacks the redo statistics, or V$INSTANCE.STARTUP_TIME is NULL")
    known = {"retries": retries, "entries": entries}
    grown = growth(seen, known, started_s=started)
    return noted(
        skipped(grown) if isinstance(grown, str) else _retries_verdict(seen, grown),
        counter_note(seen, known, started_s=started),
    )


def _retries_verdict(seen: Seen, grown: Growth) -> Verdict:
    entries = grown.of["entries"]
    if entries < FEWEST_ENTRIES:
        return skipped(f"{entries:.0f} redo entries since the last run are too few to judge")
    share = 100 * grown.of["retries"] / entries
    return by_level(share, seen.levels, f"{share:.1f} %")
