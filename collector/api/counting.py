"""Figures of tenants for `/metrics`: read when they are asked for, and not more often than they are of use."""

import asyncio
import time

from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.domain.figures import store
from collector.domain.figures.rules import FAMILIES, Family, Figure
from common import logs

FRESH_S = 15.0

log = logs.get(__name__)


class Counting:
    """Call it before figures are shown. A store that is away shows as `fieldpost_store_up 0` and no figures."""

    def __init__(self, db: Database, metrics: Metrics, *, fresh_s: float = FRESH_S) -> None:
        self._db = db
        self._board = metrics.board({one.name: (one.what, labels(one)) for one in FAMILIES})
        self._fresh_s = fresh_s
        self._due = 0.0
        self._up = True
        self._turn = asyncio.Lock()
        metrics.watch("store_up", "Whether the database answered when it was last asked.", lambda: float(self._up))

    async def __call__(self) -> None:
        async with self._turn:
            if time.monotonic() < self._due:
                return
            await self._count()
            self._due = time.monotonic() + self._fresh_s

    async def _count(self) -> None:
        try:
            found = await self._db.read(store.figures, heavy=True)
        except StoreUnavailable as trouble:
            log.warning("figures put off", why=trouble.why, detail=trouble.detail)
            self._up = False
            self._board.put(())
        else:
            self._up = True
            self._board.put([_sample(one) for one in found])


def labels(family: Family) -> tuple[str, ...]:
    return ("tenant", family.by) if family.by else ("tenant",)


def _sample(one: Figure) -> tuple[str, tuple[str, ...], float]:
    return one.family, (one.tenant, one.of) if one.of else (one.tenant,), one.value
