"""Objects that do not work: invalid code, unusable indexes, disabled constraints, components of the database."""

from collections.abc import Mapping
from dataclasses import replace

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.checks._changes import age_s, key, owned, since
from agent.oracle.checks._space import closed, many, unseen
from agent.oracle.judging import age, label, last, noted, number, of_items, shared, text, unknown
from common.wire import Item, Status

# --- invalid objects -----------------------------------------------------------------------------------------------

AFTER_DDL_S = 900

# A synonym of something dropped and a materialized view between two refreshes are INVALID on purpose.
INVALID_OBJECTS = Query(
    name="invalid_objects",
    sql="""
SELECT o.con_id, o.owner,
       COUNT(CASE WHEN o.status = 'INVALID' AND o.object_type NOT IN ('MATERIALIZED VIEW', 'SYNONYM') THEN 1 END)
         AS invalid,
       COUNT(CASE WHEN o.status = 'INVALID' AND o.object_type IN ('MATERIALIZED VIEW', 'SYNONYM') THEN 1 END)
         AS left_out,
       MIN(CASE WHEN o.status = 'INVALID' AND o.object_type NOT IN ('MATERIALIZED VIEW', 'SYNONYM')
                THEN o.object_name END) AS example,
       (SYSDATE - MAX(o.last_ddl_time)) * 86400 AS ddl_s
FROM {cdb:objects} o
WHERE o.con_id <> 2 AND o.oracle_maintained = 'N'
GROUP BY o.con_id, o.owner
HAVING COUNT(CASE WHEN o.status = 'INVALID' THEN 1 END) > 0
ORDER BY invalid DESC
FETCH FIRST 200 ROWS ONLY
""",
    cost="medium",
)


def judge_invalid(seen: Seen) -> Verdict:
    """What Oracle's own schemas hold is left out, and for a quarter of an hour what a release has just changed."""
    rows = [row for row in seen.of(INVALID_OBJECTS) if number(row["invalid"])]
    before = last(seen)
    counts = {key((row["con_id"], text(row["owner"]))): number(row["invalid"]) or 0.0 for row in rows}
    earlier = before.values if before else {}
    settled = [row for row in rows if not _in_release(row, earlier)]
    total = sum(number(row["invalid"]) or 0.0 for row in settled)
    items = [_invalid_item(row, seen.levels.status(total) if row in settled else "info", seen) for row in rows]
    new = sum(max(0.0, count - earlier.get(name, 0.0)) for name, count in counts.items()) if before else 0.0
    lead = f"{total:,.0f} invalid{f', {new:,.0f} of them new' if new else ''}: "
    left_out = sum(number(row["left_out"]) or 0.0 for row in seen.of(INVALID_OBJECTS))
    good = "no invalid object" + (f" but {many(left_out, 'synonym or materialized view')}" if left_out else "")
    verdict = of_items(items + closed(seen.facts), good=good, bad=lead if total else "")
    return noted(replace(verdict, value=total), counts)


def _in_release(row: Row, earlier: Mapping[str, float]) -> bool:
    """Somebody changes this schema right now; what was invalid at the last look already is none of that."""
    ddl = number(row["ddl_s"])
    known = earlier.get(key((row["con_id"], text(row["owner"]))), 0.0)
    return ddl is not None and ddl < AFTER_DDL_S and (number(row["invalid"]) or 0.0) > known


def _invalid_item(row: Row, status: Status, seen: Seen) -> Item:
    count = number(row["invalid"]) or 0.0
    name = label(seen.facts, row["con_id"], shared(seen.facts, "users", row["owner"]))
    waits = f", changed {age(number(row['ddl_s']) or 0.0)} ago: judged next time" if status == "info" else ""
    return Item(name, status, count, f"{count:,.0f} ({text(row['example'])}{' ...' if count > 1 else ''}){waits}")


# --- unusable indexes ----------------------------------------------------------------------------------------------

# Left out: partitions of a partial index (INDEXING OFF makes them unusable on purpose), and what lies in a tablespace
# that cannot be written.
UNUSABLE_INDEXES = Query(
    name="unusable_indexes",
    sql="""
SELECT x.con_id, x.owner, x.index_name, x.uniqueness, x.parts
FROM (
  SELECT i.con_id, i.owner, i.index_name, i.uniqueness, 0 AS parts
  FROM {cdb:indexes} i
  LEFT JOIN {cdb:tablespaces} t ON t.con_id = i.con_id AND t.tablespace_name = i.tablespace_name
  WHERE i.con_id <> 2 AND i.status = 'UNUSABLE' AND i.dropped = 'NO' AND NVL(t.status, 'ONLINE') = 'ONLINE'
  UNION ALL
  SELECT i.con_id, i.owner, i.index_name, i.uniqueness, COUNT(*) AS parts
  FROM {cdb:ind_partitions|index_owner, index_name, status, tablespace_name} p
  JOIN {cdb:indexes} i ON i.con_id = p.con_id AND i.owner = p.index_owner AND i.index_name = p.index_name
  LEFT JOIN {cdb:tablespaces} t ON t.con_id = p.con_id AND t.tablespace_name = p.tablespace_name
  WHERE p.con_id <> 2 AND p.status = 'UNUSABLE' AND NVL(i.indexing, 'FULL') = 'FULL' AND i.dropped = 'NO'
    AND NVL(t.status, 'ONLINE') = 'ONLINE'
  GROUP BY i.con_id, i.owner, i.index_name, i.uniqueness
  UNION ALL
  SELECT i.con_id, i.owner, i.index_name, i.uniqueness, COUNT(*) AS parts
  FROM {cdb:ind_subpartitions|index_owner, index_name, status, tablespace_name} s
  JOIN {cdb:indexes} i ON i.con_id = s.con_id AND i.owner = s.index_owner AND i.index_name = s.index_name
  LEFT JOIN {cdb:tablespaces} t ON t.con_id = s.con_id AND t.tablespace_name = s.tablespace_name
  WHERE s.con_id <> 2 AND s.status = 'UNUSABLE' AND NVL(i.indexing, 'FULL') = 'FULL' AND i.dropped = 'NO'
    AND NVL(t.status, 'ONLINE') = 'ONLINE'
  GROUP BY i.con_id, i.owner, i.index_name, i.uniqueness
) x
ORDER BY x.uniqueness DESC, x.parts DESC, x.con_id, x.owner, x.index_name
FETCH FIRST 500 ROWS ONLY
""",
    cost="medium",
)


def judge_unusable(seen: Seen) -> Verdict:
    """A unique one is critical at once: its table takes no row that would need it."""
    rows = seen.of(UNUSABLE_INDEXES)
    total = sum(max(1.0, number(row["parts"]) or 0.0) for row in rows)
    status = seen.levels.status(total)
    items = [_unusable_item(row, status, seen) for row in rows]
    verdict = of_items(items + closed(seen.facts), good="every index is usable")
    return replace(verdict, value=total)


def _unusable_item(row: Row, status: Status, seen: Seen) -> Item:
    unique, parts = row["uniqueness"] == "UNIQUE", number(row["parts"]) or 0.0
    own: Status = "critical" if unique and status != "ok" and seen.levels.critical is not None else status
    where = f" in {many(parts, 'partition')}" if parts else ""
    detail = f"UNUSABLE{where}{' (unique)' if unique else ''}"
    return Item(owned(seen, row, row["index_name"]), own, max(1.0, parts), detail)


# --- disabled constraints and triggers -----------------------------------------------------------------------------

# A load disables them for hours; the margin is for a run that comes a little early.
PERSISTS_S = 23.5 * 3600

DISABLED = Query(
    name="disabled_constraints",
    sql="""
SELECT x.con_id, x.kind, x.owner, x.table_name, x.name
FROM (
  SELECT c.con_id, 'constraint' AS kind, c.owner, c.table_name, c.constraint_name AS name
  FROM {cdb:constraints|owner, constraint_name, constraint_type, table_name, status} c
  JOIN {cdb:users} u ON u.con_id = c.con_id AND u.username = c.owner
  WHERE c.con_id <> 2 AND c.status = 'DISABLED' AND c.constraint_type IN ('C', 'P', 'R', 'U')
    AND u.oracle_maintained = 'N' AND c.table_name NOT LIKE 'BIN$%'
  UNION ALL
  SELECT t.con_id, 'trigger' AS kind, t.owner, t.table_name, t.trigger_name AS name
  FROM {cdb:triggers|owner, trigger_name, table_name, status} t
  JOIN {cdb:users} u ON u.con_id = t.con_id AND u.username = t.owner
  WHERE t.con_id <> 2 AND t.status = 'DISABLED' AND u.oracle_maintained = 'N' AND t.trigger_name NOT LIKE 'BIN$%'
) x
ORDER BY x.con_id, x.owner, x.kind, x.name
FETCH FIRST 2000 ROWS ONLY
""",
    cost="medium",
)


def judge_disabled(seen: Seen) -> Verdict:
    """Only what was disabled since the first look, and for a day: the rest is how the application is built."""
    rows = {key((row["con_id"], _state(row))): row for row in seen.of(DISABLED)}
    note = since(seen, [(row["con_id"], _state(row)) for row in rows.values()])
    new = {name: age_s(seen, note[name]) for name in rows if note[name]}
    lasting = [name for name, held in new.items() if held >= PERSISTS_S]
    status = seen.levels.status(len(lasting))
    items = [
        _disabled_item(rows[name], status if name in lasting else "info", seen, held) for name, held in new.items()
    ]
    good = f"{len(rows)} disabled, none of them newly" if rows else "none is disabled"
    lead = f"{len(lasting)} newly disabled: " if lasting else ""
    verdict = of_items(items + closed(seen.facts), good=good, bad=lead)
    return noted(replace(verdict, value=float(len(lasting))), note)


def _state(row: Row) -> str:
    return f"{text(row['owner'])}.{text(row['name'])} {text(row['kind'])}"


def _disabled_item(row: Row, status: Status, seen: Seen, held_s: float) -> Item:
    what = f"{text(row['kind'])} on {text(row['table_name'])}" if row["table_name"] else text(row["kind"])
    return Item(owned(seen, row, row["name"]), status, round(held_s / 3600, 1), f"({what}, for {age(held_s)})")


# --- components ----------------------------------------------------------------------------------------------------

COMPONENTS = Query(
    name="components",
    sql="""
SELECT r.con_id, r.comp_id, r.status
FROM {cdb:registry|comp_id, status} r
WHERE r.con_id <> 2
ORDER BY r.con_id, r.comp_id
""",
)
_AS_INTENDED = ("VALID", "OPTION OFF", "REMOVED")
_IN_BETWEEN = ("LOADING", "LOADED", "UPGRADING", "UPGRADED", "DOWNGRADING", "DOWNGRADED", "REMOVING", "RELOADING")
_VITAL = ("CATALOG", "CATPROC")


def judge_components(seen: Seen) -> Verdict:
    """A state of patching counts when two looks in a row see it. The critical level counts CATALOG and CATPROC."""
    rows = seen.of(COMPONENTS)
    if not rows:
        return unknown("DBA_REGISTRY returned no rows")
    before = last(seen)
    odd = [row for row in rows if row["status"] not in _AS_INTENDED]
    lasting = [row for row in odd if not _passing(row, before.values if before else {})]
    warning = seen.levels.warning
    status: Status = "warning" if warning is not None and len(lasting) >= warning else "ok"
    items = [_component(row, seen, status if row in lasting else "info") for row in odd]
    verdict = of_items(items + unseen(seen.facts, rows), good="every component is VALID")
    states = {_component_state(row): 1.0 for row in odd if row["status"] in _IN_BETWEEN}
    return noted(replace(verdict, value=float(len(lasting))), states)


def _passing(row: Row, earlier: Mapping[str, float]) -> bool:
    return row["status"] in _IN_BETWEEN and _component_state(row) not in earlier


def _component_state(row: Row) -> str:
    return key((row["con_id"], f"{text(row['comp_id'])} {text(row['status'])}"))


def _component(row: Row, seen: Seen, status: Status) -> Item:
    name = label(seen.facts, row["con_id"], row["comp_id"])
    if row["status"] is None:
        return Item(name, "unknown", detail="STATUS is NULL")
    vital = row["comp_id"] in _VITAL and status != "info" and seen.levels.critical is not None
    return Item(name, "critical" if vital else status, detail=text(row["status"]))
