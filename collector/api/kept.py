"""Finished answers, kept until what they were made of has changed: a large fleet is not made again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass

from starlette.types import Scope

from collector.api.answer import Answer, Whole
from collector.core.database import Database
from collector.core.memo import Memo

Version = Callable[[int], Awaitable[Hashable | None]]
"""What moves when the answers for this tenant may have changed; None where nobody can tell."""

Read = Callable[..., int]
"""The number that a store has for it: of a connection and a tenant."""

PassOn = Callable[[], Awaitable[None]]

PER_SECOND = 4
"""How often what follows from the time is looked at again."""

OLDEST_S = 5
"""For how long an answer is kept where other processes write: one of an earlier version may count nothing."""

MOST_BYTES = 64 * 1024 * 1024

_Key = tuple[int, frozenset[str], str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Kept:
    version: Hashable
    whole: Whole


class Kept:
    """Answers of some paths, for each tenant, plan, query and form in which it was asked for."""

    def __init__(self, versions: Mapping[str, Version], *, most_bytes: int = MOST_BYTES) -> None:
        self._versions = versions
        self._most = self._left = most_bytes
        self._answers: dict[_Key, _Kept] = {}
        self._making: dict[_Key, asyncio.Event] = {}

    def covers(self, scope: Scope) -> bool:
        return scope["path"] in self._versions and scope["method"] in {"GET", "HEAD"}

    async def answer(self, tenant: int, scopes: frozenset[str], scope: Scope, answer: Answer, pass_on: PassOn) -> None:
        """Send what is kept; otherwise have it made, and keep it. The version is read first: it is never too new.

        It is made once however many ask at the same time: the others wait until it is made, not until it is read.
        """
        version = await self.version(scope, tenant)
        if version is None:
            await pass_on()
            return
        key = (tenant, scopes, scope["path"], scope["query_string"], self.form(scope))
        while True:
            known = self._answers.get(key)
            if known is not None and known.version == version:
                await answer.repeat(known.whole)
                return
            if key not in self._making:
                break
            await self._making[key].wait()
        await self._make(key, version, answer, pass_on)

    async def version(self, scope: Scope, tenant: int) -> Hashable | None:
        """Which one an answer to this would have now."""
        return await self._versions[scope["path"]](tenant)

    def form(self, scope: Scope) -> bytes:
        """In which form it was asked for."""
        return b",".join(value for name, value in scope["headers"] if name == b"accept")

    async def _make(self, key: _Key, version: Hashable, answer: Answer, pass_on: PassOn) -> None:
        made = self._making[key] = asyncio.Event()

        def over() -> None:
            if self._making.get(key) is made:
                del self._making[key]
            made.set()

        def keep(whole: Whole) -> None:
            self._keep(key, _Kept(version, whole))
            over()

        answer.on_whole = keep
        try:
            await pass_on()
        finally:
            over()  # what came of it was no success, or its reader left: the next one makes it

    def _keep(self, key: _Key, made: _Kept) -> None:
        before = self._answers.pop(key, None)
        self._left += before.whole.size if before else 0
        if made.whole.size > self._left:
            self._answers.clear()
            self._left = self._most
        if made.whole.size <= self._left:
            self._answers[key] = made
            self._left -= made.whole.size


class Moments:
    """The version of what also changes with time alone: moves with every commit, and a few times a second."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._number = 0
        self._last: tuple[tuple[int, int], int] | None = None

    async def version(self, _tenant: int) -> int | None:
        generation = self._db.generation()
        if generation is None:
            return None
        now = generation, int(self._clock() * PER_SECOND)
        if now != self._last:
            self._last = now
            self._number += 1
        return self._number


def counted(db: Database, memo: Memo, read: Read, clock: Callable[[], float] = time.monotonic) -> Version:
    """A version that every writer moves within its transaction."""

    async def version(tenant: int) -> Hashable:
        number = await memo.read(read, tenant) or 0
        return number if db.name == "sqlite" else (number, int(clock() / OLDEST_S))

    return version
