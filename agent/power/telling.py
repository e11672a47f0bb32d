"""The way of schedules to the collector: what they match, and what became of their edges, until it is in the spool."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from agent.disk import DiskThread
from agent.power.ledger import Ledger
from agent.power.posts import News, Orders, Post
from agent.power.projection import project
from agent.power.reporting import executions
from agent.power.rounds import Seat
from agent.sink import Sink
from common.wire_aws import Matches, Schedule

SAY_EVERY = timedelta(days=1)
KEEP_TOLD = timedelta(days=8)
_BEFORE = timedelta(milliseconds=1)
"""What follows is the younger one."""


class Teller:
    """`flush` makes everything durable that the sink has taken; False when the disk does not take it now."""

    def __init__(self, ledger: Ledger, sink: Sink, disk: DiskThread, *, flush: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._sink = sink
        self._disk = disk
        self._flush = flush
        self._one = asyncio.Lock()

    def early(self, post: Post, orders: Orders, seats: Iterable[Seat], now: datetime) -> None:
        """Say what a new schedule matches, since somebody may wait for that; what it saves follows."""
        new = [one for one in orders.schedules if post.revision(one.schedule) != one.revision]
        found = project((seat.subject for seat in seats), orders.schedules, now) if new else {}
        for one in new:
            matched, at = found[one.schedule].matched, now - _BEFORE
            self._sink.matches(Matches(one.schedule, at, matched, revision=one.revision, early=True))

    def matches(
        self, post: Post, orders: Orders, seats: Iterable[Seat], now: datetime, *, told: Iterable[Schedule]
    ) -> None:
        """Say what each of `told` matches where that is news, and once a day."""
        found = project((seat.subject for seat in seats), orders.schedules, now)
        for one in told:
            projection = found[one.schedule]
            news = News(one.revision, projection)
            known, at = post.matched.get(one.schedule, (None, now))
            if known == news and timedelta() <= now - at < SAY_EVERY:
                continue
            self._sink.matches(
                Matches(one.schedule, now, projection.matched, projection.savings, revision=one.revision)
            )
            post.matched[one.schedule] = (news, now)

    async def executions(self, now: datetime) -> None:
        """Say what is new of every edge; what was said when the process is killed may be said twice."""
        async with self._one:
            told = await self._disk(self._ledger.unsent)
            if not told:
                return
            for one in executions(told, now):
                self._sink.execution(one)
            if await self._disk(self._flush):
                await self._disk(self._ledger.sent, [one for one in told if not one.sent])
            await self._disk(self._ledger.prune, now - KEEP_TOLD)
