"""The catalogue against what the documents say: thresholds and texts, real columns, licence, a case for every check."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from agent.host.checks import catalogue as host_catalogue
from agent.oracle.catalogue import (
    _LICENSED,
    Check,
    LicenceRefusedError,
    Pack,
    Query,
    Release,
    check_licence,
    objects_read,
    render,
)
from agent.oracle.checks import catalogue
from tests.agent.oracle.cases import FOLDER, all_checks, read, texts

DATA = Path(__file__).parent / "data" / "checks.yaml"
VIEWS = Path(__file__).parents[2] / "standins" / "oracle" / "data" / "views.yaml"
RELEASES: tuple[Release, ...] = ((12, 1), (12, 2), (18, 0), (19, 0), (21, 0), (23, 0))
SECONDS = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "6h": 21_600, "24h": 86_400}
BOTH_PACKS: frozenset[Pack] = frozenset({"diagnostics", "tuning"})
SHIPPED = (
    "availability",
    "redo_logs",
    "tablespace",
    "undo_temp",
    "recovery_area",
    "backup",
    "host",
    "sessions",
    "sql_performance",
    "memory",
    "multitenant",
    "objects",
    "data_guard",
    "asm",
    "rac",
    "statistics",
    "jobs",
    "parameters",
    "alert_log",
    "patching",
    "licensing",
    "monitoring",
    "security",
)

ids = sorted(all_checks())
every_check = pytest.mark.parametrize("check", [all_checks()[id_] for id_ in ids], ids=ids)


def load(path: Path) -> dict[str, Any]:
    """With the C loader: the views alone take seconds otherwise."""
    return dict(yaml.load(path.read_text(), Loader=yaml.CSafeLoader))


@cache
def documented() -> dict[str, dict[str, Any]]:
    return {entry["check_id"]: entry for entry in load(DATA)["checks"]}


def release_of(text: str) -> Release:
    """12.1, 12.1.0.2, 18c."""
    major, _, minor = text.rstrip("c").partition(".")
    return int(major), int(minor.split(".")[0] or 0)


@every_check
def test_a_check_declares_what_the_catalogue_documents(check: Check) -> None:
    entry = documented()[check.id]
    assert check.category == entry["category"]
    assert check.title == entry["title"]
    assert check.unit == entry["unit"]
    assert check.remediation == entry["remediation"]
    assert check.source == entry["source"]
    assert check.interval_s == SECONDS[entry["interval"]]
    assert check.cost == entry["cost"]
    assert check.scope == entry["scope"].split(" (")[0].split(",")[0].split(" + ")[-1]
    assert check.ceiling == entry["severity_ceiling"]
    assert check.mount == (entry["mount"] != "needs an open database")
    assert check.enabled == entry["enabled_by_default"]
    assert check.min_release == release_of(entry["min_version"])
    assert (check.pack or "none") == entry["pack"]
    assert check.gated == (entry["gate"] or "").startswith("critical caps the score at 55")


def test_every_documented_check_of_the_shipped_categories_is_there() -> None:
    wanted = {id_ for id_, entry in documented().items() if entry["category"] in SHIPPED}
    assert wanted - set(all_checks()) == set()


def test_no_id_belongs_to_both_the_host_and_the_database() -> None:
    assert not set(catalogue()) & set(host_catalogue())


@every_check
def test_a_check_has_cases_for_good_and_for_bad(check: Check) -> None:
    if check.by_collector:
        return  # nothing judges it here
    path = FOLDER / f"{check.id}.yaml"
    assert path.exists(), "no cases"
    file = read(path)
    seen = {case.expect.status for case in file.cases} | {case.expect.status for case in file.driven}
    assert "ok" in seen
    assert seen & {"warning", "critical", "info"}


def test_every_file_of_cases_belongs_to_a_check() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} <= set(all_checks())


# --- queries -------------------------------------------------------------------------------------------------------


@cache
def queries() -> dict[str, Query]:
    found: dict[str, Query] = {}
    for check in all_checks().values():
        for query in check.queries:
            assert found.setdefault(query.name, query) is query, f"two queries are called {query.name}"
    return found


def test_no_two_queries_share_a_name() -> None:
    assert queries()


@cache
def views() -> dict[str, dict[str, Any]]:
    return dict(load(VIEWS)["views"])


def number(since: str) -> float:
    return float("".join(char for char in since if char.isdigit() or char == "."))


def has(entry: dict[str, Any], release: Release) -> bool:
    at = float(f"{release[0]}.{release[1]}")
    return number(entry.get("since", "0")) <= at and number(entry.get("until", "99")) >= at


def known_columns(name: str, release: Release) -> dict[str, str] | None:
    """The columns that a release has in this object, None where it has no such object."""
    for base, view in views().items():
        if name in (base, *view["variants"]) and has(view, release):
            columns = {column["name"]: "VARCHAR" for column in view["columns"] if has(column, release)}
            extra = {"INST_ID": "NUMBER"} if name.startswith("GV$") else {}
            return {**columns, **extra, **({"CON_ID": "NUMBER"} if name.startswith("CDB_") else {})}
    return {"DUMMY": "VARCHAR"} if name == "DUAL" else None


def claims(query: Query) -> list[tuple[Release, str]]:
    """(release, text) for every release that a form of the query is meant for."""
    starts = query.texts()
    found = []
    for release in RELEASES:
        fitting = [sql for start, sql in starts if start <= release]
        forms = [*fitting[-1:], *([query.special[1]] if query.special and fitting else [])]
        found += [(release, form) for form in forms]
    return found


@pytest.mark.parametrize("name", sorted(queries()))
def test_a_query_reads_only_objects_and_columns_that_its_releases_have(name: str) -> None:
    for release, sql in claims(queries()[name]):
        for in_root in (True, False):
            rendered = render(sql, in_root=in_root)
            tree = sqlglot.parse_one(rendered, dialect="oracle")
            with_names = {cte.alias.upper() for cte in tree.find_all(exp.CTE)}
            tables = {table.name.upper() for table in tree.find_all(exp.Table)} - with_names
            schema: dict[str, object] = {table: known_columns(table, release) for table in tables}
            assert not [table for table, columns in schema.items() if columns is None], (release, rendered)
            qualify(tree, schema=schema, dialect="oracle", validate_qualify_columns=True)
            assert tables - {"DUAL"} == {found.removeprefix("SYS.") for found in objects_read(rendered)}


@every_check
def test_a_check_reads_no_licensed_view_without_its_pack(check: Check) -> None:
    packs = frozenset({check.pack} if check.pack else ())
    for query in check.queries:
        for sql in texts(query):
            check_licence(render(sql, in_root=True), packs)
            check_licence(render(sql, in_root=False), packs)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in _LICENSED])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_a_licensed_pattern_finds_is_refused(pattern: re.Pattern[str], data: st.DataObject) -> None:
    sql = f"SELECT 1 FROM v$log l, {data.draw(st.from_regex(pattern))} x"
    if not pattern.search(sql):
        return
    with pytest.raises(LicenceRefusedError):
        check_licence(sql, frozenset())
    check_licence(sql, BOTH_PACKS)
