"""The answers of one session: each query runs once, on first need; those that are known share round trips."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.oracle.bundling import Bundle, Bundles, Table, Wanted
from agent.oracle.catalogue import CALL_TIMEOUT_S, Check, Facts, LicenceRefusedError, Query, Rows
from agent.oracle.session import Session, StatementFailure
from common import logs

log = logs.get("agent.oracle")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query gave: rows or the failure, and how long it took."""

    rows: Rows = ()
    failure: StatementFailure | None = None
    elapsed_ms: float = 0.0


@dataclass(slots=True)
class Answers:
    """`heavy` is shared by all targets of an agent: only who holds it runs a heavy statement."""

    session: Session
    facts: Facts
    bundles: Bundles
    heavy: asyncio.Lock
    _given: dict[str, Answer] = field(default_factory=dict)
    _lost: StatementFailure | None = None

    async def prefetch(self, checks: Sequence[tuple[Check, int]]) -> None:
        """Run what these checks (with their intervals) will ask for, as far as it fits into bundles.

        Where one takes too long, the rest would too: what is left runs alone.
        """
        for bundle in self.bundles.pack(_wanted(checks, self.facts)):
            failure = await self._run(bundle)
            if failure and (failure.timed_out or failure.lost):
                return

    async def of(self, query: Query, action: str) -> Answer:
        if query.name not in self._given:
            self._given[query.name] = await self._ask(query, action)
        return self._given[query.name]

    async def _run(self, bundle: Bundle) -> StatementFailure | None:
        started = time.monotonic()
        try:
            table = await self._table(bundle.sql(self.facts.packs), bundle.action, timeout_s=bundle.timeout_s)
        except StatementFailure as failure:
            log.debug("a bundle failed", action=bundle.action, members=len(bundle.members), reason=failure.text)
            self.bundles.failed(bundle)
            return failure
        rows = bundle.split(table)
        self.bundles.ran(bundle, rows)
        elapsed_ms = (time.monotonic() - started) * 1000
        alone = sum(member.known.seconds for member in bundle.members)
        for member in bundle.members:
            share = member.known.seconds / alone if alone else 1 / len(bundle.members)
            self._given[member.name] = Answer(rows[member.name], elapsed_ms=elapsed_ms * share)
        return None

    async def _ask(self, query: Query, action: str) -> Answer:
        sql = query.text(self.facts)
        started = time.monotonic()
        try:
            if query.cost == "heavy":
                async with self.heavy:
                    started = time.monotonic()
                    table = await self._table(sql, action, timeout_s=CALL_TIMEOUT_S["heavy"])
            else:
                table = await self._table(sql, action, timeout_s=CALL_TIMEOUT_S[query.cost])
        except StatementFailure as failure:
            return Answer(failure=failure)
        elapsed = time.monotonic() - started
        if query.cost != "heavy":
            self.bundles.learn(sql, table, elapsed)
        return Answer(table.named(), elapsed_ms=elapsed * 1000)

    async def _table(self, sql: str, action: str, *, timeout_s: float) -> Table:
        """`StatementFailure` also for what may not be asked, and for all that follows the loss of the session."""
        if self._lost:
            raise StatementFailure("DPY-4011", self._lost.text, lost=True)
        try:
            return await self.session.table(sql, action=action, timeout_s=timeout_s, packs=self.facts.packs)
        except LicenceRefusedError as error:
            raise StatementFailure("", str(error)) from None
        except StatementFailure as failure:
            self._lost = failure if failure.lost else None
            raise


def _wanted(checks: Iterable[tuple[Check, int]], facts: Facts) -> list[Wanted]:
    """The statements that may share a round trip, each with the shortest interval of the checks that read it."""
    queries: dict[str, Query] = {}
    intervals: dict[str, int] = {}
    for check, interval_s in checks:
        for query in check.queries:
            if query.cost != "heavy":
                queries[query.name] = query
                intervals[query.name] = min(interval_s, intervals.get(query.name, interval_s))
    return [Wanted(name, query.text(facts), intervals[name], query.cost) for name, query in queries.items()]
