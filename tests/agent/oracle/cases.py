"""The cases of `tests/cases/<CHECK_ID>.yaml`: rows on one side, the expected verdict on the other.

`cases:` give the rows that the check's queries answer with, `driven:` the rows of the dictionary views.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlglot
import yaml
from msgspec import Struct
from sqlglot import exp

from agent.host.checks import catalogue as host_catalogue
from agent.oracle.catalogue import GATE_CAP, Check, Disk, Query, Row, Seen, Verdict, render
from agent.oracle.checks import catalogue
from common.wire import Item, Outcome, Severity, Status
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
    severity: Severity | None = None


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
    peers: list[Outcome] = []


class Views(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows written as in scenario files, where every word is text: `views` replaces all rows of a view, `set` changes
    columns in each of its rows.
    """

    views: dict[str, list[dict[str, Any]]] = {}
    set: dict[str, dict[str, Any]] = {}


class Remembered(Struct, frozen=True, forbid_unknown_fields=True):
    """A sample of an earlier run. `same` for `started_s` and `instance`: as the instance of the case has them."""

    ago_s: float
    values: dict[str, str]


class Earlier(Views, frozen=True, forbid_unknown_fields=True):
    """A visit of its own before the one that is judged, with what is `set` or replaced over the case's own rows;
    `{counter: …, per_second: …}` was lower then, and the instance had started at the same time.
    """

    ago_s: float = 3600


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """Reference data in days: `issued` and `updates` ago, ends of premier and extended `support` from now."""

    issued: int = 10
    updates: dict[str, int] = {}
    support: dict[str, tuple[int | None, int | None]] = {}


class Driven(Views, frozen=True, forbid_unknown_fields=True):
    """Rows of views over those of the scenario `on`, looked at through the driver; the clock stands still meanwhile,
    so that `{ago: 3d}` is three days to the second. `service`: of the scenario; without, its first one (the root).
    """

    name: str = ""
    expect: Expected = Expected(status="ok")
    on: str = "healthy-19c"
    service: str | None = None
    tier: str = "prod"
    packs: list[str] = []
    share: list[str] | None = None
    levels: dict[str, float | None] = {}
    history: list[Remembered] = []
    earlier: list[Earlier] = []
    reference: Table | None = None
    disks: list[Disk] = []


class CaseFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`rows` and `facts` hold for each case that names none of its own; `template` completes each row of a query."""

    check: str
    cases: list[Case] = []
    driven: list[Driven] = []
    rows: dict[str, list[dict[str, Any]]] = {}
    facts: dict[str, Any] = {}
    template: dict[str, dict[str, Any]] = {}


class _Words(yaml.CSafeLoader):
    """Every word stays text; only `<<: *row` is more than that."""

    yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("<<"))]}  # noqa: RUF012 - as yaml has it


@cache
def all_checks() -> dict[str, Check]:
    """Oracle's and the host's."""
    return {**catalogue(), **host_catalogue()}


@cache
def read(path: Path) -> CaseFile:
    """The driven cases with all words as text, as scenario files are read: a column's type says what they mean."""
    text = path.read_text()
    plain = yaml.load(text, yaml.CSafeLoader)
    driven = plain.pop("driven", None) and yaml.load(text, _Words)["driven"]  # noqa: S506 - a safe loader
    file = msgspec.convert(plain, CaseFile)
    if file.check != path.stem:
        raise ValueError(f"{path.name} holds cases of {file.check}")
    cases = [_driven(path, number, one) for number, one in enumerate(driven or [], 1)]
    return msgspec.structs.replace(file, driven=cases)


def _driven(path: Path, number: int, written: dict[str, Any]) -> Driven:
    if missing := {"name", "expect"} - set(written):
        raise ValueError(f"{path.name}: driven case {number}: {', '.join(sorted(missing))} is missing")
    try:
        return msgspec.convert(written, Driven, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path.name}: driven case {written['name']!r}: {error}") from error


def files() -> Iterator[tuple[CaseFile, Case]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        file = read(path)
        for case in file.cases:
            yield file, case


def driven() -> Iterator[tuple[Check, Driven]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for case in read(path).driven:
            yield all_checks()[path.stem], case


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
        peers=case.peers,
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


@dataclass(frozen=True)
class Got:
    """What an expectation is compared with, whether a judge or a whole visit came to it."""

    status: Status
    line: str
    value: float | None
    items: tuple[Item, ...]
    cap: int | None
    fix: str
    note: Mapping[str, float] | None
    severity: Severity | None = None


def compare(got: Got, expected: Expected) -> None:
    """Fail where they differ in something that the expectation names."""
    assert got.status == expected.status, got
    assert got.line, "a verdict says something"
    if expected.value is not None:
        assert got.value == pytest.approx(expected.value, rel=1e-3), got
    if expected.line is not None:
        assert expected.line in got.line, got
    if expected.items is not None:
        assert len(got.items) == expected.items, got
    assert tuple(item.name for item in got.items)[: len(expected.names)] == expected.names, got
    if expected.cap is not None:
        assert got.cap == expected.cap, got
    if expected.severity is not None:
        assert got.severity == expected.severity, got
    if expected.fix is not None:
        assert expected.fix in got.fix, got
    if expected.note is not None:
        assert got.note is not None, got
        noted = {key: got.note.get(key) for key in expected.note}
        assert noted == pytest.approx(expected.note, abs=1e-6, rel=1e-9), got
