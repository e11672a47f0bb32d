"""Schedules in the running agent: once a minute on what is known, and a look at AWS only when something is due.

Every look and every call is made by a child process. No area is visited twice at once, and none waits for another.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from agent.aws.child import AskingError
from agent.disk import DiskThread
from agent.power.known import Area
from agent.power.ledger import Ledger
from agent.power.posts import Orders, Post, orders_of
from agent.power.rounds import unreached
from agent.power.telling import Teller
from agent.power.visit import Look, Reach, SupersededError, Switch, Visit
from agent.problems import Problems
from agent.sink import Sink
from agent.waiting import wait_for
from common import logs
from common.clock import Now, utc_now
from common.wire import Assignment

log = logs.get("agent.power")

MINUTE_S = 60.0
VISIT_S = 1800.0  # both children have deadlines of their own, which are shorter
CHILDREN = 4
"""Each takes some 80 MiB; more areas than that are visited one after another."""
_TOPIC = "schedules"


class Executor:
    """Applies the schedules of the assignment, for as long as the collector is away too."""

    def __init__(
        self,
        ledger: Ledger,
        sink: Sink,
        disk: DiskThread,
        *,
        assignment: Callable[[], Assignment],
        flush: Callable[[], bool],
        look: Look,
        switch: Switch,
        problems: Problems,
        state_dir: Path,
        config_dir: Path,
        now: Now = utc_now,
    ) -> None:
        self.wake = asyncio.Event()
        self._ledger = ledger
        self._disk = disk
        self._assignment = assignment
        self._problems = problems
        self._now = now
        self._posts: dict[Area, Post] = {}
        self._visits: dict[Area, Visit] = {}
        self._teller = Teller(ledger, sink, disk, flush=flush)
        self._reach = Reach(
            ledger=ledger,
            disk=disk,
            teller=self._teller,
            problems=problems,
            look=look,
            switch=switch,
            orders=lambda area: orders_of(self._assignment()).get(area),
            children=asyncio.Semaphore(CHILDREN),
            state_dir=state_dir,
            config_dir=config_dir,
            now=now,
        )

    async def run(self, turned: Callable[[], None] = lambda: None) -> None:
        """Tick for ever; `turned` is told of each."""
        async with asyncio.TaskGroup() as visits:
            while True:
                now = self._now()
                await self._start(visits, now)
                turned()
                await wait_for(self.wake, MINUTE_S - (now.second + now.microsecond / 1e6))

    async def tick(self, now: datetime) -> None:
        """One tick to its end."""
        async with asyncio.TaskGroup() as visits:
            await self._start(visits, now)

    def changed(self) -> None:
        """There is a new assignment: visits that do what is not wanted any more end at once, also between two calls."""
        wanted = orders_of(self._assignment())
        for area, visit in self._visits.items():
            task = self._posts[area].visit
            if task is not None and not visit.holds(wanted.get(area)):
                task.cancel()
        self.wake.set()

    async def _start(self, visits: asyncio.TaskGroup, now: datetime) -> None:
        for post in await self._due(now):
            post.visit = visits.create_task(self._visited(post, now), name=post.topic)

    async def _due(self, now: datetime) -> list[Post]:
        """The areas to visit now."""
        if not self._assignment().version:  # nothing was ever assigned, or it cannot be read
            return []
        try:
            await self._arrange(orders_of(self._assignment()))
            await self._teller.executions(now)
        except sqlite3.Error as error:
            self._problems.report(_TOPIC, f"what is remembered of resources cannot be read or written: {error}")
            return []
        self._problems.over(_TOPIC)
        return [post for post in self._posts.values() if post.visit is None and post.due(now)]

    async def _arrange(self, wanted: dict[Area, Orders]) -> None:
        """Follow the assignment; where it wants nothing any more, nothing is remembered."""
        if not self._posts:
            self._posts = {area: Post(area) for area in await self._disk(self._ledger.areas)}
        for area in wanted.keys() - self._posts.keys():
            self._posts[area] = Post(area)
        for area, post in list(self._posts.items()):
            if post.visit is not None:
                continue
            post.take(wanted.get(area))
            if post.orders is None:
                await self._disk(self._ledger.leave, area)
                self._well(post)
                del self._posts[area]

    async def _visited(self, post: Post, now: datetime) -> None:
        if post.orders is None:
            return
        visit = self._visits[post.area] = Visit(self._reach, post, post.orders, now)
        try:
            async with asyncio.timeout(VISIT_S):
                await visit.make()
            await self._teller.executions(now)
        except (AskingError, TimeoutError) as error:
            reason = str(error) or f"not done within {VISIT_S:.0f} s"
            self._put_off(post, now, reason)
            await self._disk(self._wait, post, now, reason)
        except sqlite3.Error as error:
            self._put_off(post, now, f"what is remembered of resources cannot be read or written: {error}")
        except SupersededError:
            log.debug("other orders came", account=post.area.account, region=post.area.region)
        else:
            post.failures = 0
            self._problems.over(post.topic)
        finally:
            post.visit = None
            del self._visits[post.area]
            if orders_of(self._assignment()).get(post.area) != post.orders:
                self.wake.set()  # other orders are to be followed at once

    def _put_off(self, post: Post, now: datetime, reason: str) -> None:
        post.put_off(now)
        self._problems.report(post.topic, reason)

    def _wait(self, post: Post, now: datetime, reason: str) -> None:
        """Let the collector know of edges that cannot be applied; told at the next tick."""
        if post.orders is None:
            return
        with suppress(sqlite3.Error):  # told at the next try
            sights = {
                place.resource: sight for place, sight in self._ledger.sights().items() if place.area == post.area
            }
            known = self._ledger.known(post.area)
            self._ledger.tell(post.area, unreached(sights, known, post.orders.schedules, now, reason))

    def _well(self, post: Post) -> None:
        for topic in (post.topic, f"{post.topic}, not read", f"{post.topic}, tags"):
            self._problems.over(topic)
