"""Checks that an operator writes as TOML: what is wrong is named on load, what is right is judged like any other."""

from collections.abc import Sequence
from typing import Any

import pytest

from agent.oracle.catalogue import Check, Levels, Row
from agent.oracle.custom import parse
from agent.oracle.plan import judge
from agent.oracle.thresholds import effective
from common.errors import ConfigurationError
from common.wire import CheckSetting
from tests.agent.oracle.builders import seen

GOOD: dict[str, Any] = {
    "id": "OWN_QUEUE",
    "title": "Orders wait",
    "sql": "SELECT COUNT(*) AS value FROM app.orders WHERE state = 'NEW; :x' -- ; no",
    "warning": 10,
    "critical": 100,
}


def toml(*tables: dict[str, Any]) -> str:
    return "\n".join(
        "[[check]]\n" + "\n".join(f"{key} = {_value(item)}" for key, item in one.items()) for one in tables
    )


def _value(item: object) -> str:
    return str(item).lower() if isinstance(item, bool | int | float) else "'''" + str(item) + "'''"


def load(**changes: Any) -> Check:
    table = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return parse(toml(table), file="own.toml", taken={"REDOLOG_SIZE"})[0]


def test_what_is_not_said_has_a_default() -> None:
    check = load()
    assert (check.category, check.interval_s, check.cost, check.ceiling) == ("own", 300, "medium", "critical")
    assert (check.mount, check.enabled, check.pack, check.unit) == (False, True, None, "")
    assert check.levels == Levels(10, 100)
    assert check.source == "own check, own.toml"
    assert [query.name for query in check.queries] == ["own:OWN_QUEUE"]


def test_everything_can_be_said() -> None:
    check = load(
        category="application", unit="orders", interval="2h", warning=50, critical=5, below=True, text="Start it.",
        cost="heavy", ceiling="warning", needs_open=False, enabled=False, per_row=True,
    )  # fmt: skip
    assert (check.category, check.unit, check.interval_s, check.remediation) == (
        "application",
        "orders",
        7200,
        "Start it.",
    )
    assert check.levels == Levels(50, 5, below=True)
    assert (check.cost, check.ceiling, check.mount, check.enabled) == ("heavy", "warning", True, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": None}, "check 1: id: `None`; expected 3 to 64 capital letters"),
        ({"id": "own_queue"}, "id: `own_queue`; expected 3 to 64 capital letters"),
        ({"id": "REDOLOG_SIZE"}, "id: `REDOLOG_SIZE`; expected an id that no other check has"),
        ({"title": None}, "title: `None`; expected a text of at most 200"),
        ({"title": "x" * 201}, "expected a text of at most 200"),
        ({"category": "Own checks"}, "category: `Own checks`; expected a word of small letters"),
        ({"interval": "30s"}, "interval: `30s`; expected a time from 60s to 7d"),
        ({"interval": 5}, "interval: `5`; expected a time"),
        ({"interval": "8d"}, "interval: `8d`; expected a time"),
        ({"warning": "many"}, "warning: `many`; expected a number"),
        ({"warning": float("nan")}, "warning: `nan`; expected a number"),
        ({"critical": float("inf")}, "critical: `inf`; expected a number"),
        ({"critical": 10**400}, "expected a number"),
        ({"title": "two\nlines"}, "expected one line of text"),
        ({"warning": True}, "warning: `True`; expected a number"),
        ({"warning": None, "critical": None}, "warning, critical: `None`; expected at least one"),
        ({"critical": 5}, "critical: `5`; expected a level over the warning at 10"),
        ({"below": True}, "critical: `100`; expected a level under the warning at 10"),
        ({"below": "yes"}, "below: `yes`; expected true or false"),
        ({"per_row": 1}, "per_row: `1`; expected true or false"),
        ({"cost": "free"}, "cost: `free`; expected one of cheap, medium, heavy"),
        ({"pack": "partitioning"}, "pack: `partitioning`; expected one of diagnostics, tuning"),
        ({"ceiling": "fatal"}, "ceiling: `fatal`; expected one of critical, warning, info"),
        ({"password": "x"}, "password: `x`; expected one of the fields id, title"),
        ({"sql": None}, "sql: `None`; expected a query"),
        ({"sql": "DELETE FROM app.orders"}, "expected a statement that starts with SELECT or WITH"),
        ({"sql": "BEGIN NULL; END;"}, "expected a statement that starts with SELECT or WITH"),
        ({"sql": "/* SELECT */ DROP TABLE t"}, "expected a statement that starts with SELECT or WITH"),
        ({"sql": "SELECT 1 AS value FROM dual; DROP TABLE t"}, "expected one statement without a semicolon"),
        ({"sql": "SELECT a FROM t FOR /* */ UPDATE"}, "expected a query that locks nothing"),
        ({"sql": "WITH FUNCTION f RETURN NUMBER IS BEGIN RETURN 1"}, "expected a query without PL/SQL"),
        ({"sql": "SELECT a AS value FROM t WHERE b = :c"}, "expected a query without bind variables"),
        ({"sql": "SELECT COUNT(*) AS value FROM v$active_session_history"}, "sql: V$ACTIVE_SESSION_HISTORY needs the"),
        ({"sql": "SELECT " + "1," * 5000}, "expected a query of at most 8000"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_was_expected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(**changes)
    assert message in str(raised.value)


@pytest.mark.parametrize("content", ["", "a = 1", "check = 3", "[[check]\n", "[[check]]\n[other]\nx=1"])
def test_a_file_of_another_shape_is_refused(content: str) -> None:
    with pytest.raises(ConfigurationError):
        parse(content, file="x", taken=())


def test_two_checks_of_a_file_may_not_share_an_id() -> None:
    with pytest.raises(ConfigurationError, match="OWN_QUEUE: id: `OWN_QUEUE`; expected an id that no other check has"):
        parse(toml(GOOD, GOOD), file="x", taken=())


def test_a_licensed_view_may_be_read_where_the_pack_is_named() -> None:
    check = load(sql="SELECT COUNT(*) AS value FROM v$active_session_history", pack="diagnostics")
    assert check.pack == "diagnostics"


@pytest.mark.parametrize(
    ("rows", "status", "line"),
    [
        ([{"value": 9.9}], "ok", "9.9 orders"),
        ([{"value": 10}], "warning", "10 orders"),
        ([{"value": 100, "detail": "oldest 3 h"}], "critical", "100 orders oldest 3 h"),
        ([{"value": None}], "unknown", "VALUE is NULL"),
        ([], "unknown", "the query gave no row"),
        ([{"value": 1}, {"value": 2}], "unknown", "the query gave 2 rows; expected one, or per_row = true"),
        ([{"count": 1}], "unknown", "the query has no column VALUE"),
        ([{"value": "many"}], "unknown", "unexpected data: TypeError: expected a number, got str"),
    ],
)
def test_a_single_value_is_judged_by_the_levels(rows: Sequence[Row], status: str, line: str) -> None:
    verdict = decide(load(unit="orders"), rows)
    assert (verdict.status, verdict.line) == (status, line)


@pytest.mark.parametrize(
    ("rows", "status", "line", "items"),
    [
        ([], "ok", "no rows", 0),
        ([{"name": "A", "value": 1}, {"name": "B", "value": 2}], "ok", "2 rows, all within their limits", 2),
        ([{"name": "A", "value": 1}, {"name": "B", "value": 11, "detail": "late"}], "warning", "B 11 orders late", 2),
        ([{"name": "A", "value": 200}, {"name": "B", "value": 11}], "critical", "A 200 orders", 2),
        ([{"name": "A", "value": None}], "unknown", "A VALUE is NULL", 1),
        ([{"value": 1}], "unknown", "the query has no column NAME", 0),
        ([{"name": f"N{n}", "value": n} for n in range(100)], "warning", "N99 99 orders", 20),
    ],
)
def test_rows_are_judged_one_by_one(rows: Sequence[Row], status: str, line: str, items: int) -> None:
    verdict = decide(load(unit="orders", per_row=True), rows)
    assert (verdict.status, len(verdict.items)) == (status, items)
    assert verdict.line.startswith(line)


def decide(check: Check, rows: Sequence[Row]) -> Any:
    return judge(effective(check, (), key="k", tags=()), seen(check, rows={check.queries[0].name: rows}))


def test_its_levels_can_be_overridden_like_those_of_any_other() -> None:
    setting = CheckSetting(check="OWN_QUEUE", origin="tag", tag="erp", warning=1)
    changed = effective(load(), [setting], key="k", tags=["erp"])
    assert (changed.levels.warning, changed.origin) == (1, "tag")
