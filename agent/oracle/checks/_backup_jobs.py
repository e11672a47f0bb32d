"""RMAN's jobs: which failed, and which run longer than they used to."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from statistics import median

from agent.oracle.catalogue import Check, Levels, Query, Row, Rows, Seen, Verdict
from agent.oracle.judging import number, of_items, ok, skipped, text, worst_first
from agent.oracle.needs import not_in_pdb, on_data_owner
from common.wire import Item, Status

# TO_CHAR(…, 'D') depends on the territory of the session; days since a Monday do not.
BACKUP_JOBS = Query(
    name="backup_jobs",
    sql="""
SELECT j.session_key, j.input_type, j.status, TO_CHAR(j.start_time, 'YYYY-MM-DD HH24:MI') AS started,
       MOD(TRUNC(j.start_time) - DATE '2024-01-01', 7) AS weekday,
       (SYSDATE - j.start_time) * 24 AS start_h, (SYSDATE - j.end_time) * 24 AS end_h, j.elapsed_seconds
FROM (SELECT session_key, input_type, status, start_time, end_time, elapsed_seconds,
             ROW_NUMBER() OVER (PARTITION BY input_type ORDER BY start_time DESC) AS nth
      FROM v$rman_backup_job_details) j
WHERE j.nth <= 60
ORDER BY j.start_time DESC
""",
    cost="medium",
)
# In memory only: empty after a restart.
RMAN_ERRORS = Query(
    name="rman_errors",
    sql="""
SELECT o.session_key, o.recid, o.output
FROM v$rman_output o
WHERE o.output LIKE 'RMAN-%' OR o.output LIKE 'ORA-%'
ORDER BY o.recid DESC
FETCH FIRST 300 ROWS ONLY
""",
    cost="medium",
)
DAY_H = 24.0


def _by_kind(rows: Rows) -> Mapping[str, Sequence[Row]]:
    """Each session once, newest first, by what it backs up."""
    found: dict[str, list[Row]] = defaultdict(list)
    known = set()
    for row in sorted(rows, key=lambda row: number(row["start_h"]) or 0.0):
        if row["session_key"] not in known:
            known.add(row["session_key"])
            found[text(row["input_type"]) or "job"].append(row)
    return found


# --- failures ------------------------------------------------------------------------------------------------------

# COMPLETED WITH WARNINGS is no failure: an object that could not be deleted, for example.
FAILED = ("FAILED", "COMPLETED WITH ERRORS", "RUNNING WITH ERRORS")
UNDECIDED = ("RUNNING", "RUNNING WITH WARNINGS")
LINES = 20
_CODE = re.compile(r"^(?:RMAN|ORA)-\d{5}")
_FRAME = ("RMAN-00571", "RMAN-00569")
_SECRET = re.compile(r"\bconnect\b.*|\S+/\S+@\S+", re.IGNORECASE)


def judge_failed(seen: Seen) -> Verdict:
    """Two failures in a row of one kind of backup mean that it does not come right by itself."""
    kinds = _by_kind(seen.of(BACKUP_JOBS))
    recent = {kind: [job for job in jobs if _failed_lately(job)] for kind, jobs in kinds.items()}
    count = sum(map(len, recent.values()))
    single = Levels(seen.levels.warning, None).status(count)
    items = [
        _failed_item(kind, job, "critical" if _stuck(kinds[kind], seen.levels) else single, seen.of(RMAN_ERRORS))
        for kind, failed in recent.items()
        for job in failed
    ]
    if not items:
        return ok("no backup job failed in 24 h", 0)
    ordered = worst_first(items)
    line = ordered[0].detail.split("\n", maxsplit=1)[0] + (f" and {count - 1} more" if count > 1 else "")
    return Verdict(status=ordered[0].status, line=line, value=float(count), items=ordered)


def _failed_lately(job: Row) -> bool:
    return job["status"] in FAILED and (number(job["end_h"]) or 0.0) <= DAY_H


def _stuck(jobs: Sequence[Row], levels: Levels) -> bool:
    """Whether the newest of them, as many as the critical level asks for, all failed."""
    decided = [job for job in jobs if job["status"] not in UNDECIDED]
    in_a_row = sum(1 for _ in takewhile(lambda job: job["status"] in FAILED, decided))
    return levels.critical is not None and in_a_row >= levels.critical


def _failed_item(kind: str, job: Row, status: Status, output: Rows) -> Item:
    lines = [_SECRET.sub("***", text(row["output"])) for row in output if row["session_key"] == job["session_key"]]
    lines = [line for line in reversed(lines) if not line.startswith(_FRAME)][-LINES:]
    codes = [match[0] for line in lines if (match := _CODE.match(line))]
    started = text(job["started"])
    head = f"{kind} {text(job['status']).lower()} {started[-5:]}" + (f", {codes[0]}" if codes else "")
    return Item(f"{kind} {started}", status, detail="\n".join([head, *lines]))


# --- duration ------------------------------------------------------------------------------------------------------

COMPLETED = ("COMPLETED", "COMPLETED WITH WARNINGS")
BASELINE = 14
ENOUGH = 3
# Jobs of some minutes vary by more than any factor says.
SHORT_S = 600
# Older than a month: this kind is not made any more.
CURRENT_H = 35 * 24.0


def judge_duration(seen: Seen) -> Verdict:
    items = [item for kind, jobs in _by_kind(seen.of(BACKUP_JOBS)).items() if (item := _duration(kind, jobs, seen))]
    if not items:
        return skipped(f"fewer than {ENOUGH} earlier jobs of one kind to compare with")
    slowest = max(items, key=lambda item: item.value or 0.0)
    return replace(of_items(items, good=f"{slowest.name} {slowest.detail}"), value=slowest.value)


def _duration(kind: str, jobs: Sequence[Row], seen: Seen) -> Item | None:
    """The newest job of this kind, running or completed, against what is usual on its weekday, or at all."""
    judged = [job for job in jobs if _running(job) or job["status"] in COMPLETED]
    if not judged or (number(judged[0]["start_h"]) or 0.0) > CURRENT_H:
        return None
    newest, start_h = judged[0], number(judged[0]["start_h"]) or 0.0
    seconds = start_h * 3600 if _running(newest) else number(newest["elapsed_seconds"])
    if seconds is None:
        return Item(kind, "unknown", detail="ELAPSED_SECONDS is NULL")
    too_long = _running(newest) and start_h >= DAY_H
    usual = _usual(newest, judged[1:])
    if usual is None:
        return Item(kind, "critical", detail=f"still running after {start_h:.0f} h") if too_long else None
    ratio = seconds / max(usual, 1.0)
    status: Status = "critical" if too_long else seen.levels.status(ratio) if seconds >= SHORT_S else "ok"
    return Item(kind, status, round(ratio, 2), f"{_hours(seconds)} vs a usual {_hours(usual)}")


def _running(job: Row) -> bool:
    return text(job["status"]).startswith("RUNNING")


def _usual(newest: Row, earlier: Sequence[Row]) -> float | None:
    """A full backup at the week's end is not compared with the daily ones, once there are enough of both."""
    done = [job for job in earlier if job["status"] in COMPLETED and job["elapsed_seconds"] is not None]
    alike = [job for job in done if job["weekday"] == newest["weekday"]]
    chosen = alike if len(alike) >= ENOUGH else done
    return median(number(job["elapsed_seconds"]) or 0.0 for job in chosen[:BASELINE]) if chosen[ENOUGH - 1 :] else None


def _hours(seconds: float) -> str:
    hour = 3600
    return f"{seconds / hour:.1f} h" if seconds >= hour else f"{seconds / 60:.0f} min"


CHECKS = (
    Check(
        id="BACKUP_JOB_FAILED",
        category="backup",
        title="Backup job failed or had warnings",
        unit="count",
        levels=Levels(1, 2),  # critical counts failures in a row
        judge=judge_failed,
        remediation="Read the RMAN output (the finding carries the last 20 lines with ORA-/RMAN- codes).",
        source="COH 1/2 in 3 d; CMK",
        interval_s=1800,
        queries=(BACKUP_JOBS, RMAN_ERRORS),
        scope="root",
        needs=(not_in_pdb, on_data_owner),
    ),
    Check(
        id="BACKUP_DURATION",
        category="backup",
        title="Backup runs unusually long",
        unit="ratio",
        levels=Levels(2, 4),
        judge=judge_duration,
        remediation="Check tape or media manager, block change tracking, and concurrent load.",
        source="OWN",
        interval_s=3600,
        queries=(BACKUP_JOBS,),
        scope="root",
        ceiling="warning",
        needs=(not_in_pdb, on_data_owner),
    ),
)
