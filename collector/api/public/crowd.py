"""Answers that a crowd gets: made once, given to everybody for some seconds."""

import time

from starlette.types import Scope

from collector.api.kept import Kept
from collector.api.public.auth import PREFIX

MOST_BYTES = 16 * 1024 * 1024


class Crowd(Kept):
    """All reads below the prefix, but those about one subscriber; `fresh_s`: for how long an answer is given again."""

    def __init__(self, fresh_s: float) -> None:
        super().__init__(frozenset(), self._slice, most_bytes=MOST_BYTES)
        self._fresh_s = fresh_s

    def covers(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if self._fresh_s == 0 or scope["method"] not in {"GET", "HEAD"}:
            return False
        return path.startswith(PREFIX) and "/subscriptions" not in path

    async def _slice(self, _tenant: int) -> int:
        return int(time.monotonic() / self._fresh_s)
