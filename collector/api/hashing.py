"""Passwords are checked beside the event loop, a few at a time: a flood of logins must not take the server with it."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from collector.core.problems import Problem
from collector.domain.access import passwords

AT_ONCE = 2
WAITING = 16
RETRY_SECONDS = 5

T = TypeVar("T")


class Hashing:
    """Each check takes some 30 ms of one core and 19 MiB; more than `WAITING` of them are sent away."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def matches(self, stored: str | None, password: str) -> bool:
        return await self._run(lambda: passwords.matches(stored, password))

    async def hashed(self, password: str) -> str:
        return await self._run(lambda: passwords.hashed(password))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise Problem(503, "service_unavailable", "Too many logins at once.", retry_after=RETRY_SECONDS)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
