"""When a credential was last used: noted at most once a minute each, beside the request and never in its way."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from collector.core.problems import StoreUnavailable
from common import logs

EVERY_SECONDS = 60.0

_log = logs.get(__name__)

Keep = Callable[[int, str], Awaitable[None]]
"""Store that (tenant, credential id) was used now."""


class Uses:
    """Call `note` at each use; `settle` waits for what is being stored."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._noted: dict[tuple[int, str], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, tenant_id: int, credential_id: str) -> None:
        now, who = time.monotonic(), (tenant_id, credential_id)
        if now - self._noted.get(who, -EVERY_SECONDS) < EVERY_SECONDS:
            return
        self._noted[who] = now
        task = asyncio.create_task(self._store(who))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        await asyncio.gather(*self._tasks)

    async def _store(self, who: tuple[int, str]) -> None:
        try:
            await self._keep(*who)
        except StoreUnavailable as error:
            del self._noted[who]  # the next use tries again
            _log.warning("last use not stored", credential=who[1], why=error.why)
