"""Wakes requests that wait for a new assignment. A waiting request is one event, no thread and no transaction."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from collector.core.database import Database
from collector.core.ending import ended
from collector.core.problems import StoreUnavailable
from collector.domain.assignments import store
from common import logs
from common.clock import utc_now

_LOOK_EVERY = 1.0
_LOOK_HEARING = 15.0
"""How often changes are looked up although they are heard of: for word that got lost on the way."""
_OVERLAP = timedelta(seconds=10)  # between two looks, for commits that were under way and clocks that differ

log = logs.get(__name__)


class Changes:
    """While anybody waits, one task hears of changed assignments, whichever replica changed them, and looks for them.

    While it cannot hear it looks every second.
    """

    def __init__(self, db: Database, *, look_every: float = _LOOK_EVERY, hearing: float = _LOOK_HEARING) -> None:
        self._db = db
        self._every = {False: look_every, True: hearing}
        self._ear = db.ear(self._hear)
        self._due = asyncio.Event()
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._attending: asyncio.Task[None] | None = None
        self.stopped = False

    @property
    def hears(self) -> bool:
        """Whether a change of any replica wakes who waits at once."""
        return self._ear.well

    @contextmanager
    def watch(self, agent_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the agent's assignment may have changed. Begin to watch, then read."""
        event = asyncio.Event()
        if self.stopped:
            event.set()
        self._waiting[agent_id].add(event)
        if self._attending is None or self._attending.done():
            self._attending = asyncio.create_task(self._attend(), name="assignment changes")
        try:
            yield event
        finally:
            self._waiting[agent_id].discard(event)
            if not self._waiting[agent_id]:
                del self._waiting[agent_id]

    async def stop(self) -> None:
        """Let everybody go who waits, and attend to nobody any more."""
        self.stopped = True
        self._wake(self._waiting)
        if self._attending is not None:
            self._attending.cancel()
            await asyncio.gather(self._attending, return_exceptions=True)

    async def _attend(self) -> None:
        """Until nobody waits any more; who waits from then on starts it anew."""
        while self._waiting:
            hearing = asyncio.create_task(self._ear.run(), name="hearing of changes")
            try:
                await self._look()
            finally:
                await ended(hearing)

    def _hear(self, agents: frozenset[str]) -> None:
        if agents:
            self._wake(agents)
        else:
            self._due.set()

    async def _look(self) -> None:
        since = utc_now()
        while self._waiting:
            await self._rest()
            before, now = since, utc_now()
            try:
                changed = await self._db.read(store.changed_since, before - _OVERLAP)
            except StoreUnavailable as trouble:
                log.warning("cannot look for changed assignments", why=trouble.why, detail=trouble.detail)
                continue
            since = now
            self._wake(changed)

    async def _rest(self) -> None:
        """Until the next look. Hearing may have ended unnoticed, so the shorter time decides when to look at it."""
        self._due.clear()
        left = self._every[True]
        while left > 0 and not self._due.is_set():
            step = min(left, self._every[False])
            left = left - step if self._ear.well else 0
            try:
                async with asyncio.timeout(step):
                    await self._due.wait()
            except TimeoutError:
                continue

    def _wake(self, agents: Iterable[str]) -> None:
        for agent_id in tuple(agents):
            for event in self._waiting.get(agent_id, ()):
                event.set()
