"""Bundles through the driver: the same values as alone, few round trips, and failures that stay their own."""

import dataclasses
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.config import Connection
from agent.oracle import facts as facts_reader
from agent.oracle.bundling import Bundles, Table, Wanted
from agent.oracle.catalogue import CALL_TIMEOUT_S, Facts, Query, Row, Value
from agent.oracle.checks import catalogue
from agent.oracle.runner import Visitor
from agent.oracle.samples import Samples
from agent.oracle.session import Session, StatementFailure, session
from agent.oracle.thresholds import Effective, effective
from common.wire import Run
from tests.standins.oracle.estate import scenario_names, standin, targets
from tests.standins.oracle.faults import parse_fault
from tests.standins.oracle.server import Standin

pytestmark = pytest.mark.slow
_CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Standin]:
    """In front of the scenario of the test."""
    name = request.node.callspec.params["name"] if hasattr(request.node, "callspec") else "healthy-19c"
    async with standin([name]) as running:
        yield running


def target(server: Standin, name: str, folder: Path) -> Connection:
    found = targets(server.ports, [name])[0]
    secret = folder / f"{name}.secret"
    secret.write_text(found.password)
    return Connection(
        key=name,
        name=name,
        host=found.host,
        port=found.port,
        service=found.service_name,
        user=found.user,
        password_file=secret,
        mode=found.mode,  # type: ignore[arg-type]  # one of the two words
    )


def reachable() -> list[str]:
    return [name for name in scenario_names() if name not in ("no-grants", "locked-account")]


def queries(facts: Facts) -> list[Query]:
    found = {query.name: query for check in catalogue().values() for query in check.queries}
    return [
        query
        for query in found.values()
        if query.cost != "heavy" and facts.release >= query.min_release and "active_session_history" not in query.sql
    ]


async def alone(opened: Session, query: Query, facts: Facts) -> Table | None:
    try:
        return await opened.table(query.text(facts), action="ALONE", timeout_s=30, packs=facts.packs)
    except StatementFailure:  # a view that this kind of target has not, a pack that is not declared
        return None


@pytest.mark.parametrize("name", reachable())
async def test_every_statement_says_in_a_bundle_what_it_says_alone(server: Standin, tmp_path: Path, name: str) -> None:
    connection = target(server, name, tmp_path)
    async with session(connection) as opened:
        facts = dataclasses.replace(
            await facts_reader.read(opened, connection), packs=frozenset({"diagnostics", "tuning"})
        )
        found = {query.name: (query, table) for query in queries(facts) if (table := await alone(opened, query, facts))}
        bundles = Bundles()
        for query, table in found.values():
            bundles.learn(query.text(facts), table, 0.01)
        packed = bundles.pack([Wanted(query.name, query.text(facts), 60, query.cost) for query, _ in found.values()])
        bundled: dict[str, list[Row]] = {}
        for bundle in packed:
            sql = bundle.sql(facts.packs)
            table = await opened.table(sql, action=bundle.action, timeout_s=30, packs=facts.packs)
            bundled |= {key: list(rows) for key, rows in bundle.split(table).items()}
    assert len(bundled) > 0.7 * len(found), sorted(set(found) - set(bundled))
    for key, rows in bundled.items():
        differing = [pair for pair in zip(rows, found[key][1].named(), strict=True) if not same(*pair)]
        assert differing == [], key


def same(left: Row, right: Row) -> bool:
    """Equal in names, types and values; ages and counters go on between the two statements."""
    return list(left) == list(right) and all(_same(left[name], right[name]) for name in left)


def _same(left: Value, right: Value) -> bool:
    if isinstance(left, int | float) and isinstance(right, int | float) and left != right:
        return abs(left - right) <= max(60, abs(left) * 1e-3)
    if isinstance(left, str) and isinstance(right, str):
        return _CLOCK.sub("", left) == _CLOCK.sub("", right)
    return left == right and type(left) is type(right)


def due() -> list[Effective]:
    return [effective(check, (), key="k", tags=()) for check in catalogue().values() if check.enabled]


def heavy() -> int:
    checks = [check for check in catalogue().values() if check.enabled]
    return len({query.name for check in checks for query in check.queries if query.cost == "heavy"})


def unknown(run: Run) -> set[str]:
    return {outcome.check for outcome in run.outcomes if outcome.status == "unknown"}


@pytest.mark.parametrize("name", reachable())
async def test_a_full_round_takes_few_round_trips_from_the_second_visit_on(
    server: Standin, tmp_path: Path, name: str
) -> None:
    with Samples(tmp_path / "samples.sqlite") as samples:
        visitor = Visitor(target(server, name, tmp_path), samples)
        first = await visitor.visit(due(), "first")
        second = await visitor.visit(due(), "schedule")
        third = await visitor.visit(due(), "schedule")
    assert second.round_trips - heavy() < 26, second.round_trips
    assert third.round_trips <= second.round_trips
    assert unknown(second) == unknown(third) == unknown(first)


async def test_a_bundle_that_fails_is_no_outcome_and_its_members_run_alone(server: Standin, tmp_path: Path) -> None:
    connection = target(server, "healthy-19c", tmp_path)
    with Samples(tmp_path / "samples.sqlite") as samples:
        visitor = Visitor(connection, samples)
        first = await visitor.visit(due(), "first")
        server.faults.set(connection.service or "", parse_fault("x:error:1790@5")[1])
        second = await visitor.visit(due(), "schedule")
        server.faults.clear()
        third = await visitor.visit(due(), "schedule")
    assert unknown(second) == unknown(first)
    assert third.round_trips < second.round_trips < first.round_trips


async def test_a_member_that_hangs_costs_its_own_checks_alone(
    server: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CALL_TIMEOUT_S, "cheap", 4.0)
    connection = target(server, "healthy-19c", tmp_path)
    hang = parse_fault("x:slow-query:60,v\\$logfile")[1]
    with Samples(tmp_path / "samples.sqlite") as samples:
        visitor = Visitor(connection, samples)
        first = await visitor.visit(due(), "first")
        server.faults.set(connection.service or "", hang)
        second = await visitor.visit(due(), "schedule")
        costs = visitor.timed_out
        third = await visitor.visit(due(), "schedule")
    readers = {
        check.id for check in catalogue().values() if any("v$logfile" in query.sql.lower() for query in check.queries)
    }
    assert "REDOLOG_MULTIPLEX" in costs <= readers
    assert unknown(second) - unknown(first) == unknown(third) - unknown(first) == costs
    assert third.round_trips < first.round_trips / 2, "the others share their round trips again"


async def test_a_bundle_that_takes_too_long_is_no_outcome(
    server: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CALL_TIMEOUT_S, "cheap", 4.0)
    connection = target(server, "healthy-19c", tmp_path)
    with Samples(tmp_path / "samples.sqlite") as samples:
        visitor = Visitor(connection, samples)
        first = await visitor.visit(due(), "first")
        server.faults.set(connection.service or "", parse_fault("x:slow-query:60,as q, rownum as r")[1])
        second = await visitor.visit(due(), "schedule")
        server.faults.clear()
        third = await visitor.visit(due(), "schedule")
    assert unknown(second) == unknown(first)
    assert visitor.timed_out == set()
    assert third.round_trips < first.round_trips / 2
