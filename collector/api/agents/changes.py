"""Wakes requests that wait for a new assignment. A waiting request is one event, no thread and no transaction."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.domain.assignments import store
from common import logs
from common.clock import utc_now

_LOOK_EVERY = 1.0
_OVERLAP = timedelta(seconds=10)  # between two looks, for commits that were under way and clocks that differ

log = logs.get(__name__)


class Changes:
    """While anybody waits, one task looks for changed assignments; other replicas' changes are seen alike."""

    def __init__(self, db: Database, *, look_every: float = _LOOK_EVERY) -> None:
        self._db = db
        self._look_every = look_every
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None
        self.stopped = False

    @contextmanager
    def watch(self, agent_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the agent's assignment may have changed. Begin to watch, then read."""
        event = asyncio.Event()
        if self.stopped:
            event.set()
        self._waiting[agent_id].add(event)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="assignment changes")
        try:
            yield event
        finally:
            self._waiting[agent_id].discard(event)
            if not self._waiting[agent_id]:
                del self._waiting[agent_id]

    async def stop(self) -> None:
        """Let everybody go who waits, and stop looking."""
        self.stopped = True
        for agent_id in list(self._waiting):
            self._wake(agent_id)
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        since = utc_now()
        while self._waiting:
            await asyncio.sleep(self._look_every)
            before, now = since, utc_now()
            try:
                changed = await self._db.read(store.changed_since, before - _OVERLAP)
            except StoreUnavailable as trouble:
                log.warning("cannot look for changed assignments", why=trouble.why, detail=trouble.detail)
                continue
            since = now
            for agent_id in changed:
                self._wake(agent_id)

    def _wake(self, agent_id: str) -> None:
        for event in self._waiting.get(agent_id, ()):
            event.set()
