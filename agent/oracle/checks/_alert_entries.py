"""The alert log: which of its entries are news, one finding per error however often it is repeated.

The database's own view of the log is read, a day of it, because not every agent runs where the file lies.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.judging import last, noted, number, of_items, text
from common.wire import Item

# The view shows the logs of every database whose home lies below the same base, and of the listener: only our own
# counts. Nothing is done to the column in the condition on time, so that the reader of the file may stop early.
ALERT_LOG = Query(
    name="alert_log",
    sql="""
SELECT (CAST(SYS_EXTRACT_UTC(a.originating_timestamp) AS DATE) - DATE '1970-01-01') * 86400 AS at_s,
       (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - CAST(SYS_EXTRACT_UTC(a.originating_timestamp) AS DATE)) * 86400
         AS age_s,
       SUBSTR(a.message_text, 1, 1000) AS message, a.container_name
FROM v$diag_alert_ext a
WHERE a.originating_timestamp > SYSTIMESTAMP - INTERVAL '1' DAY
  AND (a.message_text LIKE '%ORA-%' OR a.message_text LIKE '%Archival stopped%'
       OR a.message_text LIKE '%All online logs need archiving%' OR a.message_text LIKE '%Corrupt block relative dba%')
  AND EXISTS (SELECT 1
              FROM v$diag_info i
              WHERE i.name = 'ADR Home' AND SUBSTR(i.value, -LENGTH(a.adr_home)) = a.adr_home)
ORDER BY a.originating_timestamp DESC
FETCH FIRST 500 ROWS ONLY
""",
    cost="medium",
)

CRITICAL = frozenset({257, 494, 600, 603, 1578, 7445, 15130, 16038, 27048})
IGNORED = frozenset({54, 1142, 1146})
TOLD_FOR_S = 3600
SAME_S = 600
TEXTS = {
    "Archival stopped": "archiving stopped",
    "All online logs need archiving": "all online logs need archiving",
    "Corrupt block relative dba": "corrupt block",
}
# What another check measures is named with it, so that the two are read as one.
ALSO = {
    60: "DEADLOCKS",
    1555: "UNDO_SNAPSHOT_TOO_OLD",
    1652: "TEMP_USED_PCT",
    1653: "TABLESPACE_USED_PCT",
    1654: "TABLESPACE_USED_PCT",
    19809: "FRA_USED_PCT",
    19815: "FRA_USED_PCT",
    30036: "UNDO_NOSPACE",
}
_CODE = re.compile(r"\bORA-0*(\d{1,5})\b")
_ARGUMENT = re.compile(r"\bORA-0*(?:600|7445)\b[^\[]*\[([^\]]+)\]")
_TABLESPACE = re.compile(r"in tablespace\s+([\w$#]+)", re.IGNORECASE)
_TRACE = re.compile(r"Errors in file \S*?([\w.$-]+\.trc)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log: what it is about, when it was written, by the database's clock and ago."""

    name: str
    critical: bool
    at_s: float
    age_s: float
    trace: str = ""
    also: str = ""


def entries(rows: Iterable[Row]) -> list[Entry]:
    """The entries that say something is wrong; its first error names one, unless a later one is critical."""
    return [entry for row in rows if (entry := _entry(row))]


def _entry(row: Row) -> Entry | None:
    at, age, message = number(row["at_s"]), number(row["age_s"]), text(row["message"])
    codes = [code for code in map(int, _CODE.findall(message)) if code not in IGNORED]
    code = next((code for code in codes if code in CRITICAL), codes[0] if codes else None)
    words = next((words for pattern, words in TEXTS.items() if pattern in message), None)
    if at is None or age is None or (code is None and words is None):
        return None
    trace = _TRACE.search(message)
    name = words if code is None else _named(code, message)
    container = text(row["container_name"])
    where = f" in {container}" if container not in ("", "CDB$ROOT") else ""
    return Entry(f"{name}{where}", code in CRITICAL, at, age, trace[1] if trace else "", ALSO.get(code or 0, ""))


def _named(code: int, message: str) -> str:
    """`ORA-00600 [kcbzwb_3]`, `ORA-01652 TEMP`."""
    argument, tablespace = _ARGUMENT.search(message), _TABLESPACE.search(message)
    if argument:
        return f"ORA-{code:05d} [{argument[1]}]"
    return f"ORA-{code:05d}{f' {tablespace[1]}' if tablespace else ''}"


SEEN_TO = "seen to"


def judge_critical(seen: Seen) -> Verdict:
    return _judge(seen, critical=True, good="no critical error in the last hour")


def judge_warning(seen: Seen) -> Verdict:
    return _judge(seen, critical=False, good="no other error in the last hour")


def _judge(seen: Seen, *, critical: bool, good: str) -> Verdict:
    """An entry is told for an hour: from when it was written, or noticed when the agent was away until then."""
    found = entries(seen.of(ALERT_LOG))
    by_name: dict[str, list[Entry]] = defaultdict(list)
    for entry in found:
        if entry.critical == critical:
            by_name[entry.name].append(entry)
    before = last(seen)
    earlier = before.values if before else {}
    noticed = {name: _noticed(own, seen, earlier) for name, own in by_name.items()}
    told = {name: at for name, at in noticed.items() if seen.now.timestamp() - at < TOLD_FOR_S}
    counts = {name: _count(by_name[name], earlier.get(SEEN_TO)) for name in told}
    status = seen.levels.status(sum(counts.values()))
    items = [
        Item(f"{count}x {name}" if count > 1 else name, status, float(count), _detail(by_name[name]))
        for name, count in counts.items()
    ]
    note = {**told, SEEN_TO: max((entry.at_s for entry in found), default=earlier.get(SEEN_TO, 0.0))}
    return noted(replace(of_items(items, good=good), value=float(sum(counts.values()))), note)


def _noticed(own: list[Entry], seen: Seen, earlier: Mapping[str, float]) -> float:
    newest = min(own, key=lambda entry: entry.age_s)
    if SEEN_TO in earlier and newest.at_s > earlier[SEEN_TO]:
        return seen.now.timestamp()
    return earlier.get(newest.name, seen.now.timestamp() - newest.age_s)


def _count(own: list[Entry], seen_to: float | None) -> int:
    """Repeats within ten minutes are one."""
    recent = [entry for entry in own if entry.age_s < TOLD_FOR_S or (seen_to is not None and entry.at_s > seen_to)]
    return max(1, len({entry.at_s // SAME_S for entry in recent}))


def _detail(own: list[Entry]) -> str:
    trace = next((entry.trace for entry in own if entry.trace), "")
    also = next((entry.also for entry in own if entry.also), "")
    parts = [f"trace {trace}" if trace else "", f"see {also}" if also else ""]
    return f"({', '.join(part for part in parts if part)})" if any(parts) else ""
