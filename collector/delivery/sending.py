"""What every way out has in common: it takes a message and says what became of it."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from collector.domain.webhooks.lanes import Lane, Message, Work
from collector.domain.webhooks.rules import Attempt
from common.clock import utc_now

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
_MAX_ERROR = 200


class Sender(Protocol):
    """One kind of endpoint. `send` answers within `TOTAL_SECONDS` and raises nothing but bugs."""

    async def send(self, lane: Lane, work: Work, message: Message) -> Attempt: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Began:
    """When an attempt began; what it took is measured from here."""

    at: datetime
    clock: float

    @classmethod
    def now(cls) -> "Began":
        return cls(utc_now(), time.perf_counter())

    def well(self, status: int | None = None) -> Attempt:
        return Attempt(self.at, status, self._ms())

    def failed(self, error: str, *, status: int | None = None, retry_after_s: float = 0.0) -> Attempt:
        return Attempt(self.at, status, self._ms(), error[:_MAX_ERROR], retry_after_s)

    def _ms(self) -> int:
        return round((time.perf_counter() - self.clock) * 1000)


async def within(seconds: float, work: Awaitable[None]) -> None:
    """TimeoutError when it takes longer, whatever hangs in it."""
    async with asyncio.timeout(seconds):
        await work
