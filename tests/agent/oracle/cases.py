"""The cases of `tests/cases/<CHECK_ID>.yaml`: rows on one side, the expected verdict on the other."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import sqlglot
import yaml
from msgspec import Struct
from sqlglot import exp

from agent.host.checks import catalogue as host_catalogue
from agent.oracle.catalogue import GATE_CAP, Check, Disk, Query, Row, Seen, Verdict, render
from agent.oracle.checks import catalogue
from common.wire import Status
from tests.agent.oracle import builders

FOLDER = Path(__file__).parents[2] / "cases"


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what a case names is compared; `line` and `fix` are parts of the text, `names` those of the first items."""

    status: Status
    value: float | None = None
    line: str | None = None
    items: int | None = None
    names: tuple[str, ...] = ()
    cap: int | None = None
    fix: str | None = None
    note: dict[str, float] | None = None


class Past(Struct, frozen=True, forbid_unknown_fields=True):
    ago_s: float
    values: dict[str, float]


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    expect: Expected
    facts: dict[str, Any] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    levels: dict[str, float | None] | None = None
    history: list[Past] = []
    login: dict[str, Any] = {}
    disks: list[dict[str, Any]] = []
    host: dict[str, Any] | None = None


class CaseFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`rows` and `facts` hold for each case that names none of its own; `template` completes each row of a query."""

    check: str
    cases: list[Case]
    rows: dict[str, list[dict[str, Any]]] = {}
    facts: dict[str, Any] = {}
    template: dict[str, dict[str, Any]] = {}


@cache
def all_checks() -> dict[str, Check]:
    """Oracle's and the host's."""
    return {**catalogue(), **host_catalogue()}


def read(path: Path) -> CaseFile:
    file = msgspec.convert(yaml.safe_load(path.read_text()), CaseFile)
    if file.check != path.stem:
        raise ValueError(f"{path.name} holds cases of {file.check}")
    return file


def files() -> Iterator[tuple[CaseFile, Case]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        file = read(path)
        for case in file.cases:
            yield file, case


def texts(query: Query) -> list[str]:
    """Every form of a statement."""
    return [*(sql for _, sql in query.texts()), *([query.special[1]] if query.special else [])]


def columns(query: Query) -> tuple[frozenset[str], ...]:
    """The columns that a query answers with, one set for each of its forms."""
    return tuple(_selected(render(sql, in_root=False)) for sql in texts(query))


@cache
def _selected(sql: str) -> frozenset[str]:
    tree = sqlglot.parse_one(sql, dialect="oracle")
    if not isinstance(tree, exp.Query):
        raise TypeError(f"not a query: {sql}")
    return frozenset(name.lower() for name in tree.named_selects)


def rows_of(file: CaseFile, case: Case, query: Query) -> list[Row]:
    """The case's rows, completed; a row whose columns are not those of the statement is an error in the case."""
    given = case.rows.get(query.name, file.rows.get(query.name, []))
    rows: list[Row] = [{**file.template.get(query.name, {}), **row} for row in given]
    for row in rows:
        if frozenset(row) not in columns(query):
            wanted = " or ".join(", ".join(sorted(form)) for form in columns(query))
            raise ValueError(f"{file.check}, {case.name}: {query.name} has {sorted(row)}, expected {wanted}")
    return rows


def see(file: CaseFile, case: Case) -> Seen:
    check = all_checks()[file.check]
    if strange := set(case.rows) - {query.name for query in check.queries}:
        raise ValueError(f"{file.check}, {case.name}: no query is called {', '.join(sorted(strange))}")
    return builders.seen(
        check,
        rows={query.name: rows_of(file, case, query) for query in check.queries},
        facts=builders.facts(**{**file.facts, **case.facts}),
        levels=case.levels,
        history=[(past.ago_s, past.values) for past in case.history],
        login=case.login,
        disks=[builders.build(Disk, disk) for disk in case.disks],
        host=None if case.host is None else builders.host(**case.host),
    )


def judge(file: CaseFile, case: Case) -> Verdict:
    """The verdict as the agent would reach it: preconditions first, then the judge."""
    check = all_checks()[file.check]
    seen = see(file, case)
    for need in check.needs:
        if reason := need(seen.facts):
            return Verdict(status="skipped", line=reason)
    return check.judge(seen)


def cap(check: Check, verdict: Verdict) -> int | None:
    """The cap that the verdict puts on the score."""
    if verdict.cap is None and check.gated and verdict.status == "critical":
        return GATE_CAP
    return verdict.cap
