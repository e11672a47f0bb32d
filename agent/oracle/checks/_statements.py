"""Statements: which takes most of the time, which has too many cursors, which differ in nothing but literals."""

from collections.abc import Mapping

from agent.oracle.catalogue import Query, Row, Seen, Verdict
from agent.oracle.checks._load import MICRO, NO_TIME, TIME
from agent.oracle.checks._readings import started_s, time_model
from agent.oracle.judging import (
    Growth,
    by_level,
    counter_note,
    growth,
    last,
    noted,
    number,
    of_items,
    ok,
    shared,
    skipped,
    text,
    unknown,
    worst_first,
)
from common.wire import Item

# --- the top statement ---------------------------------------------------------------------------------------------

TOP_STATEMENTS = Query(
    name="top_statements",
    sql="""
SELECT sql_id, plan_hash_value AS plan, executions, elapsed_time, cpu_time, buffer_gets, disk_reads,
       SUBSTR(sql_text, 1, 200) AS sql_text
FROM v$sqlstats
WHERE last_active_time > SYSDATE - 1 / 24
ORDER BY elapsed_time DESC
FETCH FIRST 200 ROWS ONLY
""",
    cost="medium",
)
BUSY_SESSIONS = 1.0


def judge_top_statement(seen: Seen) -> Verdict:
    model, started = time_model(seen), started_s(seen)
    if TIME not in model:
        return unknown(NO_TIME)
    if started is None:
        return unknown("V$INSTANCE.STARTUP_TIME is NULL")
    if any(row["elapsed_time"] is None for row in seen.of(TOP_STATEMENTS)):
        return unknown("ELAPSED_TIME of a statement is NULL")
    total = {TIME: model[TIME]}
    since = growth(seen, total, started_s=started)
    verdict = skipped(since) if isinstance(since, str) else _top_statement(seen, since)
    times = {_plan(row): number(row["elapsed_time"]) or 0.0 for row in seen.of(TOP_STATEMENTS)}
    return noted(verdict, counter_note(seen, total, started_s=started) | times)


def _plan(row: Row) -> str:
    return f"{text(row['sql_id'])} {text(row['plan'])}"


def _top_statement(seen: Seen, since: Growth) -> Verdict:
    """Only statements that were there before and have not been aged out since: what they had before is unknown else."""
    before = last(seen)
    spent = _spent(seen, before.values if before else {})
    if not spent or not since.of[TIME]:
        return ok("no statement to compare since the last run")
    plan = max(spent, key=lambda name: spent[name])
    share = min(100.0, 100 * spent[plan] / since.of[TIME])
    busy = since.of[TIME] / MICRO / since.seconds > BUSY_SESSIONS
    status = seen.levels.status(share) if busy else "ok"
    rows = {_plan(row): row for row in seen.of(TOP_STATEMENTS)}
    top = sorted(spent, key=lambda name: -spent[name])[:5]
    items = worst_first(
        Item(
            f"SQL {text(rows[name]['sql_id'])}",
            status if name == plan else "ok",
            round(min(100.0, 100 * spent[name] / since.of[TIME]), 2),
            _work(seen, rows[name]),
        )
        for name in top
    )
    line = f"SQL {text(rows[plan]['sql_id'])} {share:.0f} % of DB time"
    return Verdict(status=status, line=line, value=round(share, 2), items=items)


def _spent(seen: Seen, before: Mapping[str, float]) -> Mapping[str, float]:
    grown = {}
    for row in seen.of(TOP_STATEMENTS):
        elapsed = number(row["elapsed_time"]) or 0.0
        if elapsed >= before.get(_plan(row), float("inf")):
            grown[_plan(row)] = elapsed - before[_plan(row)]
    return grown


def _work(seen: Seen, row: Row) -> str:
    times = max(1.0, number(row["executions"]) or 0.0)
    elapsed, gets, reads = (number(row[name]) or 0.0 for name in ("elapsed_time", "buffer_gets", "disk_reads"))
    work = f"{elapsed / times / MICRO:.3g} s, {gets / times:,.0f} buffer gets, {reads / times:,.0f} reads"
    return f"plan {text(row['plan'])}: {work} per execution; {shared(seen.facts, 'sql', row['sql_text'])}"


# --- cursors -------------------------------------------------------------------------------------------------------

# In a CDB every container that runs a statement has versions of its own.
VERSIONS = Query(
    name="version_counts",
    sql="""
SELECT a.sql_id, MAX(a.version_count) AS versions, MAX(a.loaded_versions) AS loaded,
       COUNT(DISTINCT a.con_id) AS containers, MIN(a.parsing_schema_name) AS owner
FROM v$sqlarea a
GROUP BY a.sql_id
ORDER BY MAX(a.version_count) DESC NULLS FIRST
FETCH FIRST 10 ROWS ONLY
""",
    cost="heavy",
)


def judge_versions(seen: Seen) -> Verdict:
    if not seen.of(VERSIONS):
        return unknown("V$SQLAREA gave no row")
    items = worst_first(_version_item(seen, row) for row in seen.of(VERSIONS))
    return of_items(items, good=f"{items[0].name} {items[0].detail}")


def _version_item(seen: Seen, row: Row) -> Item:
    name, versions = f"SQL {text(row['sql_id'])}", number(row["versions"])
    if versions is None:
        return Item(name, "unknown", detail="VERSION_COUNT is NULL")
    each = versions / max(1.0, number(row["containers"]) or 0.0)
    owner = shared(seen.facts, "users", row["owner"])
    detail = f"{each:,.0f} child cursors" + (f" ({owner})" if owner else "")
    return Item(name, seen.levels.status(each), round(each, 1), detail)


# --- literals ------------------------------------------------------------------------------------------------------

# Signature 0: a statement that cannot be shared. The signature has 20 digits: more than a float holds.
LITERALS = Query(
    name="literal_families",
    sql="""
SELECT TO_CHAR(s.force_matching_signature) AS signature, COUNT(DISTINCT s.sql_id) AS statements,
       SUM(s.executions) AS executions, MIN(s.sql_id) AS example
FROM v$sqlstats s
WHERE s.force_matching_signature <> 0
GROUP BY s.force_matching_signature
HAVING COUNT(DISTINCT s.sql_id) > 1
ORDER BY COUNT(DISTINCT s.sql_id) DESC
FETCH FIRST 10 ROWS ONLY
""",
    cost="heavy",
)


def judge_literals(seen: Seen) -> Verdict:
    items = worst_first(_family_item(seen, row) for row in seen.of(LITERALS))
    if not items:
        return by_level(0.0, seen.levels, "no statements that differ in literals only")
    return of_items(items, good=f"{items[0].name} {items[0].detail}")


def _family_item(seen: Seen, row: Row) -> Item:
    statements = number(row["statements"]) or 0.0
    detail = f"{statements:,.0f} statements, such as {text(row['example'])}"
    return Item(f"signature {text(row['signature'])}", seen.levels.status(statements), statements, detail)
