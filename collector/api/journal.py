"""Requests in the activity log: gathered for half a second at most, written some at a time, never in a request's way.

Few at a time, because requests wait for the interpreter while the writer makes rows of entries, some 15 us each: a
thousand in one go are 15 ms. More at a time once they pile up.

What a crash may lose is what was gathered: less than a second. When the store is away the journal waits for it, keeps
so many entries and counts what it has to drop; the log says so once the store is back.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from collector.core.problems import StoreUnavailable
from collector.domain.activity.store import Entry
from common import logs
from common.clock import utc_now

EVERY_SECONDS = 0.5
MOST_WAITING = 20_000
AT_ONCE = 100
MOST_AT_ONCE = 2_000
_TURNS = 10
"""In how many writes at most everything that waits is to be written."""

_log = logs.get(__name__)

Keep = Callable[[Mapping[int, Sequence[Entry]]], Awaitable[None]]
"""Store these entries of each tenant, all or none."""


class Journal:
    """Call `note` for each entry; `settle` writes what is left when the collector stops."""

    def __init__(self, keep: Keep, *, every: float = EVERY_SECONDS, most: int = MOST_WAITING) -> None:
        self._keep = keep
        self._every = every
        self._most = most
        self._waiting: list[tuple[int, Entry]] = []
        self._dropped: Counter[int] = Counter()
        self._writing = asyncio.Lock()
        self._enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def note(self, tenant_id: int, entry: Entry) -> None:
        if len(self._waiting) >= self._most:
            self._dropped[tenant_id] += 1
            return
        self._waiting.append((tenant_id, entry))
        if len(self._waiting) >= AT_ONCE:
            self._enough.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_soon(), name="journal")

    async def settle(self) -> None:
        """Write what is waiting; what cannot be written now is lost, and the process' log says how much."""
        try:
            while self._waiting:
                await self._write()
        except StoreUnavailable as trouble:
            _log.error("requests not in the activity log", lost=len(self._waiting), why=trouble.why)
            self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _write_soon(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._enough.wait()
            try:
                await self._write()
            except StoreUnavailable as trouble:
                _log.warning("activity log waits", entries=len(self._waiting), why=trouble.why)
                await asyncio.sleep(self._every)

    async def _write(self) -> None:
        async with self._writing:
            at_once = min(max(AT_ONCE, len(self._waiting) // _TURNS), MOST_AT_ONCE)
            taken = list(islice(self._waiting, at_once))
            dropped = Counter(self._dropped)
            entries: dict[int, list[Entry]] = {}
            for tenant_id, entry in taken:
                entries.setdefault(tenant_id, []).append(entry)
            for tenant_id, count in dropped.items():
                entries.setdefault(tenant_id, []).append(_gap(count))
            await self._keep(entries)
            del self._waiting[: len(taken)]
            if len(self._waiting) < AT_ONCE:
                self._enough.clear()
            self._dropped -= dropped


def _gap(count: int) -> Entry:
    return Entry("api_requests_dropped", {"count": count, "by": "collector"}, utc_now())
