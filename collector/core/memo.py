"""Small reads that are asked again and again: repeated only once something has been committed."""

from collections.abc import Callable
from typing import Any, TypeVar

from collector.core.database import Database

T = TypeVar("T")

_MOST = 4096


class Memo:
    """Reads through; on a store that tells when it has changed, an answer is kept until it does."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._generation: tuple[int, int] | None = None
        self._kept: dict[object, Any] = {}

    async def read(self, fn: Callable[..., T | None], *args: object) -> T | None:
        """As `Database.read`; None is not kept, so that nobody fills the memory by asking for what is not there."""
        generation = self._now()
        if generation is None:
            return await self._db.read(fn, *args)
        wanted = (fn, args)
        if wanted in self._kept:
            kept: T = self._kept[wanted]
            return kept
        found = await self._db.read(fn, *args)
        if found is not None and generation == self._generation and len(self._kept) < _MOST:
            self._kept[wanted] = found
        return found

    def known(self, fn: Callable[..., T | None], *args: object) -> T | None:
        """What `read` would say without asking; None where it would ask."""
        return None if self._now() is None else self._kept.get((fn, args))

    def _now(self) -> tuple[int, int] | None:
        generation = self._db.generation()
        if generation is not None and generation != self._generation:
            self._generation = generation
            self._kept.clear()
        return generation
