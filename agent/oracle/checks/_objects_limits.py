"""Objects that come to an end: sequences, materialized views without a refresh, foreign keys without an index."""

from collections.abc import Mapping
from dataclasses import replace

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.checks._changes import key, owned
from agent.oracle.checks._space import closed
from agent.oracle.judging import last, noted, number, of_items, ok, text
from agent.oracle.queries import EVENTS
from common.wire import Item, Status

# --- sequences -----------------------------------------------------------------------------------------------------

# LAST_NUMBER is behind the cache: up to CACHE_SIZE numbers before it are not used yet. A negative step counts down.
SEQUENCES = Query(
    name="sequences",
    sql="""
SELECT s.con_id, s.sequence_owner AS owner, s.sequence_name, s.cycle_flag,
       CASE WHEN s.increment_by > 0 THEN s.max_value ELSE s.min_value END AS bound,
       ROUND(100 * CASE WHEN s.increment_by > 0
                   THEN GREATEST(s.last_number - s.cache_size * s.increment_by - s.min_value, 0)
                   ELSE GREATEST(s.max_value - s.last_number + s.cache_size * s.increment_by, 0)
                   END / NULLIF(s.max_value - s.min_value, 0), 2) AS used_pct
FROM {cdb:sequences} s
WHERE s.con_id <> 2
ORDER BY used_pct DESC NULLS FIRST
FETCH FIRST 50 ROWS ONLY
""",
    cost="medium",
)

# A column may be narrower than its sequence. Which sequence fills which column can be read for identity columns alone:
# the default of any other one is a LONG.
IDENTITY_COLUMNS = Query(
    name="identity_columns",
    sql="""
SELECT s.con_id, s.sequence_owner AS owner, c.table_name, c.column_name,
       c.data_precision - NVL(c.data_scale, 0) AS digits,
       ROUND(100 * GREATEST(s.last_number - s.cache_size * s.increment_by, 0)
             / POWER(10, c.data_precision - NVL(c.data_scale, 0)), 2) AS used_pct
FROM {cdb:sequences} s
JOIN {cdb:objects} o ON o.con_id = s.con_id AND o.owner = s.sequence_owner AND o.object_type = 'TABLE'
                     AND s.sequence_name = 'ISEQ$$_' || TO_CHAR(o.object_id)
JOIN {cdb:tab_columns|owner, table_name, column_name, identity_column, data_precision, data_scale} c
  ON c.con_id = o.con_id AND c.owner = o.owner AND c.table_name = o.object_name AND c.identity_column = 'YES'
WHERE s.con_id <> 2 AND s.sequence_name LIKE 'ISEQ$$%' AND s.increment_by > 0 AND c.data_precision IS NOT NULL
ORDER BY used_pct DESC NULLS LAST
FETCH FIRST 50 ROWS ONLY
""",
    cost="medium",
)


def judge_sequences(seen: Seen) -> Verdict:
    columns = [_column(row, seen) for row in seen.of(IDENTITY_COLUMNS)]
    items = [*(_sequence(row, seen) for row in seen.of(SEQUENCES)), *columns]
    highest = max(items, key=lambda item: item.value or 0.0, default=None)
    good = f"highest: {highest.name} {highest.detail}" if highest else "there is no sequence"
    return of_items(items + closed(seen.facts), good=good)


def _sequence(row: Row, seen: Seen) -> Item:
    name, used = owned(seen, row, row["sequence_name"]), number(row["used_pct"])
    if used is None:
        return Item(name, "unknown", detail="LAST_NUMBER or the bounds are NULL")
    status = seen.levels.status(used)
    cycles = row["cycle_flag"] == "Y" and status != "ok"
    detail = f"{used:.1f} % of {text(row['bound'])}{', then it starts again' if cycles else ''}"
    return Item(name, "info" if cycles else status, used, detail)


def _column(row: Row, seen: Seen) -> Item:
    name = owned(seen, row, f"{text(row['table_name'])}.{text(row['column_name'])}")
    used = number(row["used_pct"])
    if used is None:
        return Item(name, "unknown", detail="LAST_NUMBER is NULL")
    return Item(name, seen.levels.status(used), used, f"{used:.1f} % of NUMBER({text(row['digits'])})")


# --- materialized views --------------------------------------------------------------------------------------------

# Left out: views that are never refreshed by design. What is refreshed on commit has no schedule to miss.
MATERIALIZED_VIEWS = Query(
    name="materialized_views",
    sql="""
SELECT m.con_id, m.owner, m.mview_name, m.staleness, m.compile_state, m.refresh_mode,
       (SYSDATE - NVL(m.last_refresh_end_time, m.last_refresh_date)) * 24 AS hours
FROM {cdb:mviews|owner, mview_name, staleness, compile_state, refresh_mode, last_refresh_end_time, last_refresh_date} m
WHERE m.con_id <> 2 AND m.refresh_mode <> 'NEVER'
ORDER BY CASE WHEN m.staleness = 'UNUSABLE' OR m.compile_state LIKE '%ERROR%' THEN 0 ELSE 1 END, hours DESC
FETCH FIRST 300 ROWS ONLY
""",
    cost="medium",
)
OVERDUE = 2


def judge_views(seen: Seen) -> Verdict:
    """The schedule of a view is what earlier looks saw of it: the longest time between two of its refreshes."""
    rows = seen.of(MATERIALIZED_VIEWS)
    before = last(seen)
    note = _refreshes(seen, before.values if before else {})
    items = [_view(row, seen, note) for row in rows]
    oldest = max((item.value or 0.0 for item in items if item.status != "ok"), default=None)
    good = f"{len(rows)} refreshed as they used to be" if rows else "no materialized view"
    return noted(replace(of_items(items + closed(seen.facts), good=good), value=oldest), note)


def _mark(row: Row) -> str:
    return key((row["con_id"], f"{text(row['owner'])}.{text(row['mview_name'])}"))


def _refreshes(seen: Seen, earlier: Mapping[str, float]) -> dict[str, float]:
    """When each view was refreshed last, and under `… gap` the longest time between two refreshes, in hours."""
    note = {}
    for row in seen.of(MATERIALIZED_VIEWS):
        mark, hours = _mark(row), number(row["hours"])
        if hours is None:
            continue
        at = seen.now.timestamp() / 3600 - hours
        passed = at - earlier.get(mark, at)
        gap = max(earlier.get(f"{mark} gap", 0.0), passed if passed > 1 / 60 else 0.0)
        note[mark] = at
        if gap:
            note[f"{mark} gap"] = gap
    return note


def _view(row: Row, seen: Seen, note: Mapping[str, float]) -> Item:
    name, hours = owned(seen, row, row["mview_name"]), number(row["hours"])
    gap = note.get(f"{_mark(row)} gap")
    status: Status = "ok"
    detail = "never refreshed" if hours is None else f"{hours:.0f} h"
    if hours is not None and gap and row["refresh_mode"] == "DEMAND" and hours >= OVERDUE * gap:
        status, detail = "warning", f"{detail}, used to be refreshed every {gap:.0f} h"
    if "ERROR" in text(row["compile_state"]):
        status, detail = "warning", f"{detail}, {text(row['compile_state'])}"
    if row["staleness"] == "UNUSABLE":
        status, detail = "critical", f"{detail}, UNUSABLE"
    return Item(name, status, None if hours is None else round(hours, 1), detail)


# --- foreign keys --------------------------------------------------------------------------------------------------

# A foreign key is covered when the first columns of some index are its columns, in any order.
BARE_FOREIGN_KEYS = Query(
    name="bare_foreign_keys",
    sql="""
WITH keys AS (
  SELECT c.con_id, c.owner, c.table_name, c.constraint_name, k.column_name,
         COUNT(*) OVER (PARTITION BY c.con_id, c.owner, c.constraint_name) AS width
  FROM {cdb:constraints|owner, table_name, constraint_name, constraint_type, status} c
  JOIN {cdb:users} u ON u.con_id = c.con_id AND u.username = c.owner
  JOIN {cdb:tab_statistics} s ON s.con_id = c.con_id AND s.owner = c.owner AND s.table_name = c.table_name
  JOIN {cdb:cons_columns} k ON k.con_id = c.con_id AND k.owner = c.owner AND k.constraint_name = c.constraint_name
  WHERE c.con_id <> 2 AND c.constraint_type = 'R' AND c.status = 'ENABLED' AND u.oracle_maintained = 'N'
    AND s.object_type = 'TABLE' AND s.num_rows > 10000
), covered AS (
  SELECT k.con_id, k.owner, k.constraint_name
  FROM keys k
  JOIN {cdb:ind_columns} i ON i.con_id = k.con_id AND i.table_owner = k.owner AND i.table_name = k.table_name
                           AND i.column_name = k.column_name AND i.column_position <= k.width
  GROUP BY k.con_id, k.owner, k.constraint_name, k.width, i.index_owner, i.index_name
  HAVING COUNT(*) = k.width
)
SELECT DISTINCT k.con_id, k.owner, k.table_name, k.constraint_name
FROM keys k
WHERE NOT EXISTS (SELECT 1
                  FROM covered v
                  WHERE v.con_id = k.con_id AND v.owner = k.owner AND v.constraint_name = k.constraint_name)
ORDER BY k.con_id, k.owner, k.table_name, k.constraint_name
FETCH FIRST 200 ROWS ONLY
""",
    cost="heavy",
)
TABLE_LOCK = "enq: TM - contention"


def judge_foreign_keys(seen: Seen) -> Verdict:
    """Evidence makes it a finding: sessions have waited for a table's lock since the instance started."""
    rows = seen.of(BARE_FOREIGN_KEYS)
    waits = sum(number(row["total_waits"]) or 0.0 for row in seen.of(EVENTS) if row["event"] == TABLE_LOCK)
    if not rows and not closed(seen.facts):
        return ok("every foreign key of a large table has an index", 0.0)
    status: Status = seen.levels.status(len(rows)) if waits else "info"
    items = [
        Item(owned(seen, row, f"{text(row['table_name'])}.{text(row['constraint_name'])}"), status) for row in rows
    ]
    seen_waits = f"{waits:,.0f} waits for a table's lock; without an index: " if waits else "without an index: "
    verdict = of_items(items + closed(seen.facts), good="all have an index", bad=seen_waits if rows else "")
    return replace(verdict, value=float(len(rows)))
