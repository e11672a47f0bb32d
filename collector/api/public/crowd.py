"""Answers that a crowd gets: made once, given to everybody for some seconds."""

import time

from starlette.types import Scope

from collector.api.kept import Kept

MOST_BYTES = 16 * 1024 * 1024


class Crowd(Kept):
    """All reads but those about one subscriber (`apart`); `fresh_s`: for how long an answer is given again."""

    def __init__(self, fresh_s: float, *, apart: tuple[str, ...] = ("/subscriptions",)) -> None:
        super().__init__({}, most_bytes=MOST_BYTES)
        self._fresh_s = fresh_s
        self._apart = apart

    def covers(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if self._fresh_s == 0 or scope["method"] not in {"GET", "HEAD"}:
            return False
        return not any(one in path for one in self._apart)

    def form(self, scope: Scope) -> bytes:
        """Also whether it may be packed."""
        packs = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        return super().form(scope) + (b";gzip" if packs else b"")

    async def version(self, scope: Scope, tenant: int) -> int:
        del scope, tenant
        return int(time.monotonic() / self._fresh_s)
