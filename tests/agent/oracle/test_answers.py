"""Each query runs once; heavy ones one at a time; what cannot be asked is a failure and never an exception."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from agent.oracle.answers import Answers
from agent.oracle.bundling import Bundles, Column, Table
from agent.oracle.catalogue import Check, Cost, Levels, Pack, Query, check_licence
from agent.oracle.judging import ok
from agent.oracle.session import Session, StatementFailure
from tests.agent.oracle.builders import facts

ONE = Table((Column("N", "number"),), [(1,)])


class Server:
    """In place of a session: notes what is asked, and answers as it is told."""

    def __init__(self, answer: Callable[[str], Table | StatementFailure] = lambda _: ONE) -> None:
        self.asked: list[str] = []
        self.timeouts: list[float] = []
        self.busy = 0
        self.most = 0
        self._answer = answer

    async def table(self, sql: str, *, action: str, timeout_s: float, packs: frozenset[Pack]) -> Table:
        assert len(action) <= 64
        check_licence(sql, packs)
        self.asked.append(sql)
        self.timeouts.append(timeout_s)
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        answer = self._answer(sql)
        if isinstance(answer, StatementFailure):
            raise answer
        return answer


def answers(server: Server, *, bundles: Bundles | None = None, heavy: asyncio.Lock | None = None) -> Answers:
    return Answers(cast("Session", server), facts(), bundles or Bundles(), heavy or asyncio.Lock())


def query(name: str, cost: Cost = "cheap") -> Query:
    return Query(name, f"SELECT n FROM {name}", cost)


def check(*queries: Query) -> Check:
    return Check(
        id="X",
        category="c",
        title="",
        unit="",
        levels=Levels(None, None),
        judge=lambda _: ok(""),
        remediation="",
        source="",
        interval_s=60,
        queries=queries,
    )


async def test_a_query_that_several_ask_for_runs_once() -> None:
    server = Server()
    one = answers(server)
    assert (await one.of(query("a"), "A")).rows == [{"n": 1}]
    assert (await one.of(query("a"), "B")).rows == [{"n": 1}]
    assert server.asked == ["SELECT n FROM a"]


@pytest.mark.parametrize(("cost", "most"), [("heavy", 1), ("medium", 2)])
async def test_one_agent_runs_one_heavy_statement_at_a_time(cost: Cost, most: int) -> None:
    server, heavy = Server(), asyncio.Lock()
    await asyncio.gather(*(answers(server, heavy=heavy).of(query("a", cost), "A") for _ in range(2)))
    assert server.most == most


async def test_every_cost_has_its_time() -> None:
    server = Server()
    one = answers(server)
    costs: tuple[Cost, ...] = ("cheap", "medium", "heavy")
    for cost in costs:
        await one.of(query(cost, cost), cost)
    assert server.timeouts == [10, 30, 120]


async def test_a_licensed_view_without_its_pack_is_a_failure_of_that_query() -> None:
    one = answers(Server())
    refused = await one.of(Query("ash", "SELECT n FROM v$active_session_history"), "A")
    assert refused.failure
    assert "needs the diagnostics pack" in refused.failure.text
    assert not refused.failure.timed_out
    assert (await one.of(query("a"), "A")).failure is None


async def test_after_the_session_is_lost_the_rest_fails_without_being_asked_and_has_not_timed_out() -> None:
    server = Server(lambda _: StatementFailure("DPY-4024", "no answer within 10 s, nor to a break", lost=True))
    one = answers(server)
    first, second = await one.of(query("a"), "A"), await one.of(query("b"), "B")
    assert first.failure
    assert second.failure
    assert (first.failure.timed_out, second.failure.timed_out) == (True, False)
    assert second.failure.text == first.failure.text
    assert len(server.asked) == 1


async def known(bundles: Bundles, *queries: Query) -> None:
    one = answers(Server(), bundles=bundles)
    for each in queries:
        await one.of(each, "A")


async def test_where_one_bundle_takes_too_long_no_other_is_tried_and_every_query_runs_alone() -> None:
    bundles = Bundles()
    cheap, medium = [query(f"c{n}") for n in range(3)], [query(f"m{n}", "medium") for n in range(3)]
    await known(bundles, *cheap, *medium)

    def slow(sql: str) -> Table | StatementFailure:
        return StatementFailure("ORA-01013", "broken off") if "UNION ALL" in sql else ONE

    server = Server(slow)
    one = answers(server, bundles=bundles)
    await one.prefetch([(check(*cheap, *medium), 60)])
    assert len(server.asked) == 1
    assert server.timeouts == [5]
    for each in (*cheap, *medium):
        assert (await one.of(each, "A")).failure is None
    assert len(server.asked) == 7


async def test_a_bundle_that_is_refused_leaves_the_others_alone() -> None:
    bundles = Bundles()
    cheap, medium = [query(f"c{n}") for n in range(3)], [query(f"m{n}", "medium") for n in range(3)]
    await known(bundles, *cheap, *medium)

    def refuse(sql: str) -> Table | StatementFailure:
        if "FROM c1" in sql:
            return StatementFailure("ORA-00942", "no such view")
        rows = [(f"q{place:02}", 1, place) for place in range(3)]
        return Table((), rows) if "UNION ALL" in sql else ONE

    server = Server(refuse)
    one = answers(server, bundles=bundles)
    await one.prefetch([(check(*cheap, *medium), 60)])
    assert (await one.of(medium[2], "A")).rows == [{"n": 2}]
    assert (await one.of(cheap[0], "A")).rows == [{"n": 1}]
    failed = (await one.of(cheap[1], "A")).failure
    assert failed
    assert failed.code == "ORA-00942"
    assert len(server.asked) == 4
